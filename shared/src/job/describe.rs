//! What a key takes and what stands there instead, in words.

use toml::de::DeValue;

use super::error::quoted;
use super::schema::Shape;

/// What a shape takes, as the object of "expected …".
pub(super) fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Template => "a text".to_owned(),
        Shape::Name => "a name of 1 to 64 characters out of a-z, 0-9, _ and -".to_owned(),
        Shape::Boolean => "true or false".to_owned(),
        Shape::Integer { min, max } => format!("a whole number {}", bounds(*min as f64, *max as f64)),
        Shape::Number { min, max } => format!("a number {}", bounds(*min, *max)),
        Shape::Share => "a share from 0 to 1 such as 0.05 or \"5%\"".to_owned(),
        Shape::Duration => "a duration such as \"5s\", \"1m30s\" or \"250us\"".to_owned(),
        Shape::Delay => {
            "a delay such as \"5ms\", \"uniform(1ms,9ms)\", \"lognormal(5ms,0.5)\" or \"exponential(10ms)\""
                .to_owned()
        }
        Shape::Size => "a size such as \"512B\", \"1kB\" or \"16MiB\"".to_owned(),
        Shape::Parsed { what, .. } | Shape::Confidential { what, .. } => (*what).to_owned(),
        Shape::OneOf(words) => one_of(words),
        Shape::File => "a path relative to the job file".to_owned(),
        Shape::List(item) => format!("a list, each {}", expected(item)),
        Shape::Map(value) => format!("a table, each value {}", expected(value)),
        Shape::Table(keys) => {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            format!("a table with {}", names.join(", "))
        }
        Shape::Tables(_) => "an array of tables".to_owned(),
        Shape::Any(shapes) => shapes.iter().map(expected).collect::<Vec<_>>().join(", or "),
        Shape::Scalar => "a text, a number, true or false".to_owned(),
        Shape::Free => "a value".to_owned(),
    }
}

/// What a value is, as the object of "found …".
pub(super) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {}", quoted(text)),
        DeValue::Integer(integer) => format!("the number {}", number(&integer.to_string())),
        DeValue::Float(float) => format!("the number {}", number(float.as_str())),
        DeValue::Boolean(boolean) => boolean.to_string(),
        DeValue::Datetime(datetime) => format!("the date {datetime}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

/// Bounds in words; those that are only there because a type ends there are left out.
fn bounds(min: f64, max: f64) -> String {
    const BEYOND_MEANING: f64 = 1e15;
    match (min <= -BEYOND_MEANING, max >= BEYOND_MEANING) {
        (true, true) => "of any size".to_owned(),
        (true, false) => format!("of at most {max}"),
        (false, true) => format!("of at least {min}"),
        (false, false) => format!("from {min} to {max}"),
    }
}

/// A number as written, unless it was written to be long.
fn number(text: &str) -> String {
    quoted(text).trim_matches('"').to_owned()
}
