//! Durations, sizes and shares as people write them: `5s`, `1m30s`, `250us`, `16MiB`, `5%`; and figures as people
//! like to read them.
//!
//! Rooms: [`duration`], [`size`], [`share`] (read and print without loss), [`human`] (three digits for a terminal).

pub mod duration;
pub mod human;
pub mod share;
pub mod size;

pub use duration::{DURATION_MAX, parse_duration, print_duration};
pub use human::{human_bytes, human_count, human_duration, human_ns, human_rate, human_share};
pub use share::{parse_share, print_share};
pub use size::{parse_size, print_size};

/// Why a text is not an amount with a unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It does not begin with a number.
    #[error("{value:?} is not {expected}")]
    NotAnAmount {
        /// What was given.
        value: String,
        /// What would have been right, with an example.
        expected: &'static str,
    },
    /// A number without a unit, where one is needed.
    #[error("{value:?} lacks its unit: write {known}")]
    NoUnit {
        /// What was given.
        value: String,
        /// The units there are.
        known: &'static str,
    },
    /// A unit that does not exist.
    #[error("the unit {unit:?} of {value:?} is not known: write {known}")]
    UnknownUnit {
        /// What was given.
        value: String,
        /// What was given as unit.
        unit: String,
        /// The units there are.
        known: &'static str,
    },
    /// Units out of order or twice: `30s1m`.
    #[error("{0:?} must go from the largest unit to the smallest, each once, as in \"1m30s\"")]
    Order(String),
    /// Finer than the smallest unit.
    #[error("{value:?} is finer than one {smallest}")]
    TooFine {
        /// What was given.
        value: String,
        /// The smallest unit.
        smallest: &'static str,
    },
    /// More than can be meant.
    #[error("{value:?} is more than {most}")]
    TooLarge {
        /// What was given.
        value: String,
        /// The most that is allowed.
        most: &'static str,
    },
}

/// A decimal number as digits, without the rounding of floating point: `1.5` is 15 / 10^1.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: u128,
    fraction_digits: u32,
}

/// Digits that a decimal may have; 20 carry any 64-bit count, and their products stay within 128 bits.
const DECIMAL_DIGITS_MAX: usize = 20;

impl Decimal {
    /// Splits the number that a text begins with from the rest; `None`: it begins with none, or one too long.
    fn split_off(text: &str) -> Option<(Self, &str)> {
        let end = text
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let is_dot_last = number.ends_with('.');
        let is_number = !whole.is_empty() && !is_dot_last && !fraction.contains('.');
        if !is_number || whole.len() + fraction.len() > DECIMAL_DIGITS_MAX {
            return None;
        }
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Some((Self { digits, fraction_digits: fraction.len() as u32 }, rest))
    }

    /// The number times a whole factor, when that is whole.
    fn times(self, factor: u64) -> Option<u128> {
        let scale = 10_u128.pow(self.fraction_digits);
        let product = self.digits * u128::from(factor);
        product.is_multiple_of(scale).then_some(product / scale)
    }
}
