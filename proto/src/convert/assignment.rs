//! What agents are told to do in a trial.

use std::time::Duration;

use shared::arrivals::{ArrivalPlan, Spread, Stretch};
use shared::ids::{LeaseEpoch, Name};
use shared::interval::OPERATIONS_MAX;
use shared::job::grammar::load::{RATE_MAX, STRETCHES_MAX};
use shared::job::{ATTACHED_FILE_BYTES_MAX, LoadModel, OperationSpec, WORKERS_MAX, Warmup, Window};
use shared::plan::{Assignment, LoadShare};

use super::{ConvertError, trial_key};
use crate::load_share;

impl From<Assignment> for crate::Prepare {
    fn from(assignment: Assignment) -> Self {
        Self {
            trial: Some(assignment.trial.into()),
            epoch: assignment.epoch.0,
            kind: assignment.kind,
            settings_json: serde_json::Value::Object(assignment.settings).to_string(),
            operations: assignment
                .operations
                .into_iter()
                .map(|operation| crate::Operation {
                    name: operation.name.into(),
                    weight: operation.weight,
                    settings_json: serde_json::Value::Object(operation.settings).to_string(),
                })
                .collect(),
            load: Some(assignment.load.into()),
            agent_index: assignment.agent_index,
            agent_count: assignment.agent_count,
            files: assignment.files,
        }
    }
}

impl TryFrom<crate::Prepare> for Assignment {
    type Error = ConvertError;

    fn try_from(prepare: crate::Prepare) -> Result<Self, ConvertError> {
        if prepare.operations.is_empty() || prepare.operations.len() > OPERATIONS_MAX {
            return Err(ConvertError::new(
                "operations",
                format!("{} are not 1 to {OPERATIONS_MAX}", prepare.operations.len()),
            ));
        }
        if prepare.agent_index >= prepare.agent_count {
            return Err(ConvertError::new("agent_index", "is not below agent_count"));
        }
        if let Some((path, _)) = prepare.files.iter().find(|(_, bytes)| bytes.len() > ATTACHED_FILE_BYTES_MAX)
        {
            return Err(ConvertError::new(
                "files",
                format!("{path:?} is larger than {ATTACHED_FILE_BYTES_MAX} bytes"),
            ));
        }
        Ok(Self {
            trial: trial_key(prepare.trial)?,
            epoch: LeaseEpoch(prepare.epoch),
            kind: prepare.kind,
            settings: object("settings_json", &prepare.settings_json)?,
            operations: prepare.operations.into_iter().map(operation).collect::<Result<_, _>>()?,
            files: prepare.files,
            load: prepare.load.ok_or(ConvertError::missing("load"))?.try_into()?,
            agent_index: prepare.agent_index,
            agent_count: prepare.agent_count,
        })
    }
}

impl From<LoadShare> for crate::LoadShare {
    fn from(load: LoadShare) -> Self {
        let model = match load.model {
            LoadModel::Closed => crate::LoadModel::Closed,
            LoadModel::Open => crate::LoadModel::Open,
        };
        Self {
            model: model.into(),
            workers: load.workers,
            warmup: Some(match load.warmup {
                Warmup::For(length) => load_share::Warmup::WarmupNs(nanoseconds(length)),
                Warmup::Iterations(iterations) => load_share::Warmup::WarmupIterations(iterations),
            }),
            window: Some(match load.window {
                Window::For(length) => load_share::Window::WindowNs(nanoseconds(length)),
                Window::Iterations(iterations) => load_share::Window::WindowIterations(iterations),
            }),
            drain_ns: nanoseconds(load.drain),
            threads: load.threads.unwrap_or(0),
            seed: load.seed,
            workers_max: load.workers_max,
            arrivals: load.arrivals.map(Into::into),
        }
    }
}

impl TryFrom<crate::LoadShare> for LoadShare {
    type Error = ConvertError;

    fn try_from(load: crate::LoadShare) -> Result<Self, ConvertError> {
        let model = match load.model() {
            crate::LoadModel::Closed => LoadModel::Closed,
            crate::LoadModel::Open => LoadModel::Open,
            crate::LoadModel::Unspecified => return Err(ConvertError::missing("model")),
        };
        if load.workers == 0 || load.workers > WORKERS_MAX {
            return Err(ConvertError::new("workers", format!("{} are not 1 to {WORKERS_MAX}", load.workers)));
        }
        if load.workers_max < load.workers || load.workers_max > WORKERS_MAX {
            return Err(ConvertError::new(
                "workers_max",
                format!("{} are not {} to {WORKERS_MAX}", load.workers_max, load.workers),
            ));
        }
        if (model == LoadModel::Open) != load.arrivals.is_some() {
            return Err(ConvertError::new("arrivals", "belong to the open model, and to no other"));
        }
        let window = match load.window.ok_or(ConvertError::missing("window"))? {
            load_share::Window::WindowNs(0) | load_share::Window::WindowIterations(0) => {
                return Err(ConvertError::new("window", "is empty"));
            }
            load_share::Window::WindowNs(length) => Window::For(Duration::from_nanos(length)),
            load_share::Window::WindowIterations(iterations) => Window::Iterations(iterations),
        };
        Ok(Self {
            model,
            workers: load.workers,
            warmup: match load.warmup.ok_or(ConvertError::missing("warmup"))? {
                load_share::Warmup::WarmupNs(length) => Warmup::For(Duration::from_nanos(length)),
                load_share::Warmup::WarmupIterations(iterations) => Warmup::Iterations(iterations),
            },
            window,
            drain: Duration::from_nanos(load.drain_ns),
            threads: (load.threads > 0).then_some(load.threads),
            seed: load.seed,
            workers_max: load.workers_max,
            arrivals: load.arrivals.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<ArrivalPlan> for crate::ArrivalPlan {
    fn from(plan: ArrivalPlan) -> Self {
        let stretches = plan.stretches.into_iter().map(|stretch| crate::RateStretch {
            length_ns: nanoseconds(stretch.length),
            from_per_s: stretch.from_per_s,
            to_per_s: stretch.to_per_s,
        });
        Self { is_poisson: plan.spread == Spread::Poisson, stretches: stretches.collect() }
    }
}

impl TryFrom<crate::ArrivalPlan> for ArrivalPlan {
    type Error = ConvertError;

    fn try_from(plan: crate::ArrivalPlan) -> Result<Self, ConvertError> {
        if plan.stretches.is_empty() || plan.stretches.len() > STRETCHES_MAX {
            return Err(ConvertError::new(
                "stretches",
                format!("{} are not 1 to {STRETCHES_MAX}", plan.stretches.len()),
            ));
        }
        let is_rate = |rate: f64| (0.0..=RATE_MAX).contains(&rate);
        let stretch = |stretch: crate::RateStretch| {
            if stretch.length_ns == 0 || !is_rate(stretch.from_per_s) || !is_rate(stretch.to_per_s) {
                return Err(ConvertError::new(
                    "stretches",
                    format!("a length must be above 0 and a rate 0 to {RATE_MAX}"),
                ));
            }
            let length = Duration::from_nanos(stretch.length_ns);
            Ok(Stretch { length, from_per_s: stretch.from_per_s, to_per_s: stretch.to_per_s })
        };
        Ok(Self {
            spread: if plan.is_poisson { Spread::Poisson } else { Spread::Uniform },
            stretches: plan.stretches.into_iter().map(stretch).collect::<Result<_, _>>()?,
        })
    }
}

fn operation(operation: crate::Operation) -> Result<OperationSpec, ConvertError> {
    if !operation.weight.is_finite() || operation.weight <= 0.0 {
        return Err(ConvertError::new("weight", format!("{} is not above 0", operation.weight)));
    }
    Ok(OperationSpec {
        name: Name::new(operation.name).map_err(|error| ConvertError::new("name", error))?,
        weight: operation.weight,
        settings: object("settings_json", &operation.settings_json)?,
    })
}

fn object(
    field: &'static str,
    text: &str,
) -> Result<serde_json::Map<String, serde_json::Value>, ConvertError> {
    serde_json::from_str(text).map_err(|error| ConvertError::new(field, error))
}

/// Nanoseconds of a duration; one of more than 584 years is cut to that.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use shared::ids::{RunId, TrialIndex, TrialKey};

    use super::*;

    fn assignment() -> Assignment {
        let settings = serde_json::json!({ "url": "http://127.0.0.1:1/", "timeout": "5s" });
        Assignment {
            trial: TrialKey { run: RunId::new(1, [1; 10]), trial: TrialIndex(0), attempt: 0 },
            epoch: LeaseEpoch(4),
            kind: "http".to_owned(),
            settings: serde_json::Map::new(),
            operations: vec![OperationSpec {
                name: Name::new("read").unwrap(),
                weight: 80.0,
                settings: settings.as_object().unwrap().clone(),
            }],
            files: [("body.json".to_owned(), b"{}".to_vec())].into(),
            load: LoadShare {
                model: LoadModel::Closed,
                workers: 4,
                workers_max: 4,
                arrivals: None,
                warmup: Warmup::Iterations(3),
                window: Window::For(Duration::from_secs(10)),
                drain: Duration::from_secs(5),
                threads: None,
                seed: 42,
            },
            agent_index: 1,
            agent_count: 2,
        }
    }

    #[test]
    fn an_assignment_survives_the_wire() {
        assert_eq!(crate::Prepare::from(assignment()).try_into(), Ok(assignment()));
    }

    #[test]
    fn an_assignment_that_makes_no_sense_is_refused() {
        let refused = |change: fn(&mut crate::Prepare)| {
            let mut prepare = crate::Prepare::from(assignment());
            change(&mut prepare);
            Assignment::try_from(prepare).map_err(|error| error.field).unwrap_err()
        };
        assert_eq!(refused(|prepare| prepare.operations.clear()), "operations");
        assert_eq!(refused(|prepare| prepare.operations[0].weight = f64::NAN), "weight");
        assert_eq!(refused(|prepare| prepare.agent_index = 2), "agent_index");
        assert_eq!(refused(|prepare| prepare.settings_json = "[]".to_owned()), "settings_json");
        assert_eq!(refused(|prepare| prepare.load.as_mut().unwrap().workers = 0), "workers");
        assert_eq!(refused(|prepare| prepare.load.as_mut().unwrap().window = None), "window");
    }
}
