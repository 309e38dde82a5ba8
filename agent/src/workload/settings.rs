//! Reading the keys of a kind and of its operations, with words for what is wrong with them.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use shared::histogram::HIGHEST_TRACKABLE;
use shared::job::OperationSpec;
use shared::job::schema::Key;
use shared::plan::Assignment;
use shared::units::{UnitError, parse_duration, parse_size};

use super::PrepareError;
use crate::values::{Names, Place, Rendering};

/// An operation's timeout unless it says another one: the contract's.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Longest timeout: no histogram can tell a longer latency.
const TIMEOUT_MAX: Duration = Duration::from_nanos(HIGHEST_TRACKABLE);

/// The key that is wrong, and how.
pub(in crate::workload) type Wrong = (&'static str, String);

/// A size as jobs write it: a number of bytes, or a text with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(in crate::workload) enum Size {
    /// A number.
    Bytes(u64),
    /// A text.
    Text(String),
}

impl Size {
    /// How many bytes it is.
    ///
    /// # Errors
    /// A text that is no size.
    pub(in crate::workload) fn bytes(&self) -> Result<u64, UnitError> {
        match self {
            Self::Bytes(bytes) => Ok(*bytes),
            Self::Text(text) => parse_size(text),
        }
    }
}

/// Says at which key something is wrong.
pub(in crate::workload) fn at(key: &'static str) -> impl Fn(String) -> Wrong {
    move |what| (key, what)
}

/// Makes a kind ready with the names of its trial. What is said of what goes wrong tells nothing confidential.
///
/// # Errors
/// When the names make no sense, and as `make`.
pub(in crate::workload) fn with_names<T>(
    assignment: &Assignment,
    make: impl FnOnce(Names) -> Result<T, PrepareError>,
) -> Result<T, PrepareError> {
    let names = Names::of(assignment)?;
    let secrets = names.secrets();
    make(names).map_err(|PrepareError(message)| PrepareError(secrets.mask(message)))
}

/// Whether all keys of the workload itself are known and built.
///
/// # Errors
/// The first that is not.
pub(in crate::workload) fn check_workload(
    settings: &Map<String, Value>,
    keys: &[Key],
) -> Result<(), PrepareError> {
    check_keys(settings, keys).map_err(|(key, what)| PrepareError(format!("workload.{key} {what}")))
}

/// Whether all keys are known and built; the first that is not, and why.
pub(in crate::workload) fn check_keys(
    settings: &Map<String, Value>,
    keys: &[Key],
) -> Result<(), (String, &'static str)> {
    for name in settings.keys() {
        match keys.iter().find(|key| key.name == name) {
            None => return Err((name.clone(), "is not a key that this agent knows")),
            Some(key) if !key.is_supported => return Err((name.clone(), "is not supported by this version")),
            Some(_) => {}
        }
    }
    Ok(())
}

/// A text, if the key is there.
pub(in crate::workload) fn text<'a>(
    settings: &'a Map<String, Value>,
    key: &str,
) -> Result<Option<&'a str>, String> {
    match settings.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("must be a text, not {other}")),
    }
}

/// A truth, or its default.
pub(in crate::workload) fn boolean(
    settings: &Map<String, Value>,
    key: &str,
    default: bool,
) -> Result<bool, String> {
    match settings.get(key) {
        None => Ok(default),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(format!("{key} must be true or false, not {other}")),
    }
}

/// Reading keys whose texts may have names in them.
pub(in crate::workload) trait Readable {
    /// A table, if the key is there.
    fn table(&self, key: &str) -> Result<Option<&Map<String, Value>>, String>;

    /// A text that may differ from one operation to the next, if the key is there; a number is one too.
    fn template(&self, key: &str, names: &Names, place: Place) -> Result<Option<Rendering>, String>;

    /// A text that is always the same, if the key is there.
    fn constant(&self, key: &str, names: &Names) -> Result<Option<String>, String>;
}

impl Readable for Map<String, Value> {
    fn table(&self, key: &str) -> Result<Option<&Map<String, Value>>, String> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| format!("must be a table, not {value}"))
    }

    fn template(&self, key: &str, names: &Names, place: Place) -> Result<Option<Rendering>, String> {
        if let Some(Value::Number(number)) = self.get(key) {
            return Ok(Some(Rendering::of_bytes(number.to_string().into_bytes())));
        }
        let compile = |text| Rendering::compile(text, names, place).map_err(|error| error.to_string());
        text(self, key)?.map(compile).transpose()
    }

    fn constant(&self, key: &str, names: &Names) -> Result<Option<String>, String> {
        let Some(text) = text(self, key)? else { return Ok(None) };
        let compiled = Rendering::compile(text, names, Place::Anywhere).map_err(|error| error.to_string())?;
        let bytes = compiled
            .as_static()
            .ok_or_else(|| format!("{text:?} names a value that changes, which cannot stand here"))?;
        Ok(Some(String::from_utf8_lossy(bytes).into_owned()))
    }
}

/// A key's value is wrong: which operation, which key, and how.
pub(in crate::workload) fn wrong(spec: &OperationSpec, key: &str, what: impl fmt::Display) -> PrepareError {
    PrepareError(format!("workload.operations.{}.{key}: {what}", spec.name))
}

/// The timeout of an operation, or the default.
pub(in crate::workload) fn timeout(settings: &Map<String, Value>) -> Result<Duration, String> {
    let Some(text) = text(settings, "timeout")? else {
        return Ok(TIMEOUT_DEFAULT);
    };
    let timeout = parse_duration(text).map_err(|error| error.to_string())?;
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        return Err(format!("{text:?} must be above 0 and at most 1h"));
    }
    Ok(timeout)
}
