//! An operation's keys as the job has them, read and checked into what can be sent.

use serde_json::{Map, Value};
use shared::job::OperationSpec;

use super::answer::Awaited;
use super::keys::{AWAIT_KEYS, AWAITED_BYTES_MAX, OPERATION_KEYS};
use super::{Context, TcpOperation};
use crate::values::Names;
use crate::workload::PrepareError;
use crate::workload::bytes::endpoint::Endpoint;
use crate::workload::bytes::expectation::Expected;
use crate::workload::bytes::payload::Payload;
use crate::workload::connection::target::{Protocol, Route};
use crate::workload::connection::tls::TlsSettings;
use crate::workload::http::expectation::{BODY_CONTAINS_BYTES_MAX, Needle};
use crate::workload::settings::{Wrong, at, boolean, check_keys, text, timeout, wrong};

/// Reads one operation: where it goes, and the rest.
pub(super) fn read(
    spec: &OperationSpec,
    context: &Context<'_>,
) -> Result<(Route, TcpOperation), PrepareError> {
    check_keys(&spec.settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    operation(&spec.settings, context).map_err(|(key, what)| wrong(spec, key, what))
}

fn operation(settings: &Map<String, Value>, context: &Context<'_>) -> Result<(Route, TcpOperation), Wrong> {
    let names = context.names;
    let operation = TcpOperation {
        target: 0,
        payload: Payload::read(settings, ["send", "send_hex"], names)?,
        awaited: awaited(settings, names).map_err(at("await"))?,
        expected: Expected::read(settings, names)?,
        timeout: timeout(settings).map_err(at("timeout"))?,
    };
    if operation.awaited == Awaited::Nothing && operation.expected.looks_into_answers() {
        return Err((
            "expect",
            "stands without await: no answer is read that could be looked into".to_owned(),
        ));
    }
    Ok((route(settings, context)?, operation))
}

fn route(settings: &Map<String, Value>, context: &Context<'_>) -> Result<Route, Wrong> {
    let url = text(settings, "url").map_err(at("url"))?.ok_or(("url", "is missing".to_owned()))?;
    let endpoint = Endpoint::of_stream(url, context.names).map_err(|error| ("url", error.to_string()))?;
    let tls = match settings.get("tls") {
        Some(_) if !endpoint.is_tls => {
            return Err(("tls", "stands with an address that does not begin with tls://".to_owned()));
        }
        Some(value) => Some(TlsSettings::read(value, context.files).map_err(at("tls"))?),
        None => endpoint.is_tls.then(TlsSettings::default),
    };
    Ok(Route { place: endpoint.place, protocol: Protocol::Other, tls, tls_beyond: None })
}

fn awaited(settings: &Map<String, Value>, names: &Names) -> Result<Awaited, String> {
    let Some(value) = settings.get("await") else { return Ok(Awaited::Nothing) };
    let table = value.as_object().ok_or_else(|| format!("must be a table, not {value}"))?;
    check_keys(table, AWAIT_KEYS).map_err(|(key, what)| format!("{key:?} {what}"))?;
    let until =
        Payload::read(table, ["until", "until_hex"], names).map_err(|(key, what)| format!("{key} {what}"))?;
    let bytes = table.get("bytes").map(bytes).transpose()?;
    match (bytes, until, boolean(table, "end", false)?) {
        (Some(count), None, false) => Ok(Awaited::Bytes(count)),
        (None, Some(until), false) => delimiter(&until).map(Awaited::Until),
        (None, None, true) => Ok(Awaited::End),
        _ => Err("says nothing, or several things: give one of bytes, until, until_hex and end".to_owned()),
    }
}

fn bytes(value: &Value) -> Result<u64, String> {
    value
        .as_u64()
        .filter(|count| (1..=AWAITED_BYTES_MAX).contains(count))
        .ok_or_else(|| format!("bytes must be a whole number from 1 to {AWAITED_BYTES_MAX}, not {value}"))
}

fn delimiter(until: &Payload) -> Result<Needle, String> {
    let bytes = until.as_static().ok_or("until names a value that changes, which cannot stand here")?;
    if bytes.is_empty() || bytes.len() > BODY_CONTAINS_BYTES_MAX {
        return Err(format!("until must have 1 to {BODY_CONTAINS_BYTES_MAX} bytes, not {}", bytes.len()));
    }
    let mut needle = Needle::default();
    needle.set(bytes);
    Ok(needle)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use shared::ids::Name;

    use super::*;
    use crate::values::names::tests::names;

    fn refusal(settings: Value) -> String {
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        let spec = OperationSpec { name: Name::new("echo").unwrap(), weight: 1.0, settings };
        let names = names(&["x"]);
        read(&spec, &Context { files: &BTreeMap::new(), names: &names }).unwrap_err().to_string()
    }

    #[test]
    fn wrong_values_are_refused_with_operation_and_key() {
        let url = "tcp://127.0.0.1:7";
        for (settings, key, reason) in [
            (json!({}), "url", "is missing"),
            (json!({ "url": "http://h/" }), "url", "write tcp://host:port"),
            (json!({ "url": url, "sent": "x" }), "sent", "not a key"),
            (json!({ "url": url, "send": "x", "send_hex": "00" }), "send_hex", "one of them"),
            (json!({ "url": url, "await": {} }), "await", "give one of"),
            (json!({ "url": url, "await": { "bytes": 1, "until": "x" } }), "await", "give one of"),
            (json!({ "url": url, "await": { "bytes": 0 } }), "await", "from 1 to"),
            (json!({ "url": url, "await": { "until": "" } }), "await", "1 to 4096 bytes"),
            (json!({ "url": url, "await": { "until": "{{word}}" } }), "await", "a value that changes"),
            (json!({ "url": url, "expect": { "equals": "x" } }), "expect", "without await"),
            (json!({ "url": url, "tls": { "insecure": true } }), "tls", "tls://"),
            (json!({ "url": url, "timeout": "0s" }), "timeout", "above 0"),
        ] {
            let refusal = refusal(settings.clone());
            let place = format!("workload.operations.echo.{key}: ");
            assert!(refusal.starts_with(&place) && refusal.contains(reason), "{settings}: {refusal}");
        }
    }
}
