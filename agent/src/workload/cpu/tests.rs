//! The workload driven directly: every kernel reckons rightly, and says so when the host does not.

use serde_json::{Map, Value, json};
use shared::ids::Name;
use shared::job::OperationSpec;

use super::settings::KERNELS;
use super::*;
use crate::policy::Policy;

fn cpu(settings: Value, kernels: &[&str]) -> Result<Cpu, PrepareError> {
    let mut assignment = crate::values::names::tests::assignment(json!({}));
    let Value::Object(settings) = settings else { unreachable!("it is written as a table") };
    assignment.settings = settings;
    let operation = |(place, kernel): (usize, &&str)| OperationSpec {
        name: Name::new(format!("k{place}")).unwrap(),
        weight: 1.0,
        settings: Map::from_iter([("kernel".to_owned(), json!(kernel))]),
    };
    assignment.operations = kernels.iter().enumerate().map(operation).collect();
    Cpu::under(&Warden::new(Arc::new(Policy::unrestricted())), &assignment)
}

#[tokio::test]
async fn every_kernel_reckons_rightly_batch_by_batch() {
    let names: Vec<&str> = KERNELS.iter().map(|kernel| kernel.name).collect();
    let cpu = cpu(json!({}), &names).unwrap();
    let mut worker = cpu.worker(&(), Seat { worker: 0, seed: 1 });
    worker.ready().await;
    for (operation, name) in (0..).zip(names) {
        for _ in 0..2 {
            let mut outcome = Outcome::default();
            outcome.clear(0, true);
            worker.run(OperationIndex(operation), &mut outcome).await;
            assert_eq!((outcome.error, &outcome.sample), (None, &None), "{name}");
            assert!(outcome.sent_ns > 0 && outcome.ended_ns > outcome.sent_ns, "{name}: {outcome:?}");
            let [(0, rate)] = outcome.metrics[..] else { panic!("{name} has a rate: {outcome:?}") };
            assert!((rate * hardware::seconds(&outcome) - 1.0).abs() < 1e-9, "{name}");
        }
    }
}

#[test]
fn a_wrong_result_is_seen() {
    for kernel in KERNELS {
        let mut untouched = (kernel.make)();
        untouched.renew();
        assert!(untouched.check().is_err(), "{} did nothing yet", kernel.name);
    }
}

#[test]
fn the_kernels_of_the_schema_are_those_there_are() {
    let Shape::OneOf(words) = KIND.schema.operation_keys[0].shape else { panic!("it is a word") };
    assert_eq!(words, KERNELS.map(|kernel| kernel.name));
}

#[test]
fn a_kernel_of_another_version_is_refused_with_those_there_are() {
    let error = cpu(json!({}), &["integer/2"]).unwrap_err().to_string();
    assert!(error.contains("no kernel \"integer/2\"") && error.contains("integer/1, hash/1"), "{error}");
}
