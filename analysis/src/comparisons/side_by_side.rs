//! Two variants in one metric: their blocks side by side, and what these say.

use shared::job::Job;
use shared::metric::MetricName;
use shared::run_report::{ComparisonReport, RunReport, Says};

use super::{Compared, Sides};
use crate::assemble::subject::Subject;
use crate::claims::comparable;
use crate::claims::series::Series;
use crate::estimate::Scale;
use crate::level::{Level, Margin};
use crate::paired::{self, Better, Differences, Paired};
use crate::student::{mean, mean_interval};

/// Two variants in one metric, as it is asked.
pub(super) struct Asked {
    /// Which variants.
    pub(super) pair: Sides,
    /// Whose numbers.
    pub(super) subject: Subject,
    /// In what.
    pub(super) metric: MetricName,
    /// Which way it is better.
    pub(super) better: Better,
    /// Whether a claim names it.
    pub(super) is_primary: bool,
}

/// The blocks that both variants have.
pub(super) struct SideBySide<'a> {
    asked: &'a Asked,
    names: [&'a str; 2],
    unit: &'a str,
    firsts: Vec<f64>,
    seconds: Vec<f64>,
    /// On which scale they are compared.
    pub(super) scale: Scale,
    margin: Margin,
    /// What each block says; `None`: they say nothing.
    pub(super) differences: Option<Differences>,
    /// Whether anything may be said of them.
    pub(super) is_sound: bool,
    /// Why their ratio means nothing; `None`: it means something.
    senseless: Option<String>,
}

impl Asked {
    /// Puts the blocks of both side by side. `repeated` has for each variant the first one that measures the same.
    pub(super) fn side_by_side<'a>(
        &'a self,
        report: &'a RunReport,
        job: &Job,
        repeated: &[usize],
    ) -> SideBySide<'a> {
        let series =
            |variant: usize| Series::of(variant, &report.variants[variant], &self.subject, &self.metric);
        let (a, b) = (series(self.pair.0), series(self.pair.1));
        let scale = if a.scale() == Scale::Linear { Scale::Linear } else { b.scale() };
        let (firsts, seconds): (Vec<f64>, Vec<f64>) = b.paired(&a).iter().map(|(b, a)| (*a, *b)).unzip();
        let senseless = comparable::senseless(&[&b, &a]);
        let error_ratio_max = job.limits.error_ratio;
        let is_sound = a.is_sound(error_ratio_max)
            && b.is_sound(error_ratio_max)
            && repeated[self.pair.0] != repeated[self.pair.1]
            && senseless.is_none();
        SideBySide {
            asked: self,
            names: [a.name, b.name],
            unit: a.unit(),
            margin: margin(&firsts, scale, job.limits.margin),
            differences: Differences::between(&firsts, &seconds, self.better, scale).ok(),
            firsts,
            seconds,
            scale,
            is_sound,
            senseless,
        }
    }
}

impl SideBySide<'_> {
    /// What the blocks say.
    pub(super) fn compare(self, level: Level) -> Compared {
        let rule = paired::Rule { margin: self.margin, level };
        let found = self.differences.as_ref().map(|differences| paired::compare(differences, rule));
        let says =
            found.as_ref().filter(|_| self.is_sound).map_or(Says::Inconclusive, |found| found.says.into());
        let p = self.differences.as_ref().map_or(1.0, |differences| p(differences, rule, says));
        let (ratio, ci95) = match self.senseless {
            Some(_) => (None, None),
            None => mean_ratio(&self.firsts, &self.seconds, self.scale),
        };
        let more = found.filter(|_| self.is_sound).and_then(|found: Paired| found.undecided?.more_blocks);
        let report = ComparisonReport {
            n: self.firsts.len() as u64,
            ratio,
            ci95,
            says,
            more_trials_needed: more.map(u64::from),
            notes: self.senseless.clone().into_iter().collect(),
            ..self.named()
        };
        Compared { report, p, unit: self.unit.to_owned() }
    }

    /// The unit of what is compared.
    pub(super) fn unit(&self) -> &str {
        self.unit
    }

    /// The comparison by name, with nothing said yet.
    pub(super) fn named(&self) -> ComparisonReport {
        ComparisonReport {
            metric: self.asked.metric.to_string(),
            a: self.names[0].to_owned(),
            b: self.names[1].to_owned(),
            agent: self.asked.subject.agent(),
            pair: self.asked.subject.pair(),
            n: 0,
            ratio: None,
            ci95: None,
            says: Says::Inconclusive,
            primary: self.asked.is_primary,
            more_trials_needed: None,
            fingerprint_differences: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// b / a with its interval; on the linear scale the ratio of the means, without one.
pub(crate) fn mean_ratio(firsts: &[f64], seconds: &[f64], scale: Scale) -> (Option<f64>, Option<[f64; 2]>) {
    if scale == Scale::Linear {
        let (a, b) = (firsts.iter().sum::<f64>(), seconds.iter().sum::<f64>());
        return ((a != 0.0).then(|| b / a), None);
    }
    let Ok(differences) = Differences::between(firsts, seconds, Better::Lower, scale) else {
        return (None, None);
    };
    let mean = mean(differences.values()).map(f64::exp);
    let estimate = mean_interval(differences.values(), differences.rounding_variance(), Level::FIVE_PERCENT);
    (mean, estimate.map(|estimate| estimate.interval.map(f64::exp)))
}

/// The largest difference that counts as none: a factor, or on the linear scale that share of the first side's mean.
pub(crate) fn margin(firsts: &[f64], scale: Scale, share: f64) -> Margin {
    let mean = mean(firsts).unwrap_or(0.0).abs();
    let margin = if scale == Scale::Linear { Margin::linear(share * mean) } else { Margin::of_share(share) };
    margin.unwrap_or(Margin::NONE)
}

/// The level at which a word would just be said: that at which the interval reaches the margin.
pub(crate) fn p(differences: &Differences, rule: paired::Rule, says: Says) -> f64 {
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
