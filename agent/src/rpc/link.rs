//! One connection to the coordinator, with its two streams. Room: [`words`], what is said and heard there.

pub mod words;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use proto::agent_service_client::AgentServiceClient;
use proto::channel::{self, ChannelError};
use shared::ids::{LeaseEpoch, TrialKey};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::ClientConfig;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::membership::Membership;
use super::uplink::Uplink;
use crate::engine::clock;
use crate::session::outbox::Numbered;
use crate::session::{Introduction, Order, Statement};

/// How long to wait for a connection, and for its welcome.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);
/// HTTP/2 windows, as the coordinator's: h2 grants 64 KiB by default.
const STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// A job's files travel to the agent in one message.
const MESSAGE_BYTES_MAX: usize = 72 * 1024 * 1024;
/// Messages that may wait to be sent. A link that does not empty its queue is broken, and is made anew.
const QUEUE_MAX: usize = 1_024;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum LinkError {
    /// Nobody answers, or not in time.
    Unreachable(String),
    /// Another agent has the name, perhaps only for a moment longer.
    NameTaken(String),
    /// The coordinator does not want this agent.
    Refused(String),
}

/// What comes from the coordinator.
#[derive(Debug)]
pub enum FromCoordinator {
    /// An order.
    Order(Order),
    /// How many intervals may be under way.
    Credit(u32),
    /// Intervals are on disk.
    Acknowledged(TrialKey, u64),
    /// Intervals are not wanted.
    Rejected(TrialKey, String),
    /// The connection broke.
    Broken(String),
}

/// A connection that stands; dropping it ends it.
pub(crate) struct Link {
    /// What profiles go over.
    pub(crate) uplink: Uplink,
    attach: mpsc::Sender<proto::AttachUp>,
    report: mpsc::Sender<proto::ReportUp>,
    from_coordinator: mpsc::Sender<FromCoordinator>,
    tasks: Vec<JoinHandle<()>>,
}

/// Connects, says who we are, and opens both streams.
///
/// # Errors
/// When nobody answers, or the coordinator does not want this agent.
pub(crate) async fn connect(
    coordinator: &str,
    membership: Option<Arc<Membership>>,
    introduction: Introduction,
) -> Result<(Link, mpsc::Receiver<FromCoordinator>), LinkError> {
    let config = match &membership {
        Some(membership) => Some(membership.config().await.map_err(no_channel)?),
        None => None,
    };
    let opening = open(coordinator, (config, membership), introduction);
    tokio::time::timeout(CONNECT_WITHIN, opening).await.unwrap_or_else(|_| {
        Err(LinkError::Unreachable(format!("no welcome within {} s", CONNECT_WITHIN.as_secs())))
    })
}

async fn open(
    coordinator: &str,
    (config, membership): (Option<Arc<ClientConfig>>, Option<Arc<Membership>>),
    introduction: Introduction,
) -> Result<(Link, mpsc::Receiver<FromCoordinator>), LinkError> {
    let endpoint = Endpoint::from_shared(coordinator.to_owned())
        .map_err(|error| {
            LinkError::Refused(format!("{coordinator:?} is not an address like http://host:port: {error}"))
        })?
        .connect_timeout(CONNECT_WITHIN)
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_WITHIN)
        .keep_alive_while_idle(true);
    let channel = channel::connect(&endpoint, config).await.map_err(no_channel)?;
    let client = AgentServiceClient::new(channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let (to_session, from_coordinator) = mpsc::channel(QUEUE_MAX);
    let agent_id = introduction.id.as_bytes().to_vec();
    let (attach, attach_task, welcome) =
        open_attach(client.clone(), introduction, to_session.clone()).await?;
    let uplink = Uplink::new(client.clone(), agent_id.clone());
    let (report, report_task) = open_report(client, agent_id, to_session.clone()).await?;
    let mut tasks = vec![attach_task, report_task];
    if let Some(membership) = membership {
        tasks.push(tokio::spawn(async move {
            if welcome.renew_certificate {
                membership.renew(channel.clone(), true).await;
            }
            membership.look_after(channel).await;
        }));
    }
    Ok((Link { uplink, attach, report, from_coordinator: to_session, tasks }, from_coordinator))
}

impl Link {
    /// Says something on `Attach`, under the lease that is held, if any.
    pub(crate) fn say(&self, statement: Statement, lease: Option<LeaseEpoch>) {
        self.check(self.attach.try_send(words::statement(statement, lease)).is_ok());
    }

    /// Sends intervals on `Report`.
    pub(crate) fn report(&self, batch: Vec<(LeaseEpoch, Numbered)>) {
        self.check(self.report.try_send(words::batch(batch)).is_ok());
    }

    /// A queue that is full belongs to a connection that does not move: it is given up, and what was not
    /// acknowledged is sent over the next one.
    fn check(&self, is_queued: bool) {
        if !is_queued {
            self.tasks.iter().for_each(JoinHandle::abort);
            let broken = FromCoordinator::Broken("the coordinator does not read".to_owned());
            let _the_session_sees_the_end_of_the_tasks = self.from_coordinator.try_send(broken);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

type Opened<T> = Result<(mpsc::Sender<T>, JoinHandle<()>), LinkError>;

async fn open_attach(
    mut client: AgentServiceClient<Channel>,
    introduction: Introduction,
    to_session: mpsc::Sender<FromCoordinator>,
) -> Result<(mpsc::Sender<proto::AttachUp>, JoinHandle<()>, proto::Welcome), LinkError> {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let hello = words::up(proto::attach_up::Message::Hello(words::hello(introduction)));
    sender.send(hello).await.map_err(|_| LinkError::Unreachable("the stream closed at once".to_owned()))?;
    let mut incoming = client.attach(ReceiverStream::new(receiver)).await.map_err(refusal)?.into_inner();
    let first = incoming
        .next()
        .await
        .ok_or_else(|| LinkError::Unreachable("the stream ended without a welcome".to_owned()))?;
    let Some(proto::attach_down::Message::Welcome(welcome)) = first.map_err(refusal)?.message else {
        return Err(LinkError::Refused("the coordinator did not begin with a welcome".to_owned()));
    };
    let answers = sender.clone();
    let heartbeat = Duration::from_millis(u64::from(welcome.heartbeat_interval_ms.max(100)));
    let task = tokio::spawn(async move {
        let mut heartbeats = tokio::time::interval(heartbeat);
        let reason = loop {
            let message = tokio::select! {
                message = incoming.next() => message,
                _ = heartbeats.tick() => {
                    let _a_full_queue_is_seen_by_the_next_statement = answers.try_send(words::heartbeat());
                    continue;
                }
            };
            match message {
                Some(Ok(message)) => match hear(message, &answers, &to_session).await {
                    Ok(()) => {}
                    Err(reason) => break reason,
                },
                Some(Err(status)) => break describe(&status),
                None => break "the coordinator ended the stream".to_owned(),
            }
        };
        let _the_session_may_be_over = to_session.send(FromCoordinator::Broken(reason)).await;
    });
    Ok((sender, task, welcome))
}

/// Takes one message: probes are answered here, at once, since every delay counts as error of the clock.
async fn hear(
    message: proto::AttachDown,
    answers: &mpsc::Sender<proto::AttachUp>,
    to_session: &mpsc::Sender<FromCoordinator>,
) -> Result<(), String> {
    if let Some(proto::attach_down::Message::ClockProbe(probe)) = &message.message {
        let reply = proto::ClockReply { probe_id: probe.probe_id, agent_monotonic_ns: clock::now_ns() };
        let _a_missed_probe_does_no_harm =
            answers.try_send(words::up(proto::attach_up::Message::ClockReply(reply)));
        return Ok(());
    }
    let order = words::order(message).map_err(|error| error.to_string())?;
    to_session.send(FromCoordinator::Order(order)).await.map_err(|_| "the session ended".to_owned())
}

async fn open_report(
    mut client: AgentServiceClient<Channel>,
    agent_id: Vec<u8>,
    to_session: mpsc::Sender<FromCoordinator>,
) -> Opened<proto::ReportUp> {
    let (sender, receiver) = mpsc::channel(QUEUE_MAX);
    let hello =
        proto::ReportUp { message: Some(proto::report_up::Message::Hello(proto::ReportHello { agent_id })) };
    sender.send(hello).await.map_err(|_| LinkError::Unreachable("the stream closed at once".to_owned()))?;
    let mut incoming = client.report(ReceiverStream::new(receiver)).await.map_err(refusal)?.into_inner();
    let task = tokio::spawn(async move {
        let reason = loop {
            let message = match incoming.next().await {
                Some(Ok(message)) => message,
                Some(Err(status)) => break describe(&status),
                None => break "the coordinator ended the stream".to_owned(),
            };
            match words::receipt(message) {
                Ok(receipt) => {
                    if to_session.send(receipt).await.is_err() {
                        return;
                    }
                }
                Err(problem) => break problem.to_string(),
            }
        };
        let _the_session_may_be_over = to_session.send(FromCoordinator::Broken(reason)).await;
    });
    Ok((sender, task))
}

fn refusal(status: Status) -> LinkError {
    match status.code() {
        Code::AlreadyExists => LinkError::NameTaken(status.message().to_owned()),
        Code::FailedPrecondition
        | Code::InvalidArgument
        | Code::PermissionDenied
        | Code::Unauthenticated
        | Code::Unimplemented => LinkError::Refused(status.message().to_owned()),
        _ => no_channel(channel::trouble(&status)),
    }
}

fn no_channel(error: ChannelError) -> LinkError {
    match error {
        ChannelError::Refused(message) => LinkError::Refused(message),
        ChannelError::Unreachable(message) => LinkError::Unreachable(message),
    }
}

fn describe(status: &Status) -> String {
    if status.message().is_empty() { status.code().to_string() } else { status.message().to_owned() }
}
