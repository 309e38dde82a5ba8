//! What agents are told to do in a trial.

use shared::ids::{AgentName, LeaseEpoch, Name};
use shared::interval::OPERATIONS_MAX;
use shared::job::{ATTACHED_FILE_BYTES_MAX, MixedWorkload, Observe, OperationSpec};
use shared::plan::{Assignment, Mix};

use super::{ConvertError, data, trial_key};

/// Longest description of what is watched, in bytes: a path and some names.
const OBSERVE_BYTES_MAX: usize = 64 * 1024;

impl From<Assignment> for crate::Prepare {
    fn from(assignment: Assignment) -> Self {
        let mixed = |mixed: &MixedWorkload| crate::MixedWorkload {
            name: mixed.name.to_string(),
            kind: mixed.kind.clone(),
            settings_json: serde_json::Value::Object(mixed.settings.clone()).to_string(),
            // At most 256 of them.
            operations: mixed.operations as u32,
            is_scenario: mixed.is_scenario,
        };
        Self {
            mix: assignment.mixed().iter().map(mixed).collect(),
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
            agent_name: assignment.agent_name.into(),
            is_scenario: assignment.is_scenario,
            data: assignment.data.into_iter().map(|(name, column)| (name, column.into())).collect(),
            is_observer: assignment.is_observer,
            confidential: Some(assignment.confidential.into()),
            // It holds only texts.
            observe_json: serde_json::to_string(&assignment.observe).unwrap_or_default(),
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
            mix: mix(prepare.mix, prepare.operations.len())?,
            trial: trial_key(prepare.trial)?,
            epoch: LeaseEpoch(prepare.epoch),
            kind: prepare.kind,
            settings: object("settings_json", &prepare.settings_json)?,
            operations: prepare.operations.into_iter().map(operation).collect::<Result<_, _>>()?,
            is_scenario: prepare.is_scenario,
            data: data::columns(prepare.data, &prepare.files)?,
            files: prepare.files,
            load: prepare.load.ok_or(ConvertError::missing("load"))?.try_into()?,
            agent_name: AgentName::new(prepare.agent_name)
                .map_err(|error| ConvertError::new("agent_name", error))?,
            agent_index: prepare.agent_index,
            agent_count: prepare.agent_count,
            is_observer: prepare.is_observer,
            confidential: prepare.confidential.unwrap_or_default().try_into()?,
            observe: observe(&prepare.observe_json)?,
        })
    }
}

/// The workloads of a mix of so many operations.
fn mix(mix: Vec<crate::MixedWorkload>, operations: usize) -> Result<Mix, ConvertError> {
    if mix.is_empty() {
        return Ok(Mix::Alone);
    }
    let workloads: Vec<MixedWorkload> = mix.into_iter().map(mixed).collect::<Result<_, _>>()?;
    let has_all = workloads.iter().map(|workload| workload.operations).sum::<usize>() == operations;
    if workloads.len() < 2 || !has_all || workloads.iter().any(|workload| workload.operations == 0) {
        return Err(ConvertError::new("mix", "is no division of the operations among workloads"));
    }
    Ok(Mix::Of(workloads))
}

fn mixed(mixed: crate::MixedWorkload) -> Result<MixedWorkload, ConvertError> {
    Ok(MixedWorkload {
        name: Name::new(mixed.name).map_err(|error| ConvertError::new("name", error))?,
        kind: mixed.kind,
        settings: object("settings_json", &mixed.settings_json)?,
        operations: mixed.operations as usize,
        is_scenario: mixed.is_scenario,
    })
}

/// A coordinator that knows no such thing says nothing.
fn observe(json: &str) -> Result<Observe, ConvertError> {
    if json.len() > OBSERVE_BYTES_MAX {
        let problem = format!("{} bytes are more than {OBSERVE_BYTES_MAX}", json.len());
        return Err(ConvertError::new("observe_json", problem));
    }
    if json.is_empty() {
        return Ok(Observe::default());
    }
    serde_json::from_str(json).map_err(|error| ConvertError::new("observe_json", error))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shared::delay::Delay;
    use shared::ids::{RunId, TrialIndex, TrialKey};
    use shared::job::{DataColumn, DataOrder, DataSource, LoadModel, Warmup, Window};
    use shared::plan::LoadShare;

    use super::*;

    fn assignment() -> Assignment {
        let settings = serde_json::json!({ "url": "http://127.0.0.1:1/", "timeout": "5s" });
        let column =
            DataColumn { source: DataSource::Range { first: -1, last: 9 }, order: DataOrder::Random };
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
            is_scenario: true,
            mix: Mix::Alone,
            data: [("id".to_owned(), column)].into(),
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
                pins_threads: true,
                think: Some(Delay::Exponential { mean: Duration::from_millis(3) }),
                pace: Some(Duration::from_secs(1)),
                connect_rate: Some(0.5),
                connections_per_worker: 2,
                streams_per_connection: 3,
                new_connection_every: Some(100),
                seed: 42,
            },
            agent_name: AgentName::new("a2").unwrap(),
            agent_index: 1,
            agent_count: 2,
            is_observer: false,
            observe: shared::job::Observe::default(),
            confidential: super::super::confidential::tests::confidential(),
        }
    }

    #[test]
    fn an_assignment_survives_the_wire() {
        assert_eq!(crate::Prepare::from(assignment()).try_into(), Ok(assignment()));
    }

    #[test]
    fn a_mix_survives_the_wire_and_must_divide_its_operations() {
        let part = |name: &str| MixedWorkload {
            name: Name::new(name).unwrap(),
            kind: "http".to_owned(),
            settings: serde_json::Map::new(),
            operations: 1,
            is_scenario: false,
        };
        let mut mixed = assignment();
        mixed
            .operations
            .push(OperationSpec { name: Name::new("write").unwrap(), ..mixed.operations[0].clone() });
        mixed.mix = Mix::Of(vec![part("one"), part("other")]);
        assert_eq!(crate::Prepare::from(mixed.clone()).try_into(), Ok(mixed.clone()));
        for operations in [0, 2, u32::MAX] {
            let mut prepare = crate::Prepare::from(mixed.clone());
            prepare.mix[0].operations = operations;
            assert_eq!(Assignment::try_from(prepare).map_err(|error| error.field), Err("mix"));
        }
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
        assert_eq!(refused(|prepare| prepare.agent_name.clear()), "agent_name");
        assert_eq!(refused(|prepare| prepare.data.get_mut("id").unwrap().source = None), "source");
        assert_eq!(refused(|prepare| prepare.settings_json = "[]".to_owned()), "settings_json");
        assert_eq!(refused(|prepare| prepare.load.as_mut().unwrap().workers = 0), "workers");
        assert_eq!(refused(|prepare| prepare.load.as_mut().unwrap().window = None), "window");
        assert_eq!(refused(|prepare| prepare.load.as_mut().unwrap().think = "soon".to_owned()), "think");
        assert_eq!(
            refused(|prepare| prepare.load.as_mut().unwrap().connect_rate = f64::INFINITY),
            "connect_rate"
        );
        assert_eq!(
            refused(|prepare| prepare.load.as_mut().unwrap().streams_per_connection = u32::MAX),
            "streams_per_connection"
        );
    }
}
