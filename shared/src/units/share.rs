//! Shares from 0 to 1, also as per cent: `5%`.

use super::UnitError;

const EXPECTED: &str = "a share such as \"5%\" or 0.05";

/// Reads a share: a number from 0 to 1, or per cent from `0%` to `100%`.
///
/// # Errors
/// No number, or one outside 0 to 1.
pub fn parse_share(text: &str) -> Result<f64, UnitError> {
    let not_an_amount = || UnitError::NotAnAmount { value: text.to_owned(), expected: EXPECTED };
    let trimmed = text.trim();
    let (number, divisor) = match trimmed.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (trimmed, 1.0),
    };
    // Only digits and a point: `f64` would also read "inf", "nan" and "1e3".
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(not_an_amount());
    }
    let share = number.parse::<f64>().map_err(|_| not_an_amount())? / divisor;
    if share > 1.0 {
        return Err(UnitError::TooLarge { value: text.to_owned(), most: "1 (100%)" });
    }
    Ok(share)
}

/// Prints a share so that [`parse_share`] reads the same back.
pub fn print_share(share: f64) -> String {
    format!("{share}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_read_as_number_and_as_per_cent() {
        assert_eq!(parse_share("5%"), Ok(0.05));
        assert_eq!(parse_share("0.05"), Ok(0.05));
        assert_eq!(parse_share("12.5 %"), Ok(0.125));
        assert_eq!(parse_share("0"), Ok(0.0));
    }

    #[test]
    fn what_is_no_share_says_why() {
        let message = |text: &str| parse_share(text).unwrap_err().to_string();
        assert_eq!(message("five"), "\"five\" is not a share such as \"5%\" or 0.05");
        assert_eq!(message("101%"), "\"101%\" is more than 1 (100%)");
        for bad in ["", "%", "-1%", "inf", "nan", "1e-3", "0.1.2"] {
            assert!(parse_share(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_share_reads_back(share in 0.0..=1.0_f64) {
            prop_assert_eq!(parse_share(&print_share(share)), Ok(share));
        }
    }
}
