//! `expect`: what counts as a success.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Wrong, at};
use crate::values::{Names, Place, Rendering};
use crate::workload::http::checks::{Checks, Scalar};
use crate::workload::http::expectation::{BODY_CONTAINS_BYTES_MAX, Expectation, Needle};
use crate::workload::http::keys::EXPECT_KEYS;
use crate::workload::http::request;
use crate::workload::settings::{Readable, check_keys};

/// What `expect` says, as different moments look at it.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// The status, and a text that is always the same: looked at while the answer streams by.
    pub(super) expectation: Expectation,
    /// The text that the body must contain, where that changes.
    pub(super) text: Option<Rendering>,
    /// What is looked at once the answer is whole.
    pub(super) checks: Checks,
}

impl Expected {
    /// Reads the table.
    pub(super) fn read(settings: &Map<String, Value>, names: &Names) -> Result<Self, Wrong> {
        let Some(value) = settings.get("expect") else {
            return Ok(Self::default());
        };
        let table = value.as_object().ok_or_else(|| at("expect")(format!("must be a table, not {value}")))?;
        check_keys(table, EXPECT_KEYS).map_err(|(key, what)| at("expect")(format!("{key:?} {what}")))?;
        let statuses = statuses(table).map_err(at("expect.status"))?;
        let contained =
            table.template("body_contains", names, Place::Anywhere).map_err(at("expect.body_contains"))?;
        let (text, fixed) = match contained {
            Some(Rendering::Static(bytes)) => {
                (None, Some(needle(&bytes).map_err(at("expect.body_contains"))?))
            }
            changing => (changing, None),
        };
        let checks = Checks {
            body: table.template("body_equals", names, Place::Anywhere).map_err(at("expect.body_equals"))?,
            length: length(table).map_err(at("expect.body_length"))?,
            headers: headers(table, names).map_err(at("expect.header"))?,
            json: json(table, names).map_err(at("expect.json"))?,
        };
        let expectation = Expectation { statuses, text: fixed, ..Expectation::default() };
        Ok(Self { expectation, text, checks })
    }
}

fn needle(bytes: &[u8]) -> Result<Arc<Needle>, String> {
    if bytes.len() > BODY_CONTAINS_BYTES_MAX {
        let length = bytes.len();
        return Err(format!(
            "is {length} bytes long, and at most {BODY_CONTAINS_BYTES_MAX} can be searched for"
        ));
    }
    let mut needle = Needle::default();
    needle.set(bytes);
    Ok(Arc::new(needle))
}

fn statuses(table: &Map<String, Value>) -> Result<Vec<u16>, String> {
    let Some(value) = table.get("status") else {
        return Ok(Vec::new());
    };
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| format!("must be a list of at least one status, not {value}"))?;
    // Interim answers (1xx) are skipped, so none of them can be expected.
    let read = |value: &Value| {
        value
            .as_u64()
            .and_then(|status| u16::try_from(status).ok())
            .filter(|status| (200..600).contains(status))
    };
    let mut statuses = Vec::with_capacity(list.len());
    for value in list {
        let status = read(value).ok_or_else(|| format!("{value} is not a status from 200 to 599"))?;
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    Ok(statuses)
}

fn length(table: &Map<String, Value>) -> Result<Option<u64>, String> {
    let Some(value) = table.get("body_length") else { return Ok(None) };
    value.as_u64().map(Some).ok_or_else(|| format!("must be a whole number of bytes, not {value}"))
}

fn headers(table: &Map<String, Value>, names: &Names) -> Result<Vec<(String, Rendering)>, String> {
    let Some(headers) = table.table("header")? else { return Ok(Vec::new()) };
    let mut read = Vec::with_capacity(headers.len());
    for name in headers.keys() {
        if name.is_empty() || !name.bytes().all(request::is_token) {
            return Err(format!("{name:?} is not the name of a header"));
        }
        let value =
            headers.template(name, names, Place::Anywhere).map_err(|what| format!("{name:?} {what}"))?;
        read.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(read)
}

fn json(table: &Map<String, Value>, names: &Names) -> Result<Vec<(String, Scalar)>, String> {
    let Some(scalars) = table.table("json")? else { return Ok(Vec::new()) };
    let mut read = Vec::with_capacity(scalars.len());
    for (pointer, value) in scalars {
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            return Err(format!("{pointer:?} is not a JSON pointer: it is empty or begins with /"));
        }
        let scalar = match value {
            Value::String(text) => Scalar::Text(
                Rendering::compile(text, names, Place::Anywhere).map_err(|error| error.to_string())?,
            ),
            Value::Number(_) | Value::Bool(_) => Scalar::Plain(value.clone()),
            other => {
                return Err(format!("{pointer:?} must be a text, a number or a truth value, not {other}"));
            }
        };
        read.push((pointer.clone(), scalar));
    }
    Ok(read)
}
