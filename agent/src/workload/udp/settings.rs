//! An operation's keys as the job has them, read and checked into what can be sent.

use serde_json::{Map, Value};
use shared::job::OperationSpec;

use super::UdpOperation;
use super::keys::{AWAIT_KEYS, DATAGRAMS_MAX, OPERATION_KEYS};
use super::socket::DATAGRAM_BYTES_MAX;
use crate::values::Names;
use crate::workload::PrepareError;
use crate::workload::bytes::endpoint::Endpoint;
use crate::workload::bytes::expectation::Expected;
use crate::workload::bytes::payload::Payload;
use crate::workload::connection::target::{Protocol, Route};
use crate::workload::settings::{Wrong, at, check_keys, text, timeout, wrong};

/// What is awaited: how many datagrams, and what tells that they are answers.
type Awaited = (u32, Option<Payload>);

/// Reads one operation: where it goes, and the rest.
pub(super) fn read(spec: &OperationSpec, names: &Names) -> Result<(Route, UdpOperation), PrepareError> {
    check_keys(&spec.settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    operation(&spec.settings, names).map_err(|(key, what)| wrong(spec, key, what))
}

fn operation(settings: &Map<String, Value>, names: &Names) -> Result<(Route, UdpOperation), Wrong> {
    let url = text(settings, "url").map_err(at("url"))?.ok_or(("url", "is missing".to_owned()))?;
    let endpoint = Endpoint::of_datagrams(url, names).map_err(|error| ("url", error.to_string()))?;
    let payload = Payload::read(settings, ["send", "send_hex"], names)?;
    if let Some(bytes) = payload.as_ref().and_then(Payload::as_static)
        && bytes.len() > DATAGRAM_BYTES_MAX
    {
        let length = bytes.len();
        return Err((
            "send",
            format!("has {length} bytes, and a datagram carries at most {DATAGRAM_BYTES_MAX}"),
        ));
    }
    let (datagrams, matching) = awaited(settings, names).map_err(at("await"))?;
    let expected = Expected::read(settings, names)?;
    if datagrams == 0 && (expected.looks_into_answers() || matching.is_some()) {
        return Err(("await", "awaits no datagram, so that nothing can be expected of one".to_owned()));
    }
    let timeout = timeout(settings).map_err(at("timeout"))?;
    let route = Route { place: endpoint.place, protocol: Protocol::Other, tls: None, tls_beyond: None };
    Ok((route, UdpOperation { target: 0, payload, datagrams, matching, expected, timeout }))
}

fn awaited(settings: &Map<String, Value>, names: &Names) -> Result<Awaited, String> {
    let Some(value) = settings.get("await") else { return Ok((1, None)) };
    let table = value.as_object().ok_or_else(|| format!("must be a table, not {value}"))?;
    check_keys(table, AWAIT_KEYS).map_err(|(key, what)| format!("{key:?} {what}"))?;
    let matching = Payload::read(table, ["matching", "matching_hex"], names);
    let matching = matching.map_err(|(key, what)| format!("{key} {what}"))?;
    let Some(count) = table.get("datagrams") else { return Ok((1, matching)) };
    let datagrams = count.as_u64().and_then(|count| u32::try_from(count).ok());
    let datagrams = datagrams.filter(|count| *count <= DATAGRAMS_MAX);
    let datagrams = datagrams
        .ok_or_else(|| format!("datagrams must be a whole number up to {DATAGRAMS_MAX}, not {count}"))?;
    Ok((datagrams, matching))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::ids::Name;

    use super::*;
    use crate::values::names::tests::names;

    #[test]
    fn wrong_values_are_refused_with_operation_and_key() {
        let url = "udp://127.0.0.1:7";
        for (settings, key, reason) in [
            (json!({}), "url", "is missing"),
            (json!({ "url": "tcp://h:7" }), "url", "write udp://host:port"),
            (json!({ "url": url, "tls": {} }), "tls", "not a key"),
            (json!({ "url": url, "send": "x".repeat(65_508) }), "send", "at most 65507"),
            (json!({ "url": url, "await": { "datagrams": -1 } }), "await", "up to 65536"),
            (json!({ "url": url, "await": { "bytes": 1 } }), "await", "not a key"),
            (
                json!({ "url": url, "await": { "datagrams": 0 }, "expect": { "equals": "x" } }),
                "await",
                "no datagram",
            ),
        ] {
            let Value::Object(table) = settings.clone() else { panic!("settings are a table") };
            let spec = OperationSpec { name: Name::new("ask").unwrap(), weight: 1.0, settings: table };
            let refusal = read(&spec, &names(&["x"])).unwrap_err().to_string();
            let place = format!("workload.operations.ask.{key}: ");
            assert!(refusal.starts_with(&place) && refusal.contains(reason), "{settings}: {refusal}");
        }
    }
}
