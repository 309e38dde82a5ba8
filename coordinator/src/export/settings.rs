//! Where figures are sent, as the coordinator's configuration says it.

use std::path::Path;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{PathAndQuery, Scheme, Uri};
use serde_json::{Map, Value};
use shared::job::schema::{Key, Shape};
use shared::job::template::{Part, Template};
use shared::secret::SecretName;

use super::{Destination, ExportError, Protocol};
use crate::secrets::SecretStore;

/// How a header names a secret.
const SECRET: &str = "secret:";

/// The keys of `[export]`.
pub const KEYS: &[Key] = &[
    Key::optional(
        Protocol::RemoteWrite.key(),
        Shape::Table(DESTINATION_KEYS),
        "A receiver of Prometheus' remote write 1.0, such as `http://127.0.0.1:9090/api/v1/write`. Default none.",
    ),
    Key::optional(
        Protocol::Otlp.key(),
        Shape::Table(DESTINATION_KEYS),
        "A receiver of OTLP metrics over HTTP, such as `http://127.0.0.1:4318/v1/metrics`. Default none.",
    ),
];

const DESTINATION_KEYS: &[Key] = &[
    Key::required(
        "url",
        Shape::Parsed {
            what: "a URL such as \"http://host:port/path\" or \"https://host/path\"",
            check: |text| place(text).map(drop),
        },
        "Where figures of runs are sent once a second.",
    ),
    Key::optional(
        "headers",
        Shape::Map(&Shape::Confidential { what: "a header's value", check: |text| parts(text).map(drop) }),
        "Further headers, such as `authorization = \"Bearer {{secret:NAME}}\"` with a secret out of `secrets`; never shown.",
    ),
    Key::optional(
        "ca_file",
        Shape::Text,
        "The authorities that vouch for it, as PEM, relative to this file; default those of the system.",
    ),
];

/// Where a URL leads.
struct Place {
    is_encrypted: bool,
    host: String,
    port: u16,
    path: String,
}

/// Reads what a configuration says of `[export]`, whose keys were checked; files are relative to `folder`.
///
/// # Errors
/// A secret that is not there, or a header that cannot be sent.
pub fn read(
    table: &Map<String, Value>,
    folder: &Path,
    secrets: &SecretStore,
) -> Result<Vec<Destination>, ExportError> {
    let asked = Protocol::ALL.into_iter().filter_map(|protocol| Some((protocol, table.get(protocol.key())?)));
    asked.map(|(protocol, table)| destination(protocol, table, folder, secrets)).collect()
}

fn destination(
    protocol: Protocol,
    table: &Value,
    folder: &Path,
    secrets: &SecretStore,
) -> Result<Destination, ExportError> {
    let wrong = |key: &str, what| ExportError::Key { key: format!("{protocol}.{key}"), what };
    let url = table.get("url").and_then(Value::as_str).unwrap_or_default();
    let Place { is_encrypted, host, port, path } = place(url).map_err(|what| wrong("url", what))?;
    let mut headers = HeaderMap::new();
    for (name, value) in table.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let key = format!("headers.{name}");
        let header = HeaderName::try_from(name.as_str()).map_err(|error| wrong(&key, error.to_string()))?;
        let text =
            filled_in(value.as_str().unwrap_or_default(), secrets).map_err(|what| wrong(&key, what))?;
        // What is wrong with it is not shown with it.
        let unsendable = |_| wrong(&key, "it holds what no header can carry".to_owned());
        let mut value = HeaderValue::try_from(text).map_err(unsendable)?;
        value.set_sensitive(true);
        headers.insert(header, value);
    }
    let ca_file = table.get("ca_file").and_then(Value::as_str).map(|file| folder.join(file));
    Ok(Destination { protocol, is_encrypted, host, port, path, headers, ca_file })
}

/// Reads a URL.
fn place(text: &str) -> Result<Place, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let is_encrypted = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => true,
        Some(scheme) if *scheme == Scheme::HTTP => false,
        _ => return Err("it begins with neither http:// nor https://".to_owned()),
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("it holds a user or a password: give them in headers, as a secret".to_owned());
    }
    let host = uri.host().map(|host| host.trim_start_matches('[').trim_end_matches(']').to_owned());
    let host = host.filter(|host| !host.is_empty()).ok_or("it names no host")?;
    let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    Ok(Place { is_encrypted, host, port, path })
}

/// A header's value as it is written: texts, and names of secrets.
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    let is_secret = |part: &Part| match part {
        Part::Text(_) => true,
        Part::Name(name) => name.strip_prefix(SECRET).is_some_and(|name| SecretName::new(name).is_ok()),
    };
    let parts = template.parts().to_vec();
    match parts.iter().all(is_secret) {
        true => Ok(parts),
        false => Err("it may hold {{secret:NAME}}, and no other name".to_owned()),
    }
}

fn filled_in(text: &str, secrets: &SecretStore) -> Result<String, String> {
    let mut filled = String::new();
    for part in parts(text)? {
        match part {
            Part::Text(text) => filled.push_str(&text),
            Part::Name(name) => {
                let known = name.strip_prefix(SECRET).and_then(|name| SecretName::new(name).ok());
                let secret = known.and_then(|name| secrets.text(&name));
                let unknown = || format!("the secret {name} is not there: give it in the file of secrets");
                filled.push_str(secret.ok_or_else(unknown)?.reveal());
            }
        }
    }
    Ok(filled)
}
