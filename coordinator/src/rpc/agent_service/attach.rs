//! One agent's `Attach` stream: its messages become messages to the director, and the director's go down to it.

use std::time::Duration;

use futures_util::StreamExt;
use proto::attach_up::Message as Up;
use proto::convert::{ConvertError, sentence, trial_key};
use shared::ids::{AgentId, AgentName, LeaseEpoch};
use shared::secret::Confidential;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::super::{Answers, caller, malformed, stopping};
use super::hello;
use crate::admission::audit::{Audit, Deed};
use crate::admission::peer::Peer;
use crate::admission::registrar::Registrar;
use crate::director::{Downward, Message};
use crate::fleet::{AttachRefusal, Introduction};
use crate::monotonic;
use crate::schedule::{Answer, Command};

/// How often an agent says that it is still here.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(2);
/// After so many missed heartbeats a connection counts as broken.
const HEARTBEATS_MISSED_MAX: u32 = 5;
/// Commands that may wait for an agent to read them: a trial needs a dozen.
const COMMANDS_MAX: usize = 256;

pub(super) async fn attach(
    director: mpsc::Sender<Message>,
    (audit, registrar): (&Audit, Option<&Registrar>),
    request: Request<Streaming<proto::AttachUp>>,
) -> Result<Response<Answers<proto::AttachDown>>, Status> {
    let peer = caller(&request)?;
    let address = Some(peer.from.ip());
    let mut incoming = request.into_inner();
    let first = incoming
        .next()
        .await
        .ok_or_else(|| Status::invalid_argument("the stream ended before its hello"))??;
    let Some(Up::Hello(hello)) = first.message else {
        return Err(Status::invalid_argument("the first message on Attach must be a hello"));
    };
    let is_private = peer.is_private();
    let introduction = Introduction { is_private, ..hello::introduction(hello, address)? };
    let (agent, name) = (introduction.id, introduction.name.clone());
    if let Err(denied) = own(&director, &peer, agent, Some(&name)).await {
        audit.refused(Deed::Attach, &peer, name.to_string(), denied.message()).await;
        return Err(denied);
    }
    let (link, commands) = mpsc::channel(COMMANDS_MAX);
    let (reply, answer) = oneshot::channel();
    director
        .send(Message::Attach { introduction: Box::new(introduction), link, reply })
        .await
        .map_err(stopping)?;
    let connection = answer.await.map_err(stopping)?.map_err(|refusal| match refusal {
        AttachRefusal::NameTaken(_) => Status::already_exists(refusal.to_string()),
        AttachRefusal::TooMany => Status::resource_exhausted(refusal.to_string()),
    })?;
    tracing::info!(%agent, %name, "agent attached");
    audit.done(Deed::Attach, &peer, name.to_string()).await;
    tokio::spawn(async move {
        if let Err(error) = listen(&director, agent, incoming).await {
            tracing::info!(%agent, %name, %error, "the agent's connection ended");
        }
        let _the_director_may_be_gone = director.send(Message::Detach { agent, connection }).await;
    });
    let welcome = proto::attach_down::Message::Welcome(proto::Welcome {
        protocol_version: proto::PROTOCOL_VERSION,
        heartbeat_interval_ms: u32::try_from(HEARTBEAT_EVERY.as_millis()).unwrap_or(u32::MAX),
        fleetmark_version: env!("CARGO_PKG_VERSION").to_owned(),
        renew_certificate: registrar.is_some_and(|registrar| registrar.is_outdated(&peer)),
    });
    let welcome = futures_util::stream::once(async { Ok(down(welcome)) });
    let commands = ReceiverStream::new(commands).map(move |message| {
        let mut message = message_down(message);
        if !is_private {
            withhold_secrets(&mut message);
        }
        Ok(down(message))
    });
    Ok(Response::new(Box::pin(welcome.chain(commands))))
}

/// Whether an agent is whom its certificate names: nobody speaks under the name, or the id, of another one.
pub(super) async fn own(
    director: &mpsc::Sender<Message>,
    peer: &Peer,
    agent: AgentId,
    name: Option<&AgentName>,
) -> Result<(), Status> {
    let Some(holder) = peer.holder() else { return Ok(()) };
    let (reply, answer) = oneshot::channel();
    director.send(Message::NameOf { agent, reply }).await.map_err(stopping)?;
    let known = answer.await.map_err(stopping)?;
    let is_theirs = |name: &AgentName| name.as_str() == holder.name.as_str();
    if name.is_none_or(is_theirs) && known.as_ref().is_none_or(is_theirs) {
        return Ok(());
    }
    let asked = name.or(known.as_ref()).map(ToString::to_string).unwrap_or_default();
    Err(Status::permission_denied(format!(
        "the certificate is that of {}, which cannot speak as {asked}: start the agent with --name {}",
        holder.name, holder.name
    )))
}

/// Hears one agent until its stream ends or falls silent.
async fn listen(
    director: &mpsc::Sender<Message>,
    agent: AgentId,
    mut incoming: Streaming<proto::AttachUp>,
) -> Result<(), Status> {
    let silence = HEARTBEAT_EVERY * HEARTBEATS_MISSED_MAX;
    loop {
        let message = tokio::time::timeout(silence, incoming.next()).await.map_err(|_| {
            Status::deadline_exceeded(format!("nothing was heard of it for {} s", silence.as_secs()))
        })?;
        let Some(message) = message else { return Ok(()) };
        let message = message?.message.ok_or_else(|| Status::invalid_argument("an empty message"))?;
        director
            .send(read(agent, message, monotonic::now_ns()).map_err(malformed)?)
            .await
            .map_err(stopping)?;
    }
}

/// What an agent's word tells the director, whose clock shows `received_ns`.
///
/// # Errors
/// Names what breaks the wire's rules.
pub fn read(agent: AgentId, message: Up, received_ns: u64) -> Result<Message, ConvertError> {
    let under = |epoch: u64, trial, answer| {
        let lease = (epoch > 0).then_some(LeaseEpoch(epoch));
        Ok(Message::Said { agent, trial: trial_key(trial)?, lease, answer })
    };
    let said = |trial, answer| under(0, trial, answer);
    match message {
        Up::Hello(_) => Err(ConvertError::new("hello", "came twice")),
        Up::Heartbeat(_) => Ok(Message::Seen { agent }),
        Up::ClockReply(reply) => Ok(Message::ClockReply {
            agent,
            probe: reply.probe_id,
            agent_ns: reply.agent_monotonic_ns,
            received_ns,
        }),
        Up::PortReserved(reserved) => {
            let port = u16::try_from(reserved.port).map_err(|error| ConvertError::new("port", error))?;
            said(reserved.trial, Answer::PortReserved((port > 0).then_some(port)))
        }
        Up::TargetReady(ready) => said(ready.trial, Answer::TargetReady),
        Up::TargetFailed(failed) => {
            said(failed.trial, told(failed.is_refused, Answer::TargetFailed(sentence(&failed.reason))))
        }
        Up::TargetStopped(stopped) => said(stopped.trial, Answer::TargetStopped),
        Up::HookDone(done) => {
            let failure = (!done.failure.is_empty()).then(|| sentence(&done.failure));
            said(done.trial, told(done.is_refused, Answer::HookDone { hook: done.hook, failure }))
        }
        Up::ProfileDone(done) => {
            let problem = (!done.problem.is_empty()).then(|| sentence(&done.problem));
            said(done.trial, Answer::Profiled(problem))
        }
        Up::TrialReady(ready) => under(ready.epoch, ready.trial, Answer::Ready),
        Up::TrialArmed(armed) => Ok(Message::Armed {
            agent,
            trial: trial_key(armed.trial)?,
            lease: (armed.epoch > 0).then_some(LeaseEpoch(armed.epoch)),
            arming: armed.arming,
            armed_for_ns: armed.armed_for_monotonic_ns,
        }),
        Up::StartTooLate(refused) => {
            let late = Duration::from_nanos(refused.late_ns);
            under(refused.epoch, refused.trial, Answer::StartTooLate { arming: refused.arming, late })
        }
        Up::TrialDone(done) => under(done.epoch, done.trial, Answer::Done { intervals: done.intervals }),
        Up::TrialFailed(failed) => {
            let reason = sentence(&failed.reason);
            let answer = Answer::Failed { reason, intervals: failed.intervals };
            under(failed.epoch, failed.trial, told(failed.is_refused, answer))
        }
    }
}

/// A failure as an agent tells it.
fn told(is_refused: bool, failure: Answer) -> Answer {
    if is_refused { Answer::Refused(Box::new(failure)) } else { failure }
}

/// Takes out of a message what others could hear: whoever claims to be an agent that was told secrets gets none.
fn withhold_secrets(message: &mut proto::attach_down::Message) {
    use proto::attach_down::Message as Down;
    let confidential = match message {
        Down::Prepare(prepare) => &mut prepare.confidential,
        Down::StartTarget(proto::StartTarget { program: Some(program), .. })
        | Down::Profile(proto::Profile { program: Some(program), .. })
        | Down::RunHook(proto::RunHook { program: Some(program), .. }) => &mut program.confidential,
        _ => return,
    };
    if let Some(confidential) = confidential {
        confidential.secrets.clear();
    }
}

fn down(message: proto::attach_down::Message) -> proto::AttachDown {
    proto::AttachDown { message: Some(message) }
}

/// What the director tells an agent, in the wire's words.
pub fn message_down(message: Downward) -> proto::attach_down::Message {
    use proto::attach_down::Message as Down;
    let milliseconds = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1);
    match message {
        Downward::ClockProbe { probe } => Down::ClockProbe(proto::ClockProbe { probe_id: probe }),
        Downward::Start { trial, epoch, arming, at_agent_ns } => Down::Start(proto::Start {
            trial: Some(trial.into()),
            epoch: epoch.0,
            arming,
            at_agent_monotonic_ns: at_agent_ns,
        }),
        Downward::Command(command) => match command {
            Command::ReservePort(trial) => {
                Down::ReservePort(proto::ReservePort { trial: Some(trial.into()) })
            }
            Command::StartTarget { trial, command, confidential, ready, timeout } => {
                Down::StartTarget(proto::StartTarget {
                    trial: Some(trial.into()),
                    program: Some(program(command, &confidential)),
                    ready: ready.unwrap_or_default(),
                    ready_timeout_ms: milliseconds(timeout),
                })
            }
            Command::StopTarget(trial) => Down::StopTarget(proto::StopTarget { trial: Some(trial.into()) }),
            Command::RunHook { trial, hook, command, confidential, timeout } => {
                Down::RunHook(proto::RunHook {
                    trial: Some(trial.into()),
                    hook,
                    program: Some(program(command, &confidential)),
                    timeout_ms: milliseconds(timeout),
                })
            }
            Command::Profile {
                trial,
                command,
                confidential,
                delay,
                duration,
                size_bytes_max,
                output,
                is_load_over,
            } => Down::Profile(proto::Profile {
                trial: Some(trial.into()),
                program: Some(program(command, &confidential)),
                // None is a delay too.
                delay_ms: u32::try_from(delay.as_millis()).unwrap_or(u32::MAX),
                duration_ms: milliseconds(duration),
                size_bytes_max,
                output_name: output.into(),
                is_load_over,
            }),
            Command::Prepare(assignment) => Down::Prepare((*assignment).into()),
            // The director turns a start into `Downward::Start`, since only it knows the agent's clock.
            Command::Start { trial, epoch, arming, at } => Down::Start(proto::Start {
                trial: Some(trial.into()),
                epoch: epoch.0,
                arming,
                at_agent_monotonic_ns: u64::try_from(at.as_nanos()).unwrap_or(u64::MAX),
            }),
            Command::Abort { trial, reason } => {
                Down::Abort(proto::Abort { trial: Some(trial.into()), reason: sentence(&reason) })
            }
            Command::Release(trial) => Down::Release(proto::Release { trial: Some(trial.into()) }),
        },
    }
}

fn program(command: Vec<String>, confidential: &Confidential) -> proto::Program {
    proto::Program { command, confidential: Some(confidential.clone().into()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::ids::{RunId, TrialIndex, TrialKey};
    use shared::secret::{SecretName, SecretText};

    use super::*;

    #[test]
    fn a_line_that_can_be_tapped_carries_no_secret() {
        let secret = (SecretName::new("KEY").unwrap(), SecretText::new("correct horse").unwrap());
        let confidential = Arc::new(Confidential { secrets: [secret].into(), ..Confidential::default() });
        let trial = TrialKey { run: RunId::new(1, [1; 10]), trial: TrialIndex(0), attempt: 0 };
        let (command, timeout) = (vec!["x".to_owned()], Duration::from_secs(1));
        let secret = Arc::clone(&confidential);
        let start = Command::StartTarget {
            trial,
            command: command.clone(),
            confidential: Arc::clone(&confidential),
            ready: None,
            timeout,
        };
        let hook = Command::RunHook { trial, hook: 0, command, confidential, timeout };
        let profile = Command::Profile {
            trial,
            command: vec!["x".to_owned()],
            confidential: secret,
            delay: Duration::ZERO,
            duration: timeout,
            size_bytes_max: 1,
            output: shared::profile::ProfileName::default(),
            is_load_over: false,
        };
        for command in [start, hook, profile] {
            let mut message = message_down(Downward::Command(command));
            assert!(format!("{message:?}").contains("KEY"));
            withhold_secrets(&mut message);
            assert!(!format!("{message:?}").contains("KEY"));
        }
    }
}
