//! What people see, as snapshots.

use shared::run_record::{RunRecord, RunState};

use super::*;
use crate::fixture;

fn rendered(report: &RunReport, width: u16) -> String {
    Terminal { width, is_coloured: false }.render(report).unwrap()
}

#[test]
fn a_run_with_an_invalid_trial_says_so_first() {
    insta::assert_snapshot!(rendered(&fixture::assembled().report, 80), @r#"
    session-status  finished after 65.5 s: 3 trials, 2 agents
    run 018bcfe5-6800-7707-8707-070707070707, seed 42
    all agents started within 85.0 µs (± 40.0 µs) of the agreed moment

    Invalid: 1 of 3 trials did not count; the findings say why.

    Latencies of successes, merged over 2 valid trials
     operation  count  per s  errors     p50     p90     p95     p99   p99.9     max
     read       12024  3.00k  0.200%  1.44ms  1.86ms  1.91ms  1.96ms  1.98ms  1.98ms
     write        480    120      0%  6.38ms  9.99ms  10.4ms  10.9ms       –  10.9ms
     all        12504  3.12k  0.192%  1.46ms  1.90ms  1.95ms  8.62ms  10.7ms  10.9ms

    By agent, all operations together
     agent   count  per s  errors     p50     p90     p95     p99   p99.9     max
     load-1   6252  1.56k  0.192%  1.46ms  1.90ms  1.95ms  8.61ms  10.7ms  10.9ms
     load-2   6252  1.56k  0.192%  1.47ms  1.90ms  1.96ms  8.62ms  10.7ms  10.9ms

    By trial, all operations together
     trial        count  per s  errors     p50     p95     p99   p99.9     max
     1             6252  3.12k  0.192%  1.45ms  1.94ms  8.61ms  10.7ms  10.9ms
     2             6252  3.12k  0.192%  1.47ms  1.97ms  8.63ms  10.7ms  10.9ms
     3 (invalid)   4689  2.34k  0.192%  1.49ms  1.98ms  8.65ms  10.7ms  10.9ms

    Over 2 trials, all operations together
     metric          mean  95 % interval
     latency.p50  1.46 ms  1.35 ms to 1.59 ms
     latency.p95  1.95 ms  1.83 ms to 2.09 ms
     latency.p99  8.62 ms  8.51 ms to 8.72 ms
     throughput   3.12k/s  3.12k/s to 3.12k/s

    –  too few successes to tell; needed at least: 2,995 for p99.9

    Errors
     read: status 16, timeout 8
       timeout: no whole answer within 10s
       status: 503 Service Unavailable [31m: upstream busy

    Hosts
     agent   CPU busy  at most
     load-1       50%      50%
     load-2       50%      50%

    Findings
     invalid  trial 3: agent load-2: 1 of its 2 intervals never arrived (numbers 1)
              [intervals_missing]
     suspect  agent load-2: its busiest load thread used 93 % of a core
              (limits.generator_cpu is 80 %), so fleetmark itself may be the limit
              [generator_saturated]
     note     closed model: each worker waits for its answer before it sends again,
              so queueing does not show in the latencies [closed_model_blind]

    Stored; to see it again: fleetmark show 018bcfe5-6800-7707-8707-070707070707
    "#);
}

#[test]
fn verdicts_come_before_what_was_measured() {
    let text = rendered(&fixture::claims::with_claims().report, 100);
    let (verdicts, _measured) = text.split_once("Latencies of successes").unwrap();
    insta::assert_snapshot!(verdicts, @r#"
    session-status  finished after 65.5 s: 1 trial, 2 agents
    run 018bcfe5-6800-7707-8707-070707070707, seed 42
    all agents started within 85.0 µs (± 40.0 µs) of the agreed moment

    Invalid: a claim lacks what it needs to be decided, which is never a pass.

    Claims
     invalid      read.latency.p95 no regression above 5 % against the baseline main: –
                  there is no baseline named "main" to compare with [31m
     refuted      reads stay under <4 ms> | always: 8.14 ms (7.90 ms to 8.40 ms)
                  read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms over 10 trials), above 4.00 ms
     inconclusive latency.p50 at most 0.9 × load.workers=1: 0.874
                  comparing takes at least 5 blocks: 4 more trials of each side needed
     supported    read.latency.p95 below 9.00 ms: 8.14 ms (7.90 ms to 8.40 ms)
                  this trial only: read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms by its own samples),
                  below 9.00 ms
     refuted      read.latency.p95 below 4.00 ms (only warns): 8.14 ms (7.90 ms to 8.40 ms)
                  read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms over 10 trials), above 4.00 ms

    Comparisons that claims name
     what                                 ratio  95 % interval  says
     read.latency.p95 of new against old   1.12  1.08 to 1.16   slower

    Exploratory, of metrics that no claim names: 2 comparisons (1 inconclusive, 1 same); --json tells
    them
    "#);
}

#[test]
fn one_valid_trial_is_told_by_agent() {
    insta::assert_snapshot!(rendered(&fixture::assembled_of(&fixture::record(1)).report, 80), @r#"
    session-status  finished after 65.5 s: 1 trial, 2 agents
    run 018bcfe5-6800-7707-8707-070707070707, seed 42
    all agents started within 85.0 µs (± 40.0 µs) of the agreed moment

    Valid, with doubts: see the findings. The job makes no claims.

    Latencies of successes
     operation  count  per s  errors     p50     p90     p95     p99   p99.9     max
     read        6012  3.00k  0.200%  1.43ms  1.85ms  1.90ms  1.95ms  1.96ms  1.96ms
     write        240    120      0%  6.36ms  9.96ms  10.4ms       –       –  10.9ms
     all         6252  3.12k  0.192%  1.45ms  1.89ms  1.94ms  8.61ms  10.7ms  10.9ms

    By agent, all operations together
     agent   count  per s  errors     p50     p90     p95     p99   p99.9     max
     load-1   3126  1.56k  0.192%  1.45ms  1.89ms  1.94ms  8.61ms  10.7ms  10.9ms
     load-2   3126  1.56k  0.192%  1.46ms  1.89ms  1.95ms  8.62ms  10.7ms  10.9ms

    –  too few successes to tell; needed at least: 299 for p99, 2,995 for p99.9

    Errors
     read: status 8, timeout 4
       timeout: no whole answer within 10s
       status: 503 Service Unavailable [31m: upstream busy

    Hosts
     agent   CPU busy  at most
     load-1       50%      50%
     load-2       50%      50%

    Findings
     suspect  agent load-2: its busiest load thread used 93 % of a core
              (limits.generator_cpu is 80 %), so fleetmark itself may be the limit
              [generator_saturated]
     note     closed model: each worker waits for its answer before it sends again,
              so queueing does not show in the latencies [closed_model_blind]

    Stored; to see it again: fleetmark show 018bcfe5-6800-7707-8707-070707070707
    "#);
}

#[test]
fn phases_and_metrics_stand_below_the_operations() {
    insta::assert_snapshot!(rendered(&fixture::assembled_with_metrics().report, 80), @r#"
    session-status  finished after 65.5 s: 1 trial, 2 agents
    run 018bcfe5-6800-7707-8707-070707070707, seed 42
    all agents started within 85.0 µs (± 40.0 µs) of the agreed moment

    Valid, with doubts: see the findings. The job makes no claims.

    Latencies of successes
     operation  count  per s  errors     p50     p90     p95     p99   p99.9     max
     read        6012  3.00k  0.200%  1.43ms  1.85ms  1.90ms  1.95ms  1.96ms  1.96ms
     write        240    120      0%  6.36ms  9.96ms  10.4ms       –       –  10.9ms
     all         6252  3.12k  0.192%  1.45ms  1.89ms  1.94ms  8.61ms  10.7ms  10.9ms

    Phases of requests
     phase            count    mean   stdev     p50     p95     p99     min     max
     read connect       160   239µs  23.1µs   238µs   274µs       –   200µs   278µs
     read first_byte   6000  6.80ms  3.46ms  6.80ms  12.2ms  12.7ms   800µs  12.8ms
     read body         6000   765µs   390µs   764µs  1.37ms  1.43ms  90.0µs  1.44ms

    Metrics
     metric       count     mean    stdev    p50     p95     p99     min      max
     read hit      6000    87.5%
     read size     6000  18.0KiB  11.5KiB                             0B  36.0KiB
     read took     6000    750µs    433µs  749µs  1.42ms  1.48ms     0ns   1.50ms
     write hit      240    86.7%
     write queue      8   5 jobs   2 jobs                         3 jobs   7 jobs
     all hit       6240    87.4%

    By agent, all operations together
     agent   count  per s  errors     p50     p90     p95     p99   p99.9     max
     load-1   3126  1.56k  0.192%  1.45ms  1.89ms  1.94ms  8.61ms  10.7ms  10.9ms
     load-2   3126  1.56k  0.192%  1.46ms  1.89ms  1.95ms  8.62ms  10.7ms  10.9ms

    –  too few successes to tell; needed at least: 299 for p99, 2,995 for p99.9

    Errors
     read: status 8, timeout 4
       timeout: no whole answer within 10s
       status: 503 Service Unavailable [31m: upstream busy

    Hosts
     agent   CPU busy  at most
     load-1       50%      50%
     load-2       50%      50%

    Findings
     suspect  agent load-2: its busiest load thread used 93 % of a core
              (limits.generator_cpu is 80 %), so fleetmark itself may be the limit
              [generator_saturated]
     note     closed model: each worker waits for its answer before it sends again,
              so queueing does not show in the latencies [closed_model_blind]

    Stored; to see it again: fleetmark show 018bcfe5-6800-7707-8707-070707070707
    "#);
}

#[test]
fn a_narrow_terminal_loses_columns_and_no_lines() {
    let report = fixture::assembled_of(&fixture::record(1)).report;
    insta::assert_snapshot!(rendered(&report, 50), @r#"
    session-status  finished after 65.5 s: 1 trial, 2
    agents
    run 018bcfe5-6800-7707-8707-070707070707, seed 42
    all agents started within 85.0 µs (± 40.0 µs) of
    the agreed moment

    Valid, with doubts: see the findings. The job
    makes no claims.

    Latencies of successes
     operation  per s  errors     p50     p99     max
     read       3.00k  0.200%  1.43ms  1.95ms  1.96ms
     write        120      0%  6.36ms       –  10.9ms
     all        3.12k  0.192%  1.45ms  8.61ms  10.9ms

    By agent, all operations together
     agent   per s  errors     p50     p99     max
     load-1  1.56k  0.192%  1.45ms  8.61ms  10.9ms
     load-2  1.56k  0.192%  1.46ms  8.62ms  10.9ms

    –  too few successes to tell; needed at least: 299
    for p99

    Errors
     read: status 8, timeout 4
       timeout: no whole answer within 10s
       status: 503 Service Unavailable [31m: upstream…

    Hosts
     agent   CPU busy  at most
     load-1       50%      50%
     load-2       50%      50%

    Findings
     suspect  agent load-2: its busiest load thread
              used 93 % of a core
              (limits.generator_cpu is 80 %), so
              fleetmark itself may be the limit
              [generator_saturated]
     note     closed model: each worker waits for its
              answer before it sends again, so
              queueing does not show in the latencies
              [closed_model_blind]

    Stored; to see it again: fleetmark show 018bcfe5-6800-7707-8707-070707070707
    "#);
}

#[test]
fn nothing_exceeds_the_width() {
    let (plain, with_metrics) = (fixture::assembled().report, fixture::assembled_with_metrics().report);
    for (report, width) in
        [&plain, &with_metrics].into_iter().flat_map(|it| [60, 80, 100, 120].map(|at| (it, at)))
    {
        let text = rendered(report, width);
        // A command is never broken: it is there to be copied.
        let lines = text.lines().filter(|line| !line.contains("fleetmark show"));
        let widest = lines.map(|line| line.chars().count()).max();
        assert!(widest <= Some(usize::from(width)), "{widest:?} in {width} columns:\n{text}");
    }
}

#[test]
fn a_failed_run_says_why_and_what_never_began() {
    let record = RunRecord {
        state: RunState::Failed,
        reason: Some("agent load-2 was lost".to_owned()),
        trials: Vec::new(),
        ..fixture::record(2)
    };
    insta::assert_snapshot!(rendered(&fixture::assembled_of(&record).report, 80), @r#"
    session-status  failed after 65.5 s: 2 trials
    run 018bcfe5-6800-7707-8707-070707070707, seed 42

    Failed: what was measured until then is kept.
    Reason: agent load-2 was lost

    Nothing was measured

    Findings
     invalid  it never began: the run failed before (agent load-2 was lost)
              [trial_not_run]

    Stored; to see it again: fleetmark show 018bcfe5-6800-7707-8707-070707070707
    "#);
}

#[test]
fn agents_that_stand_apart_have_a_row_and_trials_of_their_own() {
    insta::assert_snapshot!(rendered(&fixture::apart(false).1.report, 80), @r#"
    session-status  finished after 65.5 s: 6 trials, 2 agents, each by itself
    run 018bcfe5-6800-7707-8707-070707070707, seed 42

    Invalid: 1 of 6 trials did not count (of load-2); the findings say why.

    Each agent by itself: latencies of successes, merged over its valid trials
     agent         count  per s  errors     p50     p95     p99   p99.9     max
     load-1 read    9018  1.50k  0.200%  1.45ms  1.92ms  1.97ms  1.99ms  1.99ms
     load-1 write    360     60      0%  6.40ms  10.5ms  10.9ms       –  10.9ms
     load-1 all     9378  1.56k  0.192%  1.47ms  1.97ms  8.63ms  10.7ms  10.9ms
     load-2 read    6012  1.50k  0.200%  1.44ms  1.92ms  1.96ms  1.98ms  1.98ms
     load-2 write    240     60      0%  6.38ms  10.4ms       –       –  10.9ms
     load-2 all     6252  1.56k  0.192%  1.47ms  1.96ms  8.62ms  10.7ms  10.9ms

    By trial, all operations together
     trial                  count  per s  errors     p50     p95     p99     max
     1 of load-1             3126  1.56k  0.192%  1.45ms  1.94ms  8.61ms  10.9ms
     1 of load-2             3126  1.56k  0.192%  1.46ms  1.95ms  8.62ms  10.9ms
     2 of load-1             3126  1.56k  0.192%  1.47ms  1.96ms  8.63ms  10.9ms
     2 of load-2             3126  1.56k  0.192%  1.48ms  1.97ms  8.63ms  10.9ms
     3 of load-1             3126  1.56k  0.192%  1.49ms  1.98ms  8.65ms  10.9ms
     3 of load-2 (invalid)   1563  1.56k  0.192%  1.50ms  1.99ms  8.65ms  10.9ms

    Over the trials of each agent, all operations together
     agent   metric          mean  95 % interval
     load-1  latency.p50  1.47 ms  1.42 ms to 1.52 ms
     load-1  latency.p95  1.96 ms  1.91 ms to 2.01 ms
     load-1  latency.p99  8.63 ms  8.58 ms to 8.68 ms
     load-1  throughput   1.56k/s  1.56k/s to 1.56k/s
     load-2  latency.p50  1.47 ms  1.35 ms to 1.59 ms
     load-2  latency.p95  1.96 ms  1.84 ms to 2.09 ms
     load-2  latency.p99  8.63 ms  8.52 ms to 8.73 ms
     load-2  throughput   1.56k/s  1.56k/s to 1.56k/s

    –  too few successes to tell; needed at least: 299 for p99, 2,995 for p99.9

    Errors
     load-1 read: status 12, timeout 6
       timeout: no whole answer within 10s
       status: 503 Service Unavailable [31m: upstream busy
     load-2 read: status 8, timeout 4
       timeout: no whole answer within 10s
       status: 503 Service Unavailable [31m: upstream busy

    Hosts
     agent   CPU busy  at most
     load-1       50%      50%
     load-2       50%      50%

    Observers, whose hosts made no load
     agent  CPU busy  at most  memory
     db-1        80%      80%  3.0GiB

    Findings
     invalid  trial 3 of load-2: agent load-2: 1 of its 2 intervals never arrived
              (numbers 1) [intervals_missing]
     suspect  trial 1 of load-2, trial 2 of load-2, trial 3 of load-2: agent
              load-2: its busiest load thread used 93 % of a core
              (limits.generator_cpu is 80 %), so fleetmark itself may be the limit
              [generator_saturated]
     note     closed model: each worker waits for its answer before it sends again,
              so queueing does not show in the latencies [closed_model_blind]

    Stored; to see it again: fleetmark show 018bcfe5-6800-7707-8707-070707070707
    "#);
}

#[test]
fn pairs_are_told_by_direction() {
    let text = rendered(&fixture::apart(true).1.report, 80);
    let is_of_all = |line: &&str| line.contains("→") && line.contains(" all ");
    let rows: Vec<&str> = text.lines().filter(is_of_all).map(str::trim_start).collect();
    insta::assert_snapshot!(rows.join("\n"), @r#"
    load-1 → load-2 all     9378  1.56k  0.192%  1.47ms  1.97ms  8.63ms  10.9ms
    load-2 → load-1 all     6252  1.56k  0.192%  1.47ms  1.96ms  8.62ms  10.9ms
    "#);
}

#[test]
fn colour_changes_no_text() {
    let report = fixture::assembled().report;
    let coloured = Terminal { width: 80, is_coloured: true }.render(&report).unwrap();
    let mut stripped = String::new();
    for (place, part) in coloured.split('\u{1b}').enumerate() {
        stripped.push_str(if place == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(stripped, rendered(&report, 80));
}

#[test]
fn what_a_stranger_answered_cannot_move_the_cursor() {
    let text = rendered(&fixture::assembled().report, 80);
    assert!(text.contains("503 Service Unavailable [31m: upstream busy"), "{text}");
    assert!(!text.contains('\u{1b}'));
}
