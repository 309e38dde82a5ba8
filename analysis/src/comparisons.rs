//! Variants against each other, operation by operation and metric by metric, by the blocks that both have.
//!
//! Compared are the pairs that claims name, and each variant with the first. Metrics that claims name are primary, corrected by
//! Holm; all others are exploratory, corrected by Benjamini and Hochberg.

use std::collections::{BTreeMap, BTreeSet};

use shared::claim::{Against, Better};
use shared::ids::VariantIndex;
use shared::job::{Job, LoadModel};
use shared::metric::MetricName;
use shared::run_report::{ComparisonReport, RunReport, Says};

use crate::assemble::subject::Subject;
use crate::claims::series::Series;
use crate::estimate::Scale;
use crate::identical_sides;
use crate::level::{Level, Margin};
use crate::multiplicity::{benjamini_hochberg, holm};
use crate::paired::{self, Differences, Paired};
use crate::student::mean_interval;

/// Most comparisons that are made: each variant of the largest sweep in a hundred metrics. Those that claims name come first.
const COMPARISONS_MAX: usize = 10_000;
/// Measures that are what an open model's job asked for.
pub(crate) const ASKED_FOR: [&str; 2] = ["throughput", "count"];

/// Compares the variants of a run, at an error level: 5 % unless several looks share it.
pub fn compare(report: &RunReport, job: &Job, level: Level) -> Vec<ComparisonReport> {
    compare_pairs(report, job, &pairs(report, job), level)
}

/// Compares two variants of a run, which stand at these places of its report, at an error level.
pub fn between(report: &RunReport, job: &Job, (a, b): (usize, usize), level: Level) -> Vec<ComparisonReport> {
    compare_pairs(report, job, &[(a, b)], level)
}

fn compare_pairs(report: &RunReport, job: &Job, pairs: &[Sides], level: Level) -> Vec<ComparisonReport> {
    let repeated = identical_sides::firsts(job, report.variants.len());
    let list = |is_primary: bool| {
        let of_both =
            pairs.iter().flat_map(|pair| subjects(report, *pair).into_iter().map(move |it| (*pair, it)));
        of_both.flat_map(move |(pair, subject)| asked(report, job, pair, &subject, is_primary))
    };
    let asked: Vec<Asked> = list(true).chain(list(false)).take(COMPARISONS_MAX).collect();
    let mut compared: Vec<Compared> =
        asked.iter().map(|asked| asked.compare(report, job, &repeated, level)).collect();
    correct(&mut compared, level, true, holm);
    correct(&mut compared, level, false, benjamini_hochberg);
    compared.into_iter().map(|compared| compared.report).collect()
}

/// The places of two variants: the one that is held against, and the one that is.
type Sides = (usize, usize);

/// Two variants in one metric.
struct Asked {
    pair: Sides,
    subject: Subject,
    metric: MetricName,
    better: Better,
    is_primary: bool,
}

/// What came out, and the level at which it just would.
struct Compared {
    report: ComparisonReport,
    p: f64,
}

/// The pairs that claims name, then each variant with the first.
fn pairs(report: &RunReport, job: &Job) -> Vec<Sides> {
    let place = |name: &String| report.variants.iter().position(|variant| variant.name == *name);
    let named = job.claims.iter().filter_map(|claim| match (claim.rule.against(), &claim.variant) {
        (Some(Against::Variant(than)), Some(variant)) => Some((place(than)?, place(variant)?)),
        _ => None,
    });
    let mut pairs: Vec<Sides> = Vec::new();
    for (a, b) in named.chain((1..report.variants.len()).map(|variant| (0, variant))) {
        if a != b && !pairs.contains(&(a, b)) && !pairs.contains(&(b, a)) {
            pairs.push((a, b));
        }
    }
    pairs
}

fn asked(report: &RunReport, job: &Job, pair: Sides, subject: &Subject, is_primary: bool) -> Vec<Asked> {
    let meant = metrics(report, job, pair, subject).into_iter().filter(|(_, (_, it))| *it == is_primary);
    meant
        .map(|(metric, (better, is_primary))| Asked {
            pair,
            subject: subject.clone(),
            metric,
            better,
            is_primary,
        })
        .collect()
}

fn subjects(report: &RunReport, (a, b): Sides) -> BTreeSet<Subject> {
    let of =
        |variant: usize| report.variants[variant].trials.iter().map(Subject::of).collect::<BTreeSet<_>>();
    of(a).intersection(&of(b)).cloned().collect()
}

/// What two variants are compared in: what claims name, and what is estimated of both, as far as it is known which way is
/// better.
fn metrics(
    report: &RunReport,
    job: &Job,
    (a, b): Sides,
    subject: &Subject,
) -> BTreeMap<MetricName, (Better, bool)> {
    let is_open = |variant: usize| {
        let variant = VariantIndex(u32::try_from(variant).unwrap_or(u32::MAX));
        job.of_variant(variant).load.model == LoadModel::Open
    };
    let is_asked_for =
        |metric: &MetricName| ASKED_FOR.contains(&metric.measure.as_str()) && (is_open(a) || is_open(b));
    let variant = &report.variants[a];
    let operations: Vec<&str> = variant
        .trials
        .iter()
        .flat_map(|trial| &trial.operations)
        .map(|operation| operation.name.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let own = variant
        .estimates
        .iter()
        .filter(|estimate| estimate.agent == subject.agent() && estimate.pair == subject.pair());
    let estimated = own
        .filter_map(|estimate| MetricName::parse(&estimate.metric, operations.iter().copied()).ok())
        // Most trials have no error at all, and zero has no ratio to zero.
        .filter(|metric| metric.measure != "error_ratio")
        .filter_map(|metric| Some((Better::of_metric(&metric)?, metric)))
        .map(|(better, metric)| (metric, (better, false)));
    let claimed = job.claims.iter().map(|claim| (claim.metric.clone(), (claim.better, true)));
    estimated.chain(claimed).filter(|(metric, _)| !is_asked_for(metric)).collect()
}

impl Asked {
    fn compare(&self, report: &RunReport, job: &Job, repeated: &[usize], level: Level) -> Compared {
        let series =
            |variant: usize| Series::of(variant, &report.variants[variant], &self.subject, &self.metric);
        let (a, b) = (series(self.pair.0), series(self.pair.1));
        let pairs = b.paired(&a);
        let scale = if a.scale() == Scale::Linear { Scale::Linear } else { b.scale() };
        let (firsts, seconds): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(b, a)| (*a, *b)).unzip();
        let margin = margin(&firsts, scale, job.limits.margin);
        let better = match self.better {
            Better::Lower => paired::Better::Lower,
            Better::Higher => paired::Better::Higher,
        };
        let differences = Differences::between(&firsts, &seconds, better, scale).ok();
        let rule = paired::Rule { margin, level };
        let found = differences.as_ref().map(|differences| paired::compare(differences, rule));
        let error_ratio_max = job.limits.error_ratio;
        let is_sound = a.is_sound(error_ratio_max)
            && b.is_sound(error_ratio_max)
            && repeated[self.pair.0] != repeated[self.pair.1];
        let says = found.as_ref().filter(|_| is_sound).map_or(Says::Inconclusive, |found| word(found.says));
        let p = differences.map_or(1.0, |differences| p(&differences, rule, says));
        let shown = mean_ratio(&firsts, &seconds, scale);
        let more = found.filter(|_| is_sound).and_then(|found: Paired| found.undecided?.more_blocks);
        let report = ComparisonReport {
            metric: self.metric.to_string(),
            a: a.name.to_owned(),
            b: b.name.to_owned(),
            agent: self.subject.agent(),
            pair: self.subject.pair(),
            n: pairs.len() as u64,
            ratio: shown.0,
            ci95: shown.1,
            says,
            primary: self.is_primary,
            more_trials_needed: more.map(u64::from),
            fingerprint_differences: Vec::new(),
        };
        Compared { report, p }
    }
}

/// What several comparisons leave of each word: those that may be chance among so many become inconclusive.
fn correct(compared: &mut [Compared], level: Level, is_primary: bool, adjust: fn(&[f64]) -> Vec<f64>) {
    let mut meant: Vec<&mut Compared> =
        compared.iter_mut().filter(|compared| compared.report.primary == is_primary).collect();
    let adjusted = adjust(&meant.iter().map(|compared| compared.p).collect::<Vec<_>>());
    for (compared, p) in meant.iter_mut().zip(adjusted) {
        if p > level.alpha() {
            compared.report.says = Says::Inconclusive;
        }
    }
}

/// b / a with its interval; on the linear scale the ratio of the means, without one.
fn mean_ratio(firsts: &[f64], seconds: &[f64], scale: Scale) -> (Option<f64>, Option<[f64; 2]>) {
    if scale == Scale::Linear {
        let (a, b) = (firsts.iter().sum::<f64>(), seconds.iter().sum::<f64>());
        return ((a != 0.0).then(|| b / a), None);
    }
    let Ok(differences) = Differences::between(firsts, seconds, paired::Better::Lower, scale) else {
        return (None, None);
    };
    let mean = crate::student::mean(differences.values()).map(f64::exp);
    let estimate = mean_interval(differences.values(), differences.rounding_variance(), Level::FIVE_PERCENT);
    (mean, estimate.map(|estimate| estimate.interval.map(f64::exp)))
}

/// The largest difference that counts as none: a factor, or on the linear scale that share of the first side's mean.
fn margin(firsts: &[f64], scale: Scale, share: f64) -> Margin {
    let mean = crate::student::mean(firsts).unwrap_or(0.0).abs();
    let margin = if scale == Scale::Linear { Margin::linear(share * mean) } else { Margin::of_share(share) };
    margin.or(Margin::linear(0.0)).expect("zero is a margin")
}

/// The level at which a word would just be said: that at which the interval reaches the margin.
fn p(differences: &Differences, rule: paired::Rule, says: Says) -> f64 {
    let estimate = mean_interval(differences.values(), differences.rounding_variance(), rule.level);
    let Some(estimate) = estimate else { return 1.0 };
    let margin = rule.margin.value();
    match says {
        Says::Slower => estimate.level_excluding(margin),
        Says::Faster => estimate.level_excluding(-margin),
        Says::Same => estimate.level_excluding(margin).max(estimate.level_excluding(-margin)),
        Says::Inconclusive => 1.0,
    }
}

fn word(says: paired::Says) -> Says {
    match says {
        paired::Says::Faster => Says::Faster,
        paired::Says::Slower => Says::Slower,
        paired::Says::Same => Says::Same,
        paired::Says::Inconclusive => Says::Inconclusive,
    }
}
