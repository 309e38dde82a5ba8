//! An operation's keys as the job has them, read and checked into a call.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE, USER_AGENT};
use http::{Request, Uri};
use serde_json::{Map, Value};
use shared::job::OperationSpec;

use super::code::Code;
use super::keys::{EXPECT_KEYS, MESSAGES_MAX, OPERATION_KEYS};
use crate::values::{Names, Place, RenderError, Rendering, Values};
use crate::workload::PrepareError;
use crate::workload::bytes::endpoint::fixed;
use crate::workload::connection::target::{Protocol, Route};
use crate::workload::connection::tls::TlsSettings;
use crate::workload::http::url::Url;
use crate::workload::settings::{Wrong, at, boolean, check_keys, text, timeout, wrong};

/// What ends the names of headers whose values are bytes.
const BINARY_SUFFIX: &str = "-bin";
/// Most digits of a `grpc-timeout`.
const TIMEOUT_DIGITS_VALUE_MAX: u128 = 99_999_999;

/// One operation as the job has it; its method is still to be looked up.
#[derive(Debug)]
pub(super) struct ReadCall {
    pub(super) route: Route,
    /// The head of every call, without metadata that changes.
    pub(super) request: Request<()>,
    /// Metadata that changes.
    pub(super) changing: Vec<Metadatum>,
    pub(super) messages: Option<u32>,
    pub(super) is_in_turn: bool,
    pub(super) timeout: Duration,
    pub(super) expected: Expected,
}

/// What a call must end with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) code: Code,
    pub(super) messages: Option<u64>,
}

/// A header whose value changes from one call to the next.
#[derive(Debug)]
pub(super) struct Metadatum {
    name: HeaderName,
    value: Rendering,
}

/// Why a header cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub(super) enum MetadataError {
    /// A value that is not there.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A value that no header may have.
    #[error("the metadata {0:?} has a character that no header may hold")]
    Value(HeaderName),
}

/// Reads one operation.
pub(super) fn read(
    spec: &OperationSpec,
    files: &std::collections::BTreeMap<String, Vec<u8>>,
    names: &Names,
) -> Result<ReadCall, PrepareError> {
    check_keys(&spec.settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    call(&spec.settings, files, names).map_err(|(key, what)| wrong(spec, key, what))
}

fn call(
    settings: &Map<String, Value>,
    files: &std::collections::BTreeMap<String, Vec<u8>>,
    names: &Names,
) -> Result<ReadCall, Wrong> {
    let url = server(settings, names).map_err(at("url"))?;
    let tls = match settings.get("tls") {
        Some(_) if !url.is_tls => {
            return Err(("tls", "stands with a URL that does not begin with https://".to_owned()));
        }
        Some(value) => Some(TlsSettings::read(value, files).map_err(at("tls"))?),
        None => url.is_tls.then(TlsSettings::default),
    };
    let method = text(settings, "method").map_err(at("method"))?.unwrap_or_default();
    let (service, own) = super::descriptors::split(method).map_err(|error| ("method", error.to_string()))?;
    let timeout = timeout(settings).map_err(at("timeout"))?;
    let (mut headers, changing) = metadata(settings, names).map_err(at("metadata"))?;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("fleetmark/", env!("CARGO_PKG_VERSION"))));
    headers.insert(HeaderName::from_static("grpc-timeout"), deadline(timeout));
    let request = request(&url, &format!("/{service}/{own}"), headers).map_err(at("url"))?;
    Ok(ReadCall {
        route: Route { place: url.place, protocol: Protocol::Http2, tls, tls_beyond: None },
        request,
        changing,
        messages: messages(settings).map_err(at("messages"))?,
        is_in_turn: boolean(settings, "in_turn", false).map_err(at("in_turn"))?,
        timeout,
        expected: expected(settings).map_err(at("expect"))?,
    })
}

/// The head of a call, as HTTP has it.
pub(super) fn request(url: &Url, path: &str, headers: HeaderMap) -> Result<Request<()>, String> {
    let scheme = if url.is_tls { "https" } else { "http" };
    let uri = Uri::builder().scheme(scheme).authority(url.authority.as_str()).path_and_query(path).build();
    let mut request = Request::new(());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri.map_err(|error| error.to_string())?;
    *request.version_mut() = http::Version::HTTP_2;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Another call to the same server, with the same metadata.
pub(super) fn elsewhere(request: &Request<()>, path: &str) -> Result<Request<()>, http::Error> {
    let mut other = request.clone();
    let mut parts = other.uri().clone().into_parts();
    parts.path_and_query = Some(path.try_into()?);
    *other.uri_mut() = Uri::from_parts(parts)?;
    Ok(other)
}

impl Metadatum {
    /// Puts it into the head of a call; `buffer` is for its value meanwhile.
    pub(super) fn put(
        &self,
        values: &mut Values,
        buffer: &mut Vec<u8>,
        headers: &mut HeaderMap,
    ) -> Result<(), MetadataError> {
        buffer.clear();
        self.value.render(values, buffer)?;
        let value =
            header_value(&self.name, buffer).ok_or_else(|| MetadataError::Value(self.name.clone()))?;
        headers.append(self.name.clone(), value);
        Ok(())
    }
}

fn server(settings: &Map<String, Value>, names: &Names) -> Result<Url, String> {
    let written = text(settings, "url")?.ok_or("is missing")?;
    let written = fixed(written, names).map_err(|error| error.to_string())?;
    let url = Url::parse(&written).map_err(|error| error.to_string())?;
    if url.path == "/" {
        Ok(url)
    } else {
        Err(format!("{written:?} has a path: what is called stands in method"))
    }
}

fn metadata(settings: &Map<String, Value>, names: &Names) -> Result<(HeaderMap, Vec<Metadatum>), String> {
    let (mut headers, mut changing) = (HeaderMap::new(), Vec::new());
    let Some(value) = settings.get("metadata") else { return Ok((headers, changing)) };
    let table = value.as_object().ok_or_else(|| format!("must be a table, not {value}"))?;
    for key in table.keys() {
        let name = HeaderName::from_bytes(key.to_ascii_lowercase().as_bytes())
            .map_err(|_| format!("{key:?} is not the name of a header"))?;
        if name.as_str().starts_with("grpc-") || name == CONTENT_TYPE || name == TE {
            return Err(format!("{key:?} is a header of the protocol itself"));
        }
        let text = text(table, key)?.unwrap_or_default();
        let value = Rendering::compile(text, names, Place::Header).map_err(|error| error.to_string())?;
        match value.as_static() {
            Some(bytes) => {
                let value = header_value(&name, bytes);
                let value = value
                    .ok_or_else(|| format!("the value of {key:?} has a character that no header may hold"))?;
                headers.append(name, value);
            }
            None => changing.push(Metadatum { name, value }),
        }
    }
    Ok((headers, changing))
}

fn header_value(name: &HeaderName, bytes: &[u8]) -> Option<HeaderValue> {
    if name.as_str().ends_with(BINARY_SUFFIX) {
        return HeaderValue::from_str(&STANDARD_NO_PAD.encode(bytes)).ok();
    }
    HeaderValue::from_bytes(bytes).ok()
}

fn messages(settings: &Map<String, Value>) -> Result<Option<u32>, String> {
    let Some(value) = settings.get("messages") else { return Ok(None) };
    let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
    let count = count.filter(|count| *count <= MESSAGES_MAX);
    count.map(Some).ok_or_else(|| format!("must be a whole number up to {MESSAGES_MAX}, not {value}"))
}

fn expected(settings: &Map<String, Value>) -> Result<Expected, String> {
    let mut expected = Expected { code: Code::OK, messages: None };
    let Some(value) = settings.get("expect") else { return Ok(expected) };
    let table = value.as_object().ok_or_else(|| format!("must be a table, not {value}"))?;
    check_keys(table, EXPECT_KEYS).map_err(|(key, what)| format!("{key:?} {what}"))?;
    if let Some(word) = text(table, "code")? {
        expected.code = Code::of_word(word).ok_or_else(|| format!("{word:?} is no status code of gRPC"))?;
    }
    if let Some(value) = table.get("messages") {
        let count = value.as_u64().ok_or_else(|| format!("messages must be a whole number, not {value}"))?;
        expected.messages = Some(count);
    }
    Ok(expected)
}

/// A deadline as the protocol has it: at most eight digits and a unit, rounded up.
fn deadline(timeout: Duration) -> HeaderValue {
    let units = [('n', 1_u128), ('u', 1_000), ('m', 1_000_000), ('S', 1_000_000_000)];
    let nanoseconds = timeout.as_nanos();
    let fitting = units.iter().find(|(_, length)| nanoseconds.div_ceil(*length) <= TIMEOUT_DIGITS_VALUE_MAX);
    let (unit, length) = fitting.unwrap_or(&units[3]);
    HeaderValue::from_str(&format!("{}{unit}", nanoseconds.div_ceil(*length)))
        .expect("digits and a letter are a header's value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_at_most_eight_digits() {
        for (timeout, header) in [
            (Duration::from_millis(50), "50000000n"),
            (Duration::from_millis(100), "100000u"),
            (Duration::from_secs(10), "10000000u"),
            (Duration::from_secs(3_600), "3600000m"),
        ] {
            assert_eq!(deadline(timeout), header);
        }
    }
}
