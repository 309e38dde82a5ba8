//! Searches, read: the values that may be tried, the jobs that they make, and what is refused.

use crate::shared::claim::{Amount, Better, Rule, Side};
use crate::shared::job::Search;
use crate::shared::metric::Unit;
use crate::shared::plan::Plan;
use crate::{errors, job_with, read};

const OPEN: &str = "[load]\nmodel = \"open\"\nrate = 1\n";

/// A small job that searches, with further lines in front of the section and in it.
fn searching(before: &str, search: &str) -> String {
    job_with(&format!("{before}[search]\n{search}"))
}

fn found(before: &str, search: &str) -> Search {
    let job = read(&searching(before, search)).unwrap_or_else(|errors| panic!("{errors}"));
    job.search.expect("it searches")
}

const RATE: &str = "vary = \"load.rate\"\nbetween = [100, 50000]\nkeep = \"http.latency.p99 < 50ms\"\n";

#[test]
fn a_search_reads_with_every_value_that_it_may_try() {
    let search = found(OPEN, RATE);
    assert_eq!((search.vary.as_str(), search.resolution), ("load.rate", 0.1));
    assert_eq!((search.values.len(), search.steps.len()), (67, 67));
    assert_eq!((search.values[0], search.values[66]), (100.0, 50_000.0));
    assert_eq!(search.keep.metric.to_string(), "http.latency.p99");
    let limit = Amount { value: 5e7, unit: Unit::Time };
    assert_eq!(search.keep.rule, Rule::Bound { side: Side::Below, limit });
    let step = &search.steps[3];
    assert_eq!((step.name.as_str(), search.values[3]), ("load.rate=133", 133.0));
    assert_eq!(step.parameters["load.rate"], 133);
    let arrivals = step.job.load.arrivals.as_ref().expect("the model is open");
    assert_eq!(arrivals.stretches[0].from_per_s, 133.0);
    assert_eq!((step.job.load.trials, step.job.claims.len()), (8, 1));
}

#[test]
fn any_number_that_a_sweep_may_take_can_be_searched() {
    let workers = found("", "vary = \"load.workers\"\nbetween = [1, 6]\nkeep = \"throughput > 10\"\n");
    assert_eq!(workers.values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(workers.keep.better, Better::Higher);
    let n = "[params]\nn = 1\n";
    let param = found(
        n,
        "vary = \"params.n\"\nbetween = [0.5, 8.0]\nkeep = \"error_ratio <= 1%\"\nresolution = 1.0\n",
    );
    let names: Vec<&str> = param.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["params.n=0.5", "params.n=1", "params.n=2", "params.n=4", "params.n=8"]);
}

#[test]
fn a_plan_of_a_search_grows_by_a_trial_at_a_time() {
    let job = read(&searching(&format!("{OPEN}trials = 3\n"), RATE)).unwrap();
    let search = job.search.clone().unwrap();
    let mut plan = Plan::of(&job, 7);
    let places =
        |plan: &Plan| plan.trials.iter().map(|it| (it.index.0, it.variant.0, it.block)).collect::<Vec<_>>();
    assert_eq!((places(&plan), plan.variants[0].name.as_str()), (vec![(0, 0, 0)], "load.rate=100"));
    assert!(!plan.try_value(&search, 0) && plan.try_value(&search, 14) && !plan.try_value(&search, 200));
    assert_eq!(places(&plan), [(0, 0, 0), (1, 0, 1), (2, 1, 0)]);
    let planned = job.as_planned(&plan);
    let names: Vec<&str> = planned.variants.iter().map(|variant| variant.name.as_str()).collect();
    assert_eq!(names, ["load.rate=100", &search.steps[14].name]);
}

#[test]
fn what_cannot_be_searched_is_told_at_its_place() {
    let told = |search: &str| {
        let text = searching(&format!("{OPEN}[params]\ntext = \"a\"\n"), search);
        errors(&text)
            .lines()
            .map(|line| line.split_once(": ").map_or("", |(_, told)| told))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let keep = "keep = \"latency.p99 < 50ms\"\n";
    let range = |between: &str| told(&format!("vary = \"load.rate\"\nbetween = {between}\n{keep}"));
    let vary = |path: &str| told(&format!("vary = \"{path}\"\nbetween = [1, 9]\n{keep}"));
    let bound = |keep: &str| told(&format!("vary = \"load.rate\"\nbetween = [1, 9]\nkeep = \"{keep}\"\n"));
    insta::assert_snapshot!(
        [
            range("[9, 1]"), range("[5, 5]"), range("[-5, 5]"), range("[0, 5]"), range("[1]"), range("[1, nan]"),
            range("[1, \"5\"]"), range("[1, 2000000000]"), range("[1, 9]\nresolution = 0"), range("[1, 1e30]"),
            vary("load.rat"), vary("load.model"), vary("load.duration"), vary("params.text"), vary("params.absent"),
            vary("load.trials"), vary("fleet.agents"),
            bound("latency.p99"), bound("latency.p99 < 50"), bound("latency < 50ms"), bound("latncy.p99 < 50ms"),
            bound("write.latency.p99 < 50ms"), bound("host.cpu_busy.p99 < 1"),
        ]
        .join("\n"),
        @r#"
    search.between: the lowest value, 9, is not below the highest, 1
    search.between: the lowest value, 5, is not below the highest, 5
    search.between: the lowest value is -5, and values are tried in equal ratios, which begin above zero
    search.between: the lowest value is 0, and values are tried in equal ratios, which begin above zero
    search.between: expected the lowest and the highest value, as in [100, 50000]
    search.between: expected the lowest and the highest value, as in [100, 50000]
    search.between.1: expected a number of any size, found the number nan
    search.between: expected the lowest and the highest value, as in [100, 50000]
    search.between.1: expected a number of any size, found the text "5"
    search.between: 226 values are too many: a search has at most 200 (give a coarser resolution, or a narrower range)
    search.resolution: expected a share of 0.1 % or more: no trials tell anything finer apart
    search.between: 726 values are too many: a search has at most 200 (give a coarser resolution, or a narrower range)
    search.between: variant "load.rat=1": load.rat: unknown key "rat" (did you mean "rate"?)
    search.vary: "load.model" is the text "open"; a search varies a number
    search.between: variant "load.duration=1": load.duration: expected a duration such as "5s", "1m30s" or "250us", found the number 1 (a number needs a unit: "1s")
    search.vary: "params.text" is the text "a"; a search varies a number
    search.vary: there is no "params.absent" to vary (define it in [params]: any number will do)
    search.vary: "load.trials" cannot be varied: every block measures each variant once
    search.vary: "fleet.agents" cannot be varied (there is: workload, workloads, load, data, params, target, observe)
    search.keep: expected a bound such as "read.latency.p99 < 50ms"
    search.keep: "50" lacks its unit: write h, m, s, ms, us (µs) or ns, as in "1m30s"
    search.keep: "latency" lacks its statistic, as in "latency.p99"
    search.keep: there is no operation "latncy" (did you mean "latency"?)
    search.keep: there is no operation "write" (there is: http, latency, service_time, send_lag, worker_wait, failed, dns, connect, tls, first_byte, body, cpu_time, max_memory, throughput, error_ratio, count, unsent)
    search.keep: what a host tells has only min, mean and max (write host.cpu_busy.mean)
    "#
    );
}

#[test]
fn what_contradicts_a_search_is_told() {
    let before = "[load]\nworkers = 1\ntrials = { until = \"settled\" }\n[fleet]\nplacement = \"each\"\n\
        [sweep]\n\"load.workers\" = [1, 2]\n[[variants]]\nname = \"a\"\n[[claims]]\nmetric = \"throughput\"\nabove = 1\n";
    let search = "vary = \"load.workers\"\nbetween = [1, 9]\nkeep = \"latency.p99 < 50ms\"\n";
    insta::assert_snapshot!(errors(&searching(before, search)), @r#"
    8:10: load.trials: a search settles each value by itself (give the most trials of a value as a number; 8 is the default)
    10:13: fleet.placement: agents that do not share a load would each need a search of their own (search with placement = "together", or run a job for each host)
    11:2: sweep: "sweep" contradicts "search" (a sweep runs every value, a search those that it takes to find one)
    13:3: variants: "variants" contradicts "search" (a search finds one value; compare variants in a job of their own)
    15:3: claims: "claims" contradicts "search" (a search also tries values at which nothing holds; what must hold is its "keep")
    "#);
    let trials = "[load]\nworkers = 1\ntrials = 9000\n";
    insta::assert_snapshot!(errors(&searching(trials, search)), @"
    8:10: load.trials: 9000 trials of each of the up to 13 values that the search may try are more than the 10000 that a run may have
    ");
}
