//! Variants against each other, and sweeps.

use serde_json::json;
use shared::claim::Side;
use shared::finding::{Finding, FindingCode};
use shared::run_report::{Says, Verdict};

use super::fixture::{job, of_latencies};
use super::{Level, SLOW, decide, only};
use crate::claims::sample::against;
use crate::comparisons::{self, Terms};

const NEW: &[u64] = &[4_900, 4_950, 4_880, 4_860, 4_910, 4_920, 4_870, 4_890, 4_930, 4_900];

fn against_old(rule: &str) -> String {
    format!("metric = \"read.latency.p50\"\nvariant = \"new\"\nthan = \"old\"\n{rule}\n")
}

#[test]
fn forty_per_cent_faster_must_be_that_and_not_a_little_less() {
    let variants: &[(&str, &[u64])] = &[("old", SLOW), ("new", NEW)];
    let claim = only(&against_old("at_most = 0.65"), variants);
    assert_eq!((claim.verdict, claim.n), (Verdict::Supported, 10), "{}", claim.reason);
    assert!(claim.reason.starts_with("read.latency.p50 of new is 0.60"), "{}", claim.reason);
    assert!(
        claim.reason.contains("× that of old, 39.") && claim.reason.contains(" % less"),
        "{}",
        claim.reason
    );
    let claim = only(&against_old("at_most = 0.55"), variants);
    assert_eq!(claim.verdict, Verdict::Refuted, "{}", claim.reason);
    assert!(claim.reason.ends_with("which is not at most 0.55 × it"), "{}", claim.reason);
}

#[test]
fn a_floor_under_a_latency_does_not_make_slower_faster() {
    let variants: &[(&str, &[u64])] = &[("old", NEW), ("new", SLOW)];
    let job = job("metric = \"read.latency.p50\"\nabove = \"1ms\"\n", variants);
    let compared = comparisons::compare(&of_latencies(variants), &job, Terms::at(Level::FIVE_PERCENT));
    assert_eq!((compared[0].metric.as_str(), compared[0].says), ("read.latency.p50", Says::Slower));
}

#[test]
fn what_was_stolen_from_decides_no_comparison() {
    let variants: &[(&str, &[u64])] = &[("old", NEW), ("new", SLOW)];
    let mut assembled = of_latencies(variants);
    let stolen = Finding::of_trial(FindingCode::StealHigh, "the hypervisor took 20 %");
    assembled.report.variants[1].trials[3].findings.push(stolen);
    let job = job(&against_old("at_most = 0.9"), variants);
    let compared = comparisons::compare(&assembled, &job, Terms::at(Level::FIVE_PERCENT));
    assert_eq!(compared[0].says, Says::Inconclusive);
}

#[test]
fn nothing_is_no_multiple_of_nothing() {
    for side in [Side::Above, Side::Below] {
        assert_eq!(against([0.0, 0.0], side, 0.0), Verdict::Inconclusive);
    }
}

#[test]
fn one_trial_each_is_inconclusive_and_says_how_many_more() {
    // "2 workers: 12.6 % faster", from single runs.
    let claim = only(&against_old("at_most = 0.9"), &[("old", &[8_243]), ("new", &[7_207])]);
    assert_eq!((claim.verdict, claim.more_trials_needed, claim.n), (Verdict::Inconclusive, Some(4), 1));
    assert!(claim.reason.contains("12.6 % less"), "{}", claim.reason);
    assert!(
        claim.reason.contains("at least 5 blocks: 4 more trials of each side are needed"),
        "{}",
        claim.reason
    );
}

#[test]
fn no_regression_means_worse_whichever_way_is_better() {
    let rule = "no_regression = \"5%\"";
    let claim = only(&against_old(rule), &[("old", NEW), ("new", SLOW)]);
    assert_eq!(claim.verdict, Verdict::Refuted, "{}", claim.reason);
    let throughput = against_old(rule).replace("latency.p50", "throughput");
    assert_eq!(only(&throughput, &[("old", NEW), ("new", SLOW)]).verdict, Verdict::Refuted);
    assert_eq!(only(&throughput, &[("old", SLOW), ("new", NEW)]).verdict, Verdict::Supported);
}

#[test]
fn outliers_that_carry_the_mean_make_it_inconclusive() {
    let mut new = SLOW.to_vec();
    new[0] = 3_000;
    // Nine blocks say that nothing changed; one says that it is two thirds faster.
    let claim = only(&against_old("at_most = 0.99"), &[("old", SLOW), ("new", &new)]);
    assert_eq!(claim.verdict, Verdict::Inconclusive, "{}", claim.reason);
}

#[test]
fn a_block_that_one_side_lacks_is_named_and_not_dropped() {
    let variants: &[(&str, &[u64])] = &[("old", SLOW), ("new", NEW)];
    let mut assembled = of_latencies(variants);
    assembled.report.variants[1].trials[4].valid = false;
    let claims = decide(&assembled, &job(&against_old("at_most = 0.65"), variants), Level::FIVE_PERCENT);
    assert_eq!((claims[0].verdict, claims[0].n), (Verdict::Invalid, 9));
    assert_eq!(claims[0].reason, "trial 5 of new did not count: nothing says why");
}

#[test]
fn two_sides_that_are_one_job_say_nothing_unless_that_is_meant() {
    let variants: &[(&str, &[u64])] = &[("old", SLOW), ("new", NEW)];
    let mut job = job(&against_old("at_most = 0.65"), variants);
    job.variants[1].job = job.variants[0].job.clone();
    let verdict =
        |job: &shared::job::Job| decide(&of_latencies(variants), job, Level::FIVE_PERCENT)[0].verdict;
    assert_eq!(verdict(&job), Verdict::Invalid);
    job.limits.aa = true;
    assert_eq!(verdict(&job), Verdict::Supported);
}

#[test]
fn variants_are_compared_in_what_is_claimed_and_explored_in_the_rest() {
    let variants: &[(&str, &[u64])] = &[("old", SLOW), ("new", NEW), ("same", SLOW)];
    let job = job(&against_old("at_most = 0.65"), variants);
    let compared = comparisons::compare(&of_latencies(variants), &job, Terms::at(Level::FIVE_PERCENT));
    let of = |b: &str, metric: &str| {
        compared.iter().find(|it| it.b == b && it.metric == metric).unwrap_or_else(|| panic!("{b} {metric}"))
    };
    let claimed = of("new", "read.latency.p50");
    assert_eq!(
        (claimed.says, claimed.primary, claimed.n, claimed.a.as_str()),
        (Says::Faster, true, 10, "old")
    );
    assert!((claimed.ratio.unwrap() - 0.602).abs() < 0.01, "{claimed:?}");
    assert_eq!(
        (of("new", "read.throughput").says, of("new", "read.throughput").primary),
        (Says::Faster, false)
    );
    assert_eq!(of("same", "read.latency.p50").says, Says::Same);
    assert!(
        compared.windows(2).all(|pair| pair[0].primary >= pair[1].primary),
        "those that claims name come first"
    );
}

#[test]
fn scaling_is_refuted_by_its_worst_step() {
    // Twice the workers: throughput by 1.9, then by 2.4 only.
    let variants: &[(&str, &[u64])] = &[
        ("load.workers=1", &[8_000, 8_010, 8_020, 8_005, 8_015]),
        ("load.workers=2", &[4_210, 4_215, 4_220, 4_212, 4_216]),
        ("load.workers=4", &[3_330, 3_340, 3_350, 3_335, 3_345]),
    ];
    let mut assembled = of_latencies(variants);
    for (variant, workers) in assembled.report.variants.iter_mut().zip([1, 2, 4]) {
        variant.parameters.insert("load.workers".to_owned(), json!(workers));
    }
    let text = "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\n\
        [sweep]\n\"load.workers\" = [1, 2, 4]\n[[claims]]\nmetric = \"throughput\"\nscales_over = \"load.workers\"\n";
    let verdict = |efficiency: &str| {
        let text = format!("{text}efficiency = {efficiency}\n");
        let job = shared::job::parse(&text, shared::job::Kinds::Unchecked).unwrap();
        decide(&assembled, &job, Level::FIVE_PERCENT).into_iter().next().unwrap()
    };
    let claim = verdict("0.9");
    assert_eq!(
        (claim.verdict, claim.variant.as_str(), claim.n),
        (Verdict::Refuted, "default", 5),
        "{}",
        claim.reason
    );
    assert!(
        claim.reason.contains("scales worst at load.workers = 4, with an efficiency of 0.60"),
        "{}",
        claim.reason
    );
    assert_eq!(verdict("0.5").verdict, Verdict::Supported);
}
