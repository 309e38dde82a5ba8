//! Times with units: `5s`, `1m30s`, `250us`, `1.5ms`. Exact to the nanosecond.

use std::time::Duration;

use super::{Decimal, UnitError};

/// Longest duration that reads: a leap year, so that sums of several stay far from any overflow.
pub const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

const DURATION_MAX_TEXT: &str = "366 days (8784h)";
const EXPECTED: &str = "a duration such as \"5s\", \"1m30s\" or \"250us\"";
const KNOWN: &str = "h, m, s, ms, us (µs) or ns, as in \"1m30s\"";

/// Units with their nanoseconds, largest first. The micro sign and the Greek letter both appear on keyboards.
const UNITS: [(&str, u64); 8] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ns", 1),
];

/// Reads a duration: one or more numbers with units, largest first, only the last with decimals.
///
/// # Errors
/// No number, no unit, an unknown unit, units out of order, finer than a nanosecond, above [`DURATION_MAX`].
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let not_an_amount = || UnitError::NotAnAmount { value: text.to_owned(), expected: EXPECTED };
    let too_large = || UnitError::TooLarge { value: text.to_owned(), most: DURATION_MAX_TEXT };
    let mut rest = text.trim();
    let mut total_ns: u128 = 0;
    let mut smallest_yet = u64::MAX;
    if rest.is_empty() {
        return Err(not_an_amount());
    }
    while !rest.is_empty() {
        let (number, after) = Decimal::split_off(rest).ok_or_else(not_an_amount)?;
        let end = after
            .find(|character: char| character.is_ascii_digit() || character == '.')
            .unwrap_or(after.len());
        let (unit, remaining) = after.split_at(end);
        let factor = factor_of(unit, text)?;
        let has_order = factor < smallest_yet && (remaining.is_empty() || number.fraction_digits == 0);
        if !has_order {
            return Err(UnitError::Order(text.to_owned()));
        }
        total_ns += number
            .times(factor)
            .ok_or_else(|| UnitError::TooFine { value: text.to_owned(), smallest: "nanosecond" })?;
        (smallest_yet, rest) = (factor, remaining);
    }
    let nanos = u64::try_from(total_ns).map_err(|_| too_large())?;
    let duration = Duration::from_nanos(nanos);
    if duration > DURATION_MAX { Err(too_large()) } else { Ok(duration) }
}

/// Prints a duration so that [`parse_duration`] reads the same back: `1m30s`, `250us`, `0s`.
pub fn print_duration(duration: Duration) -> String {
    let mut rest = duration.as_nanos();
    let mut text = String::new();
    for (unit, factor) in UNITS.iter().filter(|(unit, _)| unit.is_ascii()) {
        let factor = u128::from(*factor);
        if rest >= factor {
            text.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn factor_of(unit: &str, text: &str) -> Result<u64, UnitError> {
    if unit.is_empty() {
        return Err(UnitError::NoUnit { value: text.to_owned(), known: KNOWN });
    }
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
        .ok_or_else(|| UnitError::UnknownUnit { value: text.to_owned(), unit: unit.to_owned(), known: KNOWN })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        let cases = [
            ("5s", 5_000_000_000),
            ("1m30s", 90_000_000_000),
            ("250us", 250_000),
            ("250\u{b5}s", 250_000),
            ("250\u{3bc}s", 250_000),
            ("2ms", 2_000_000),
            ("1h", 3_600_000_000_000),
            ("0s", 0),
            ("1.5s", 1_500_000_000),
            ("0.000000001s", 1),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let message = |text: &str| parse_duration(text).unwrap_err().to_string();
        assert_eq!(message("soon"), "\"soon\" is not a duration such as \"5s\", \"1m30s\" or \"250us\"");
        assert_eq!(message("5"), "\"5\" lacks its unit: write h, m, s, ms, us (µs) or ns, as in \"1m30s\"");
        assert_eq!(
            message("5sec"),
            "the unit \"sec\" of \"5sec\" is not known: write h, m, s, ms, us (µs) or ns, as in \"1m30s\""
        );
        assert!(message("30s1m").contains("from the largest unit to the smallest"));
        assert!(message("1.5m3s").contains("from the largest unit to the smallest"));
        assert_eq!(message("0.5ns"), "\"0.5ns\" is finer than one nanosecond");
        assert_eq!(message("8785h"), "\"8785h\" is more than 366 days (8784h)");
        for bad in ["", "-5s", "1..5s", ".5s", "5.s", "99999999999999999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(nanos in 0..=DURATION_MAX.as_nanos() as u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&print_duration(duration)), Ok(duration));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC*") {
            let _ = parse_duration(&text);
        }
    }
}
