//! The client's side of the wire: the only place of the command line that knows the wire's types.
//!
//! Rooms: [`store`], looking after what is kept; [`history`], baselines and what runs came to; [`trust`], certificates and the
//! record of who did what.

pub(crate) mod history;
pub(crate) mod store;
pub(crate) mod trust;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use proto::channel::{self, ChannelError};
use proto::control_service_client::ControlServiceClient;
use proto::convert::{confidential, run_id};
use proto::enrolment;
use shared::event::RunEvent;
use shared::fleet::AgentStatus;
use shared::ids::RunId;
use shared::interval::Interval;
use shared::run_record::{RunRecord, RunSummary};
use shared::secret::{SecretName, SecretText};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::exit_code::{Failure, INTERNAL, INVALID, JOB, REFUSED, UNREACHABLE, USAGE};
use crate::identity::Identity;

/// The contract: a coordinator that is not there is told within 5 s.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_WITHIN: Duration = Duration::from_secs(10);
/// Reports and exports of large runs.
const MESSAGE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// A job to submit.
pub(crate) struct Submission {
    pub(crate) job_toml: String,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) refuse_to_wait: bool,
    pub(crate) reservation: String,
    pub(crate) priority: i32,
    /// Secrets that the job uses, from a file of the person's own.
    pub(crate) secrets: BTreeMap<SecretName, SecretText>,
}

/// A connection to a coordinator that speaks our protocol.
#[derive(Clone)]
pub(crate) struct Client {
    control: ControlServiceClient<Channel>,
    channel: Channel,
    /// Where our credentials for it are; `None`: it does not ask for any.
    pub(crate) identity: Option<PathBuf>,
    /// Where the coordinator is, for messages.
    pub(crate) url: String,
}

impl Client {
    /// Connects, and makes sure that we understand each other.
    ///
    /// # Errors
    /// 69 when nobody answers, saying what was tried; 77 when the protocols do not fit, or one end does not believe the other.
    pub(crate) async fn connect(url: &str, identity: Option<&Identity>) -> anyhow::Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())
            .map_err(|error| {
                Failure::with_code(
                    USAGE,
                    format!("{url:?} is not an address like http://127.0.0.1:7411: {error}"),
                )
            })?
            .connect_timeout(CONNECT_WITHIN)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE_EVERY)
            .keep_alive_timeout(KEEPALIVE_WITHIN);
        let config = identity.map(|identity| ::trust::tls::client(&identity.credentials)).transpose();
        let config = config.map_err(|error| Failure::with_code(REFUSED, format!("failed to {error}")))?;
        let connected = tokio::time::timeout(CONNECT_WITHIN, async {
            let channel = channel::connect(&endpoint, config.map(Arc::new))
                .await
                .map_err(|error| refused(url, error))?;
            let mut control = ControlServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX)
                .max_encoding_message_size(MESSAGE_BYTES_MAX);
            let request = proto::DescribeRequest { protocol_version: proto::PROTOCOL_VERSION };
            match control.describe(request).await {
                Ok(answer) => Ok((control, channel, answer.into_inner().renew_certificate)),
                Err(status) => Err(match status.code() {
                    Code::FailedPrecondition | Code::PermissionDenied | Code::Unauthenticated => {
                        Failure::with_code(REFUSED, status.message())
                    }
                    Code::Unimplemented => unreachable(url, "what answers there is no fleetmark coordinator"),
                    _ => refused(url, channel::trouble(&status)),
                }),
            }
        });
        let connected = connected.await;
        let (control, channel, is_outdated) = connected
            .map_err(|_| unreachable(url, &format!("no answer within {} s", CONNECT_WITHIN.as_secs())))??;
        if let Some(identity) = identity {
            renew(identity, channel.clone(), is_outdated).await;
        }
        let identity = identity.map(|identity| identity.folder.clone());
        Ok(Self { control, channel, identity, url: url.to_owned() })
    }

    pub(crate) async fn submit(&mut self, submission: Submission) -> anyhow::Result<RunId> {
        let request = proto::SubmitRequest {
            protocol_version: proto::PROTOCOL_VERSION,
            job_toml: submission.job_toml,
            files: submission.files,
            tags: submission.tags,
            refuse_to_wait: submission.refuse_to_wait,
            reservation: submission.reservation,
            priority: submission.priority,
            secrets: confidential::revealed(submission.secrets),
        };
        let response = self.control.submit(request).await.map_err(|status| match status.code() {
            Code::InvalidArgument => Failure::with_code(JOB, status.message()),
            Code::FailedPrecondition | Code::ResourceExhausted => {
                Failure::with_code(UNREACHABLE, status.message())
            }
            _ => failure(&status),
        })?;
        Ok(run_id(&response.into_inner().run_id)?)
    }

    pub(crate) async fn watch(
        &mut self,
        run: &str,
    ) -> anyhow::Result<impl Stream<Item = anyhow::Result<RunEvent>> + use<>> {
        let request = proto::WatchRequest { run: run.to_owned() };
        let events = self.control.watch(request).await.map_err(|status| failure(&status))?.into_inner();
        Ok(events.map(|event| Ok(event.map_err(|status| failure(&status))?.try_into()?)))
    }

    pub(crate) async fn cancel(&mut self, run: &str, reason: &str) -> anyhow::Result<RunId> {
        let request = proto::CancelRequest { run: run.to_owned(), reason: reason.to_owned() };
        let response = self.control.cancel(request).await.map_err(|status| failure(&status))?;
        Ok(run_id(&response.into_inner().run_id)?)
    }

    /// Has an agent take no more runs; gives the run that it finishes first.
    pub(crate) async fn drain(&mut self, name: &str) -> anyhow::Result<Option<RunId>> {
        let request = proto::DrainAgentRequest { name: name.to_owned() };
        let response =
            self.control.drain_agent(request).await.map_err(|status| failure(&status))?.into_inner();
        let finishes = response.finishes_run_id;
        Ok(if finishes.is_empty() { None } else { Some(run_id(&finishes)?) })
    }

    pub(crate) async fn runs(&mut self) -> anyhow::Result<Vec<RunSummary>> {
        let response = self
            .control
            .list_runs(proto::ListRunsRequest { limit: 0 })
            .await
            .map_err(|status| failure(&status))?;
        response.into_inner().runs.into_iter().map(|run| Ok(run.try_into()?)).collect()
    }

    /// The report, as the contract's JSON.
    pub(crate) async fn show(&mut self, run: &str) -> anyhow::Result<String> {
        let request = proto::ShowRequest { run: run.to_owned() };
        Ok(self.control.show(request).await.map_err(|status| failure(&status))?.into_inner().report_json)
    }

    /// Removes a run; `is_forced`: also one that a baseline consists of.
    pub(crate) async fn remove_run(&mut self, run: &str, is_forced: bool) -> anyhow::Result<RunId> {
        let request = proto::RemoveRunRequest { run: run.to_owned(), force: is_forced };
        let response = self.control.remove_run(request).await.map_err(|status| match status.code() {
            Code::Aborted => history::refusal(&status),
            _ => failure(&status),
        })?;
        Ok(run_id(&response.into_inner().run_id)?)
    }

    pub(crate) async fn agents(&mut self) -> anyhow::Result<Vec<AgentStatus>> {
        let response =
            self.control.list_agents(proto::ListAgentsRequest {}).await.map_err(|status| failure(&status))?;
        response.into_inner().agents.into_iter().map(|agent| Ok(agent.try_into()?)).collect()
    }

    /// What a profiler of a run wrote, by its number in the run's report.
    pub(crate) async fn profile(&mut self, run: &str, number: u32) -> anyhow::Result<Vec<u8>> {
        let request = proto::ReadProfileRequest { run: run.to_owned(), number };
        let mut parts =
            self.control.read_profile(request).await.map_err(|status| failure(&status))?.into_inner();
        let mut content = Vec::new();
        while let Some(part) = parts.next().await {
            content.extend(part.map_err(|status| failure(&status))?.content);
        }
        Ok(content)
    }

    /// All that is stored of a run.
    pub(crate) async fn export(&mut self, run: &str) -> anyhow::Result<(RunRecord, Vec<Interval>)> {
        let request = proto::ExportRequest { run: run.to_owned() };
        let mut parts = self.control.export(request).await.map_err(|status| failure(&status))?.into_inner();
        let mut record = None;
        let mut intervals = Vec::new();
        while let Some(part) = parts.next().await {
            match part.map_err(|status| failure(&status))?.part {
                Some(proto::export_part::Part::RecordJson(json)) => {
                    record = Some(serde_json::from_str(&json)?)
                }
                Some(proto::export_part::Part::Interval(bytes)) => {
                    intervals.push(proto::convert::interval::decode(&bytes)?)
                }
                None => {}
            }
        }
        let record =
            record.ok_or_else(|| Failure::with_code(INTERNAL, "the export ended before the run's record"))?;
        Ok((record, intervals))
    }
}

/// A status as an error with the contract's code.
fn failure(status: &Status) -> anyhow::Error {
    let code = match status.code() {
        Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition => USAGE,
        Code::DataLoss => INVALID,
        Code::PermissionDenied | Code::Unauthenticated => REFUSED,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => UNREACHABLE,
        _ => INTERNAL,
    };
    Failure::with_code(code, describe(status))
}

fn unreachable(url: &str, reason: &str) -> anyhow::Error {
    Failure::with_code(
        UNREACHABLE,
        format!("no coordinator answers at {url}: {reason}; is `fleetmark coordinator` running there?"),
    )
}

fn describe(status: &Status) -> String {
    if status.message().is_empty() { status.code().to_string() } else { status.message().to_owned() }
}

fn refused(url: &str, error: ChannelError) -> anyhow::Error {
    match error {
        ChannelError::Refused(reason) => Failure::with_code(REFUSED, format!("{url}: {reason}")),
        ChannelError::Unreachable(reason) if url.starts_with("http://") && !reason.contains("refused") => {
            unreachable(url, &format!("{reason} (does it encrypt? then call it by https://)"))
        }
        ChannelError::Unreachable(reason) => unreachable(url, &reason),
    }
}

/// Exchanges our certificate when it is due, or the coordinator wants it. What fails is tried again by the next command.
async fn renew(identity: &Identity, channel: Channel, is_outdated: bool) {
    let now_s = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    if !is_outdated && !identity.credentials.is_due(now_s) {
        return;
    }
    let renewed = enrolment::renew(channel).await.map_err(|error| error.to_string());
    if let Err(problem) =
        renewed.and_then(|younger| younger.save(&identity.folder).map_err(|error| error.to_string()))
    {
        tracing::warn!(problem, "the certificate cannot be renewed now");
    }
}

/// Exchanges a token for credentials.
///
/// # Errors
/// 69 when nobody answers, 77 when the token does not count or the coordinator is not the token's.
pub(crate) async fn enrol(
    url: &str,
    token: &::trust::join_token::JoinToken,
    name: ::trust::certificate::HolderName,
) -> anyhow::Result<::trust::credentials::Credentials> {
    enrolment::enrol(url, token, name).await.map_err(|error| refused(url, error))
}
