//! A sweep's answer in sentences.

use shared::run_report::{Says, SweepReport};
use shared::units::human_share;

use crate::paired::BLOCKS_MIN;
use crate::sample_size::COUNT_MAX;

/// Which value is best and how sure that is, whether more was worse than the smallest, and what the model says. `margin` is the
/// share that counts as no difference.
pub(super) fn answer(report: &SweepReport, margin: f64) -> String {
    let sentences = [Some(best(report, margin)), worse_than_least(report), model(report)];
    sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn best(report: &SweepReport, margin: f64) -> String {
    let best = report.best.map(|best| format!("{} = {best}", report.path)).unwrap_or_default();
    let measured = report.values.iter().filter(|value| value.n > 0).count();
    if measured < 2 {
        return format!("Inconclusive: only {best} has trials that count.");
    }
    if report.not_told_apart.is_empty() {
        return format!("{best} is best: every other value is worse.");
    }
    let rivals = list(&report.not_told_apart);
    let against_best = report.values.iter().filter_map(|value| value.against_best.as_ref());
    let mut open =
        against_best.filter(|contrast| contrast.direction.is_none() && contrast.says != Says::Same);
    if open.next().is_none() {
        let margin = human_share(margin);
        return format!(
            "{best} has the best mean, and {rivals} cannot be told apart from it: the same within {margin}."
        );
    }
    let what = format!("Inconclusive: {best} has the best mean, but {rivals} cannot be told apart from it");
    match report.more_trials_needed {
        Some(more) if report.spread_assumed => {
            let n = report.values.iter().map(|value| value.n).min().unwrap_or_default();
            format!(
                "{what}: how far trials spread is not known from one of each. At least {BLOCKS_MIN} of each are needed, and about {} if trials differ by {}.",
                n + more,
                human_share(margin)
            )
        }
        Some(more) => format!("{what}; about {more} more trials of each would likely settle it."),
        None => format!("{what}, and fewer than {COUNT_MAX} trials of each are not likely to settle it."),
    }
}

fn worse_than_least(report: &SweepReport) -> Option<String> {
    let (least, more) = report.values.split_first().filter(|(_, more)| !more.is_empty())?;
    let least = least.value;
    if !report.worse_than_least.is_empty() {
        return Some(format!("More was worse than {least}: {}.", list(&report.worse_than_least)));
    }
    let is_open = |value: &&shared::run_report::SweptReport| {
        value
            .against_least
            .as_ref()
            .is_none_or(|contrast| contrast.direction.is_none() && contrast.says != Says::Same)
    };
    let open: Vec<f64> = more.iter().filter(is_open).map(|value| value.value).collect();
    Some(match open.as_slice() {
        [] => format!("More was never worse than {least}."),
        open => {
            format!("Whether {} is worse than {least} cannot be told.", list(open).replace(" and ", " or "))
        }
    })
}

fn model(report: &SweepReport) -> Option<String> {
    let law = report.law.as_ref()?;
    let misfit = human_share(law.misfit);
    Some(match law.peak {
        Some(peak) => {
            format!("Only a model: the Universal Scalability Law, {misfit} off, has its peak at {peak:.1}.")
        }
        None => format!("Only a model: the Universal Scalability Law, {misfit} off, has no peak."),
    })
}

/// "1, 2 and 4".
fn list(values: &[f64]) -> String {
    let texts: Vec<String> = values.iter().map(f64::to_string).collect();
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}
