//! Variants: which there are, what each of them is, and what cannot be one.

use std::time::Duration;

use serde_json::json;

use crate::shared::ids::VariantIndex;
use crate::shared::job::variants::VARIANTS_MAX;
use crate::shared::job::{Job, TargetRestart, Window};
use crate::shared::plan::TRIALS_MAX;
use crate::{errors, job_with, read};

const TARGET: &str = "[target]\nstart = [\"serve\", \"--port\", \"{{target.port}}\", \"{{speed}}\"]\n[params]\nspeed = \"slow\"\n";

fn names(job: &Job) -> Vec<&str> {
    job.variants.iter().map(|variant| variant.name.as_str()).collect()
}

#[test]
fn a_job_without_variants_is_its_own_only_one() {
    let job = read(&job_with("")).unwrap();
    assert!(job.variants.is_empty());
    assert_eq!(job.of_variant(VariantIndex(0)), &job);
    assert_eq!(job.each_variant().count(), 1);
    assert_eq!(job.load.trials, 1);
}

#[test]
fn variants_are_every_named_one_times_every_combination_in_the_order_of_the_file() {
    let text = job_with(
        "[sweep]\n\"load.workers\" = [1, 8]\n\"load.think\" = [\"1ms\", \"2ms\"]\n\
         [[variants]]\nname = \"default\"\n[[variants]]\nname = \"new\"\nset = { \"workload.operations.http.url\" = \"http://new/\" }\n",
    );
    let job = read(&text).unwrap();
    assert_eq!(
        names(&job),
        [
            "load.workers=1,load.think=1ms",
            "load.workers=1,load.think=2ms",
            "load.workers=8,load.think=1ms",
            "load.workers=8,load.think=2ms",
            "new,load.workers=1,load.think=1ms",
            "new,load.workers=1,load.think=2ms",
            "new,load.workers=8,load.think=1ms",
            "new,load.workers=8,load.think=2ms",
        ]
    );
    let last = &job.variants[7];
    assert_eq!(last.parameters["load.workers"], json!(8));
    assert_eq!(last.parameters["workload.operations.http.url"], json!("http://new/"));
    assert_eq!(last.job.load.workers, Some(8));
    assert_eq!(last.job.workload.operations[0].settings["url"], json!("http://new/"));
    assert_eq!(job.variants[0].job.workload.operations[0].settings["url"], json!("http://h/"));
    assert_eq!(job.of_variant(VariantIndex(7)), &*last.job);
    assert!(last.job.variants.is_empty());
}

#[test]
fn variants_compare_so_there_are_ten_trials_of_each_unless_the_job_says_otherwise() {
    let trials = |lines: &str| {
        let job = read(&job_with(lines)).unwrap();
        assert!(job.variants.iter().all(|variant| variant.job.load.trials == job.load.trials));
        job.load.trials
    };
    assert_eq!(trials("[sweep]\n\"load.workers\" = [1, 2]\n"), 10);
    assert_eq!(trials("[sweep]\n\"load.workers\" = [1]\n"), 1);
    let until = "[load]\ntrials = { until = \"settled\", at_most = 20 }\n[[claims]]\nmetric = \"latency.mean\"\nbelow = \"1s\"\n";
    assert_eq!(trials(&format!("{until}[sweep]\n\"load.workers\" = [1, 2]\n")), 20);
    assert_eq!(trials("[load]\ntrials = 3\nseed = 7\n[sweep]\n\"load.workers\" = [1, 2]\n"), 3);
}

#[test]
fn a_swept_param_reaches_every_text_that_names_it() {
    let text = job_with(
        "body = \"{{n}}\"\n[params]\nn = 1\n[load]\nduration = \"{{n}}s\"\n[data.id]\nvalues = [\"{{n}}\"]\n[sweep]\n\"params.n\" = [2, 3]\n",
    );
    let job = read(&text).unwrap();
    assert_eq!(names(&job), ["params.n=2", "params.n=3"]);
    let second = job.of_variant(VariantIndex(1));
    assert_eq!(second.load.window, Window::For(Duration::from_secs(3)));
    let resolved = second.resolved(&Default::default()).unwrap();
    assert_eq!(resolved.workload.operations[0].settings["body"], json!("3"));
}

#[test]
fn swept_values_keep_their_type() {
    let text = job_with("[load]\nmodel = \"open\"\nrate = 1\n[sweep]\n\"load.rate\" = [1, 0.5, 1e3]\n");
    let job = read(&text).unwrap();
    assert_eq!(names(&job), ["load.rate=1", "load.rate=0.5", "load.rate=1000.0"]);
    let pinned = read(&job_with("[sweep]\n\"load.pin\" = [true, false]\n")).unwrap();
    assert!(pinned.variants[0].job.load.pins_threads && !pinned.variants[1].job.load.pins_threads);
}

#[test]
fn the_files_of_all_variants_come_along() {
    let text = job_with(
        "body_file = \"old.json\"\n[[variants]]\nname = \"a\"\n[[variants]]\nname = \"b\"\nset = { \"workload.operations.http.body_file\" = \"new.json\" }\n",
    );
    assert_eq!(read(&text).unwrap().files, ["old.json", "new.json"]);
}

#[test]
fn a_value_that_is_wrong_is_told_where_it_stands_once() {
    let text = job_with(
        "[sweep]\n\"load.workers\" = [1, 0]\n\"load.think\" = [\"1ms\", \"2ms\"]\n\"load.duraton\" = [\"1s\"]\n",
    );
    let told = errors(&text);
    assert!(told.contains("7:22: sweep.\"load.workers\".1: variant \"load.workers=0,load.think=1ms,load.duraton=1s\": load.workers: expected a whole number"), "{told}");
    assert!(told.contains("9:19: sweep.\"load.duraton\".0: variant \"load.workers=1,load.think=1ms,load.duraton=1s\": load.duraton: unknown key \"duraton\" (did you mean \"duration\"?)"), "{told}");
    assert_eq!(told.lines().count(), 2, "{told}");
}

#[test]
fn a_contradiction_between_values_is_told_at_the_variant() {
    let text = job_with("[[variants]]\nname = \"open\"\nset = { \"load.model\" = \"open\" }\n");
    let told = errors(&text);
    assert!(
        told.starts_with(
            "8:24: variants.open.set.\"load.model\": variant \"open\": load.model: the open model needs"
        ),
        "{told}"
    );
}

#[test]
fn a_path_that_reaches_nothing_is_told() {
    let set =
        |path: &str| errors(&job_with(&format!("[[variants]]\nname = \"v\"\nset = {{ \"{path}\" = 1 }}\n")));
    assert!(
        set("workload.operations.write.url").contains("workload.operations has no entry named \"write\"")
    );
    assert!(set("workload.kind.x").contains("workload.kind holds a single value"));
    assert!(set("fleet.agents").contains("\"fleet.agents\" cannot be varied"));
    assert!(set("load.seed").contains("\"load.seed\" cannot be varied: one seed decides all of a run"));
    assert!(set("load.trials.at_most").contains("cannot be varied: every block measures each variant once"));
}

#[test]
fn what_cannot_be_told_apart_is_refused() {
    let told = errors(&job_with("[[variants]]\nname = \"v\"\n[[variants]]\nname = \"v\"\n"));
    assert!(told.contains("9:8: variants.v.name: \"v\" is the name of two variants"), "{told}");
    let told = errors(&job_with("[sweep]\n\"load.workers\" = [2, 2]\n"));
    assert!(told.contains("two variants would be named \"load.workers=2\""), "{told}");
    let told = errors(&job_with("[sweep]\n\"load.workers\" = []\n"));
    assert!(told.contains("expected at least one value"), "{told}");
    let told = errors(&job_with(
        "[[variants]]\nname = \"v\"\nset = { \"load.workers\" = 1 }\n[sweep]\n\"load.workers\" = [2]\n",
    ));
    assert!(
        told.contains(
            "\"load.workers\" is set here, and [sweep] varies \"load.workers\" (do one of the two)"
        ),
        "{told}"
    );
    let told = errors(&job_with("[sweep]\n\"load.think\" = [\"1ms\\u0007\", \"2ms\"]\n"));
    assert!(told.contains("no control characters"), "{told}");
}

#[test]
fn variants_and_their_trials_are_bounded() {
    let many: Vec<String> = (1..=11).map(|number| number.to_string()).collect();
    let many = many.join(", ");
    let told =
        errors(&job_with(&format!("[sweep]\n\"load.workers\" = [{many}]\n\"load.threads\" = [{many}]\n")));
    assert!(told.contains(&format!("121 variants are too many: at most {VARIANTS_MAX} are run")), "{told}");
    let told =
        errors(&job_with(&format!("[load]\ntrials = {TRIALS_MAX}\n[sweep]\n\"load.workers\" = [1, 2]\n")));
    assert!(told.contains("10000 trials of each of 2 variants are 20000; a run has at most 10000"), "{told}");
    let body = "x".repeat(900_000);
    let text = job_with(&format!("body = \"{body}\"\n[sweep]\n\"load.workers\" = [{many}]\n"));
    let told = errors(&text);
    assert!(
        told.contains("at most 8388608 are read (keep large bodies in files of their own (body_file))"),
        "{told}"
    );
}

#[test]
fn a_target_that_outlives_a_trial_must_be_every_variants_own() {
    let swept = |restart: &str| {
        let target = TARGET.replace("[params]", &format!("restart = \"{restart}\"\n[params]"));
        job_with(&format!("{target}[sweep]\n\"params.speed\" = [\"slow\", \"fast\"]\n"))
    };
    assert_eq!(read(&swept("trial")).unwrap().target.unwrap().restart, TargetRestart::Trial);
    let told = errors(&swept("run"));
    assert!(
        told.contains(
            "restart = \"run\" keeps one target for the whole run, and the variants start different ones"
        ),
        "{told}"
    );
    let same = job_with(&format!(
        "{}[sweep]\n\"load.workers\" = [1, 2]\n",
        TARGET.replace("[params]", "restart = \"run\"\n[params]")
    ));
    assert_eq!(read(&same).unwrap().variants.len(), 2);
}
