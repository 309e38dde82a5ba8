//! Whether sides can be compared at all: what is measured in different units, or below zero, has no ratio that means anything.

use std::collections::BTreeMap;

use super::series::Series;
use super::words::{figure, unit_words};

/// Why ratios between these series mean nothing, as a sentence; `None`: they mean something.
pub(crate) fn senseless(series: &[&Series<'_>]) -> Option<String> {
    units_differ(series).or_else(|| below_zero(series))
}

/// Why a unit and those that a series is reported in are not one, as a sentence; `None`: they are, or nothing is reported.
pub(crate) fn differs_from(series: &Series<'_>, unit: &str, whose: &str) -> Option<String> {
    let other = series.units().into_iter().find(|own| *own != unit)?;
    Some(format!(
        "{} is reported in {} by {} and in {} by {whose}, which cannot be compared",
        series.metric,
        unit_words(other),
        series.name,
        unit_words(unit)
    ))
}

/// Why these series are not told in one unit, as a sentence; `None`: they are.
pub(crate) fn units_differ(series: &[&Series<'_>]) -> Option<String> {
    let mut whose: BTreeMap<&str, &str> = BTreeMap::new();
    for series in series {
        for unit in series.units() {
            whose.entry(unit).or_insert(series.name);
        }
    }
    let mut units = whose.into_iter();
    let ((one, by_one), (other, by_other)) = (units.next()?, units.next()?);
    Some(format!(
        "{} is reported in {} by {by_one} and in {} by {by_other}, which cannot be compared",
        series.first()?.metric,
        unit_words(one),
        unit_words(other)
    ))
}

/// "At most half of −3" is more than −3: below zero a factor turns round what it says.
fn below_zero(series: &[&Series<'_>]) -> Option<String> {
    series.iter().find_map(|series| {
        let (block, trial) = series.valid.iter().find(|(_, trial)| trial.value.is_some_and(|it| it < 0.0))?;
        Some(format!(
            "{} is {} in trial {} of {}, and a ratio of numbers below zero means nothing: claim a bound on it (below, above)",
            series.metric,
            figure(trial.value?, series.unit()),
            block + 1,
            series.name
        ))
    })
}
