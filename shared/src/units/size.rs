//! Sizes with units: `512B`, `1kB`, `16MiB`; a bare whole number is bytes.

use super::{Decimal, UnitError};

const SIZE_MAX_TEXT: &str = "16 EiB";
const EXPECTED: &str = "a size such as \"512B\", \"1kB\" or \"16MiB\"";
const KNOWN: &str = "B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, as in \"16MiB\"";

/// Units with their bytes. Case counts: `kB` is 1000, `KiB` is 1024.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// Reads a size in bytes; without a unit it is bytes already.
///
/// # Errors
/// No number, an unknown unit, a part of a byte, more than 64 bits.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let not_an_amount = || UnitError::NotAnAmount { value: text.to_owned(), expected: EXPECTED };
    let (number, unit) = Decimal::split_off(text.trim()).ok_or_else(not_an_amount)?;
    let unit = if unit.is_empty() { "B" } else { unit.trim_start() };
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(|| UnitError::UnknownUnit {
        value: text.to_owned(),
        unit: unit.to_owned(),
        known: KNOWN,
    })?;
    let bytes = number
        .times(*factor)
        .ok_or_else(|| UnitError::TooFine { value: text.to_owned(), smallest: "byte" })?;
    u64::try_from(bytes).map_err(|_| UnitError::TooLarge { value: text.to_owned(), most: SIZE_MAX_TEXT })
}

/// Prints a size so that [`parse_size`] reads the same back, with the largest unit that leaves it whole.
pub fn print_size(size_bytes: u64) -> String {
    let (unit, factor) = UNITS
        .iter()
        .find(|(_, factor)| size_bytes >= *factor && size_bytes.is_multiple_of(*factor))
        .unwrap_or(&("B", 1));
    format!("{}{unit}", size_bytes / factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        let cases = [
            ("1KiB", 1024),
            ("16MiB", 16 << 20),
            ("1kB", 1000),
            ("512B", 512),
            ("512", 512),
            ("1.5KiB", 1536),
            ("2 GB", 2_000_000_000),
        ];
        for (text, bytes) in cases {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        let message = |text: &str| parse_size(text).unwrap_err().to_string();
        assert_eq!(
            message("1KB"),
            "the unit \"KB\" of \"1KB\" is not known: write B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, as in \"16MiB\""
        );
        assert_eq!(message("big"), "\"big\" is not a size such as \"512B\", \"1kB\" or \"16MiB\"");
        assert_eq!(message("0.5B"), "\"0.5B\" is finer than one byte");
        assert_eq!(message("99999999TiB"), "\"99999999TiB\" is more than 16 EiB");
    }

    proptest! {
        #[test]
        fn a_printed_size_reads_back(bytes in any::<u64>()) {
            prop_assert_eq!(parse_size(&print_size(bytes)), Ok(bytes));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC*") {
            let _ = parse_size(&text);
        }
    }
}
