//! Which values a search may try: fixed before it begins, in equal ratios, so that its answer is as precise at a hundred as it is
//! at a hundred thousand.

/// Most values that a search may choose from: each is a whole job that is read beforehand. At a resolution of 10 % they span a
/// hundred million to one.
pub const VALUES_MAX: usize = 200;
/// The finest resolution: no two trials of anything tell a thousandth apart.
pub const RESOLUTION_MIN: f64 = 0.001;

/// The values from the lowest to the highest, both included, neighbours no further apart than `resolution`, which is
/// [`RESOLUTION_MIN`] or more. `are_whole`: none
/// lies between whole numbers, and neighbours are at least 1 apart. Others have no more digits than it takes to tell them apart.
///
/// # Errors
/// How many there would be, when that is more than [`VALUES_MAX`].
pub fn between(low: f64, high: f64, resolution: f64, are_whole: bool) -> Result<Vec<f64>, f64> {
    let span = high.ln() - low.ln();
    let ratios = (span / resolution.ln_1p()).ceil().max(1.0);
    let many = if are_whole { ratios.min(high - low) } else { ratios } + 1.0;
    if many.is_nan() || many > VALUES_MAX as f64 {
        return Err(many);
    }
    let digits = 2 + (-resolution.log10()).ceil().max(0.0) as i32;
    let rounded = |value: f64| {
        let rounded = to_digits(value, digits);
        if are_whole { rounded.round() } else { rounded }
    };
    let mut values = vec![low];
    for place in 1..ratios as usize {
        let value = rounded((low.ln() + span * place as f64 / ratios).exp());
        if values.last().is_some_and(|last| value > *last) && value < high {
            values.push(value);
        }
    }
    values.push(high);
    Ok(values)
}

/// A number above zero, rounded to so many digits that count.
fn to_digits(value: f64, digits: i32) -> f64 {
    let places = digits - 1 - value.log10().floor() as i32;
    // Powers of ten above 1 are exact, so that the result is the number that people would write.
    let scale = 10_f64.powi(places.abs());
    if places < 0 { (value / scale).round() * scale } else { (value * scale).round() / scale }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_are_as_far_apart_as_is_said() {
        let values = between(100.0, 200.0, 0.1, true).unwrap();
        assert_eq!(values, [100.0, 109.0, 119.0, 130.0, 141.0, 154.0, 168.0, 183.0, 200.0]);
        assert_eq!(between(0.5, 4.0, 1.0, false).unwrap(), [0.5, 1.0, 2.0, 4.0]);
    }

    #[test]
    fn whole_numbers_come_once_each() {
        assert_eq!(between(1.0, 5.0, 0.1, true).unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn more_values_than_can_be_run_are_refused() {
        assert!(between(1.0, 1e6, 0.001, true).is_err_and(|many| many > 10_000.0));
        assert!(between(1e-300, 1e300, 0.1, false).is_err());
        assert!(between(1.0, 100.0, 0.0001, true).is_ok_and(|values| values.len() == 100));
    }

    proptest! {
        #[test]
        fn values_rise_from_end_to_end_without_a_gap(
            low in 1e-3_f64..1e6, times in 1.001_f64..1e6, resolution in 0.08_f64..1.0, are_whole in any::<bool>()
        ) {
            let low = if are_whole { low.ceil() } else { low };
            let high = if are_whole { (low * times).ceil() + 1.0 } else { low * times };
            let Ok(values) = between(low, high, resolution, are_whole) else { return Ok(()) };
            prop_assert!(values.len() >= 2 && values.len() <= VALUES_MAX);
            prop_assert_eq!((values[0], values[values.len() - 1]), (low, high));
            for pair in values.windows(2) {
                prop_assert!(pair[0] < pair[1]);
                // Rounding may widen a step by a digit on either side.
                let is_near = pair[1] / pair[0] <= 1.0 + 1.25 * resolution;
                prop_assert!(is_near || (are_whole && pair[1] - pair[0] <= 2.0), "{pair:?}");
                prop_assert!(!are_whole || pair[0].fract() == 0.0);
            }
        }
    }
}
