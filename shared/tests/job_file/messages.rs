//! What is wrong with a job file, and how it is said.

use crate::kinds::KINDS;
use crate::shared::job::{Kinds, parse};
use crate::{EXAMPLE, errors, job_with};

#[test]
fn the_contracts_example_reads_but_for_what_is_not_built_or_not_meant_for_one_job() {
    insta::assert_snapshot!(errors(EXAMPLE), @r#"
    62:2: sweep: "sweep" contradicts "search" (a sweep runs every value, a search those that it takes to find one)
    65:3: variants: "variants" contradicts "search" (a search finds one value; compare variants in a job of their own)
    69:3: claims: "claims" contradicts "search" (a search also tries values at which nothing holds; what must hold is its "keep")
    "#);
}

#[test]
fn unknown_keys_come_with_the_nearest_known_one() {
    let text = job_with("methd = \"GET\"\n[load]\nduratoin = \"5s\"\nzebra = 1\n[flet]\n[export]\n");
    insta::assert_snapshot!(errors(&text), @r#"
    6:1: workload.operations.0.methd: unknown key "methd" (did you mean "method"?)
    8:1: load.duratoin: unknown key "duratoin" (did you mean "duration"?)
    9:1: load.zebra: unknown key "zebra" (there is: model, rate, stages, arrivals, workers, think, pace, warmup, duration, iterations, trials, seed, drain, threads, pin, connect_rate, connections_per_worker, streams_per_connection, new_connection_every)
    10:2: flet: unknown key "flet" (did you mean "fleet"?)
    11:2: export: unknown key "export" (did you mean "expect"?)
    "#);
}

#[test]
fn wrong_types_and_units_say_what_was_expected() {
    let text = job_with(
        "timeout = 5\nweight = 0\nheaders = [\"a\"]\nexpect = { status = [99, \"x\"] }\n\
         [load]\nduration = 30\nwarmup = \"5sec\"\nworkers = \"atuo\"\ntrials = 0\nseed = -1\ndrain = true\n\
         [limits]\nmargin = \"500%\"\nthrottled = 1\n[fleet]\nagents = 1.5\nplacement = \"togeter\"\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    6:11: workload.operations.0.timeout: expected a duration such as "5s", "1m30s" or "250us", found the number 5 (a number needs a unit: "5s")
    7:10: workload.operations.0.weight: expected a number from 0.000001 to 1000000, found the number 0
    8:11: workload.operations.0.headers: expected a table, each value a text, found a list
    9:22: workload.operations.0.expect.status.0: expected a whole number from 100 to 599, found the number 99
    9:26: workload.operations.0.expect.status.1: expected a whole number from 100 to 599, found the text "x"
    11:12: load.duration: expected a duration such as "5s", "1m30s" or "250us", found the number 30 (a number needs a unit: "30s")
    12:10: load.warmup: the unit "sec" of "5sec" is not known: write h, m, s, ms, us (µs) or ns, as in "1m30s"
    13:11: load.workers: expected a whole number from 1 to 100000, or "auto", found the text "atuo" (did you mean "auto"?)
    14:10: load.trials: expected a whole number from 1 to 10000, found the number 0
    15:8: load.seed: expected a whole number of at least 0, found the number -1
    16:9: load.drain: expected a duration such as "5s", "1m30s" or "250us", found true
    18:10: limits.margin: "500%" is more than 1 (100%)
    19:13: limits.throttled: expected true or false, found the number 1
    21:10: fleet.agents: expected a whole number from 1 to 10000, found the number 1.5
    22:13: fleet.placement: expected "together", "each" or "pairs", found the text "togeter" (did you mean "together"?)
    "#);
}

#[test]
fn what_is_not_built_is_refused_and_still_checked() {
    let text = job_with(
        "[load]\nmodel = \"open\"\nrate = \"many\"\narrivals = \"posson\"\nthink = \"1x\"\ntrials = { until = \"settled\", atmost = 3 }\n\
         [fleet]\nplacement = \"each\"\non_agent_loss = \"continue\"\nretries = 2\nobserve = \"role\"\n\
         [sweep]\nload.workers = [1, 2]\n\"lod.rate\" = [1]\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    8:8: load.rate: expected a number from 0 to 1000000000, found the text "many"
    9:12: load.arrivals: expected "uniform" or "poisson", found the text "posson" (did you mean "poisson"?)
    10:1: load.think: "think" contradicts the open model, whose operations are due by its rate (leave it out; only between the steps of a scenario can its workers pause)
    10:9: load.think: the unit "x" of "1x" is not known: write h, m, s, ms, us (µs) or ns, as in "1m30s"
    11:10: load.trials: nothing can be settled: there are no claims (add [[claims]], or give a number of trials)
    11:31: load.trials.atmost: unknown key "atmost" (did you mean "at_most"?)
    16:12: fleet.observe: "role" is not a term: write key=value, key!=value, key>=number or key<=number
    18:1: sweep.load: expected a list, each a text, a number, true or false, found a table
    18:1: sweep.load: "load" is no path to a value (write the whole path as one key in quotation marks: "load.workers")
    19:1: sweep."lod.rate": "lod.rate" cannot be varied (did you mean "load"?)
    "#);
}

#[test]
fn contradictions_are_told_at_the_second_key() {
    let text = job_with(
        "[load]\nduration = \"5s\"\niterations = 5\nstages = []\nworkers = \"auto\"\n\
         [target]\nstart = []\nready = \"ftp://x\"\nwhere = \"role=a cores>many\"\n[hooks]\nbefore_run = [\"echo 'x\"]\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    7:1: load.duration: "duration" contradicts "stages": give one of them
    8:1: load.iterations: "iterations" contradicts "duration": give one of them
    9:1: load.stages: "stages" contradicts the closed model, which sends as fast as answers come (leave out "stages", or write model = "open")
    10:11: load.workers: "auto" contradicts the closed model, whose workers are its load (give a number of workers, or write model = "open")
    12:9: target.start: expected a program and its arguments, found none
    13:9: target.ready: expected "http://host:port/path" or "tcp://host:port", found the text "ftp://x"
    14:17: target.where: "cores>many" compares by size, so its value must be a number
    16:15: hooks.before_run.0: expected a program and its arguments, found a quotation mark that is never closed
    "#);
    let text = job_with("[load]\nworkers = 2\n[fleet]\nagents = 3\n");
    insta::assert_snapshot!(errors(&text), @r#"7:11: load.workers: 2 workers are too few for 3 agents: each needs at least one (raise workers or lower fleet.agents)"#);
}

#[test]
fn pairs_need_somebody_to_meet_and_decide_themselves_who_is_measured() {
    let text = job_with(
        "[target]\nstart = [\"iperf3\", \"-B\", \"{{peer.host}}\"]\nwhere = \"role=a\"\n\
         [fleet]\nplacement = \"pairs\"\nagents = 1\n[hooks]\nbefore_run = [\"ping {{peer.host}}\"]\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    8:1: target.where: "where" contradicts placement = "pairs": each pair's second agent starts the target (leave it out; [fleet] where says who meets)
    11:10: fleet.agents: 1 agent makes no pair: placement = "pairs" needs two at least
    13:23: hooks.before_run.0: "peer.host" has no value here: agents meet in trials
    "#);
}

#[test]
fn claims_follow_their_grammar() {
    let text = job_with(
        "[[claims]]\nmetric = \"reed.latency.p95\"\nbelow = \"100MiB\"\n\
         [[claims]]\nmetric = \"latency.p95\"\nbelow = \"100MiB\"\nabove = 3\n\
         [[claims]]\nmetric = \"http.latency\"\nat_least = 2\n\
         [[claims]]\nmetric = \"metric.x.mean\"\nno_regression = \"5%\"\nbaseline = \"main\"\n\
         [[claims]]\nmetric = \"throughput\"\nscales_over = \"load.workers\"\n[[claims]]\nmetric = \"count\"\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    7:10: claims.0.metric: there is no operation "reed" (there is: http, latency, service_time, send_lag, worker_wait, failed, pool_wait, dns, connect, tls, first_byte, body, cpu_time, max_memory, throughput, error_ratio, count, unsent)
    11:9: claims.1.below: the unit "MiB" of "100MiB" is not known: write h, m, s, ms, us (µs) or ns, as in "1m30s"
    12:1: claims.1.above: "above" contradicts "below": give one of them
    12:9: claims.1.above: expected a duration with its unit such as "100ms"
    13:1: claims.2: the claim compares with nothing (give than = "a variant" or baseline = "a name")
    14:10: claims.2.metric: "latency" lacks its statistic, as in "latency.p99"
    16:1: claims.3: nothing says which way "metric.x.mean" is better (add better = "lower" or better = "higher")
    22:1: claims.4.scales_over: "scales_over" needs "efficiency", a share such as 0.9
    22:15: claims.4.scales_over: "load.workers" is not swept (add [sweep] with "load.workers" = [1, 2, 4])
    23:1: claims.5: the claim has no rule (give one of below, above, at_least, at_most, no_regression, scales_over)
    "#);
}

#[test]
fn what_claims_compare_must_be_there_and_worth_comparing() {
    let text = job_with(
        "[load]\nmodel = \"open\"\nrate = 10\n\
         [[claims]]\nmetric = \"throughput\"\nvariant = \"new\"\nthan = \"default\"\nat_least = 1.3\n\
         [[claims]]\nmetric = \"latency.p50\"\nvariant = \"default\"\nthan = \"default\"\nat_most = 0\nbetter = \"higher\"\n\
         [[claims]]\nmetric = \"latency.p50\"\nthan = \"default\"\nno_regression = \"5%\"\n\
         [[claims]]\nmetric = \"latency.p50\"\nscales_over = \"load.workers\"\nvariant = \"default\"\nefficiency = 0.9\n\
         [[claims]]\nmetric = \"host.cpu_busy.p99\"\nbelow = \"lots\"\nbaseline = \"main\"\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    11:11: claims.0.variant: there is no variant "new" (there is: default)
    17:8: claims.1.than: "default" is compared with itself (name another variant)
    18:11: claims.1.at_most: expected a factor above zero, such as 1.3
    19:10: claims.1.better: "latency.p50" is better lower (leave "better" out)
    22:1: claims.2.than: "than" needs "variant": the side that is compared with it
    26:1: claims.3.scales_over: "latency.p50" does not grow with what is swept: it is better lower (claim how the throughput scales)
    26:15: claims.3.scales_over: "load.workers" is not swept (add [sweep] with "load.workers" = [1, 2, 4])
    27:1: claims.3.variant: "variant" contradicts "scales_over", which looks at every value of the sweep
    30:10: claims.4.metric: what a host tells has only min, mean and max (write host.cpu_busy.mean)
    31:9: claims.4.below: expected a number, perhaps with its unit, found the text "lots"
    32:1: claims.4.baseline: "baseline" contradicts a bound: below and above look at one side alone
    "#);
}

#[test]
fn what_a_claim_says_of_itself_is_bounded() {
    let long = "x".repeat(501);
    let claim = format!(
        "[[claims]]\ntext = \"{long}\"\nmetric = \"metric.{long}.mean\"\nbaseline = \"{long}\"\nbetter = \"lower\"\nat_most = 1\n"
    );
    insta::assert_snapshot!(errors(&job_with(&claim)), @r#"
    7:8: claims.0.text: expected at most 500 characters
    8:10: claims.0.metric: expected at most 224 characters
    9:12: claims.0.baseline: expected at most 64 characters
    "#);
}

#[test]
fn more_claims_than_anybody_reads_are_refused() {
    let claims = "[[claims]]\nmetric = \"latency.p50\"\nbelow = \"1s\"\n".repeat(101);
    insta::assert_snapshot!(errors(&job_with(&claims)), @r#"306:1: claims.100: 101 claims are more than the 100 that a job may have"#);
}

#[test]
fn names_of_operations_are_distinct_and_not_reserved() {
    let text = "name = \"Job\"\n[workload]\nkind = \"http\"\n\
        [[workload.operations]]\nurl = \"a\"\n[[workload.operations]]\nurl = \"b\"\n\
        [[workload.operations]]\nname = \"latency\"\nurl = \"c\"\n[[workload.operations]]\nname = \"*\"\n";
    insta::assert_snapshot!(errors(text), @r#"
    1:8: name: "Job" is not a name of 1 to 64 characters out of a-z, 0-9, _ and -
    6:1: workload.operations.1: there are two operations called "http" (give each operation a name)
    9:8: workload.operations.latency.name: an operation cannot be called "latency": metric names use that word
    11:1: workload.operations."*".url: "url" is missing (it takes a text)
    12:8: workload.operations."*".name: "*" is not a name of 1 to 64 characters out of a-z, 0-9, _ and -
    "#);
}

#[test]
fn kinds_are_known_built_or_neither() {
    let kind = |kind: &str| errors(&format!("name = \"j\"\n[workload]\nkind = \"{kind}\"\n"));
    insta::assert_snapshot!(kind("cpu"), @r#"3:8: workload.kind: the workload kind "cpu" is not supported by this version"#);
    insta::assert_snapshot!(kind("htpp"), @r#"3:8: workload.kind: there is no workload kind "htpp" (did you mean "http"?)"#);
    insta::assert_snapshot!(kind("http"), @r#"2:2: workload: "operations" is missing: this kind needs at least one (add [[workload.operations]])"#);
    insta::assert_snapshot!(errors("description = 3\n"), @r#"
    name: "name" is missing (it takes a name of 1 to 64 characters out of a-z, 0-9, _ and -)
    workload: "workload" is missing: nothing says what to do (begin with [workload] and kind = "http")
    1:15: description: expected a text, found the number 3 (put it in quotation marks)
    "#);
    insta::assert_snapshot!(errors("name = \"j\"\n[workload]\nkind = \"http\"\n[workload.operations]\nurl = \"x\"\n"), @r#"4:1: workload.operations: expected an array of tables (write [[workload.operations]])"#);
}

#[test]
fn syntax_errors_are_all_told_beside_the_rest() {
    let text = "name = \"j\nduration = \n[load]\nwarmup = \"5x\"\nworkers = 08\nseed = 1\nseed = 2\n";
    insta::assert_snapshot!(errors(text), @r#"
    1:10: invalid basic string, expected `"`
    2:12: string values must be quoted, expected literal string
    4:10: load.warmup: the unit "x" of "5x" is not known: write h, m, s, ms, us (µs) or ns, as in "1m30s"
    5:11: unexpected leading zero, expected nothing
    7:1: duplicate key
    "#);
}

#[test]
fn a_value_is_pointed_at_and_so_is_an_unknown_key() {
    let text = job_with("[load]\nduration = 30\nzebra = 1\n[fleet]\nwhere = \"role=a cores\"\n");
    let errors = parse(&text, Kinds::Known(KINDS)).unwrap_err();
    let pointed: Vec<&str> = errors.0.iter().map(|error| &text[error.span.clone().unwrap()]).collect();
    assert_eq!(pointed, ["30", "zebra", "cores"]);
    assert_eq!(errors.0[0].line_and_column(&text), Some((7, 12)));
}
