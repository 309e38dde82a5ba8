//! A worker's connections to its servers, one command or pipeline at a time.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use super::cluster::{Cluster, Guide};
use super::reply::{Event, ReplyError, ReplyReader};
use super::{RedisOperation, RedisPlan, Server, refusal};
use crate::workload::Outcome;
use crate::workload::connection::buffers::{Buffers, Intake};
use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::{Failure, closed};
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::stream::Stream;
use crate::workload::connection::target::Target;

/// The place of the metric `hit` among an operation's.
const HIT_PLACE: u16 = 0;

/// What the workers of a load thread share.
#[derive(Debug)]
pub(super) struct WireDesk {
    buffers: Buffers,
    /// For each server what is known of the cluster behind it.
    clusters: Vec<Rc<RefCell<Cluster>>>,
}

/// A worker's connections.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) lines: Vec<Line>,
    pub(super) channel: Channel,
    pub(super) clusters: Vec<Rc<RefCell<Cluster>>>,
}

/// A worker's connections to one server, and to the cluster that it belongs to.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) own: Place,
    /// For each server of the cluster.
    others: Vec<Place>,
    /// Who was asked for the cluster's slots by the operation at hand, and has not told them.
    pub(super) asked: Option<Guide>,
}

/// Room for one connection.
#[derive(Debug, Default)]
pub(super) struct Place {
    kept: Option<Kept>,
    /// Which of the target's addresses the next connection tries first.
    address: usize,
}

/// A connection, and how many operations were begun on it.
#[derive(Debug)]
pub(super) struct Kept {
    /// The connection.
    pub(super) stream: Stream,
    operations: u64,
}

/// What replies are read with.
#[derive(Debug)]
pub(super) struct Channel {
    intake: Intake,
    reader: ReplyReader,
}

/// What is sent: the bytes of a pipeline, and where each of its commands stands in them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) bytes: &'a [u8],
    /// Known for clusters only.
    pub(super) commands: &'a [Range<usize>],
}

impl WireDesk {
    /// Nothing known yet.
    pub(super) fn new(servers: usize) -> Self {
        Self { buffers: Buffers::default(), clusters: (0..servers).map(|_| Rc::default()).collect() }
    }
}

impl Wire {
    /// Not connected yet. Workers begin at different addresses of a host.
    pub(super) fn new(plan: &RedisPlan, desk: &WireDesk, worker: u32) -> Self {
        let line = |server: &Server| {
            let address = worker as usize % server.target.addresses.len().max(1);
            Line { own: Place { kept: None, address }, ..Line::default() }
        };
        Self {
            lines: plan.servers.iter().map(line).collect(),
            channel: Channel { intake: Intake::new(desk.buffers.clone()), reader: ReplyReader::default() },
            clusters: desk.clusters.clone(),
        }
    }

    /// Connects to a server ahead of time, for the first operation to find.
    pub(super) async fn connect_ahead(
        &mut self,
        server: &Server,
        place: usize,
        within: Duration,
        progress: &mut Progress,
    ) {
        let (own, channel) = (&mut self.lines[place].own, &mut self.channel);
        let connecting = own.connect(&server.target, server, channel, within, progress);
        // What fails here fails again, and is counted, at the first operation.
        if let Ok(Ok(kept)) = tokio::time::timeout(within, connecting).await {
            own.kept = Some(kept);
        }
        self.channel.intake.release();
    }

    /// Does one operation: writes it, and reads all of its replies.
    #[inline]
    pub(super) async fn exchange(
        &mut self,
        plan: &RedisPlan,
        operation: &RedisOperation,
        request: Request<'_>,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let server = &plan.servers[operation.server];
        let result = if server.route.is_cluster {
            // Boxed, so that what only clusters need weighs on no other operation.
            Box::pin(self.exchange_with_cluster(plan, operation, request, outcome, progress)).await
        } else {
            self.exchange_with_one(plan, operation, request.bytes, outcome, progress).await
        };
        self.channel.intake.release();
        result
    }

    #[inline]
    async fn exchange_with_one(
        &mut self,
        plan: &RedisPlan,
        operation: &RedisOperation,
        bytes: &[u8],
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let server = &plan.servers[operation.server];
        let (own, channel) = (&mut self.lines[operation.server].own, &mut self.channel);
        let mut kept = match own.take(channel)? {
            Some(kept) => kept,
            None => {
                outcome.connects += 1;
                own.connect(&server.target, server, channel, operation.timeout, progress).await?
            }
        };
        send(&mut kept.stream, bytes, outcome, progress).await?;
        let mut refused = None;
        let batch = &operation.batch;
        let replies = Replies { count: batch.len(), values_read: |place| batch.at(place).values_read() };
        channel
            .read(&mut kept.stream, replies, outcome, progress, |_, error| {
                refused.get_or_insert_with(|| refusal::answered(error));
            })
            .await?;
        own.keep(kept, plan.new_every);
        refused.map_or(Ok(()), Err)
    }
}

impl Line {
    /// The room for one server of the cluster.
    pub(super) fn other(&mut self, node: usize) -> &mut Place {
        if self.others.len() <= node {
            self.others.resize_with(node + 1, Place::default);
        }
        &mut self.others[node]
    }
}

impl Place {
    /// The kept connection, unless the server is known to have closed it. Looks without asking the kernel when nothing has
    /// happened on it.
    #[inline]
    pub(super) fn take(&mut self, channel: &mut Channel) -> Result<Option<Kept>, Failure> {
        let Some(mut kept) = self.kept.take() else { return Ok(None) };
        channel.intake.clear();
        match channel.intake.try_read(&mut kept.stream) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(kept)),
            Ok(0) | Err(_) => Ok(None),
            Ok(_) => {
                let said = excerpt(channel.intake.bytes());
                Err(Failure::protocol(format!("something came that no command had asked for: {said}")))
            }
        }
    }

    /// Keeps a connection for the next operation, unless it was used often enough.
    #[inline]
    pub(super) fn keep(&mut self, mut kept: Kept, every: u64) {
        kept.operations += 1;
        if kept.operations < every {
            self.kept = Some(kept);
        }
    }

    /// Makes a connection, and says who we are.
    pub(super) async fn connect(
        &mut self,
        target: &Target,
        server: &Server,
        channel: &mut Channel,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<Kept, Failure> {
        let mut stream = dial(target, &mut self.address, within, progress).await?;
        let greeting = &server.greeting;
        if greeting.replies() > 0 {
            let mut refused = None;
            let mut unmeasured = Outcome::default();
            send(&mut stream, greeting.bytes(), &mut unmeasured, progress).await?;
            let replies = Replies { count: greeting.replies(), values_read: |_| 0 };
            channel
                .read(&mut stream, replies, &mut unmeasured, progress, |_, error| {
                    refused.get_or_insert_with(|| refusal::greeted(error));
                })
                .await?;
            refused.map_or(Ok(()), Err)?;
        }
        Ok(Kept { stream, operations: 0 })
    }
}

/// What replies are awaited.
pub(super) struct Replies<F> {
    /// How many.
    pub(super) count: usize,
    /// How many values the command of a reply reads that may be there or not.
    pub(super) values_read: F,
}

impl Channel {
    /// Reads one reply and keeps all of it, up to a bound.
    pub(super) async fn read_whole(
        &mut self,
        stream: &mut Stream,
        bytes_max: usize,
    ) -> Result<Vec<u8>, Failure> {
        let Self { intake, reader } = self;
        *reader = ReplyReader::default();
        let mut kept = Vec::new();
        loop {
            intake.clear();
            match intake.read(stream).await {
                Ok(0) => return Err(ended(0, 1, &closed())),
                Ok(_) => {}
                Err(error) => return Err(ended(0, 1, &error)),
            }
            let bytes = intake.bytes();
            kept.extend_from_slice(bytes);
            if kept.len() > bytes_max {
                return Err(Failure::protocol(format!(
                    "a reply of more than {bytes_max} bytes, where none is so long"
                )));
            }
            let (_, is_whole) = reader.feed(bytes, |_, _, _| {}).map_err(|error| broken(&error, bytes))?;
            if is_whole {
                return Ok(kept);
            }
        }
    }

    /// Reads replies; `refused` hears of each error, and of the reply that it is in.
    #[inline]
    pub(super) async fn read(
        &mut self,
        stream: &mut Stream,
        replies: Replies<impl Fn(usize) -> usize>,
        outcome: &mut Outcome,
        progress: &mut Progress,
        mut refused: impl FnMut(usize, &[u8]),
    ) -> Result<(), Failure> {
        let Self { intake, reader } = self;
        *reader = ReplyReader::default();
        let (mut answered, mut seen) = (0, 0);
        while answered < replies.count {
            intake.clear();
            match intake.read(stream).await {
                Ok(0) => return Err(ended(answered, replies.count, &closed())),
                Ok(read) => outcome.bytes_received += read as u64,
                Err(error) => return Err(ended(answered, replies.count, &error)),
            }
            progress.stage = Stage::ReadingBody;
            let bytes = intake.bytes();
            let mut at = 0;
            while at < bytes.len() {
                if answered == replies.count {
                    let rest = excerpt(&bytes[at..]);
                    return Err(Failure::protocol(format!("more came than the commands asked for: {rest}")));
                }
                let (depth_of_values, values) = match (replies.values_read)(answered) {
                    0 => (usize::MAX, 0),
                    1 => (0, 1),
                    several => (1, several),
                };
                let fed = reader.feed(&bytes[at..], |event, depth, line| match event {
                    Event::Error => refused(answered, line),
                    // No more values than were asked for, whatever the server says.
                    Event::Value | Event::Nil if depth == depth_of_values && seen < values => {
                        seen += 1;
                        outcome.metrics.push((HIT_PLACE, f64::from(u8::from(event == Event::Value))));
                    }
                    Event::Value | Event::Nil | Event::Array => {}
                });
                let (taken, is_whole) = fed.map_err(|error| broken(&error, &bytes[at..]))?;
                at += taken;
                if is_whole {
                    (answered, seen) = (answered + 1, 0);
                }
            }
        }
        Ok(())
    }
}

/// Writes commands, at once as far as the socket takes them.
#[inline]
pub(super) async fn send(
    stream: &mut Stream,
    bytes: &[u8],
    outcome: &mut Outcome,
    progress: &mut Progress,
) -> Result<(), Failure> {
    progress.stage = Stage::Sending;
    let sent = stream.send(bytes, &mut outcome.bytes_sent).await;
    sent.map_err(|error| Failure::ended("the connection ended before the command was sent", &error))?;
    progress.stage = Stage::Waiting;
    Ok(())
}

fn ended(answered: usize, count: usize, error: &io::Error) -> Failure {
    Failure::ended(format_args!("the connection ended after {answered} of {count} replies"), error)
}

fn broken(error: &ReplyError, bytes: &[u8]) -> Failure {
    Failure::protocol(format!("the server sent {error}: {}", excerpt(bytes)))
}

/// The beginning of what was read, for a message.
fn excerpt(read: &[u8]) -> impl std::fmt::Display {
    const SHOWN_BYTES_MAX: usize = 80;
    read[..read.len().min(SHOWN_BYTES_MAX)].escape_ascii()
}
