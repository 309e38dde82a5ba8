//! The slowest operations of a run: which they are, who did them when, and what they asked for.

use fleetmark_tests::cast::Scene;
use fleetmark_tests::readings::{list, text};

const JOB: &str = r#"
name = "slowest"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/item/{{id}}"
headers = { authorization = "Basic c2VjcmV0", x-trace = "{{id}}" }
[data.id]
range = [1, 100000]
[load]
workers = 3
warmup = "300ms"
duration = "1500ms"
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "lognormal(2ms,0.8)"]
ready = "http://{{target.host}}:{{target.port}}/health"
[limits]
steal = 1.0
foreign_cpu = 1.0
"#;

#[test]
fn the_slowest_operations_are_told_with_their_requests_and_without_credentials() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    let said =
        scene.run(&["run", "job.toml", "--json", "run.json", "--markdown", "run.md", "--html", "run.html"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("run.json");
    let trial = &report["variants"][0]["trials"][0];
    let slowest = list(&trial["slowest"]);
    assert_eq!(slowest.len(), 20, "{trial:#}");
    let latencies: Vec<u64> = slowest.iter().filter_map(|slow| slow["latency_ns"].as_u64()).collect();
    assert!(latencies.iter().rev().is_sorted(), "slowest first: {latencies:?}");
    // The histogram's buckets are true to 0.1 %.
    let max = trial["operations"][0]["latency_ns"]["max"].as_u64().expect("a longest latency");
    assert!(latencies[0].abs_diff(max) * 1_000 <= max, "{} and {max}", latencies[0]);
    for slow in slowest {
        let request = text(&slow["request"]);
        assert!(request.starts_with("GET /item/"), "{request}");
        assert!(request.contains("authorization: <masked>") && !request.contains("c2VjcmV0"), "{request}");
        assert!(slow["worker"].as_u64().is_some_and(|worker| worker < 3), "{slow}");
        assert!(slow["offset_ns"].as_u64().is_some_and(|offset| offset < 20_000_000_000), "{slow}");
        assert_eq!((text(&slow["agent"]), text(&slow["operation"])), ("local-1", "read"));
    }
    assert!(said.out.contains("\nSlowest\n"), "{}", said.out);
    for file in ["run.md", "run.html"] {
        let page = std::fs::read_to_string(scene.path().join(file)).expect("a page");
        assert!(page.contains("Slowest operations") && page.contains("/item/"), "{file}: {page}");
    }
}

#[test]
fn the_slowest_programs_are_told_with_their_words_and_without_secrets() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "name = \"slowest\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\n\
         command = \"true --number {{id}} --key {{env:FLEETMARK_TEST_KEY}}\"\n[data.id]\nrange = [1, 1000]\n\
         [load]\niterations = 30\n[limits]\nsteal = 1.0\nforeign_cpu = 1.0\n",
    );
    let mut command = scene.command(&["run", "job.toml", "--json", "run.json"]);
    let status = command.env("FLEETMARK_TEST_KEY", "correct-horse-battery").status().expect("it starts");
    assert!(status.success());
    let report = scene.json("run.json");
    let slowest = list(&report["variants"][0]["trials"][0]["slowest"]);
    assert_eq!(slowest.len(), 20);
    for slow in slowest {
        let request = text(&slow["request"]);
        assert!(request.starts_with("true --number ") && !request.contains("battery"), "{request}");
    }
}
