//! Jobs from end to end: programs as workloads, hooks, examples, and the report that comes of them.

use std::fs;
use std::path::Path;

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{agents, altogether, only_trial, operation, trials, whole};
use serde_json::{Value, json};

/// Runs a job; the report is written beside it.
fn run(scene: &Scene, job: &str) -> (Said, Value) {
    scene.write("job.toml", job);
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    (said, scene.json("report.json"))
}

fn command(script: &str, load: &str) -> String {
    format!(
        "name = \"program\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = [\"sh\", \"-c\", '{script}']\n[load]\n{load}\n"
    )
}

#[test]
fn a_program_that_fails_is_an_exit_error() {
    let (said, report) = run(&Scene::new(), &command("echo no luck >&2; exit 3", "iterations = 5"));
    assert_eq!(said.code, 3, "{said:?}");
    let it = operation(only_trial(&report), "it");
    assert_eq!((&it["errors"], whole(it, "count")), (&json!({ "exit": 5 }), 5));
    let sample = it["error_samples"][0]["message"].as_str().unwrap();
    assert!(sample.contains('3') && sample.contains("no luck"), "{sample}");
}

#[test]
fn an_exit_status_that_was_expected_is_a_success() {
    let job = command("exit 3", "iterations = 5").replace("[load]", "expect = { exit = 3 }\n[load]");
    let (said, report) = run(&Scene::new(), &job);
    assert_eq!((said.code, &operation(only_trial(&report), "it")["errors"]), (0, &json!({})), "{said:?}");
}

#[test]
fn a_program_that_cannot_be_started_is_a_spawn_error() {
    let job = command("true", "iterations = 5").replace("\"sh\"", "\"no-such-program\"");
    let (said, report) = run(&Scene::new(), &job);
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!(operation(only_trial(&report), "it")["errors"], json!({ "spawn": 5 }));
}

#[test]
fn a_programs_cpu_time_and_memory_are_measured() {
    const MEBIBYTE: f64 = 1024.0 * 1024.0;
    // `tail` keeps all of a line without an end, and the shell waits for it: 64 MiB that are seen in the family.
    let script = "head -c 67108864 /dev/zero | tail -n 1 > /dev/null";
    let (said, report) = run(&Scene::new(), &command(script, "iterations = 4"));
    assert_eq!(said.code, 0, "{said:?}");
    let it = operation(only_trial(&report), "it");
    let metrics = it["metrics"].as_object().unwrap();
    assert_eq!(metrics.keys().collect::<Vec<_>>(), ["cpu_time", "max_memory"]);
    let (cpu, memory) = (&metrics["cpu_time"], &metrics["max_memory"]);
    assert_eq!((&cpu["unit"], &cpu["count"]), (&json!("ns"), &json!(4)));
    assert_eq!((&memory["unit"], &memory["count"]), (&json!("bytes"), &json!(4)));
    let number = |metric: &Value, key: &str| metric[key].as_f64().unwrap();
    assert!(number(cpu, "min") > 1e6, "64 MiB are not copied within a millisecond: {cpu}");
    // Two programs side by side: twice the wall time at most, and the kernel's clock ticks.
    assert!(number(cpu, "max") < 2.0 * whole(&it["latency_ns"], "max") as f64 + 20e6, "{cpu} in {it:#}");
    assert!((64.0 * MEBIBYTE..200.0 * MEBIBYTE).contains(&number(memory, "min")), "{memory}");
}

#[test]
fn programs_are_run_as_often_as_was_asked_for() {
    let scene = Scene::new();
    let marks = scene.path().join("marks");
    let load = "iterations = 30\nwarmup = { iterations = 5 }\nworkers = 3\n[fleet]\nagents = 2";
    let (said, report) = run(&scene, &command(&format!("echo x >> {}", marks.display()), load));
    assert_eq!(said.code, 0, "{said:?}");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), 30);
    let shares: Vec<u64> = agents(trial).iter().map(|agent| whole(altogether(agent), "count")).collect();
    assert_eq!(shares, [15, 15]);
    assert_eq!(fs::read_to_string(marks).unwrap().lines().count(), 35);
}

#[test]
fn hooks_run_in_their_order_around_trials_and_the_run() {
    let scene = Scene::new();
    let marks = scene.path().join("marks");
    let hook = |name: &str| format!("{name} = [[\"sh\", \"-c\", \"echo {name} >> {}\"]]\n", marks.display());
    let hooks = ["after_run", "after_trial", "before_trial", "before_run"].map(hook).concat();
    let job = command(&format!("echo it >> {}", marks.display()), "iterations = 2\ntrials = 2");
    let (said, report) = run(&scene, &format!("{job}[hooks]\n{hooks}"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(trials(&report).len(), 2);
    let trial = "before_trial it it after_trial ";
    assert_eq!(
        fs::read_to_string(marks).unwrap().replace('\n', " "),
        format!("before_run {trial}{trial}after_run ")
    );
}

#[test]
fn hooks_run_on_every_agent_of_the_trial() {
    let scene = Scene::new();
    let marks = scene.path().join("marks");
    let hooks =
        format!("[hooks]\nbefore_trial = [[\"sh\", \"-c\", \"echo $PPID >> {}\"]]\n", marks.display());
    let job = command("true", "iterations = 2\nworkers = 2\n[fleet]\nagents = 2");
    let (said, _) = run(&scene, &format!("{job}{hooks}"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(fs::read_to_string(marks).unwrap().lines().count(), 2);
}

#[test]
fn every_example_is_valid_and_runs_as_it_stands() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let files = fs::read_dir(examples).unwrap().map(|entry| entry.unwrap().path());
    let jobs: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "toml")).collect();
    assert!(!jobs.is_empty());
    for job in jobs {
        let scene = Scene::new();
        let job = job.to_str().unwrap();
        let checked = scene.run(&["check", job]);
        assert_eq!(checked.code, 0, "{job}: {checked:?}");
        // It needs a database; the tests of `kind = "sql"` run it against one.
        if ["database.toml", "setup-scope.toml"].iter().any(|name| job.ends_with(name)) {
            continue;
        }
        let mut words = vec!["run", job, "--json", "report.json"];
        if job.ends_with("hardware.toml") {
            // As it stands it takes two minutes.
            words.extend(["--set", "load.trials=1"]);
        }
        let said = scene.run(&words);
        assert_eq!(said.code, 0, "{job}: {said:?}");
        assert_eq!(departures(&scene.json("report.json")), [""; 0], "{job}");
    }
}

#[test]
fn a_report_has_every_field_of_the_contract_and_no_other() {
    let scene = Scene::new();
    let job = "[[workload.operations]]\nname = \"broken\"\ncommand = \"false\"\n[load]\niterations = 40\nworkers = 2\ntrials = 2\n[fleet]\nagents = 2\n[limits]\nerror_ratio = 1.0\n";
    let (said, report) = run(&scene, &command("true", "").replace("[load]", job));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(departures(&report), [""; 0]);
    assert_eq!(departures(&scene.run(&["show", "latest", "--json"]).json()), [""; 0]);
    assert_eq!(report["run"]["job"], json!(fs::read_to_string(scene.path().join("job.toml")).unwrap()));
    for trial in trials(&report) {
        let names = |holder: &Value| -> Vec<Value> {
            holder["operations"]
                .as_array()
                .unwrap()
                .iter()
                .map(|operation| operation["name"].clone())
                .collect()
        };
        assert_eq!(names(trial), ["it", "broken", "*"]);
        assert!(agents(trial).iter().all(|agent| names(agent) == ["it", "broken", "*"]));
    }
    assert!(!report["variants"][0]["estimates"].as_array().unwrap().is_empty());
    assert_eq!(report["hosts"].as_array().unwrap().len(), 2);
}
