//! The workload driven directly: what it measures, and what it refuses.

use serde_json::{Value, json};
use shared::ids::Name;
use shared::job::OperationSpec;

use super::*;
use crate::policy::Policy;

fn memory(operations: Value, workers: u32) -> Result<Memory, String> {
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    assignment.settings = serde_json::Map::new();
    assignment.load.workers = workers;
    let Value::Object(operations) = operations else { unreachable!("it is written as a table") };
    let spec = |(name, settings): (String, Value)| OperationSpec {
        name: Name::new(name).unwrap(),
        weight: 1.0,
        settings: settings.as_object().cloned().unwrap(),
    };
    assignment.operations = operations.into_iter().map(spec).collect();
    let warden = Warden::new(Arc::new(Policy::unrestricted()));
    let threads = Settings::threads(&assignment, &warden).map_err(|error| error.to_string())?;
    let operations = Settings::read(&assignment, threads).map_err(|error| error.to_string())?;
    Ok(Memory { operations: operations.into(), threads })
}

async fn outcomes(memory: &Memory, operation: u16, count: usize) -> Vec<Outcome> {
    let mut worker = memory.worker(&(), Seat { worker: 0, seed: 1 });
    worker.ready().await;
    let mut outcomes = Vec::new();
    for _ in 0..count {
        let mut outcome = Outcome::default();
        outcome.clear(0, true);
        worker.run(OperationIndex(operation), &mut outcome).await;
        assert_eq!(outcome.sample, None);
        outcomes.push(outcome);
    }
    outcomes
}

#[tokio::test]
async fn a_pass_tells_its_bytes_and_how_fast_they_went() {
    let passes = json!({ "triad": { "kernel": "triad/1", "size": "2MiB" } });
    let memory = memory(passes, 2).unwrap();
    let outcome = outcomes(&memory, 0, 1).await.remove(0);
    // Two threads share the array, and each reads two of them and writes one.
    assert_eq!((outcome.bytes_received, outcome.bytes_sent), (2 << 20, 1 << 20));
    let [(0, bandwidth)] = outcome.metrics[..] else { panic!("it has a bandwidth: {outcome:?}") };
    let reckoned = f64::from(3 << 20) / 1e6 / hardware::seconds(&outcome);
    assert!((bandwidth / reckoned - 1.0).abs() < 1e-9, "{bandwidth}");
}

#[tokio::test]
async fn a_chase_tells_the_time_of_a_load() {
    let memory = memory(json!({ "near": { "kernel": "chase/1", "size": 4096 } }), 1).unwrap();
    assert_eq!(memory.metrics(OperationIndex(0))[0].name, "load_time");
    let outcome = outcomes(&memory, 0, 1).await.remove(0);
    let [(0, load_ns)] = outcome.metrics[..] else { panic!("it has a time: {outcome:?}") };
    assert!(load_ns > 0.1 && load_ns < 1_000.0, "{load_ns}");
}

#[tokio::test]
async fn a_curve_goes_from_the_nearest_cache_to_beyond_the_last() {
    let Ok(memory) = memory(json!({ "curve": { "kernel": "chase/1" } }), 1) else {
        // A host that does not tell its caches: what it says then is another test's.
        return;
    };
    let names: Vec<&str> =
        memory.metrics(OperationIndex(0)).iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names[..2], ["load_time_4KiB", "load_time_8KiB"]);
    let caches = crate::host::capacity::last_level_caches_bytes().unwrap();
    let last = *memory.operations[0].task.chased().last().unwrap() as u64;
    assert!((4 * caches..8 * caches).contains(&last) || last == 8 << 30, "{names:?}");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_do() {
    for (operation, words) in [
        (json!({ "kernel": "triad/2" }), "no kernel \"triad/2\""),
        (json!({ "kernel": "chase/1", "size": 8 }), "`size` is 8 bytes for each thread, and must be from 64"),
        (json!({ "kernel": "add/1", "size": "1000TiB" }), "give the operations a smaller `size`"),
        (json!({ "kernel": "add/1", "size": "1 GiBi" }), "`size`"),
        (json!({ "kernel": "add/1", "sizes": 1 }), "unknown field `sizes`"),
    ] {
        let error = memory(json!({ "it": operation }), 1).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}
