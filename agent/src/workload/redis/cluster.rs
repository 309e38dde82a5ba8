//! Which server of a cluster has a key, and commands sent there. Room: `topology`.
//!
//! The servers are asked once by each load thread (CLUSTER SLOTS), and whatever they say later (MOVED) is followed and
//! remembered; ASK is followed once. When one of them cannot be reached, they are asked anew: another may have its slots now.
//! <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>

mod topology;

use std::sync::Arc;

use shared::interval::ErrorKind;

use self::topology::{Address, Redirection, read_slots, slot};
pub(super) use self::topology::{Cluster, Guide};
use super::command::Command;
use super::key::key;
use super::refusal;
use super::wire::{Kept, Replies, Request, Wire, send};
use super::{RedisOperation, RedisPlan, Server};
use crate::workload::Outcome;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::place;
use crate::workload::connection::progress::Progress;
use crate::workload::connection::target::{Protocol, Resolve, Route, Target};
use crate::workload::connection::tls::{SystemRoots, Tls};

/// How often one command follows where servers send it: while a cluster moves slots, once or twice.
const REDIRECTIONS_MAX: usize = 8;
/// Longest answer to CLUSTER SLOTS: a thousand servers with ten ranges each take less.
const SLOTS_BYTES_MAX: usize = 1 << 20;

/// A command that is still to be answered.
#[derive(Debug, Clone, Copy)]
struct Errand {
    /// Its place in the pipeline.
    command: usize,
    /// The place of its server.
    node: usize,
    /// Whether the server must be told that it was sent there.
    is_asking: bool,
}

/// The errands of one server, while their replies are awaited.
struct Sent {
    node: usize,
    kept: Kept,
    errands: Vec<Errand>,
}

impl Wire {
    /// Sends each command to the server that has its key, and on to where that sends it.
    pub(super) async fn exchange_with_cluster(
        &mut self,
        plan: &RedisPlan,
        operation: &RedisOperation,
        request: Request<'_>,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let server = &plan.servers[operation.server];
        self.lines[operation.server].asked = None;
        if !self.clusters[operation.server].borrow().is_known() {
            self.explore(server, operation, outcome, progress).await?;
        }
        let mut due: Vec<Errand> = {
            let cluster = self.clusters[operation.server].borrow();
            let of = |(command, range): (usize, &std::ops::Range<usize>)| {
                let key = key(&request.bytes[range.clone()]).unwrap_or_default();
                Errand { command, node: cluster.node_of(slot(key)), is_asking: false }
            };
            request.commands.iter().enumerate().map(of).collect()
        };
        let mut refused = None;
        for _ in 0..=REDIRECTIONS_MAX {
            let mut sent: Vec<Sent> = Vec::new();
            while let Some(first) = due.first() {
                let node = first.node;
                let (errands, others) = due.iter().partition(|errand| errand.node == node);
                due = others;
                sent.push(self.send_to(node, errands, plan, operation, request, (outcome, progress)).await?);
            }
            for group in sent {
                let redirected =
                    self.await_replies(group, plan, operation, (outcome, progress), &mut refused);
                due.extend(redirected.await?);
            }
            if due.is_empty() {
                return refused.map_or(Ok(()), Err);
            }
        }
        let message = format!("the cluster sent a command on more than {REDIRECTIONS_MAX} times");
        Err(Failure::new(ErrorKind::Status, message))
    }

    /// Learns from an operation that failed: the slots may be elsewhere by now, and who was asked for them may be the one that is gone.
    pub(super) fn doubt_cluster(&mut self, server: usize, kind: ErrorKind, now_ns: u64) {
        let mut cluster = self.clusters[server].borrow_mut();
        if let Some(silent) = self.lines[server].asked.take() {
            cluster.pass_over(silent);
        }
        if matches!(kind, ErrorKind::Connect | ErrorKind::Closed | ErrorKind::Timeout) {
            cluster.forget(now_ns);
        }
    }

    /// Asks a server for the cluster's others: that of the URL, unless it did not tell the last time.
    async fn explore(
        &mut self,
        server: &Server,
        operation: &RedisOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let (line, channel) = (&mut self.lines[operation.server], &mut self.channel);
        let guide = self.clusters[operation.server].borrow().guide();
        line.asked = Some(guide);
        let (place, known) = match guide {
            Guide::OfUrl => (&mut line.own, None),
            Guide::Node(node) => (line.other(node), self.clusters[operation.server].borrow().target(node)),
        };
        let mut kept = match place.take(channel)? {
            Some(kept) => kept,
            None => {
                outcome.connects += 1;
                let target = known.as_deref().unwrap_or(&server.target);
                place.connect(target, server, channel, operation.timeout, progress).await?
            }
        };
        let mut unmeasured = 0;
        let sent = kept.stream.send(&Command::of_words(&[b"CLUSTER", b"SLOTS"]), &mut unmeasured).await;
        sent.map_err(|error| Failure::ended("the connection ended before CLUSTER SLOTS was sent", &error))?;
        let answer = self.channel.read_whole(&mut kept.stream, SLOTS_BYTES_MAX).await?;
        if let Some(error) = answer.strip_prefix(b"-") {
            return Err(refusal::answered(error.trim_ascii_end()));
        }
        let ranges = read_slots(&answer)
            .ok_or_else(|| Failure::protocol("CLUSTER SLOTS was answered by no list of slots".to_owned()))?;
        let mut cluster = self.clusters[operation.server].borrow_mut();
        for range in ranges {
            let target = |address: &Address| target_of(server, address);
            let node = cluster.node_at(&range.address, target).map_err(|error| unusable(&error))?;
            cluster.assign(range.first..=range.last, node);
        }
        self.lines[operation.server].asked = None;
        Ok(())
    }

    /// Writes the errands of one server.
    async fn send_to(
        &mut self,
        node: usize,
        errands: Vec<Errand>,
        plan: &RedisPlan,
        operation: &RedisOperation,
        request: Request<'_>,
        (outcome, progress): (&mut Outcome, &mut Progress),
    ) -> Result<Sent, Failure> {
        let server = &plan.servers[operation.server];
        let target = self.clusters[operation.server].borrow().target(node);
        let target = target.ok_or_else(|| unusable("it names no server for some slots"))?;
        let place = self.lines[operation.server].other(node);
        let mut kept = match place.take(&mut self.channel)? {
            Some(kept) => kept,
            None => {
                outcome.connects += 1;
                place.connect(&target, server, &mut self.channel, operation.timeout, progress).await?
            }
        };
        let mut bytes = Vec::new();
        for errand in &errands {
            if errand.is_asking {
                bytes.extend(Command::of_words(&[b"ASKING"]));
            }
            bytes.extend_from_slice(&request.bytes[request.commands[errand.command].clone()]);
        }
        send(&mut kept.stream, &bytes, outcome, progress).await?;
        Ok(Sent { node, kept, errands })
    }

    /// Reads the replies of one server; what it sends on is due once more.
    async fn await_replies(
        &mut self,
        Sent { node, mut kept, errands }: Sent,
        plan: &RedisPlan,
        operation: &RedisOperation,
        (outcome, progress): (&mut Outcome, &mut Progress),
        refused: &mut Option<Failure>,
    ) -> Result<Vec<Errand>, Failure> {
        // An errand that asks has two replies, of which the first is but a nod.
        let of_replies = errands.iter().flat_map(|errand| {
            let nod = errand.is_asking.then_some(None);
            nod.into_iter().chain([Some(errand.command)])
        });
        let of_replies: Vec<Option<usize>> = of_replies.collect();
        let batch = &operation.batch;
        let values_read =
            |reply: usize| of_replies[reply].map_or(0, |command| batch.at(command).values_read());
        let mut sent_on = Vec::new();
        let replies = Replies { count: of_replies.len(), values_read };
        let channel = &mut self.channel;
        let read = channel.read(&mut kept.stream, replies, outcome, progress, |reply, error| {
            match (Redirection::read(error), of_replies[reply]) {
                (Some(redirection), Some(command)) => sent_on.push((command, redirection)),
                _ => {
                    refused.get_or_insert_with(|| refusal::answered(error));
                }
            }
        });
        read.await?;
        self.lines[operation.server].other(node).keep(kept, plan.new_every);
        let server = &plan.servers[operation.server];
        let mut cluster = self.clusters[operation.server].borrow_mut();
        let again = sent_on.into_iter().map(|(command, redirection)| {
            let target = |address: &Address| target_of(server, address);
            let node = cluster.node_at(&redirection.address, target).map_err(|error| unusable(&error))?;
            if !redirection.is_ask {
                cluster.move_slot(redirection.slot, node);
            }
            Ok(Errand { command, node, is_asking: redirection.is_ask })
        });
        again.collect()
    }
}

/// A server of the cluster made ready. It is spoken to as the one of the URL, whose host it has if it names none.
fn target_of(server: &Server, address: &Address) -> Result<Target, String> {
    let host = if address.host.is_empty() { server.route.url.host.clone() } else { address.host.clone() };
    let tls = match &server.route.tls {
        None => None,
        Some(tls) => {
            let made = Tls::new(tls, &host, Protocol::Other, &mut SystemRoots::default());
            Some(made.map_err(|error| error.to_string())?)
        }
    };
    let place = place::Place::Host { host, port: address.port };
    let route = Route { place, protocol: Protocol::Other, tls: server.route.tls.clone(), tls_beyond: None };
    // Looked up when it is connected to, and the policy is asked then.
    Target::new(route, Resolve::Connect, tls, Arc::clone(&server.target.warden))
        .map_err(|error| error.to_string())
}

fn unusable(reason: &str) -> Failure {
    Failure::protocol(format!("the cluster cannot be used as it says: {reason}"))
}
