//! A bound: the metric of one variant stays on one side of a limit.

use shared::claim::{Amount, Claim, Side};
use shared::run_report::Verdict;

use super::series::{Series, operation, quantile_of};
use super::{Decided, Decision, Evidence, gates, words};
use crate::assemble::Place;
use crate::assemble::subject::Subject;
use crate::autocorrelation::Autocorrelation;
use crate::binomial::share_interval;
use crate::bound::{Bound, Bounded, Ruling, over_trials};
use crate::level::Level;
use crate::quantile_interval::quantile_interval;

/// Limits of a value, where they can be had.
type Limits = [Option<f64>; 2];

/// Decides it: over two trials or more by the interval of their mean, over one by that trial's own samples.
pub(super) fn decide<'a>(
    evidence: &Evidence<'a>,
    claim: &'a Claim,
    variant: usize,
    subject: &Subject,
    side: Side,
    limit: Amount,
) -> Decided<'a> {
    let series = Series::of(variant, &evidence.assembled.report.variants[variant], subject, &claim.metric);
    let bound = match side {
        Side::Below => Bound::Below(limit.value),
        Side::Above => Bound::Above(limit.value),
    };
    let question = Question { claim, bound, unit: series.unit() };
    let values = series.values();
    let shown = over_several(&values, &series, bound, Level::FIVE_PERCENT);
    let (decision, is_refuted_at) = match (gates::refuse(evidence, claim, &[&series]), values.as_slice()) {
        (Some(refused), _) => (refused, None),
        (None, [only]) => question.over_one(evidence, &series, *only),
        (None, _) => question.over_several(evidence.level, values.clone(), &series),
    };
    let figures = Decision {
        unit: series.unit().to_owned(),
        n: values.len() as u64,
        value: shown.mean,
        ci95: decision.ci95.or(shown.interval),
        ..decision
    };
    (figures, is_refuted_at)
}

/// What is asked.
#[derive(Clone, Copy)]
struct Question<'a> {
    claim: &'a Claim,
    bound: Bound,
    unit: &'a str,
}

impl<'a> Question<'a> {
    fn over_several(self, level: Level, values: Vec<f64>, series: &Series<'a>) -> Decided<'a> {
        let (bound, series) = (self.bound, series.clone());
        let found = over_several(&values, &series, bound, level);
        let shown = over_several(&values, &series, bound, Level::FIVE_PERCENT);
        let over = format!("over {}", words::counted(values.len(), "trial"));
        let limits = shown.interval.map_or([None, None], |interval| interval.map(Some));
        let is = self.is(shown.mean.unwrap_or(f64::NAN), limits, &over);
        let more = found.more_trials.map(u64::from);
        let reason = match found.ruling {
            Ruling::Inconclusive => {
                // At the level of a look the interval is wider than the one that is shown.
                let lies = match shown.interval {
                    Some([low, high]) if (low..=high).contains(&self.bound.value()) => "lies inside",
                    _ => "is too near to tell at this level",
                };
                format!("{is}: {} {lies}, so {}", self.limit(), words::what_it_takes(more, "trial"))
            }
            ruling => format!("{is}, {}", self.place(ruling)),
        };
        let decision =
            Decision { more_trials_needed: more, ..Decision::without_figures(found.ruling.into(), reason) };
        let is_refuted = move |level| over_several(&values, &series, bound, level).ruling == Ruling::Refuted;
        (decision, (found.ruling == Ruling::Refuted).then(|| Box::new(is_refuted) as _))
    }

    /// One trial is decided by what it holds itself, and says nothing about the next one.
    fn over_one(self, evidence: &Evidence<'a>, series: &Series<'a>, value: f64) -> Decided<'a> {
        let inconclusive = |why: &str| {
            let is = self.is(value, [None, None], "");
            (Decision::inconclusive(format!("this trial only: {is}, and {why}"), Some(1)), None)
        };
        let Some(own) = own_limits(evidence, series) else {
            return inconclusive(
                "one trial gives it no interval: only a quantile of latencies and a share of errors have one by the samples of a trial, and its seconds depend on each other; run at least 2 (load.trials)",
            );
        };
        let (found, shown) = (own(evidence.level), own(Level::FIVE_PERCENT));
        let ruling = self.bound.rule(found[0], found[1]);
        let is = format!("this trial only: {}", self.is(value, shown, "by its own samples"));
        let reason = match ruling {
            Ruling::Inconclusive if found.contains(&None) => {
                return inconclusive(
                    "its samples are too few for an interval; measure longer, or run 2 trials or more",
                );
            }
            Ruling::Inconclusive => {
                format!("{is}: {} lies inside, so more trials would have to tell", self.limit())
            }
            ruling => format!("{is}, {}", self.place(ruling)),
        };
        let ci95 = shown[0].zip(shown[1]).map(|(low, high)| [low, high]);
        let more_trials_needed = (ruling == Ruling::Inconclusive).then_some(1);
        let verdict: Verdict = ruling.into();
        let decision = Decision { ci95, more_trials_needed, ..Decision::without_figures(verdict, reason) };
        let bound = self.bound;
        let is_refuted = move |level| {
            let [low, high] = own(level);
            bound.rule(low, high) == Ruling::Refuted
        };
        (decision, (ruling == Ruling::Refuted).then(|| Box::new(is_refuted) as _))
    }

    /// `read.latency.p95 is 8.14 s (7.90 s to 8.40 s over 10 trials)`.
    fn is(self, value: f64, limits: Limits, over: &str) -> String {
        let is = format!("{} is {}", self.claim.metric, words::figure(value, self.unit));
        match limits {
            [Some(low), Some(high)] => format!("{is} ({} {over})", words::interval([low, high], self.unit)),
            [Some(low), None] => format!("{is} (at least {} {over})", words::figure(low, self.unit)),
            [None, Some(high)] => format!("{is} (at most {} {over})", words::figure(high, self.unit)),
            [None, None] => is,
        }
    }

    fn limit(self) -> String {
        words::figure(self.bound.value(), self.unit)
    }

    /// Where a value lies whose place is known: `above 4.00 s`.
    fn place(self, ruling: Ruling) -> String {
        let is_supported = ruling == Ruling::Supported;
        let is_below = matches!(self.bound, Bound::Below(_)) == is_supported;
        format!("{} {}", if is_below { "below" } else { "above" }, self.limit())
    }
}

/// What two trials or more say of a bound. Shares of errors that are all the same have no spread, which is not to say that they
/// are certain: then all operations together say it, as a binomial count.
fn over_several(values: &[f64], series: &Series<'_>, bound: Bound, level: Level) -> Bounded {
    let found = over_trials(values, series.scale(), bound, level);
    let is_even = values.windows(2).all(|pair| pair[0] == pair[1]);
    if series.metric.measure != "error_ratio" || !is_even || values.len() < 2 {
        return found;
    }
    let operations = series.valid.values().filter_map(|trial| operation(trial.report, series.metric));
    let (failed, count) = operations.fold((0, 0), |(failed, count), operation| {
        (failed + operation.errors.values().sum::<u64>(), count + operation.count)
    });
    let Some([low, high]) = share_interval(failed, count, level) else { return found };
    Bounded { interval: Some([low, high]), ruling: bound.rule(Some(low), Some(high)), p: None, ..found }
}

/// The limits of one trial's value by its own samples: exact for a quantile of latencies, and for a share of errors. `None`:
/// there are none for such a value.
fn own_limits<'a>(evidence: &Evidence<'a>, series: &Series<'a>) -> Option<Box<dyn Fn(Level) -> Limits + 'a>> {
    let trial = series.valid.values().next()?;
    let operation = operation(trial.report, series.metric)?;
    if series.metric.measure == "error_ratio" {
        let (failed, count) = (operation.errors.values().sum(), operation.count);
        return Some(Box::new(move |level| {
            share_interval(failed, count, level).map_or([None, None], |limits| limits.map(Some))
        }));
    }
    let quantile = quantile_of(series.metric)?;
    let is_latency = series.metric.measure == "latency"
        || (series.metric.measure == "service_time" && operation.service_time_ns == operation.latency_ns);
    let place = trial.report.operations.iter().position(|known| std::ptr::eq(known, operation))?;
    let place = Place { variant: series.variant, trial: Some(trial.place), agent: None, operation: place };
    let of_trial = Place { operation: 0, ..place };
    let dependence = evidence.assembled.dependences.get(&of_trial).copied().unwrap_or(Autocorrelation::NONE);
    let histogram = evidence.assembled.latencies.get(&place).filter(|_| is_latency)?.decode();
    Some(Box::new(move |level| {
        let found = quantile_interval(&histogram, quantile, level, dependence);
        [found.low, found.high].map(|limit| limit.map(|limit| limit as f64))
    }))
}
