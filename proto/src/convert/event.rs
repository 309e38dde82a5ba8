//! What observers of a run see. Room: `progress`.

mod progress;

use std::time::Duration;

use shared::event::RunEvent;
use shared::ids::{AgentName, TrialIndex};

use super::listing::{run_state, verdict};
use super::load_share::nanoseconds;
use super::{ConvertError, non_empty, sentence};
use crate::run_event::Event;

impl From<&RunEvent> for crate::RunEvent {
    fn from(event: &RunEvent) -> Self {
        let event = match event {
            RunEvent::Waiting { message } => Event::Waiting(crate::Waiting { message: sentence(message) }),
            RunEvent::TrialPreparing { trial, attempt, agents } => {
                Event::TrialPreparing(crate::TrialPreparing {
                    trial: trial.0,
                    attempt: *attempt,
                    agents: agents.iter().map(ToString::to_string).collect(),
                })
            }
            RunEvent::TrialStarted { trial, trials_planned, variant, warmup, duration, iterations } => {
                Event::TrialStarted(crate::TrialStarted {
                    trial: trial.0,
                    trials_planned: *trials_planned,
                    variant: variant.clone(),
                    warmup_ns: warmup.map(nanoseconds),
                    duration_ns: duration.map(nanoseconds),
                    iterations: *iterations,
                })
            }
            RunEvent::Progress(progress) => Event::Progress(progress.into()),
            RunEvent::TrialFinished { trial, attempt, is_valid, findings } => {
                Event::TrialFinished(crate::TrialFinished {
                    trial: trial.0,
                    attempt: *attempt,
                    is_valid: *is_valid,
                    findings: findings.iter().map(Into::into).collect(),
                })
            }
            RunEvent::Ended { state, verdict, exit_code, reason } => Event::Ended(crate::Ended {
                state: state.as_str().to_owned(),
                verdict: verdict.as_str().to_owned(),
                exit_code: u32::from(*exit_code),
                reason: reason.as_deref().map(sentence).unwrap_or_default(),
            }),
        };
        Self { event: Some(event) }
    }
}

impl TryFrom<crate::RunEvent> for RunEvent {
    type Error = ConvertError;

    fn try_from(event: crate::RunEvent) -> Result<Self, ConvertError> {
        Ok(match event.event.ok_or(ConvertError::missing("event"))? {
            Event::Waiting(waiting) => RunEvent::Waiting { message: waiting.message },
            Event::TrialPreparing(preparing) => RunEvent::TrialPreparing {
                trial: TrialIndex(preparing.trial),
                attempt: preparing.attempt,
                agents: preparing
                    .agents
                    .into_iter()
                    .map(|name| AgentName::new(name).map_err(|error| ConvertError::new("agents", error)))
                    .collect::<Result<_, _>>()?,
            },
            Event::TrialStarted(started) => RunEvent::TrialStarted {
                trial: TrialIndex(started.trial),
                trials_planned: started.trials_planned,
                variant: started.variant,
                warmup: started.warmup_ns.map(Duration::from_nanos),
                duration: started.duration_ns.map(Duration::from_nanos),
                iterations: started.iterations,
            },
            Event::Progress(progress) => RunEvent::Progress(progress.try_into()?),
            Event::TrialFinished(finished) => RunEvent::TrialFinished {
                trial: TrialIndex(finished.trial),
                attempt: finished.attempt,
                is_valid: finished.is_valid,
                findings: finished.findings.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            },
            Event::Ended(ended) => RunEvent::Ended {
                state: run_state(&ended.state)?,
                verdict: verdict(&ended.verdict)?,
                exit_code: u8::try_from(ended.exit_code)
                    .map_err(|error| ConvertError::new("exit_code", error))?,
                reason: non_empty(ended.reason),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::event::Progress;
    use shared::event::progress::{AgentProgress, OperationProgress};
    use shared::finding::{Finding, FindingCode};
    use shared::run_record::RunState;
    use shared::run_report::Verdict;

    use super::*;

    #[test]
    fn every_event_survives_the_wire() {
        let events = [
            RunEvent::Waiting { message: "waits for 2 agents".to_owned() },
            RunEvent::TrialPreparing {
                trial: TrialIndex(1),
                attempt: 2,
                agents: vec![AgentName::new("a-1").unwrap()],
            },
            RunEvent::TrialStarted {
                trial: TrialIndex(0),
                trials_planned: 3,
                variant: "default".to_owned(),
                warmup: Some(Duration::ZERO),
                duration: None,
                iterations: Some(1_000),
            },
            RunEvent::Progress(Progress {
                count: 7,
                p50_ns: Some(9),
                hint: Some("slow".to_owned()),
                recent_p99_ns: Some(8),
                quantiles_ns: vec![7, 8, 9],
                operations: vec![OperationProgress {
                    name: "read".to_owned(),
                    count: 4,
                    ..Default::default()
                }],
                agents: vec![AgentProgress {
                    name: AgentName::new("a-1").unwrap(),
                    recent_per_s: 2.5,
                    generator_cpu: Some(0.5),
                    workers: 4,
                }],
                ..Progress::default()
            }),
            RunEvent::TrialFinished {
                trial: TrialIndex(0),
                attempt: 0,
                is_valid: false,
                findings: FindingCode::ALL
                    .iter()
                    .map(|code| Finding::of_trial(*code, code.meaning()))
                    .collect(),
            },
            RunEvent::Ended {
                state: RunState::Failed,
                verdict: Verdict::Invalid,
                exit_code: 3,
                reason: Some("lost".to_owned()),
            },
        ];
        for event in events {
            assert_eq!(crate::RunEvent::from(&event).try_into(), Ok(event));
        }
    }
}
