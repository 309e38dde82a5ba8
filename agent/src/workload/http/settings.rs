//! An operation's keys as the job has them, read and checked into an operation that can be sent.
//!
//! Rooms: `expect` (what counts as a success), `taken` (what is taken and read out of answers).

mod expect;
mod taken;

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::job::OperationSpec;

use self::expect::Expected;
use super::address::Address;
use super::answer::Wants;
use super::http2::Http2Request;
use super::keys::{OPERATION_KEYS, REDIRECTS_MAX};
use super::request::{self, Header, RequestTemplate};
use super::script::Script;
use super::url::Url;
use super::{Context, HttpOperation};
use crate::values::{Names, Place, Rendering};
use crate::workload::connection::target::{Protocol, Resolve, Route};
use crate::workload::connection::tls::TlsSettings;
use crate::workload::settings::{Readable, Wrong, at, boolean, check_keys, text, timeout, wrong};
use crate::workload::{PrepareError, Seat};

/// An operation that was read: where it goes, and the rest, whose target is still to be looked up.
#[derive(Debug)]
pub(super) struct ReadOperation {
    pub(super) route: Route,
    pub(super) operation: HttpOperation,
}

/// Reads when hosts are looked up.
pub(in crate::workload) fn resolve(settings: &Map<String, Value>) -> Result<Resolve, PrepareError> {
    let wrong = |what: String| PrepareError(format!("workload.resolve {what}"));
    match text(settings, "resolve").map_err(wrong)? {
        None | Some("start") => Ok(Resolve::Start),
        Some("connect") => Ok(Resolve::Connect),
        Some(other) => Err(wrong(format!("{other:?} is neither \"start\" nor \"connect\""))),
    }
}

/// Reads one operation.
pub(super) fn read(spec: &OperationSpec, context: &Context<'_>) -> Result<ReadOperation, PrepareError> {
    check_keys(&spec.settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    operation(&spec.settings, context).map_err(|(key, what)| wrong(spec, key, what))
}

fn operation(settings: &Map<String, Value>, context: &Context<'_>) -> Result<ReadOperation, Wrong> {
    let names = context.names;
    let method =
        settings.constant("method", names).map_err(at("method"))?.unwrap_or_else(|| "GET".to_owned());
    request::check_method(&method).map_err(|error| ("method", error.to_string()))?;
    let url = text(settings, "url").map_err(at("url"))?.ok_or(("url", "is missing".to_owned()))?;
    let Address { url, path } = Address::read(url, names).map_err(|error| ("url", error.to_string()))?;
    let headers = headers(settings, names).map_err(at("headers"))?;
    let body = body(settings, context)?;
    let route = route(settings, context, &url)?;
    let Expected { mut expectation, text, checks } = Expected::read(settings, names)?;
    let (readings, metrics) = taken::metrics(settings, names)?;
    let template = RequestTemplate::new(&method, &url.authority, path, &headers, body)
        .map_err(|error| ("headers", error.to_string()))?;
    let mut script = Script {
        url,
        template: None,
        text,
        has_own_cookie: headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("cookie")),
        redirects: redirects(settings).map_err(at("redirects"))?,
        checks,
        extracts: taken::extracts(settings, names)?,
        readings,
        metrics,
    };
    let reads_headers = context.is_scenario || script.redirects > 0;
    expectation.wants = script.wants().or(Wants { headers: reads_headers, ..Wants::default() });
    let (mut request, mut body_at) = (Vec::new(), 0);
    if template.is_static() {
        let mut values = names.values(Seat { worker: 0, seed: 0 });
        let rendered = template.render(&mut values, &mut request, &mut Vec::new());
        body_at = rendered.map_err(|error| ("headers", error.to_string()))?;
    } else {
        script.template = Some(template);
    }
    let http2 = match (route.protocol, script.template.is_some()) {
        (Protocol::Http1 | Protocol::Other, _) => None,
        (Protocol::Http2, true) => Some(Http2Request::default()),
        (Protocol::Http2, false) => {
            let taken = Http2Request::of_rendered(&request, script.url.is_tls);
            Some(taken.map_err(|error| ("url", error.to_string()))?)
        }
    };
    let asks_first =
        request::says(&headers, "expect", |value| value.trim_ascii().eq_ignore_ascii_case(b"100-continue"));
    let closes = request::says(&headers, "connection", |value| {
        value.split(|byte| *byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
    });
    let operation = HttpOperation {
        place: 0,
        target: 0,
        http2,
        continue_after: (asks_first && body_at < request.len()).then_some(body_at),
        request,
        body_at,
        asks_first,
        is_head: method == "HEAD",
        is_idempotent: request::is_idempotent(&method),
        closes,
        has_phases: boolean(settings, "phases", false).map_err(at("phases"))?,
        timeout: timeout(settings).map_err(at("timeout"))?,
        expectation,
        script: Arc::new(script),
    };
    Ok(ReadOperation { route, operation })
}

/// Reads how the operation's connections are made.
fn route(settings: &Map<String, Value>, context: &Context<'_>, url: &Url) -> Result<Route, Wrong> {
    let protocol = match text(settings, "version").map_err(at("version"))? {
        None | Some("1.1") => Protocol::Http1,
        Some("2") => Protocol::Http2,
        Some(other) => return Err(("version", format!("{other:?} is neither \"1.1\" nor \"2\""))),
    };
    let follows = redirects(settings).map_err(at("redirects"))? > 0;
    let given = match settings.get("tls") {
        None => None,
        Some(_) if !url.is_tls && !follows => {
            let reason = "stands with a URL that does not begin with https://, and no redirects are followed";
            return Err(("tls", reason.to_owned()));
        }
        Some(value) => Some(TlsSettings::read(value, context.files).map_err(at("tls"))?),
    };
    let (tls, tls_beyond) = if url.is_tls { (Some(given.unwrap_or_default()), None) } else { (None, given) };
    Ok(Route { place: url.place.clone(), protocol, tls, tls_beyond })
}

fn headers(settings: &Map<String, Value>, names: &Names) -> Result<Vec<Header>, String> {
    let Some(table) = settings.table("headers")? else {
        return Ok(Vec::new());
    };
    let mut headers = Vec::with_capacity(table.len());
    for name in table.keys() {
        let value = table.template(name, names, Place::Header);
        let value = value.map_err(|what| format!("the value of {name:?} {what}"))?;
        headers.extend(value.map(|value| (name.clone(), value)));
    }
    Ok(headers)
}

fn body(settings: &Map<String, Value>, context: &Context<'_>) -> Result<Rendering, Wrong> {
    let inline = settings.template("body", context.names, Place::Anywhere).map_err(at("body"))?;
    let file = text(settings, "body_file").map_err(at("body_file"))?;
    match (inline, file) {
        (Some(_), Some(_)) => Err(("body_file", "stands beside body: give one of them".to_owned())),
        (_, Some(path)) => match context.files.get(path) {
            Some(content) => Ok(Rendering::of_bytes(content.as_slice())),
            None => Err(("body_file", format!("{path:?} did not come with the job"))),
        },
        (inline, None) => Ok(inline.unwrap_or_else(|| Rendering::of_bytes([]))),
    }
}

fn redirects(settings: &Map<String, Value>) -> Result<u32, String> {
    let Some(value) = settings.get("redirects") else { return Ok(0) };
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    count
        .filter(|count| *count <= REDIRECTS_MAX)
        .ok_or_else(|| format!("must be a whole number up to {REDIRECTS_MAX}, not {value}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use shared::ids::Name;

    use super::*;
    use crate::values::names::tests::names;

    fn refusal(settings: Value) -> PrepareError {
        let Value::Object(settings) = settings else { panic!("settings are a table") };
        let spec = OperationSpec { name: Name::new("read").unwrap(), weight: 1.0, settings };
        let files = BTreeMap::from([("body.bin".to_owned(), b"content".to_vec())]);
        let names = names(&["x"]);
        read(&spec, &Context { files: &files, names: &names, is_scenario: false }).unwrap_err()
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
            (json!({ "url": "http://127.0.0.1/", "redirects": 101 }), "redirects", "up to 100"),
            (json!({ "url": "http://{{word}}/" }), "url", "scheme, host or port"),
            (json!({ "url": "http://127.0.0.1/{{absent}}" }), "url", "has no value"),
            (json!({ "url": "http://127.0.0.1/", "method": "{{word}}" }), "method", "cannot stand here"),
            (json!({ "url": "http://127.0.0.1/", "extract": { "token": "x" } }), "extract", "json:/pointer"),
            (
                json!({ "url": "http://127.0.0.1/", "expect": { "json": { "a": 1 } } }),
                "expect.json",
                "pointer",
            ),
            (
                json!({ "url": "http://127.0.0.1/", "expect": { "json": { "/a": [] } } }),
                "expect.json",
                "truth",
            ),
            (
                json!({ "url": "http://127.0.0.1/", "expect": { "header": { "a b": "c" } } }),
                "expect.header",
                "name of a header",
            ),
            (
                json!({ "url": "http://127.0.0.1/", "expect": { "body_length": -1 } }),
                "expect.body_length",
                "whole number",
            ),
            (json!({ "url": "http://127.0.0.1/", "metrics": { "hit": {} } }), "metrics", "lacks \"from\""),
            (
                json!({ "url": "http://127.0.0.1/", "metrics": { "hit": { "from": "header:x", "equals": 1 } } }),
                "metrics",
                "only a ratio",
            ),
            (
                json!({ "url": "http://127.0.0.1/", "metrics": { "Hit": { "from": "header:x" } } }),
                "metrics",
                "cannot name a metric",
            ),
            (json!({ "url": "http://127.0.0.1/", "colour": 1 }), "colour", "not a key"),
        ] {
            let error = refusal(settings.clone()).to_string();
            let place = format!("workload.operations.read.{key}: ");
            assert!(error.starts_with(&place) && error.contains(reason), "{settings}: {error}");
        }
    }
}
