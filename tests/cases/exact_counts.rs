//! Nothing is counted that was not sent, and nothing is sent that is not counted: nginx keeps the other book.

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::nginx::Nginx;
use fleetmark_tests::readings::{agents, altogether, only_trial, operation, whole};
use serde_json::{Value, json};

const ITERATIONS: u64 = 20_000;

/// Two agents share 20,000 requests over eight connections. `more` are further lines of `[load]`.
fn job(scene: &Scene, operations: &str, more: &str) {
    let text = format!(
        "name = \"exact\"\n[workload]\nkind = \"http\"\n{operations}\n[load]\nworkers = 8\niterations = {ITERATIONS}\n{more}\n[fleet]\nagents = 2\n"
    );
    scene.write("job.toml", &text);
}

fn one_operation(url: &str) -> String {
    format!("[[workload.operations]]\nname = \"read\"\nurl = \"{url}/read\"\n")
}

/// What holds of every report of such a run.
fn check_report(said: &Said, report: &Value) {
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(report);
    assert_eq!(trial["valid"], json!(true), "{:#}", trial["findings"]);
    let all = altogether(trial);
    assert_eq!((whole(all, "count"), whole(all, "unsent")), (ITERATIONS, 0));
    assert_eq!(all["errors"], json!({}));
    assert_eq!(whole(&all["latency_ns"], "count"), ITERATIONS);
    let shares: Vec<u64> = agents(trial).iter().map(|agent| whole(altogether(agent), "count")).collect();
    assert_eq!(shares, [ITERATIONS / 2, ITERATIONS / 2], "each agent counts its own share");
}

#[test]
fn local_agents_send_exactly_what_is_counted() {
    let scene = Scene::new();
    let nginx = Nginx::start(&scene);
    job(&scene, &one_operation(&nginx.url), "");
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    check_report(&said, &scene.json("report.json"));
    let log = nginx.stop();
    assert_eq!(log.len() as u64, ITERATIONS);
    assert!(log.iter().all(|line| line == "GET /read 200"), "{:?}", log.first());
}

#[test]
fn over_http2_exactly_what_is_counted_is_sent() {
    let scene = Scene::new();
    let nginx = Nginx::start_http2(&scene);
    let operation = format!("{}version = \"2\"\ntls = {{ insecure = true }}\n", one_operation(&nginx.url));
    job(&scene, &operation, "streams_per_connection = 4\nnew_connection_every = 1000");
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    check_report(&said, &scene.json("report.json"));
    let log = nginx.stop();
    assert_eq!(log.len() as u64, ITERATIONS);
    assert!(log.iter().all(|line| line == "GET /read 200 HTTP/2"), "{:?}", log.first());
}

#[test]
fn a_fleet_of_processes_sends_exactly_what_is_counted() {
    let scene = Scene::new();
    let nginx = Nginx::start(&scene);
    job(&scene, &one_operation(&nginx.url), "");
    let coordinator = Coordinator::start(&scene, "store");
    let _agents = ["one", "two"].map(|name| Agent::start(&scene, &coordinator.url, name, &[]));
    wait_for_agents(&scene, &coordinator.url, 2);
    let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url, "--json", "report.json"]);
    let report = scene.json("report.json");
    check_report(&said, &report);
    let names: Vec<&Value> = agents(only_trial(&report)).iter().map(|agent| &agent["name"]).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(nginx.stop().len() as u64, ITERATIONS);
}

#[test]
fn a_warm_up_is_sent_and_counts_nowhere() {
    const WARM_UP: u64 = 100;
    let scene = Scene::new();
    let nginx = Nginx::start(&scene);
    let url = &nginx.url;
    let operations = format!(
        "[[workload.operations]]\nname = \"read\"\nweight = 80\nurl = \"{url}/read\"\n[[workload.operations]]\nname = \"write\"\nweight = 20\nmethod = \"POST\"\nbody = \"x\"\nurl = \"{url}/write\"\n"
    );
    job(&scene, &operations, &format!("warmup = {{ iterations = {WARM_UP} }}"));
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    check_report(&said, &report);
    let log = nginx.stop();
    assert_eq!(log.len() as u64, ITERATIONS + WARM_UP);

    let trial = only_trial(&report);
    let mut not_counted = 0;
    for (name, line) in [("read", "GET /read 200"), ("write", "POST /write 200")] {
        let count = whole(operation(trial, name), "count");
        let logged = log.iter().filter(|logged| *logged == line).count() as u64;
        not_counted += logged.checked_sub(count).expect("no more is counted than was sent");
        let by_agents: u64 = agents(trial).iter().map(|agent| whole(operation(agent, name), "count")).sum();
        assert_eq!(by_agents, count, "{name}");
    }
    assert_eq!(not_counted, WARM_UP);
    // Weights are drawn: 16,000 of 20,000, whose standard deviation is 57; five of them are left to chance.
    let reads = whole(operation(trial, "read"), "count");
    assert!(reads.abs_diff(16_000) < 285, "{reads} of {ITERATIONS} are reads");
}
