//! An operation's keys as the job has them, read and checked into an operation that can be sent.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use shared::histogram::HIGHEST_TRACKABLE;
use shared::job::OperationSpec;
use shared::job::schema::Key;
use shared::units::parse_duration;

use super::expectation::{BODY_CONTAINS_BYTES_MAX, Expectation, Needle};
use super::http2::Http2Request;
use super::target::{Resolve, Route, Version};
use super::tls::TlsSettings;
use super::url::Url;
use super::{EXPECT_KEYS, HttpOperation, OPERATION_KEYS, WORKLOAD_KEYS, request};
use crate::workload::PrepareError;

/// An operation's timeout unless it says another one: the contract's.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);
/// Longest timeout: no histogram can tell a longer latency.
const TIMEOUT_MAX: Duration = Duration::from_nanos(HIGHEST_TRACKABLE);

/// An operation that was read: where it goes, and the rest, whose target is still to be looked up.
#[derive(Debug)]
pub(super) struct ReadOperation {
    pub(super) route: Route,
    pub(super) operation: HttpOperation,
}

/// Checks the keys of the workload itself.
pub(super) fn check_workload(settings: &Map<String, Value>) -> Result<(), PrepareError> {
    check_keys(settings, WORKLOAD_KEYS).map_err(|(key, what)| PrepareError(format!("workload.{key} {what}")))
}

/// Reads when hosts are looked up.
pub(super) fn resolve(settings: &Map<String, Value>) -> Result<Resolve, PrepareError> {
    let wrong = |what: String| PrepareError(format!("workload.resolve {what}"));
    match text(settings, "resolve").map_err(wrong)? {
        None | Some("start") => Ok(Resolve::Start),
        Some("connect") => Ok(Resolve::Connect),
        Some(other) => Err(wrong(format!("{other:?} is neither \"start\" nor \"connect\""))),
    }
}

/// Reads one operation.
pub(super) fn read(
    spec: &OperationSpec,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<ReadOperation, PrepareError> {
    let fail = |key: &'static str| move |what: String| wrong(spec, key, what);
    let settings = &spec.settings;
    check_keys(settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    let method = text(settings, "method").map_err(fail("method"))?.unwrap_or("GET");
    request::check_method(method).map_err(|error| wrong(spec, "method", error))?;
    let url = text(settings, "url").map_err(fail("url"))?.ok_or_else(|| wrong(spec, "url", "is missing"))?;
    let url = Url::parse(url).map_err(|error| wrong(spec, "url", error))?;
    let headers = headers(settings).map_err(fail("headers"))?;
    let body = body(settings, files).map_err(|(key, what)| wrong(spec, key, what))?;
    let timeout = timeout(settings).map_err(fail("timeout"))?;
    let expectation = expectation(settings).map_err(|(key, what)| wrong(spec, key, what))?;
    let request =
        request::render(method, &url, &headers, body).map_err(|error| wrong(spec, "headers", error))?;
    let (is_head, is_idempotent) = (method == "HEAD", request::is_idempotent(method));
    let closes = headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("connection")
            && value.split(',').any(|word| word.trim().eq_ignore_ascii_case("close"))
    });
    let has_phases = boolean(settings, "phases", false).map_err(|what| wrong(spec, "phases", what))?;
    let route = route(settings, files, &url).map_err(|(key, what)| wrong(spec, key, what))?;
    let http2 = match route.version {
        Version::One => None,
        Version::Two => {
            Some(Http2Request::of_rendered(&request, url.is_tls).map_err(|error| wrong(spec, "url", error))?)
        }
    };
    let continue_after = request::asks_first(&headers).then(|| request.len() - body.len());
    let operation = HttpOperation {
        target: 0,
        http2,
        continue_after: continue_after.filter(|_| !body.is_empty()),
        request,
        is_head,
        is_idempotent,
        closes,
        has_phases,
        timeout,
        expectation,
    };
    Ok(ReadOperation { route, operation })
}

/// Reads how the operation's connections are made.
fn route(
    settings: &Map<String, Value>,
    files: &BTreeMap<String, Vec<u8>>,
    url: &Url,
) -> Result<Route, (&'static str, String)> {
    let version = match text(settings, "version").map_err(|what| ("version", what))? {
        None | Some("1.1") => Version::One,
        Some("2") => Version::Two,
        Some(other) => return Err(("version", format!("{other:?} is neither \"1.1\" nor \"2\""))),
    };
    let tls = match settings.get("tls") {
        None => url.is_tls.then(TlsSettings::default),
        Some(_) if !url.is_tls => {
            return Err(("tls", "stands with a URL that does not begin with https://".to_owned()));
        }
        Some(value) => Some(TlsSettings::read(value, files).map_err(|what| ("tls", what))?),
    };
    Ok(Route { place: url.place.clone(), version, tls })
}

/// A key's value is wrong: which operation, which key, and how.
pub(super) fn wrong(spec: &OperationSpec, key: &str, what: impl fmt::Display) -> PrepareError {
    PrepareError(format!("workload.operations.{}.{key}: {what}", spec.name))
}

/// Whether all keys are known and built; the first that is not, and why.
pub(super) fn check_keys(settings: &Map<String, Value>, keys: &[Key]) -> Result<(), (String, &'static str)> {
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
pub(super) fn text<'a>(settings: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match settings.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("must be a text, not {other}")),
    }
}

/// A truth, or its default.
pub(super) fn boolean(settings: &Map<String, Value>, key: &str, default: bool) -> Result<bool, String> {
    match settings.get(key) {
        None => Ok(default),
        Some(Value::Bool(value)) => Ok(*value),
        Some(other) => Err(format!("{key} must be true or false, not {other}")),
    }
}

fn headers(settings: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let Some(value) = settings.get("headers") else {
        return Ok(Vec::new());
    };
    let table = value.as_object().ok_or_else(|| format!("must be a table of texts, not {value}"))?;
    let mut headers = Vec::with_capacity(table.len());
    for (name, value) in table {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            other => return Err(format!("the value of {name:?} must be a text, not {other}")),
        };
        headers.push((name.clone(), value));
    }
    Ok(headers)
}

fn body<'a>(
    settings: &'a Map<String, Value>,
    files: &'a BTreeMap<String, Vec<u8>>,
) -> Result<&'a [u8], (&'static str, String)> {
    let inline = text(settings, "body").map_err(|what| ("body", what))?;
    let file = text(settings, "body_file").map_err(|what| ("body_file", what))?;
    match (inline, file) {
        (Some(_), Some(_)) => Err(("body_file", "stands beside body: give one of them".to_owned())),
        (_, Some(path)) => match files.get(path) {
            Some(content) => Ok(content),
            None => Err(("body_file", format!("{path:?} did not come with the job"))),
        },
        (inline, None) => Ok(inline.unwrap_or_default().as_bytes()),
    }
}

fn timeout(settings: &Map<String, Value>) -> Result<Duration, String> {
    let Some(text) = text(settings, "timeout")? else {
        return Ok(TIMEOUT_DEFAULT);
    };
    let timeout = parse_duration(text).map_err(|error| error.to_string())?;
    if timeout.is_zero() || timeout > TIMEOUT_MAX {
        return Err(format!("{text:?} must be above 0 and at most 1h"));
    }
    Ok(timeout)
}

fn expectation(settings: &Map<String, Value>) -> Result<Expectation, (&'static str, String)> {
    let Some(value) = settings.get("expect") else {
        return Ok(Expectation::default());
    };
    let table = value.as_object().ok_or_else(|| ("expect", format!("must be a table, not {value}")))?;
    check_keys(table, EXPECT_KEYS).map_err(|(key, what)| ("expect", format!("{key:?} {what}")))?;
    let statuses = statuses(table).map_err(|what| ("expect.status", what))?;
    let text = text(table, "body_contains").map_err(|what| ("expect.body_contains", what))?;
    if let Some(text) = text.filter(|text| text.len() > BODY_CONTAINS_BYTES_MAX) {
        let what = format!(
            "is {} bytes long, and at most {BODY_CONTAINS_BYTES_MAX} can be searched for",
            text.len()
        );
        return Err(("expect.body_contains", what));
    }
    Ok(Expectation { statuses, text: text.map(|text| Arc::new(Needle::new(text))) })
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::ids::Name;

    use super::*;

    fn refusal(settings: Value) -> PrepareError {
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        let spec = OperationSpec { name: Name::new("read").unwrap(), weight: 1.0, settings };
        let files = BTreeMap::from([("body.bin".to_owned(), b"content".to_vec())]);
        read(&spec, &files).unwrap_err()
    }

    #[test]
    fn wrong_values_are_refused_with_operation_and_key() {
        for (settings, key, reason) in [
            (json!({}), "url", "is missing"),
            (json!({ "url": 7 }), "url", "must be a text"),
            (json!({ "url": "http://a/", "tls": { "insecure": true } }), "tls", "https://"),
            (json!({ "url": "https://a/", "tls": { "ca": "x" } }), "tls", "not a key"),
            (json!({ "url": "https://a/", "tls": { "insecure": 1 } }), "tls", "true or false"),
            (json!({ "url": "https://a/", "tls": { "ca_file": "other" } }), "tls", "did not come"),
            (json!({ "url": "https://a/", "tls": { "cert_file": "body.bin" } }), "tls", "go together"),
            (
                json!({ "url": "https://a/", "tls": { "insecure": true, "ca_file": "body.bin" } }),
                "tls",
                "one of them",
            ),
            (json!({ "url": "http://127.0.0.1/", "phases": 1 }), "phases", "true or false"),
            (json!({ "url": "http://127.0.0.1/", "version": "3" }), "version", "neither"),
            (json!({ "url": "http://127.0.0.1/", "method": "get it" }), "method", "not a method"),
            (json!({ "url": "http://127.0.0.1/", "timeout": "5" }), "timeout", "unit"),
            (json!({ "url": "http://127.0.0.1/", "timeout": "0s" }), "timeout", "above 0"),
            (json!({ "url": "http://127.0.0.1/", "timeout": "2h" }), "timeout", "at most 1h"),
            (json!({ "url": "http://127.0.0.1/", "headers": { "x": "a\r\nb: c" } }), "headers", "line break"),
            (json!({ "url": "http://127.0.0.1/", "headers": { "x": [] } }), "headers", "must be a text"),
            (
                json!({ "url": "http://127.0.0.1/", "body": "a", "body_file": "body.bin" }),
                "body_file",
                "one of them",
            ),
            (json!({ "url": "http://127.0.0.1/", "body_file": "other" }), "body_file", "did not come"),
            (json!({ "url": "http://127.0.0.1/", "expect": { "status": [99] } }), "expect.status", "99"),
            (
                json!({ "url": "http://127.0.0.1/", "expect": { "status": [] } }),
                "expect.status",
                "at least one",
            ),
            (json!({ "url": "http://127.0.0.1/", "expect": { "stat": 1 } }), "expect", "not a key"),
            (
                json!({ "url": "http://127.0.0.1/", "redirects": 1 }),
                "redirects",
                "not supported by this version",
            ),
            (json!({ "url": "http://127.0.0.1/", "colour": 1 }), "colour", "not a key"),
        ] {
            let error = refusal(settings.clone()).to_string();
            let place = format!("workload.operations.read.{key}: ");
            assert!(error.starts_with(&place) && error.contains(reason), "{settings}: {error}");
        }
    }
}
