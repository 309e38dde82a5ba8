//! Scales: where on a line a value stands, and which values are marked there.

/// Values per decade that a logarithmic scale marks when it spans few of them.
const DECADE_MARKS: [f64; 3] = [1.0, 2.0, 5.0];
/// Decades above which a logarithmic scale marks only whole ones.
const FEW_DECADES: f64 = 2.5;
/// How far a scale of equal values reaches to either side, as a share of the value.
const LONE_VALUE_REACH: f64 = 0.1;

/// How values spread over a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Equal differences are equally long.
    Linear,
    /// Equal ratios are equally long; only for values above zero.
    Logarithmic,
}

/// A line of pixels that stands for a range of values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    spread: Spread,
    low: f64,
    high: f64,
    start: f64,
    end: f64,
}

impl Scale {
    /// A scale from the least to the greatest of some values, on pixels from `start` to `end`. `None`: there is no value that it
    /// could show, or a logarithmic one is asked for what is not above zero.
    pub(crate) fn over(
        spread: Spread,
        values: impl IntoIterator<Item = f64>,
        (start, end): (f64, f64),
    ) -> Option<Self> {
        let shown = values
            .into_iter()
            .filter(|value| value.is_finite() && (spread == Spread::Linear || *value > 0.0))
            .fold(None, |range: Option<(f64, f64)>, value| {
                Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
            });
        let (low, high) = shown?;
        let (low, high) = if low < high {
            (low, high)
        } else {
            let reach = if low == 0.0 { 1.0 } else { low.abs() * LONE_VALUE_REACH };
            (low - reach, high + reach)
        };
        Some(Self { spread, low, high, start, end })
    }

    /// The same scale, its range widened to where marks stand, so that no value lies outside them.
    pub(crate) fn to_marks(self, marks: usize) -> Self {
        match self.spread {
            Spread::Linear => {
                let step = step_of((self.high - self.low) / marks.max(1) as f64);
                Self { low: (self.low / step).floor() * step, high: (self.high / step).ceil() * step, ..self }
            }
            Spread::Logarithmic => Self {
                low: nearest_mark(self.low, |mark, low| mark <= low, true),
                high: nearest_mark(self.high, |mark, high| mark >= high, false),
                ..self
            },
        }
    }

    /// Where a value stands, pixels. Values outside the range stand at its end.
    pub(crate) fn at(&self, value: f64) -> f64 {
        let share = match self.spread {
            Spread::Linear => (value - self.low) / (self.high - self.low),
            Spread::Logarithmic => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self.start + share * (self.end - self.start)
    }

    /// The values to mark, lowest first, about as many as are asked for and never more than twice that.
    pub(crate) fn marks(&self, about: usize) -> Vec<f64> {
        let about = about.max(1);
        match self.spread {
            Spread::Linear => {
                let step = step_of((self.high - self.low) / about as f64);
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step + 1e-9).floor() as i64;
                (first..=last).take(2 * about).map(|count| count as f64 * step).collect()
            }
            // Within less than a decade there may be no mark of decades at all.
            Spread::Logarithmic if self.decade_marks().len() < 3 => {
                Self { spread: Spread::Linear, ..*self }.marks(about)
            }
            Spread::Logarithmic => {
                let marks = self.decade_marks();
                let stride = marks.len().div_ceil(2 * about).max(1);
                marks.into_iter().step_by(stride).collect()
            }
        }
    }

    fn decade_marks(&self) -> Vec<f64> {
        let is_short = (self.high / self.low).log10() <= FEW_DECADES;
        let per_decade: &[f64] = if is_short { &DECADE_MARKS } else { &DECADE_MARKS[..1] };
        let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let all = decades.flat_map(|decade| per_decade.iter().map(move |mark| mark * 10_f64.powi(decade)));
        let (low, high) = (self.low * (1.0 - 1e-9), self.high * (1.0 + 1e-9));
        all.filter(|mark| (low..=high).contains(mark)).collect()
    }
}

/// The next of 1, 2 and 5 times a power of ten that is at least so large.
fn step_of(least: f64) -> f64 {
    let decade = 10_f64.powf(least.log10().floor());
    let found = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * decade >= least * (1.0 - 1e-9));
    found.unwrap_or(10.0) * decade
}

/// The mark of a decade that bounds a value, the largest such or the smallest.
fn nearest_mark(value: f64, bounds: impl Fn(f64, f64) -> bool, largest: bool) -> f64 {
    let decade = value.log10().floor() as i32;
    let marks = (decade - 1..=decade + 1)
        .flat_map(|decade| DECADE_MARKS.iter().map(move |mark| mark * 10_f64.powi(decade)));
    let mut bounding = marks.filter(|mark| bounds(*mark, value));
    let found = if largest { bounding.last() } else { bounding.next() };
    found.unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: (f64, f64) = (100.0, 0.0);

    #[test]
    fn a_linear_scale_marks_round_values_within_its_range() {
        let scale = Scale::over(Spread::Linear, [0.0, 873.0], LINE).unwrap().to_marks(4);
        assert_eq!(scale.marks(4), [0.0, 500.0, 1_000.0]);
        assert_eq!((scale.at(0.0), scale.at(500.0), scale.at(1_000.0)), (100.0, 50.0, 0.0));
    }

    #[test]
    fn a_logarithmic_scale_gives_equal_ratios_equal_lengths() {
        let scale = Scale::over(Spread::Logarithmic, [1.0, 10.0, 100.0], (0.0, 200.0)).unwrap().to_marks(4);
        assert!((scale.at(10.0) - 100.0).abs() < 1e-9);
        assert_eq!(scale.marks(4), [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn many_decades_are_marked_by_whole_ones() {
        let scale = Scale::over(Spread::Logarithmic, [1e3, 1e9], LINE).unwrap();
        assert!(scale.marks(3).len() <= 6 && scale.marks(3).iter().all(|mark| mark.log10().fract() == 0.0));
    }

    #[test]
    fn a_short_logarithmic_scale_is_marked_all_the_same() {
        let scale = Scale::over(Spread::Logarithmic, [0.9, 1.25], (0.0, 300.0)).unwrap();
        assert_eq!(scale.marks(4).len(), 4, "{:?}", scale.marks(4));
        let at_one = scale.at(1.0);
        assert!((at_one - 300.0 * (1.0_f64 / 0.9).ln() / (1.25_f64 / 0.9).ln()).abs() < 1e-9, "{at_one}");
    }

    #[test]
    fn what_cannot_be_shown_has_no_scale() {
        assert!(Scale::over(Spread::Linear, [], LINE).is_none());
        assert!(Scale::over(Spread::Linear, [f64::NAN, f64::INFINITY], LINE).is_none());
        assert!(Scale::over(Spread::Logarithmic, [0.0, -1.0], LINE).is_none());
    }

    proptest! {
        #[test]
        fn whatever_the_values_all_stand_on_the_line_and_marks_are_few(
            values in proptest::collection::vec(-1e15_f64..1e15, 1..20),
            is_linear: bool,
            marks in 1_usize..12,
        ) {
            let spread = if is_linear { Spread::Linear } else { Spread::Logarithmic };
            let Some(scale) = Scale::over(spread, values.iter().copied(), (40.0, 300.0)) else { return Ok(()) };
            let scale = scale.to_marks(marks);
            prop_assert!(scale.marks(marks).len() <= 2 * marks);
            for value in values.into_iter().chain(scale.marks(marks)) {
                prop_assert!((40.0..=300.0).contains(&scale.at(value)));
            }
        }
    }
}
