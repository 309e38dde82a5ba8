//! Calibrations decided: what each of the two runs read, what came of both, and the smallest effect that they could have seen.

use std::collections::BTreeMap;

use shared::calibration::{
    BLOCKS_MIN, CalibrationMark, CalibrationPart, CalibrationReading, CalibrationVerdict, SAME_RUN_TAG,
    SmallestEffect, TAG,
};
use shared::fingerprint_comparison::differences;
use shared::metric::Unit;
use shared::run_record::RunState;
use shared::run_report::{ClaimReport, ComparisonReport, HostReport, RunReport, Says, Verdict};
use shared::units::human_share;

use crate::level::Level;
use crate::sample_size::distance_shown;
use crate::student::upper_quantile;

/// What is said of a comparison on hosts that no calibration vouches for.
const UNCALIBRATED: &str = "no passed calibration vouched for these hosts when this was measured: `fleetmark calibrate` shows whether they read what is the same as the same, and what is slower as slower";

/// What a run read as part of a calibration, by its tags; `None`: it is part of none. `margin` is its job's.
pub fn reading(
    tags: &BTreeMap<String, String>,
    report: &RunReport,
    margin: f64,
) -> Option<CalibrationReading> {
    let part = CalibrationPart::named(tags.get(TAG)?)?;
    let [first, second] = part.sides();
    let compared = report.comparisons.iter().filter(|it| it.primary && it.a == first && it.b == second);
    let worst = compared.max_by(|one, other| badness(part, one).total_cmp(&badness(part, other)));
    Some(CalibrationReading {
        part,
        run: report.run.id,
        same_run: tags.get(SAME_RUN_TAG).and_then(|run| run.parse().ok()),
        metric: worst.map(|worst| worst.metric.clone()).unwrap_or_default(),
        margin,
        blocks: worst.map_or(0, |worst| worst.n),
        ratio: worst.and_then(|worst| worst.ratio),
        ci95: worst.and_then(|worst| worst.ci95),
        says: worst.map_or(Says::Inconclusive, |worst| worst.says),
        invalid: invalidity(report, worst.is_some()),
    })
}

/// What came of a calibration, and why, as a sentence. Without a control it did not get that far.
pub fn verdict(
    same: &CalibrationReading,
    slower: Option<&CalibrationReading>,
) -> (CalibrationVerdict, String) {
    let readings = || [Some(same), slower].into_iter().flatten();
    if let Some((reading, why)) = readings().find_map(|it| Some((it, it.invalid.as_ref()?))) {
        return (CalibrationVerdict::Invalid, format!("{} does not count: {why}", run_words(reading)));
    }
    let Some(control) = slower else {
        return (CalibrationVerdict::Invalid, "the control did not run".to_owned());
    };
    let is_wrong = |it: &&CalibrationReading| it.says != it.part.expected() && it.says != Says::Inconclusive;
    if let Some(reading) = readings().find(is_wrong) {
        let why = format!(
            "{} reads {}, and it is not: what this set-up says of differences cannot be trusted until it is known why (another program on the hosts, a generator at its limit, a clock that jumps)",
            run_words(reading),
            says_words(reading)
        );
        return (CalibrationVerdict::Failed, why);
    }
    if let Some(reading) = readings().find(|it| it.says == Says::Inconclusive) {
        let why = format!(
            "{} cannot be told {} over {} blocks: it takes more of them, longer trials, quieter hosts, or a wider margin than {}",
            run_words(reading),
            if reading.part == CalibrationPart::Same { "from a difference" } else { "from none" },
            reading.blocks,
            human_share(reading.margin)
        );
        return (CalibrationVerdict::Inconclusive, why);
    }
    let blocks = same.blocks.min(control.blocks);
    if blocks < u64::from(BLOCKS_MIN) {
        let why = format!(
            "both runs read what they should, but over {blocks} blocks, and a calibration takes {BLOCKS_MIN}"
        );
        return (CalibrationVerdict::Inconclusive, why);
    }
    let margin = human_share(same.margin);
    let why = format!(
        "what is the same reads the same within {margin}, and what is slower by {} reads slower",
        human_share(2.0 * same.margin)
    );
    (CalibrationVerdict::Passed, why)
}

/// By which factor the second side of a control is slower: by twice the margin.
pub fn slower_by(margin: f64) -> f64 {
    1.0 + 2.0 * margin
}

/// The smallest effects that comparisons of so many blocks can see where the A/A spread as it did; `None`: it has no interval.
///
/// The interval of the A/A is ±t(n−1, .975)·s/√n over logarithms, which gives back s; the planning formula of
/// [`crate::sample_size`] then says how far from a limit a true difference must lie to be shown in four of five runs.
pub fn smallest_effect(same: &CalibrationReading) -> Option<SmallestEffect> {
    let [low, high] = same.ci95.filter(|[low, high]| *low > 0.0 && high.is_finite())?;
    let count = usize::try_from(same.blocks).ok().filter(|count| *count >= 2)?;
    let half_width = (high.ln() - low.ln()) / 2.0;
    let quantile = upper_quantile(Level::FIVE_PERCENT.one_side(), count - 1);
    let stdev = half_width * (count as f64).sqrt() / quantile;
    let distance = distance_shown(count, stdev, Level::FIVE_PERCENT)?;
    Some(SmallestEffect {
        blocks: same.blocks,
        half_width: half_width.exp_m1(),
        told_from_none: distance.exp_m1(),
        told_from_margin: (same.margin.ln_1p() + distance).exp_m1(),
    })
}

/// Whether hosts are those that were calibrated: each is one of the others by its fingerprint, whatever its agent is called.
/// Hosts that only observe are none of them, and one that changed in the middle is two.
pub fn covers(calibrated: &[HostReport], measured: &[HostReport]) -> bool {
    let loads =
        |hosts: &[HostReport]| hosts.iter().filter(|host| !host.observer).cloned().collect::<Vec<_>>();
    let (calibrated, measured) = (loads(calibrated), loads(measured));
    let is_one = |one: &HostReport, others: &[HostReport]| {
        others
            .iter()
            .any(|other| differences(std::slice::from_ref(one), std::slice::from_ref(other)).is_empty())
    };
    !calibrated.is_empty()
        && !measured.is_empty()
        && measured.iter().all(|host| is_one(host, &calibrated))
        && calibrated.iter().all(|host| is_one(host, &measured))
}

/// What is to be said of a comparison in a metric of some unit, on hosts with this calibration or none; `None`: nothing. A
/// calibration compares how long operations take, and so how many end in a second; of sizes and of a job's own metrics it says
/// nothing.
pub fn note(calibrated_by: Option<&CalibrationMark>, unit: &str) -> Option<String> {
    let is_covered = [Unit::Time, Unit::Rate].iter().any(|covered| covered.as_str() == unit);
    match (calibrated_by, is_covered) {
        (None, _) => Some(UNCALIBRATED.to_owned()),
        (Some(_), true) => None,
        (Some(mark), false) => Some(format!(
            "the calibration of these hosts (run {}) is about times and rates, and says nothing of sizes and other metrics",
            mark.same_run
        )),
    }
}

/// How far a comparison is from what it should say: what is wrong before what is open, and of those the widest.
fn badness(part: CalibrationPart, comparison: &ComparisonReport) -> f64 {
    let width = comparison.ci95.map_or(1.0, |[low, high]| (high - low).abs().min(1.0));
    let rank = match comparison.says {
        says if says == part.expected() => 0.0,
        Says::Inconclusive => 2.0,
        _ => 4.0,
    };
    rank + width
}

/// Why what a run read counts for nothing.
fn invalidity(report: &RunReport, is_compared: bool) -> Option<String> {
    let run = &report.run;
    if run.state != RunState::Finished {
        let why = run.reason.as_deref().unwrap_or("nothing says why");
        return Some(format!("it is {}: {why}", run.state.as_str()));
    }
    if run.verdict == Verdict::Invalid {
        let invalid = |claim: &&ClaimReport| claim.verdict == Verdict::Invalid;
        let claim = report.claims.iter().find(invalid).map(|claim| claim.reason.clone());
        return Some(claim.unwrap_or_else(|| "not all of its trials are valid".to_owned()));
    }
    (!is_compared).then(|| "nothing was compared in it".to_owned())
}

/// `the A/A (run 0190…)`.
fn run_words(reading: &CalibrationReading) -> String {
    let what = match reading.part {
        CalibrationPart::Same => "the A/A",
        CalibrationPart::Slower => "the control",
    };
    format!("{what} (run {})", reading.run)
}

fn says_words(reading: &CalibrationReading) -> String {
    match reading.says {
        Says::Same => format!("the same within {}", human_share(reading.margin)),
        says => says.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests;
