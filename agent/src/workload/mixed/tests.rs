//! A mix of the kinds of the table, prepared as an agent does.

use serde_json::json;
use shared::ids::Name;
use shared::job::{DataColumn, DataOrder, DataSource, MixedWorkload, OperationSpec, Warmup, Window};
use shared::plan::Mix as Mixed;

use super::*;
use crate::engine::clock::now_ns;
use crate::engine::tests::assignment;
use crate::policy::Policy;

fn operation(name: &str, settings: serde_json::Value) -> OperationSpec {
    let settings = settings.as_object().unwrap().clone();
    OperationSpec { name: Name::new(name).unwrap(), weight: 1.0, settings }
}

fn part(name: &str, kind: &str, operations: usize) -> MixedWorkload {
    MixedWorkload {
        name: Name::new(name).unwrap(),
        kind: kind.to_owned(),
        settings: serde_json::Map::new(),
        operations,
        is_scenario: false,
    }
}

/// Two workloads that run programs, with one operation and two.
fn programs(first: &str, second: &str, third: &str) -> Assignment {
    let command = |name, command: &str| operation(name, json!({ "command": command }));
    let column =
        |last| DataColumn { source: DataSource::Range { first: 1, last }, order: DataOrder::Sequential };
    Assignment {
        operations: vec![command("one", first), command("two", second), command("three", third)],
        mix: Mixed::Of(vec![part("left", "command", 1), part("right", "command", 2)]),
        data: [("id".to_owned(), column(9)), ("idle".to_owned(), column(9))].into(),
        files: [("a.csv".to_owned(), Vec::new())].into(),
        ..assignment(1, Warmup::Iterations(0), Window::Iterations(1))
    }
}

fn prepared(assignment: &Assignment, policy: Policy) -> Result<Arc<dyn Drive>, String> {
    prepare(assignment, &Warden::new(Arc::new(policy))).map_err(|error| error.to_string())
}

#[test]
fn each_part_has_its_own_operations_and_what_they_use() {
    let parts = programs("true {{id}}", "true", "false").parts();
    let names = |part: &Assignment| part.operations.iter().map(|it| it.name.to_string()).collect::<Vec<_>>();
    assert_eq!(parts.iter().map(names).collect::<Vec<_>>(), [vec!["one"], vec!["two", "three"]]);
    assert_eq!(parts[0].data.keys().collect::<Vec<_>>(), ["id"]);
    assert!(parts[1].data.is_empty() && parts.iter().all(|part| part.files.is_empty()));
    assert_eq!(parts[1].mix, Mixed::Part { index: 1, count: 2 });
    let alone = assignment(1, Warmup::Iterations(0), Window::Iterations(1));
    assert_eq!(alone.clone().parts(), [alone]);
}

#[tokio::test(flavor = "current_thread")]
async fn an_operation_goes_to_the_workload_whose_it_is() {
    let local = tokio::task::LocalSet::new();
    let run = async {
        let mix = prepared(&programs("true", "false", "sh -c 'exit 3'"), Policy::unrestricted()).unwrap();
        let mut worker = mix.desk().worker(Seat { worker: 0, seed: 1 });
        worker.ready().await;
        let mut samples = Vec::new();
        for operation in 0..3 {
            let mut outcome = Outcome::default();
            outcome.clear(now_ns(), true);
            worker.run(OperationIndex(operation), &mut outcome).await;
            samples.push(outcome.sample.map(|sample| sample.message));
        }
        samples
    };
    let samples = local.run_until(run).await;
    assert_eq!(samples[0], None);
    assert!(samples[1].as_ref().is_some_and(|message| message.contains('1')), "{samples:?}");
    assert!(samples[2].as_ref().is_some_and(|message| message.contains('3')), "{samples:?}");
}

#[test]
fn what_is_wrong_with_one_is_told_with_its_name() {
    let wrong = programs("true", "", "true");
    let error = prepared(&wrong, Policy::unrestricted()).map(drop).unwrap_err();
    assert!(error.starts_with("the workload right: "), "{error}");
}

#[test]
fn every_kind_of_a_mix_must_be_allowed() {
    let mut mixed = programs("true", "true", "true");
    mixed.mix = Mixed::Of(vec![part("left", "http", 1), part("right", "command", 2)]);
    let refused = Policy::default().check(&mixed).map_err(|refusal| refusal.to_string());
    assert!(refused.is_err_and(|refusal| refusal.contains("command")));
    let mut policy = Policy::default();
    policy.allow("command");
    assert_eq!(policy.check(&mixed), Ok(()));
}
