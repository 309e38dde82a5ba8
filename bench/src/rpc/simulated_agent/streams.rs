//! A simulated agent's connection: hello, welcome, and its two streams.

use std::time::Duration;

use proto::agent_service_client::AgentServiceClient;
use proto::attach_down::Message as Order;
use proto::attach_up::Message as Statement;
use proto::enrolment;
use shared::ids::AgentId;
use tokio::sync::mpsc;
use tokio::time::{Interval, interval as every};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use trust::certificate::HolderName;
use trust::credentials::Credentials;
use trust::join_token::JoinToken;

use super::super::connect;
use super::Failure;
use crate::crowd::Scene;

/// Messages that may wait to be sent, as an agent's.
const QUEUE_MAX: usize = 1_024;

/// A connection with its two streams.
pub(super) struct Streams {
    /// The agent's id.
    pub(super) id: AgentId,
    /// What it is told.
    pub(super) orders: Streaming<proto::AttachDown>,
    /// What becomes of its intervals.
    pub(super) receipts: Streaming<proto::ReportDown>,
    /// When it is to say that it is still here.
    pub(super) heartbeats: Interval,
    attach: mpsc::Sender<proto::AttachUp>,
    report: mpsc::Sender<proto::ReportUp>,
}

impl Streams {
    /// Connects, says hello on both streams, and waits for the welcome.
    ///
    /// # Errors
    /// In words, when the coordinator is not there or does not want this agent.
    pub(super) async fn open(scene: &Scene, number: u32) -> Result<Self, Failure> {
        let credentials = match &scene.token {
            Some(token) => Some(join(&scene.url, token, number).await?),
            None => None,
        };
        let channel = connect(&scene.url, credentials.as_ref()).await;
        let channel = channel.map_err(|error| format!("connect: {error}"))?;
        let mut client = AgentServiceClient::new(channel);
        let id = AgentId::new(rand::random());
        let (attach, statements) = mpsc::channel(QUEUE_MAX);
        say(&attach, Statement::Hello(hello(scene, id, number)))?;
        let orders = client.attach(ReceiverStream::new(statements)).await;
        let mut orders = orders.map_err(|status| format!("attach: {status}"))?.into_inner();
        let welcome = match orders.message().await.map_err(|status| format!("attach: {status}"))? {
            Some(proto::AttachDown { message: Some(Order::Welcome(welcome)) }) => welcome,
            other => return Err(format!("attach: {other:?} is no welcome")),
        };
        let (report, batches) = mpsc::channel(QUEUE_MAX);
        let hello = proto::ReportHello { agent_id: id.as_bytes().to_vec() };
        send(&report, proto::report_up::Message::Hello(hello))?;
        let receipts = client.report(ReceiverStream::new(batches)).await;
        let receipts = receipts.map_err(|status| format!("report: {status}"))?.into_inner();
        let heartbeats = every(Duration::from_millis(u64::from(welcome.heartbeat_interval_ms.max(100))));
        Ok(Self { id, orders, receipts, heartbeats, attach, report })
    }

    /// Says something on Attach.
    ///
    /// # Errors
    /// In words, when what was said before is still not read.
    pub(super) fn say(&self, statement: Statement) -> Result<(), Failure> {
        say(&self.attach, statement)
    }

    /// Sends something on Report.
    ///
    /// # Errors
    /// As [`Streams::say`].
    pub(super) fn send(&self, message: proto::report_up::Message) -> Result<(), Failure> {
        send(&self.report, message)
    }
}

fn say(attach: &mpsc::Sender<proto::AttachUp>, statement: Statement) -> Result<(), Failure> {
    let message = proto::AttachUp { message: Some(statement) };
    attach.try_send(message).map_err(|_| "the coordinator does not read Attach".to_owned())
}

fn send(report: &mpsc::Sender<proto::ReportUp>, message: proto::report_up::Message) -> Result<(), Failure> {
    let message = proto::ReportUp { message: Some(message) };
    report.try_send(message).map_err(|_| "the coordinator does not read Report".to_owned())
}

fn name(number: u32) -> String {
    format!("simulated-{number:05}")
}

/// Gets an agent's certificate.
async fn join(url: &str, token: &JoinToken, number: u32) -> Result<Credentials, Failure> {
    let name = HolderName::new(name(number)).map_err(|error| error.to_string())?;
    enrolment::enrol(url, token, name).await.map_err(|error| format!("join: {error}"))
}

/// An agent on a host of its own.
fn hello(scene: &Scene, id: AgentId, number: u32) -> proto::Hello {
    let name = name(number);
    let fingerprint = serde_json::json!({
        "hostname": name,
        "operating_system": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0-18-amd64",
        "architecture": "x86_64",
        "cpu_model": "AMD EPYC 7763 64-Core Processor",
        "cpu_vendor": "AuthenticAMD",
        "cpus_online": 8,
        "memory_total_bytes": 33_554_432_000_u64,
        "governors": ["performance"],
        "boot_id": id.to_string(),
        "fleetmark_version": env!("CARGO_PKG_VERSION"),
    });
    let facts = [("name", name.as_str()), ("arch", "x86_64"), ("cores", "8"), ("os", "linux")];
    proto::Hello {
        protocol_version: proto::PROTOCOL_VERSION,
        agent_id: id.as_bytes().to_vec(),
        name: name.clone(),
        fleetmark_version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint_json: fingerprint.to_string(),
        facts: facts.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        slots: 1,
        kinds: vec![proto::WorkloadKind { kind: "http".to_owned(), doc: "HTTP requests".to_owned() }],
        reservation: scene.reservation.clone(),
        ..proto::Hello::default()
    }
}
