//! Requests that vary over a fleet, scenarios, and what is read out of answers: a server that remembers keeps the
//! other book.

use std::collections::BTreeSet;

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::readings::{agents, altogether, only_trial, operation, whole};
use fleetmark_tests::witness::Witness;
use serde_json::{Value, json};

const ROWS: u64 = 600;

/// Runs a job on two agents; `sections` are all but its name and its fleet.
fn run_on_two(scene: &Scene, sections: &str) -> (Said, Value) {
    scene.write("job.toml", &format!("name = \"values\"\n{sections}\n[fleet]\nagents = 2\n"));
    let coordinator = Coordinator::start(scene, "store");
    let _agents = ["one", "two"].map(|name| Agent::start(scene, &coordinator.url, name, &[]));
    wait_for_agents(scene, &coordinator.url, 2);
    let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url, "--json", "report.json"]);
    let report = scene.json("report.json");
    (said, report)
}

/// Each row of some data is used exactly once by two agents with three workers each.
fn check_each_row_once(data: &str, csv: Option<&str>) {
    let scene = Scene::new();
    if let Some(content) = csv {
        scene.write("items.csv", content);
    }
    let witness = Witness::start();
    let url = witness.url();
    let sections = format!(
        "[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"{url}/item/{{{{id}}}}\"\n[data.id]\n{data}\n[load]\nworkers = 6\niterations = {ROWS}"
    );
    let (said, report) = run_on_two(&scene, &sections);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(whole(altogether(only_trial(&report)), "count"), ROWS);
    let seen = witness.seen();
    let expected: BTreeSet<String> = (1..=ROWS).map(|id| format!("GET /item/{id} 200")).collect();
    assert_eq!(seen.len() as u64, ROWS);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_fleet_uses_each_number_of_a_range_once() {
    check_each_row_once(&format!("range = [1, {ROWS}]"), None);
}

#[test]
fn a_fleet_uses_each_row_of_a_file_once_in_random_order() {
    let rows: String = (1..=ROWS).map(|id| format!("{id},x\n")).collect();
    let data = "csv = \"items.csv\"\ncolumn = \"id\"\norder = \"random\"";
    check_each_row_once(data, Some(&format!("id,other\n{rows}")));
}

#[test]
fn a_scenario_logs_in_and_uses_its_own_token_in_each_pass() {
    const PASSES: u64 = 200;
    let scene = Scene::new();
    let witness = Witness::start();
    let url = witness.url();
    let sections = format!(
        "[workload]\nkind = \"http\"\n[[workload.scenario]]\nname = \"login\"\nmethod = \"POST\"\nurl = \"{url}/login\"\nbody = \"user={{{{sequence}}}}\"\nextract = {{ token = \"json:/token\" }}\n[[workload.scenario]]\nname = \"use\"\nurl = \"{url}/use\"\nheaders = {{ authorization = \"Bearer {{{{token}}}}\" }}\nexpect = {{ status = [200] }}\n[load]\nworkers = 6\niterations = {PASSES}"
    );
    let (said, report) = run_on_two(&scene, &sections);
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(&report);
    for name in ["login", "use"] {
        let step = operation(trial, name);
        assert_eq!((whole(step, "count"), &step["errors"]), (PASSES, &json!({})), "{name}");
        let shares: Vec<u64> =
            agents(trial).iter().map(|agent| whole(operation(agent, name), "count")).collect();
        assert_eq!(shares, [PASSES / 2, PASSES / 2], "{name}");
    }
    let seen = witness.seen();
    let count = |line: &str| seen.iter().filter(|seen| *seen == line).count() as u64;
    assert_eq!((count("POST /login 200"), count("GET /use 200")), (PASSES, PASSES));
    assert_eq!(seen.len() as u64, 2 * PASSES);
}

#[test]
fn metrics_from_answers_are_exact() {
    let scene = Scene::new();
    let witness = Witness::start();
    let url = witness.url();
    let sections = format!(
        "[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"{url}/item/{{{{id}}}}\"\n[workload.operations.metrics]\nhit = {{ from = \"header:X-Cache\", kind = \"ratio\", equals = \"HIT\" }}\ntook = {{ from = \"header:x-took\", kind = \"histogram\", unit = \"ms\" }}\nsize = {{ from = \"json:/n\" }}\nabsent = {{ from = \"json:/absent\" }}\n[data.id]\nrange = [1, {ROWS}]\n[load]\nworkers = 6\niterations = {ROWS}"
    );
    let (said, report) = run_on_two(&scene, &sections);
    assert_eq!(said.code, 0, "{said:?}");
    let metrics = &operation(only_trial(&report), "read")["metrics"];
    let figure = |metric: &str, figure: &str| metrics[metric][figure].as_f64().expect("a number");
    let is_near = |seen: f64, expected: f64| (seen - expected).abs() < 1e-9 * expected.abs();
    let mean = (ROWS + 1) as f64 / 2.0;
    assert!(is_near(figure("hit", "mean"), 0.5), "{metrics:#}");
    assert!(is_near(figure("size", "mean"), mean), "{metrics:#}");
    assert!(is_near(figure("took", "mean"), mean * 1e6), "{metrics:#}");
    assert_eq!((figure("size", "min"), figure("size", "max")), (1.0, ROWS as f64));
    for metric in ["hit", "took", "size"] {
        assert_eq!(whole(&metrics[metric], "count"), ROWS, "{metric}");
    }
    assert!(metrics.get("absent").is_none_or(|absent| absent["count"] == json!(0)), "{metrics:#}");
}
