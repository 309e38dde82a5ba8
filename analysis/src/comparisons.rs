//! Variants against each other, operation by operation and metric by metric, by the blocks that both have.
//!
//! Compared are the pairs that claims name, each variant with the first, and variants with the baselines that claims name. Metrics
//! that claims name are primary, corrected by Holm; all others are exploratory, corrected by Benjamini and Hochberg.
//! Rooms: `side_by_side` (two variants in one metric), `across_hosts` (what agents that stand apart say together), `baselines`.

mod across_hosts;
mod baselines;
mod side_by_side;

use std::collections::{BTreeMap, BTreeSet};

use shared::calibration::CalibrationMark;
use shared::claim::{Against, Better};
use shared::ids::VariantIndex;
use shared::job::{Job, LoadModel};
use shared::metric::MetricName;
use shared::run_report::{ComparisonReport, RunReport, Says};

use self::side_by_side::Asked;
pub(crate) use self::side_by_side::{margin, mean_ratio, p};
use crate::assemble::Assembled;
use crate::assemble::subject::Subject;
use crate::level::Level;
use crate::multiplicity::{benjamini_hochberg, holm};
use crate::{calibration, identical_sides};

/// Most comparisons that are made: each variant of the largest sweep in a hundred metrics. Those that claims name come first.
const COMPARISONS_MAX: usize = 10_000;
/// Measures that are what an open model's job asked for.
pub(crate) const ASKED_FOR: [&str; 2] = ["throughput", "count"];

/// How comparisons are made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Terms<'a> {
    /// How often one may be wrong: 5 % unless several looks share it.
    pub level: Level,
    /// Whether something vouches for the hosts.
    pub vouching: Vouching<'a>,
}

/// Whether a calibration vouches for the hosts of comparisons.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Vouching<'a> {
    /// Nobody asks: the run goes on, or is itself part of a calibration.
    Unasked,
    /// This one does; `None`: none does.
    By(Option<&'a CalibrationMark>),
}

impl Terms<'_> {
    /// At a level, with nobody asking for a calibration.
    pub const fn at(level: Level) -> Self {
        Self { level, vouching: Vouching::Unasked }
    }
}

/// Compares the variants of a run with each other and with the baselines that claims name.
pub fn compare(assembled: &Assembled, job: &Job, terms: Terms<'_>) -> Vec<ComparisonReport> {
    let report = &assembled.report;
    let of_baselines = baselines::compare(assembled, job, terms.level);
    compare_pairs(report, job, &pairs(report, job), terms, of_baselines)
}

/// Compares two variants of a run, which stand at these places of its report.
pub fn between(report: &RunReport, job: &Job, sides: Sides, terms: Terms<'_>) -> Vec<ComparisonReport> {
    compare_pairs(report, job, &[sides], terms, Vec::new())
}

/// The places of two variants: the one that is held against, and the one that is.
pub type Sides = (usize, usize);

/// What came out, and the level at which it just would.
struct Compared {
    report: ComparisonReport,
    p: f64,
    /// The unit of what is compared.
    unit: String,
}

fn compare_pairs(
    report: &RunReport,
    job: &Job,
    pairs: &[Sides],
    terms: Terms<'_>,
    of_baselines: Vec<Compared>,
) -> Vec<ComparisonReport> {
    let repeated = identical_sides::firsts(job, report.variants.len());
    let list = |is_primary: bool| {
        let of_both =
            pairs.iter().flat_map(|pair| subjects(report, *pair).into_iter().map(move |it| (*pair, it)));
        of_both.flat_map(move |(pair, subject)| asked(report, job, pair, &subject, is_primary))
    };
    let asked: Vec<Asked> = list(true).chain(list(false)).take(COMPARISONS_MAX).collect();
    let mut compared: Vec<Compared> = of_baselines;
    for asked in &asked {
        compared.push(asked.side_by_side(report, job, &repeated).compare(terms.level));
    }
    compared.extend(across_hosts::compare(report, job, &asked, &repeated, terms.level));
    compared.sort_by_key(|compared| !compared.report.primary);
    correct(&mut compared, terms.level, true, holm);
    correct(&mut compared, terms.level, false, benjamini_hochberg);
    let scope = across_hosts::scope(report);
    for compared in compared.iter_mut().filter(|compared| compared.report.agent.is_some()) {
        compared.report.notes.extend(scope.clone());
    }
    if let Vouching::By(mark) = terms.vouching {
        for compared in &mut compared {
            compared.report.notes.extend(calibration::note(mark, &compared.unit));
        }
    }
    compared.into_iter().map(|compared| compared.report).collect()
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
