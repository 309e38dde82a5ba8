//! Scenarios: steps that one worker runs in order.

use crate::shared::job::LoadModel;
use crate::{errors, read};

const SCENARIO: &str = r#"
name = "shop"

[workload]
kind = "http"

[[workload.scenario]]
name = "login"
url = "http://h/login"
extract = { token = "json:/token" }

[[workload.scenario]]
name = "read"
url = "http://h/read?token={{token}}"

[load]
model = "open"
rate = 10
think = "uniform(1ms,5ms)"
"#;

#[test]
fn steps_become_operations_in_their_order() {
    let job = read(SCENARIO).unwrap();
    let names: Vec<&str> = job.workload.operations.iter().map(|step| step.name.as_str()).collect();
    assert_eq!((job.workload.is_scenario, names.as_slice()), (true, ["login", "read"].as_slice()));
    assert!(!job.workload.settings.contains_key("scenario"));
    assert_eq!((job.load.model, job.load.think.is_some()), (LoadModel::Open, true));
    let resolved = job.resolved(&Default::default()).unwrap();
    assert!(resolved.workload.is_scenario);
    assert_eq!(resolved.workload.operations[1].settings["url"], "http://h/read?token={{token}}");
}

#[test]
fn a_step_has_a_name_and_no_weight() {
    let text = SCENARIO.replace("name = \"read\"", "name = \"login\"\nweight = 2") + "pace = \"1s\"\n";
    insta::assert_snapshot!(errors(&text), @r#"
    13:8: workload.scenario.login.name: there are two operations called "login" (give it another name)
    14:1: workload.scenario.login.weight: "weight" contradicts a scenario, which runs its steps in order (leave it out, or write [[workload.operations]])
    21:1: load.pace: "pace" contradicts the open model, whose operations are due by its rate (leave it out, or write model = "closed")
    "#);
    let text = "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"a\"\n[[workload.scenario]]\nurl = \"b\"\n";
    insta::assert_snapshot!(errors(text), @r#"
    6:1: workload.scenario.0: there are two operations called "http" (give each operation a name)
    6:12: workload.scenario: "scenario" contradicts "operations": give one of them
    "#);
    insta::assert_snapshot!(errors("name = \"j\"\n[workload]\nkind = \"http\"\nscenario = []\n"), @r#"2:2: workload: "operations" is missing: this kind needs at least one (add [[workload.operations]])"#);
}
