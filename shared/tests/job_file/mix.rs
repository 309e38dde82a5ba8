//! Several workloads in one job.

use std::collections::BTreeMap;

use serde_json::json;

use crate::shared::job::overrides;
use crate::{errors, read};

const MIX: &str = r#"
name = "shop"
[params]
base = "http://h"

[[workloads]]
kind = "http"
weight = 60
[[workloads.operations]]
name = "list"
url = "{{base}}/list"
weight = 3
[[workloads.operations]]
name = "read"
url = "{{base}}/read/{{id}}"

[[workloads]]
name = "checkout"
kind = "http"
weight = 30
[[workloads.scenario]]
name = "login"
url = "{{base}}/login"
[[workloads.scenario]]
name = "pay"
url = "{{base}}/pay"

[[workloads]]
kind = "command"
weight = 10
[[workloads.operations]]
name = "digest"
command = "sha256sum /dev/null"

[data.id]
range = [1, 9]
"#;

#[test]
fn the_share_of_a_workload_is_the_sum_of_its_operations_shares() {
    let job = read(MIX).unwrap();
    let operations: Vec<(&str, f64)> =
        job.workload.operations.iter().map(|one| (one.name.as_str(), one.weight)).collect();
    assert_eq!(
        operations,
        [("list", 45.0), ("read", 15.0), ("login", 30.0), ("pay", 30.0), ("digest", 10.0)]
    );
    let parts = job.workload.parts();
    let parts: Vec<_> = parts
        .iter()
        .map(|part| {
            (
                part.name.map(|name| name.as_str()),
                part.kind,
                part.operations.len(),
                part.is_scenario,
                part.weight(),
            )
        })
        .collect();
    assert_eq!(
        parts,
        [
            (Some("http"), "http", 2, false, 60.0),
            (Some("checkout"), "http", 2, true, 30.0),
            (Some("command"), "command", 1, false, 10.0),
        ]
    );
    assert_eq!(job.workload.kind, "http + http + command");
    assert_eq!(job.workload.kinds().collect::<Vec<_>>(), ["http", "http", "command"]);
}

#[test]
fn templates_of_every_workload_are_filled_in() {
    let resolved = read(MIX).unwrap().resolved(&BTreeMap::new()).unwrap();
    let parts = resolved.workload.parts();
    assert_eq!(parts[0].operations[1].settings["url"], "http://h/read/{{id}}");
    assert_eq!(parts[1].operations[1].settings["url"], "http://h/pay");
}

#[test]
fn one_of_workloads_is_what_a_workload_is() {
    let one = read("name = \"j\"\n[[workloads]]\nkind = \"http\"\nweight = 5\n[[workloads.operations]]\nurl = \"http://h/\"\nweight = 4\n").unwrap();
    let other = read("name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"http://h/\"\nweight = 4\n").unwrap();
    assert_eq!(one.workload, other.workload);
}

#[test]
fn paths_step_to_a_workload_by_its_name_or_its_kind() {
    let set = |path: &str| overrides::apply(MIX, path, "7").map_err(|error| error.to_string());
    for path in [
        "workloads.http.weight",
        "workloads.checkout.weight",
        "workloads.command.weight",
        "workloads.2.weight",
    ] {
        let changed = read(&set(path).unwrap()).unwrap();
        assert!(changed.workload.parts().iter().any(|part| part.weight() == 7.0), "{path}");
    }
    let changed = set("workloads.http.operations.read.timeout").unwrap();
    assert!(changed.contains("url = \"{{base}}/read/{{id}}\"\ntimeout = 7\n"), "{changed}");
    assert_eq!(
        set("workloads.sql.weight"),
        Err("workloads has no entry named \"sql\"; there is: http, checkout, command".to_owned())
    );
}

#[test]
fn the_share_of_a_workload_can_be_swept() {
    let job = read(&format!("{MIX}\n[sweep]\n\"workloads.command.weight\" = [0.1, 900]\n")).unwrap();
    let of_command = |variant: usize| job.variants[variant].job.workload.operations[4].weight;
    assert_eq!((of_command(0), of_command(1)), (0.1, 900.0));
    assert_eq!(job.variants[0].parameters["workloads.command.weight"], json!(0.1));
}

#[test]
fn what_cannot_be_told_apart_is_an_error() {
    let twins = "name = \"j\"\n[[workloads]]\nkind = \"http\"\n[[workloads.operations]]\nname = \"read\"\nurl = \"http://h/\"\n\
                 [[workloads]]\nkind = \"http\"\n[[workloads.operations]]\nname = \"read\"\nurl = \"http://h/\"\n";
    assert_eq!(
        errors(twins).lines().collect::<Vec<_>>(),
        [
            "8:8: workloads.http.kind: there are two workloads called \"http\" (give each a name of its own: name = \"…\")",
            "10:8: workloads.http.operations.read.name: another workload has an operation called \"read\" (give it another name: metrics name operations only)",
        ]
    );
    assert_eq!(
        errors("name = \"j\"\nworkloads = []\n").trim(),
        "2:13: workloads: expected at least one workload"
    );
}

#[test]
fn what_one_workload_takes_out_of_answers_another_does_not_know() {
    let text = "name = \"j\"\n[[workloads]]\nkind = \"http\"\n[[workloads.operations]]\nname = \"login\"\nurl = \"http://h/\"\n\
                extract = { token = \"json:/token\" }\n[[workloads]]\nkind = \"command\"\n[[workloads.operations]]\ncommand = \"echo {{token}}\"\n";
    assert_eq!(
        errors(text).lines().collect::<Vec<_>>(),
        [
            "11:11: workloads.command.operations.0.command: \"token\" is taken out of answers by another workload, and known only there (take it out in this workload too, or use [data])"
        ]
    );
}

#[test]
fn connections_have_a_meaning_when_one_of_the_kinds_opens_some() {
    assert!(read(&format!("{MIX}\n[load]\nconnect_rate = 10\n")).is_ok());
}
