//! Variants from end to end: what is compared runs side by side, each as its own job says, in an order that is balanced and stored.

use std::collections::{BTreeMap, BTreeSet};

use fleetmark_tests::cast::Scene;
use fleetmark_tests::contract::departures;
use fleetmark_tests::java::read_histograms;
use fleetmark_tests::readings::{altogether, list, text, whole};
use fleetmark_tests::restarted::run_across_a_restart;
use serde_json::{Value, json};

const BLOCKS: u64 = 4;
const NAMES: [&str; 4] =
    ["old,load.workers=1", "old,load.workers=3", "new,load.workers=1", "new,load.workers=3"];

/// Two builds of one server, the second of which takes 12 ms for what the first does in 2 ms, each under two loads.
const JOB: &str = r#"
name = "builds"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/{{build}}"
[params]
build = "old"
latency = "2ms"
[load]
iterations = 45
trials = 4
seed = 11
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "{{latency}}"]
ready = "http://{{target.host}}:{{target.port}}/health"
[[variants]]
name = "old"
[[variants]]
name = "new"
set = { "params.build" = "new", "params.latency" = "12ms" }
[sweep]
"load.workers" = [1, 3]
"#;

/// The order in which variants ran: of each block their names, by place.
fn order(report: &Value) -> BTreeMap<(u64, u64), &str> {
    let variants = list(&report["variants"]).iter();
    let places = variants.flat_map(|variant| {
        let name = text(&variant["name"]);
        list(&variant["trials"])
            .iter()
            .map(move |trial| ((whole(trial, "block"), whole(trial, "order")), name))
    });
    places.collect()
}

#[test]
fn every_variant_is_measured_in_every_block_as_its_own_job_says() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    let planned = scene.run(&["plan", "job.toml", "--json"]).json();
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0]);
    let variants = list(&report["variants"]);
    let names: Vec<&str> = variants.iter().map(|variant| text(&variant["name"])).collect();
    assert_eq!(names, NAMES);
    assert_eq!(
        variants[3]["parameters"],
        json!({ "params.build": "new", "params.latency": "12ms", "load.workers": 3 })
    );
    for (variant, name) in variants.iter().zip(NAMES) {
        let trials = list(&variant["trials"]);
        assert_eq!(trials.len() as u64, BLOCKS);
        for trial in trials {
            assert_eq!((whole(altogether(trial), "count"), &trial["valid"]), (45, &json!(true)), "{trial}");
        }
        let p50_ms = whole(&altogether(variant)["latency_ns"], "p50") / 1_000_000;
        let is_as_slow = if name.starts_with("old") { (2..12).contains(&p50_ms) } else { p50_ms >= 12 };
        assert!(is_as_slow, "{name} has a median of {p50_ms} ms");
        assert!(said.out.contains(name), "{}", said.out);
    }
    let per_s = |place: usize| altogether(&variants[place])["throughput_per_s"].as_f64().unwrap();
    assert!(per_s(3) > 2.0 * per_s(2), "three workers do {} a second, one {}", per_s(3), per_s(2));
    check_order(&report, &planned);
    check_with_the_independent_reader(&scene, &report);
}

/// Each variant stood at each place once in four blocks, and the plan said so before.
fn check_order(report: &Value, planned: &Value) {
    let order = order(report);
    assert_eq!(order.len() as u64, BLOCKS * NAMES.len() as u64);
    let places: BTreeSet<(&str, u64)> = order.iter().map(|((_, place), name)| (*name, *place)).collect();
    assert_eq!(places.len(), NAMES.len() * NAMES.len(), "{order:?}");
    let of_plan: BTreeMap<(u64, u64), &str> = list(&planned["trials"])
        .iter()
        .map(|trial| ((whole(trial, "block"), whole(trial, "order")), text(&trial["variant"])))
        .collect();
    assert_eq!(order, of_plan, "the seed is the job's: the order is known before it runs");
    assert_eq!(report["run"]["seed"], json!(11));
}

/// What Java's HdrHistogram reads out of the export is what each variant's figures say.
fn check_with_the_independent_reader(scene: &Scene, report: &Value) {
    let exported = scene.run(&["export", "latest", "--format", "json"]).json();
    let lines: Vec<String> = list(&exported["variants"])
        .iter()
        .map(|variant| {
            format!("{}@all {}\n", text(&variant["name"]), text(&altogether(variant)["latency_histogram"]))
        })
        .collect();
    let read = read_histograms(&scene.write("histograms", &lines.concat()));
    for variant in list(&report["variants"]) {
        let (name, all) = (text(&variant["name"]), altogether(variant));
        let theirs = &read[&format!("{name}@all")];
        assert_eq!(theirs.count, whole(all, "count"), "{name}");
        let p50 = whole(&all["latency_ns"], "p50");
        assert!(theirs.p50.abs_diff(p50) <= theirs.p50 / 1024, "{name}: {} there and {p50} here", theirs.p50);
    }
}

#[test]
fn the_log_for_other_tools_tells_variants_apart() {
    let scene = Scene::new();
    let job = JOB.replace("trials = 4", "trials = 1").replace("iterations = 45", "iterations = 6");
    scene.write("job.toml", &job);
    assert_eq!(scene.run(&["run", "job.toml", "--json", "report.json"]).code, 0);
    let log = scene.run(&["export", "latest", "--format", "hlog"]).out;
    let rows = scene.run(&["export", "latest", "--format", "csv"]).out;
    for name in NAMES {
        assert!(log.contains(&format!("Tag=read@local-1@{},", name.replace(',', ";"))), "{log}");
        assert!(rows.contains(&format!("\"{name}\",0,")), "{rows}");
    }
}

#[test]
fn a_restarted_coordinator_goes_on_in_the_middle_of_a_block() {
    let job = JOB.replace("iterations = 45", "duration = \"700ms\"").replace("trials = 4", "trials = 2");
    let (said, report) = run_across_a_restart(&job, "trial 3/8");
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(order(&report).len(), 8);
    for variant in list(&report["variants"]) {
        let valid: BTreeSet<u64> = list(&variant["trials"])
            .iter()
            .filter(|trial| trial["valid"] == true)
            .map(|trial| whole(trial, "block"))
            .collect();
        assert_eq!(valid, [0, 1].into(), "{}", variant["name"]);
    }
}

#[test]
fn what_is_wrong_with_a_variant_is_told_at_its_own_line() {
    let scene = Scene::new();
    scene.write("job.toml", &JOB.replace("[1, 3]", "[1, 0]"));
    let said = scene.run(&["check", "job.toml"]);
    assert_eq!(said.code, 65, "{said:?}");
    assert!(said.errors.contains("variant \"old,load.workers=0\": load.workers: expected"), "{said:?}");
    assert!(said.errors.contains("\"load.workers\" = [1, 0]"), "{said:?}");
    scene.write("job.toml", JOB);
    assert_eq!(scene.run(&["check", "job.toml", "--json"]).json()["variants"], json!(NAMES));
    let page = scene.run(&["plan", "job.toml"]).out;
    assert!(page.contains("16 trials (4 blocks of 4 variants)"), "{page}");
    assert!(page.contains("variant new,load.workers=3: 3 workers"), "{page}");
}
