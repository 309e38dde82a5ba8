//! Two variants against each other, by the blocks that are valid on both sides: at least, at most, and no regression.

use shared::claim::{Better, Claim, Rule, Side};
use shared::run_report::Verdict;

use super::sample::Sample;
use super::series::Series;
use super::{Decided, Decision, Evidence, gates, words};
use crate::assemble::subject::Subject;
use crate::estimate::Scale;
use crate::level::Level;
use crate::paired::BLOCKS_MIN;

/// Measures of which none at all is a value to be held against.
const MAY_BE_ZERO: [&str; 2] = ["error_ratio", "unsent"];

/// Decides it.
pub(super) fn decide<'a>(
    evidence: &Evidence<'a>,
    claim: &'a Claim,
    variant: usize,
    other: usize,
    subject: &Subject,
) -> Decided<'a> {
    let report = &evidence.assembled.report;
    let own = Series::of(variant, &report.variants[variant], subject, &claim.metric);
    let other = Series::of(other, &report.variants[other], subject, &claim.metric);
    let pairs = own.paired(&other);
    let comparison =
        Comparison { claim, pairs, scale: scale(&own, &other), own: own.name, other: other.name };
    if let Some(refused) = gates::refuse(evidence, claim, &[&own, &other]) {
        return (comparison.with_figures(refused), None);
    }
    comparison.decide(evidence.level)
}

/// Blocks of both sides, and what is asked of them.
struct Comparison<'a> {
    claim: &'a Claim,
    /// The claim's own side first.
    pairs: Vec<(f64, f64)>,
    scale: Scale,
    own: &'a str,
    other: &'a str,
}

impl<'a> Comparison<'a> {
    fn decide(self, level: Level) -> Decided<'a> {
        let (side, factor) = demand(self.claim);
        let sample = Sample::of_ratios(&self.pairs, self.scale, side, factor);
        let blocks = self.pairs.len();
        let by_mean = sample.verdict(level);
        let is_driven_by_outliers = sample.is_contradicted_by_ranks(level);
        // Shares and counts of what went wrong may be zero, and then more of it is worse without being a multiple.
        let has_ratio = self.ratio().0.is_some() || MAY_BE_ZERO.contains(&self.claim.metric.measure.as_str());
        let is_open = blocks < BLOCKS_MIN || is_driven_by_outliers || !has_ratio;
        let verdict = if is_open { Verdict::Inconclusive } else { by_mean };
        let missing = (blocks < BLOCKS_MIN).then(|| (BLOCKS_MIN - blocks) as u64);
        let by_spread = sample.more_needed(level).filter(|_| by_mean == Verdict::Inconclusive);
        let more = if verdict == Verdict::Inconclusive { by_spread.max(missing) } else { None };
        let is = self.is();
        let reason = match verdict {
            Verdict::Inconclusive if is_driven_by_outliers => {
                format!("{is}, driven by outliers: the blocks' ranks say the opposite of their mean")
            }
            Verdict::Inconclusive if blocks < BLOCKS_MIN => {
                let needed = match more.unwrap_or(0) {
                    1 => "1 more trial of each side is needed".to_owned(),
                    more => format!("{more} more trials of each side are needed"),
                };
                format!("{is}; comparing takes at least {BLOCKS_MIN} blocks: {needed}")
            }
            Verdict::Inconclusive if !has_ratio => format!("{is}; claim a bound on it (below, above)"),
            Verdict::Inconclusive => {
                format!(
                    "{is}; that does not tell whether it is {}: {}",
                    self.demanded(),
                    words::what_it_takes(more, "block")
                )
            }
            Verdict::Refuted => format!("{is}, which is not {}", self.demanded()),
            _ => format!("{is}, which is {}", self.demanded()),
        };
        let decision = Decision { more_trials_needed: more, ..Decision::without_figures(verdict, reason) };
        let is_refuted = move |level| sample.verdict(level) == Verdict::Refuted;
        let decision = self.with_figures(decision);
        (decision, (verdict == Verdict::Refuted).then(|| Box::new(is_refuted) as _))
    }

    fn with_figures(&self, decision: Decision) -> Decision {
        let (value, ci95) = self.ratio();
        Decision { n: self.pairs.len() as u64, value, ci95, ..decision }
    }

    /// The ratio with its interval. On the linear scale the ratio of the means, without one: a side may be zero.
    fn ratio(&self) -> (Option<f64>, Option<[f64; 2]>) {
        if self.pairs.is_empty() {
            return (None, None);
        }
        if self.scale == Scale::Linear {
            let sum = |side: fn(&(f64, f64)) -> f64| self.pairs.iter().map(side).sum::<f64>();
            let (own, other) = (sum(|pair| pair.0), sum(|pair| pair.1));
            return ((other != 0.0).then(|| own / other), None);
        }
        let ratios: Vec<f64> = self.pairs.iter().map(|(own, other)| (own.ln() - other.ln()).exp()).collect();
        let sample = Sample::of_ratios(&self.pairs, self.scale, Side::Below, 1.0);
        let mean = ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64;
        let interval = sample.mean(Level::FIVE_PERCENT).map(|mean| mean.interval.map(f64::exp));
        (Some(mean.exp()), interval)
    }

    /// `latency.p50 of new is 0.612 × that of old, 38.8 % less (0.580 to 0.640 over 10 blocks)`.
    fn is(&self) -> String {
        let Self { claim, own, other, .. } = self;
        let over = format!("over {}", words::counted(self.pairs.len(), "block"));
        match self.ratio() {
            (None, _) => {
                format!("{} of {own} has no ratio to that of {other}, which is zero ({over})", claim.metric)
            }
            (Some(ratio), interval) => {
                let interval = interval
                    .map_or(over.clone(), |interval| format!("{} {over}", words::interval(interval, "")));
                format!(
                    "{} of {own} is {} × that of {other}, {} ({interval})",
                    claim.metric,
                    words::figure(ratio, ""),
                    words::change(ratio)
                )
            }
        }
    }

    fn demanded(&self) -> String {
        demanded(self.claim)
    }
}

/// What is asked, in words that follow "is" and "is not".
pub(super) fn demanded(claim: &Claim) -> String {
    match &claim.rule {
        Rule::NoRegression { tolerance, .. } => {
            format!("within {} of being as good", shared::units::human_share(*tolerance))
        }
        Rule::Ratio { side: Side::Above, factor, .. } => format!("at least {factor} × it"),
        Rule::Ratio { factor, .. } => format!("at most {factor} × it"),
        Rule::Bound { .. } | Rule::Scaling { .. } => claim.rule.to_string(),
    }
}

/// On which side of which factor own / other must lie. "Worse by no more than δ" is a factor of 1 + δ for what is better
/// lower, and its inverse for what is better higher.
pub(super) fn demand(claim: &Claim) -> (Side, f64) {
    match (&claim.rule, claim.better) {
        (Rule::NoRegression { tolerance, .. }, Better::Lower) => (Side::Below, 1.0 + tolerance),
        (Rule::NoRegression { tolerance, .. }, Better::Higher) => (Side::Above, 1.0 / (1.0 + tolerance)),
        (Rule::Ratio { side, factor, .. }, _) => (*side, *factor),
        (Rule::Bound { .. } | Rule::Scaling { .. }, _) => (Side::Below, f64::INFINITY),
    }
}

/// Logarithms need both sides above zero.
fn scale(own: &Series<'_>, other: &Series<'_>) -> Scale {
    if other.scale() == Scale::Linear { Scale::Linear } else { own.scale() }
}
