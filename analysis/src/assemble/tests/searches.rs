//! Runs that search: which value follows from what is stored, and what the report says of all of them.

use shared::finding::{Finding, FindingCode};
use shared::job::{Job, Kinds, parse};
use shared::run_record::{LookOutcome, RunRecord};

use super::fixture::*;
use super::*;

/// Values 1, 2, 4 and 8, each tried three times at most.
fn searching(keep: &str) -> Job {
    let text = format!(
        "name = \"session\"\nworkload = {{ kind = \"http\", operations = [{{ name = \"read\" }}] }}\nparams.n = 1\n\
         load = {{ duration = \"1s\", trials = 3 }}\n\
         search = {{ vary = \"params.n\", between = [1, 8], keep = \"{keep}\", resolution = 1.0 }}\n"
    );
    parse(&text, Kinds::Unchecked).unwrap_or_else(|errors| panic!("{text}\n{errors}"))
}

/// What is stored of a run that has tried these places, one trial each; an operation at a place takes so many microseconds.
struct Stored {
    job: Job,
    record: RunRecord,
    intervals: Vec<Interval>,
}

impl Stored {
    fn of(job: Job, places: &[usize], us: impl Fn(usize) -> u64) -> Self {
        let search = job.search.clone().expect("it searches");
        let mut record = record(places.len() as u32, 1, 1);
        (record.plan.variants, record.plan.trials) = (Vec::new(), Vec::new());
        places.iter().for_each(|place| {
            record.plan.try_value(&search, *place);
        });
        // No two trials measure the same to the last count.
        let values = |(trial, place): (u32, &usize)| [us(*place) * (1_000 + 5 * u64::from(trial)); 100];
        let measured = |(trial, place)| interval(trial, 0, 0, vec![operation(0, &values((trial, place)), 0)]);
        Self {
            job: job.as_planned(&record.plan),
            intervals: (0..).zip(places).map(measured).collect(),
            record,
        }
    }

    fn assembled(&self) -> Assembled {
        assemble(&self.record, &self.job, self.intervals.clone(), NOW_MS)
    }

    /// What the run does next.
    fn next(&self) -> LookOutcome {
        crate::search::outcome(&self.assembled(), &self.job, self.job.search.as_ref().expect("it searches"))
    }
}

/// One, two, four and eight take 1, 2, 40 and 80 µs.
fn us(place: usize) -> u64 {
    [1, 2, 40, 80][place]
}

const TRIED: [usize; 12] = [0, 0, 0, 2, 2, 2, 1, 1, 1, 3, 3, 3];

#[test]
fn each_trial_says_which_value_is_tried_next() {
    let next = [0, 0, 2, 2, 2, 1, 1, 1, 3, 3, 3].map(LookOutcome::Try);
    for (trials, next) in (1..).zip(next.into_iter().chain([LookOutcome::Found])) {
        let stored = Stored::of(searching("read.latency.mean < 10us"), &TRIED[..trials], us);
        assert_eq!(stored.next(), next, "after {trials} trials");
    }
}

#[test]
fn the_report_says_between_which_values_the_answer_lies() {
    let stored = Stored::of(searching("read.latency.mean  <  10us"), &TRIED, us);
    let report = stored.assembled().report;
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Supported, 0));
    assert!(report.claims.is_empty() && report.comparisons.is_empty() && report.sweeps.is_empty());
    let found = report.search.expect("what was found");
    assert_eq!((found.keep.as_str(), found.unit.as_str()), ("read.latency.mean < 10us", "ns"));
    assert_eq!((found.answer.at_least, found.answer.below), (Some(2.0), Some(4.0)));
    assert_eq!(found.answer.reason, "read.latency.mean < 10us holds at params.n = 2 and no longer at 4");
    let steps: Vec<_> =
        found.steps.iter().map(|step| (step.value, step.variant.as_str(), step.verdict, step.n)).collect();
    let (holds, fails) = (Verdict::Supported, Verdict::Refuted);
    assert_eq!(
        steps,
        [
            (1.0, "params.n=1", holds, 3),
            (2.0, "params.n=2", holds, 3),
            (4.0, "params.n=4", fails, 3),
            (8.0, "params.n=8", fails, 3)
        ]
    );
    assert!(found.steps.iter().all(|step| step.measured.is_some() && step.ci95.is_some()));
}

#[test]
fn a_search_that_was_cut_short_has_no_answer() {
    let mut stored = Stored::of(searching("read.latency.mean < 10us"), &TRIED[..7], us);
    stored.record.state = RunState::Cancelled;
    let report = stored.assembled().report;
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Invalid, 130));
    let answer = report.search.expect("what was found").answer;
    assert_eq!(
        (answer.verdict, answer.at_least, answer.below),
        (Verdict::Inconclusive, Some(1.0), Some(4.0))
    );
    assert!(answer.reason.contains("did not come to its end"), "{}", answer.reason);
}

#[test]
fn what_holds_above_what_fails_is_no_answer() {
    let stored =
        Stored::of(searching("read.latency.mean < 10us"), &[0, 0, 0, 1, 1, 1], |place| 80 >> (4 * place));
    assert_eq!(stored.next(), LookOutcome::Found);
    let report = stored.assembled().report;
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Inconclusive, 2));
    let reason = report.search.expect("what was found").answer.reason;
    assert!(reason.contains("fails at params.n = 1 and holds at 2"), "{reason}");
}

#[test]
fn a_value_that_no_trial_is_long_enough_for_is_tried_once() {
    let stored = Stored::of(searching("read.latency.p99 < 10us"), &[0], us);
    assert_eq!(stored.next(), LookOutcome::Found);
    let answer = stored.assembled().report.search.expect("what was found").answer;
    assert_eq!(answer.verdict, Verdict::Inconclusive);
    assert!(answer.reason.contains("takes at least 299 successes in each trial"), "{}", answer.reason);
}

#[test]
fn a_value_that_cannot_be_measured_makes_the_answer_invalid() {
    let mut stored = Stored::of(searching("read.latency.mean < 10us"), &[0, 0, 0, 2, 1], us);
    for trial in [3, 4] {
        stored.record.trials[trial].findings =
            vec![Finding::of_trial(FindingCode::OperationsUnsent, "7 operations were not sent")];
    }
    assert_eq!(stored.next(), LookOutcome::Found);
    let report = stored.assembled().report;
    assert_eq!((report.run.verdict, report.run.exit_code), (Verdict::Invalid, 3));
    let answer = report.search.expect("what was found").answer;
    assert_eq!((answer.at_least, answer.below), (Some(1.0), None));
    assert!(answer.reason.contains("cannot be measured at params.n = 2"), "{}", answer.reason);
    assert!(answer.reason.contains("7 operations were not sent"), "{}", answer.reason);
}
