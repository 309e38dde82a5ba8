//! Further metrics that are read out of answers.

use shared::metric::MetricKind;

use super::answer::{Answer, Wants};
use super::selection::Selection;

/// One metric of an operation.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    /// Where its value stands.
    pub(super) selection: Selection,
    /// What it is.
    pub(super) kind: MetricKind,
    /// The value that makes a ratio's one; `None`: the value itself is 0 or 1.
    pub(super) equals: Option<String>,
    /// What one of its unit is in the base unit.
    pub(super) factor: f64,
}

impl Reading {
    /// What must be kept of an answer for it.
    pub(super) fn wants(&self) -> Wants {
        self.selection.wants()
    }

    /// The value in an answer, in the base unit; `None`: there is none, or it is no number.
    pub(super) fn read(&self, answer: &Answer) -> Option<f64> {
        let value = self.selection.pick(answer)?;
        let text = str::from_utf8(&value).ok()?.trim();
        match (self.kind, &self.equals) {
            (MetricKind::Ratio, Some(equals)) => Some(f64::from(u8::from(text == equals))),
            (MetricKind::Ratio, None) => match text {
                "0" | "false" => Some(0.0),
                "1" | "true" => Some(1.0),
                _ => None,
            },
            (MetricKind::Gauge | MetricKind::Histogram, _) => {
                let number: f64 = text.parse().ok()?;
                Some(number * self.factor).filter(|number| number.is_finite())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::metric::spec::base_unit;

    use super::*;
    use crate::workload::http::answer::tests::answer;

    fn read(kind: MetricKind, equals: Option<&str>, unit: &str, value: &str) -> Option<f64> {
        let reading = Reading {
            selection: Selection::parse("header:x").unwrap(),
            kind,
            equals: equals.map(str::to_owned),
            factor: base_unit(unit).1,
        };
        reading.read(&answer(&[("x", value)], ""))
    }

    #[test]
    fn a_ratio_is_zero_or_one() {
        let hit = |value| read(MetricKind::Ratio, Some("HIT"), "", value);
        assert_eq!([hit("HIT"), hit("MISS"), hit("hit")], [Some(1.0), Some(0.0), Some(0.0)]);
        let plain = |value| read(MetricKind::Ratio, None, "", value);
        assert_eq!(
            ["1", "true", "0", "false", "2", "HIT"].map(plain),
            [Some(1.0), Some(1.0), Some(0.0), Some(0.0), None, None]
        );
    }

    #[test]
    fn amounts_come_in_their_base_unit() {
        for (unit, value, expected) in [
            ("ms", "1.5", Some(1.5e6)),
            ("s", "-2", Some(-2e9)),
            ("us", "3", Some(3e3)),
            ("ns", "3", Some(3.0)),
            ("B", "7", Some(7.0)),
            ("KiB", "2", Some(2048.0)),
            ("MiB", "1", Some(1_048_576.0)),
            ("rows", " 12 ", Some(12.0)),
            ("", "1e3", Some(1e3)),
        ] {
            assert_eq!(read(MetricKind::Gauge, None, unit, value), expected, "{value} {unit}");
        }
    }

    #[test]
    fn what_is_no_number_is_no_value() {
        for value in ["", "fast", "inf", "NaN", "1e999", "12 ms"] {
            assert_eq!(read(MetricKind::Histogram, None, "ms", value), None, "{value}");
        }
    }
}
