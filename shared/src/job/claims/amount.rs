//! A limit as the file has it, read in the unit of its metric.

use super::super::error::quoted;
use super::super::node::Node;
use crate::claim::Amount;
use crate::metric::Unit;
use crate::units::{parse_duration, parse_share, parse_size};

/// Reads a limit of a metric. Values carry units in text; a bare number is fine only where there is no unit.
///
/// # Errors
/// What is wrong with it, and what was expected.
pub(in crate::job) fn read(node: &Node<'_>, unit: Unit) -> Result<Amount, String> {
    let number = || {
        node.number().ok_or_else(|| {
            format!("expected a number, found {}", quoted(node.text().unwrap_or("something else")))
        })
    };
    let value = match (unit, node.text()) {
        (Unit::Time, None) => return Err("expected a duration with its unit such as \"100ms\"".to_owned()),
        (Unit::Rate, Some(text)) => per_second(text).ok_or_else(|| no_number(text))?,
        (Unit::Count, Some(text)) => return Err(no_number(text)),
        (Unit::Unknown | Unit::Time | Unit::Size | Unit::Share, Some(text)) => return of_text(text, unit),
        (_, None) => number()?,
    };
    Ok(Amount { value, unit })
}

/// Reads a limit that stands in a text beside its metric, where numbers without a unit are written in it too.
///
/// # Errors
/// What is wrong with it, and what was expected.
pub(in crate::job) fn of_text(text: &str, unit: Unit) -> Result<Amount, String> {
    let value = match unit {
        Unit::Unknown => return any(text),
        Unit::Time => nanos(text).map_err(|error| error.to_string())?,
        Unit::Size => parse_size(text).map_err(|error| error.to_string())? as f64,
        Unit::Share => parse_share(text).map_err(|error| error.to_string())?,
        Unit::Rate => per_second(text).or_else(|| plain(text)).ok_or_else(|| no_number(text))?,
        Unit::Count => plain(text).ok_or_else(|| no_number(text))?,
    };
    Ok(Amount { value, unit })
}

/// The limit of a metric whose unit only its reporter knows: the text says what it is.
fn any(text: &str) -> Result<Amount, String> {
    let amount = |value, unit| Amount { value, unit };
    plain(text)
        .map(|value| amount(value, Unit::Unknown))
        .or_else(|| nanos(text).ok().map(|value| amount(value, Unit::Time)))
        .or_else(|| parse_size(text).ok().map(|bytes| amount(bytes as f64, Unit::Size)))
        .or_else(|| parse_share(text).ok().map(|share| amount(share, Unit::Share)))
        .or_else(|| per_second(text).map(|rate| amount(rate, Unit::Rate)))
        .ok_or_else(|| format!("expected a number, perhaps with its unit, found the text {}", quoted(text)))
}

fn plain(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

fn no_number(text: &str) -> String {
    format!("expected a number, found the text {}", quoted(text))
}

fn nanos(text: &str) -> Result<f64, crate::units::UnitError> {
    parse_duration(text).map(|duration| duration.as_nanos() as f64)
}

fn per_second(text: &str) -> Option<f64> {
    text.strip_suffix("/s")?.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}
