//! What the session says and hears, in the wire's words.

use std::time::Duration;

use proto::attach_down::Message as Down;
use proto::attach_up::Message as Up;
use proto::convert::{ConvertError, sentence, trial_key};
use shared::ids::LeaseEpoch;
use shared::profile::{PROFILE_BYTES_MAX, ProfileName};
use shared::secret::Confidential;

use super::FromCoordinator;
use crate::session::outbox::Numbered;
use crate::session::{Introduction, Order, ProfileOrder, Statement};

/// Most words of one command, and most bytes of one word: keeps a stranger's message from filling memory.
const COMMAND_WORDS_MAX: usize = 4_096;

/// A message on `Attach`.
pub fn up(message: Up) -> proto::AttachUp {
    proto::AttachUp { message: Some(message) }
}

/// That the agent is still here.
pub fn heartbeat() -> proto::AttachUp {
    up(Up::Heartbeat(proto::Heartbeat {}))
}

/// Who the agent is.
pub fn hello(introduction: Introduction) -> proto::Hello {
    proto::Hello {
        protocol_version: proto::PROTOCOL_VERSION,
        agent_id: introduction.id.as_bytes().to_vec(),
        name: introduction.name.into(),
        labels: introduction.labels,
        fleetmark_version: env!("CARGO_PKG_VERSION").to_owned(),
        fingerprint_json: serde_json::to_string(&introduction.fingerprint)
            .unwrap_or_else(|_| "{}".to_owned()),
        facts: introduction.facts,
        slots: introduction.slots,
        kinds: introduction.kinds.into_iter().map(|(kind, doc)| proto::WorkloadKind { kind, doc }).collect(),
        refused_kinds: introduction.refused_kinds,
        may_run_programs: introduction.may_run_programs,
        reservation: introduction.reservation.unwrap_or_default(),
        advertise: introduction.advertise.map_or_else(String::new, String::from),
        clock_namespace: introduction.clock_namespace.unwrap_or_default(),
        leases: introduction
            .leases
            .into_iter()
            .map(|(trial, epoch)| proto::Lease { trial: Some(trial.into()), epoch: epoch.0 })
            .collect(),
    }
}

/// What it says about a trial.
pub fn statement(statement: Statement, lease: Option<LeaseEpoch>) -> proto::AttachUp {
    up(message(statement, lease.map_or(0, |epoch| epoch.0), false))
}

/// A statement as a message, said under a lease; `is_refused`: it is a failure that the agent's own policy brought about.
fn message(statement: Statement, epoch: u64, is_refused: bool) -> Up {
    match statement {
        Statement::Refused(failure) => message(*failure, epoch, true),
        Statement::PortReserved(trial, port) => Up::PortReserved(proto::PortReserved {
            trial: Some(trial.into()),
            port: port.map_or(0, u32::from),
        }),
        Statement::TargetReady(trial) => Up::TargetReady(proto::TargetReady { trial: Some(trial.into()) }),
        Statement::TargetFailed(trial, reason) => Up::TargetFailed(proto::TargetFailed {
            trial: Some(trial.into()),
            reason: sentence(&reason),
            is_refused,
        }),
        Statement::TargetStopped(trial) => {
            Up::TargetStopped(proto::TargetStopped { trial: Some(trial.into()) })
        }
        Statement::HookDone(trial, hook, failure) => Up::HookDone(proto::HookDone {
            trial: Some(trial.into()),
            hook,
            failure: failure.map(|failure| sentence(&failure)).unwrap_or_default(),
            is_refused,
        }),
        Statement::Ready(trial) => Up::TrialReady(proto::TrialReady { trial: Some(trial.into()), epoch }),
        Statement::Armed { trial, arming, at_ns } => Up::TrialArmed(proto::TrialArmed {
            trial: Some(trial.into()),
            armed_for_monotonic_ns: at_ns,
            arming,
            epoch,
        }),
        Statement::StartTooLate { trial, arming, late_ns } => {
            Up::StartTooLate(proto::StartTooLate { trial: Some(trial.into()), arming, late_ns, epoch })
        }
        Statement::Done(trial, intervals) => {
            Up::TrialDone(proto::TrialDone { trial: Some(trial.into()), intervals, epoch })
        }
        Statement::Profiled(trial, problem) => Up::ProfileDone(proto::ProfileDone {
            trial: Some(trial.into()),
            problem: problem.map(|problem| sentence(&problem)).unwrap_or_default(),
        }),
        Statement::Failed(trial, reason, intervals) => Up::TrialFailed(proto::TrialFailed {
            trial: Some(trial.into()),
            reason: sentence(&reason),
            intervals,
            is_refused,
            epoch,
        }),
    }
}

/// Intervals on `Report`, each with the lease under which it was measured.
pub fn batch(batch: Vec<(LeaseEpoch, Numbered)>) -> proto::ReportUp {
    let intervals = batch
        .into_iter()
        .map(|(epoch, Numbered { trial, sequence, bytes })| proto::NumberedInterval {
            trial: Some(trial.into()),
            sequence,
            interval: bytes,
            epoch: epoch.0,
        })
        .collect();
    proto::ReportUp { message: Some(proto::report_up::Message::Batch(proto::IntervalBatch { intervals })) }
}

/// Reads an order; welcome and probes are no orders, and are taken before.
///
/// # Errors
/// Names what breaks the wire's rules.
pub fn order(message: proto::AttachDown) -> Result<Order, ConvertError> {
    Ok(match message.message.ok_or(ConvertError::missing("message"))? {
        Down::Welcome(_) | Down::ClockProbe(_) => return Err(ConvertError::new("message", "is no order")),
        Down::ReservePort(reserve) => Order::ReservePort(trial_key(reserve.trial)?),
        Down::StartTarget(start) => {
            let (command, confidential) = program(start.program, 1)?;
            Order::StartTarget {
                trial: trial_key(start.trial)?,
                command,
                confidential,
                ready: (!start.ready.is_empty()).then_some(start.ready),
                timeout: Duration::from_millis(u64::from(start.ready_timeout_ms)),
            }
        }
        Down::StopTarget(stop) => Order::StopTarget(trial_key(stop.trial)?),
        Down::RunHook(hook) => {
            // One without a command has undone what workloads left.
            let (command, confidential) = program(hook.program, 0)?;
            let timeout = Duration::from_millis(u64::from(hook.timeout_ms));
            Order::RunHook { trial: trial_key(hook.trial)?, hook: hook.hook, command, confidential, timeout }
        }
        Down::Profile(profile) => read_profile(profile)?,
        Down::Prepare(prepare) => Order::Prepare(Box::new(prepare.try_into()?)),
        Down::Start(start) => Order::Start {
            trial: trial_key(start.trial)?,
            epoch: LeaseEpoch(start.epoch),
            arming: start.arming,
            at_ns: start.at_agent_monotonic_ns,
        },
        Down::Abort(abort) => Order::Abort { trial: trial_key(abort.trial)?, reason: abort.reason },
        Down::Release(release) => Order::Release(trial_key(release.trial)?),
    })
}

/// Reads what came of intervals that were sent.
///
/// # Errors
/// Names what breaks the wire's rules.
pub fn receipt(message: proto::ReportDown) -> Result<FromCoordinator, ConvertError> {
    use proto::report_down::Message;
    Ok(match message.message.ok_or(ConvertError::missing("message"))? {
        Message::Credit(credit) => FromCoordinator::Credit(credit.intervals_in_flight_max),
        Message::Acknowledgement(acknowledgement) => {
            FromCoordinator::Acknowledged(trial_key(acknowledgement.trial)?, acknowledgement.through_sequence)
        }
        Message::Rejection(rejection) => {
            FromCoordinator::Rejected(trial_key(rejection.trial)?, rejection.reason)
        }
    })
}

fn read_profile(profile: proto::Profile) -> Result<Order, ConvertError> {
    let (command, confidential) = program(profile.program, 1)?;
    let milliseconds = |time: u32| Duration::from_millis(u64::from(time));
    if !(1..=PROFILE_BYTES_MAX).contains(&profile.size_bytes_max) {
        return Err(ConvertError::new("size_bytes_max", "is out of bounds"));
    }
    let output =
        ProfileName::new(profile.output_name).map_err(|error| ConvertError::new("output_name", error))?;
    let order = ProfileOrder {
        delay: milliseconds(profile.delay_ms),
        duration: milliseconds(profile.duration_ms),
        size_bytes_max: profile.size_bytes_max,
        output,
        is_load_over: profile.is_load_over,
    };
    Ok(Order::Profile { trial: trial_key(profile.trial)?, command, confidential, order })
}

fn program(
    program: Option<proto::Program>,
    words_min: usize,
) -> Result<(Vec<String>, Confidential), ConvertError> {
    let proto::Program { command, confidential } = program.ok_or(ConvertError::missing("program"))?;
    if !(words_min..=COMMAND_WORDS_MAX).contains(&command.len()) {
        return Err(ConvertError::new(
            "program",
            format!("{} words are not {words_min} to {COMMAND_WORDS_MAX}", command.len()),
        ));
    }
    Ok((command, confidential.unwrap_or_default().try_into()?))
}
