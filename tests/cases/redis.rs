//! Caches, from end to end against a real Redis: exact counts, the example, bad days, and no password anywhere.

use std::time::Duration;

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{only_trial, operation, text, whole};
use fleetmark_tests::redis::Redis;
use fleetmark_tests::written::files_with;
use serde_json::{Value, json};

/// Far longer than a server takes to see that its clients are gone.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// A word that stands nowhere else.
const PASSWORD: &str = "tr0ub4dor-and-three";

fn job(url: &str, operations: &str, load: &str) -> String {
    format!(
        "name = \"cache\"\n[workload]\nkind = \"redis\"\nurl = \"{url}\"\n{operations}\n[data.id]\nrange = [1, 100]\n\
         [load]\nworkers = 4\n{load}\n[limits]\nsteal = 1\nforeign_cpu = 1\ngenerator_cpu = 1\n"
    )
}

fn run(scene: &Scene, job: &str) -> (Said, Value) {
    scene.write("job.toml", job);
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

const GET_AND_SET: &str = "[[workload.operations]]\nname = \"get\"\nweight = 3\ncommand = [\"GET\", \"key:{{id}}\"]\n\
                           [[workload.operations]]\nname = \"set\"\ncommands = [[\"SET\", \"key:{{id}}\", \"x\"], [\"EXPIRE\", \"key:{{id}}\", 60]]\npipeline = 2\n";

#[test]
fn redis_counts_exactly_the_commands_that_are_reported() {
    let scene = Scene::new();
    let redis = Redis::start(&scene);
    let (said, report) = run(&scene, &job(&redis.url(), GET_AND_SET, "iterations = 10000"));
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(&report);
    let count = |name| whole(operation(trial, name), "count");
    assert_eq!(count("*"), 10_000);
    let calls = redis.calls();
    assert_eq!(
        (calls["get"], calls["set"], calls["expire"]),
        (count("get"), 2 * count("set"), 2 * count("set"))
    );
    let hit = &operation(trial, "get")["metrics"]["hit"];
    assert_eq!((hit["kind"].as_str(), hit["count"].as_u64()), (Some("ratio"), Some(count("get"))), "{hit}");
    wait_for("all connections to be closed", GONE_WITHIN, || (redis.others_connected() == 0).then_some(()));
}

#[test]
fn the_example_holds_its_claims() {
    let scene = Scene::new();
    let example = fleetmark_tests::suites::examples("cache.toml");
    let words = ["run", &example.display().to_string(), "--json", "report.json", "--set", "limits.steal=1"];
    let quick =
        ["--set", "limits.foreign_cpu=1", "--set", "limits.generator_cpu=1", "--set", "limits.send_lag=1"];
    let said = scene.run(&[&words[..], &quick].concat());
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn a_server_that_goes_away_is_an_error_and_no_hang() {
    let scene = Scene::new();
    let mut redis = Redis::start(&scene);
    let job = job(&redis.url(), GET_AND_SET, "duration = \"3s\"");
    scene.write("job.toml", &job);
    let running =
        fleetmark_tests::running::Running::start(&scene, &["run", "job.toml", "--json", "report.json"]);
    wait_for("the first commands", GONE_WITHIN, || redis.calls().contains_key("get").then_some(()));
    redis.kill();
    let said = running.end(Duration::from_secs(60));
    let report = scene.json("report.json");
    assert_eq!(said.code, 3, "{said:?}");
    let errors = &operation(only_trial(&report), "*")["errors"];
    assert!(errors["connect"].as_u64().is_some(), "{errors}");
}

#[test]
fn a_password_is_never_told() {
    let scene = Scene::new();
    let redis = Redis::start_with(&scene, &[], Some(PASSWORD));
    let with_password = |name: &str| format!("redis://:{{{{env:{name}}}}}@127.0.0.1:{}", redis.port);
    for (given, code, kind) in [(PASSWORD, 0, None), ("another-password-of-mine", 3, Some("connect"))] {
        scene.write("job.toml", &job(&with_password("CACHE_PASSWORD"), GET_AND_SET, "iterations = 20"));
        let mut command =
            scene.command(&["run", "job.toml", "--json", "report.json", "--html", "report.html"]);
        let said = command.env("CACHE_PASSWORD", given).output().unwrap();
        assert_eq!(said.status.code(), Some(code), "{said:?}");
        let report = scene.json("report.json");
        let errors = &operation(only_trial(&report), "*")["errors"];
        assert_eq!(errors.as_object().unwrap().keys().map(String::as_str).next(), kind, "{errors}");
        let spoken = [said.stdout, said.stderr].concat();
        assert!(!String::from_utf8_lossy(&spoken).contains(given));
        assert_eq!(files_with(scene.path(), given), [""; 0], "nothing that was written holds it");
    }
    let written =
        job(&format!("redis://:{PASSWORD}@127.0.0.1:{}", redis.port), GET_AND_SET, "iterations = 1");
    scene.write("told.toml", &written);
    let refused = scene.run(&["run", "told.toml"]);
    assert_eq!(refused.code, 65, "{refused:?}");
    assert!(refused.errors.contains("{{env:NAME}}") && !refused.errors.contains(PASSWORD), "{refused:?}");
}

#[test]
fn a_server_that_wants_a_password_or_refuses_a_command_says_so() {
    let scene = Scene::new();
    let redis = Redis::start_with(&scene, &[], Some(PASSWORD));
    let (said, report) = run(&scene, &job(&redis.url(), GET_AND_SET, "iterations = 20"));
    assert_eq!(said.code, 3, "{said:?}");
    let all = operation(only_trial(&report), "*");
    assert_eq!(all["errors"], json!({ "status": 20 }));
    let message = text(&all["error_samples"][0]["message"]);
    assert!(message.contains("NOAUTH") && message.contains("give one in the url"), "{message}");
}
