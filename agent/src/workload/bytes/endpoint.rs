//! Where bytes go: `tcp://host:port`, `tls://host:port`, `unix:/path`, `udp://host:port`.

use crate::values::{Names, NamesError, Place as Standing, Rendering};
use crate::workload::connection::place::{Place, read_port, split_port};
use crate::workload::http::url::Url;

/// Where an operation goes, and whether on its way it is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct Endpoint {
    /// Where.
    pub(in crate::workload) place: Place,
    /// Whether TLS is spoken.
    pub(in crate::workload) is_tls: bool,
}

/// Why a text is no endpoint.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload) enum EndpointError {
    /// A name that stands for nothing.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// It would have to be looked up for each operation.
    #[error(
        "{0:?} has a name that changes from one operation to the next: only params, {{{{env:NAME}}}} and {{{{agent}}}} can stand there"
    )]
    Changing(String),
    /// Another form.
    #[error("{text:?} is no address: write {forms}")]
    Form {
        /// The text.
        text: String,
        /// What it could be.
        forms: &'static str,
    },
}

impl Endpoint {
    /// Reads where a stream of bytes goes.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(in crate::workload) fn of_stream(text: &str, names: &Names) -> Result<Self, EndpointError> {
        let text = fixed(text, names)?;
        let place = if text.starts_with("unix:") { socket(&text) } else { None };
        let place = place.map(|place| (place, false)).or_else(|| {
            let plain = text.strip_prefix("tcp://").map(|rest| (rest, false));
            let (rest, is_tls) = plain.or_else(|| text.strip_prefix("tls://").map(|rest| (rest, true)))?;
            Some((host(rest)?, is_tls))
        });
        let forms =
            "tcp://host:port, tls://host:port, or unix:/run/app.sock with at most 107 bytes for the path";
        place.map(|(place, is_tls)| Self { place, is_tls }).ok_or(EndpointError::Form { text, forms })
    }

    /// Reads where datagrams go.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(in crate::workload) fn of_datagrams(text: &str, names: &Names) -> Result<Self, EndpointError> {
        let text = fixed(text, names)?;
        let place = text.strip_prefix("udp://").and_then(host);
        place
            .map(|place| Self { place, is_tls: false })
            .ok_or(EndpointError::Form { text, forms: "udp://host:port" })
    }
}

/// The text with everything filled in that an agent knows before a trial.
pub(in crate::workload) fn fixed(text: &str, names: &Names) -> Result<String, EndpointError> {
    let compiled = Rendering::compile(text, names, Standing::Anywhere)?;
    let bytes = compiled.as_static().ok_or_else(|| EndpointError::Changing(text.to_owned()))?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn host(authority: &str) -> Option<Place> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#@{}<>\"\\".contains(&byte);
    let (host, port) = split_port(authority)?;
    let port = read_port(port?)?;
    authority.bytes().all(is_plain).then(|| Place::Host { host: host.to_owned(), port })
}

fn socket(text: &str) -> Option<Place> {
    let url = Url::parse(text).ok()?;
    (url.path == "/").then_some(url.place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::names::tests::names;

    #[test]
    fn endpoints_come_apart() {
        let names = names(&["x"]);
        let stream = |text: &str| {
            Endpoint::of_stream(text, &names)
                .map(|it| (it.place.to_string(), it.is_tls))
                .map_err(|e| e.to_string())
        };
        assert_eq!(stream("tcp://127.0.0.1:7"), Ok(("127.0.0.1:7".to_owned(), false)));
        assert_eq!(stream("tls://[::1]:7000"), Ok(("[::1]:7000".to_owned(), true)));
        assert_eq!(stream("tcp://{{agent}}:7"), Ok(("a1:7".to_owned(), false)));
        assert_eq!(stream("unix:/run/a.sock"), Ok(("unix:/run/a.sock".to_owned(), false)));
        let datagrams = Endpoint::of_datagrams("udp://h:53", &names).unwrap();
        assert_eq!(datagrams.place.to_string(), "h:53");
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_what_could_stand_there() {
        let names = names(&["x"]);
        for text in [
            "h:7",
            "tcp://h",
            "tcp://h:0",
            "tcp://:7",
            "tcp://h:7/x",
            "http://h:7",
            "tcp://a@h:7",
            "unix:a",
            "",
        ] {
            let error = Endpoint::of_stream(text, &names).unwrap_err().to_string();
            assert!(error.contains("write tcp://host:port"), "{text}: {error}");
        }
        let error = Endpoint::of_stream("tcp://{{word}}:7", &names).unwrap_err().to_string();
        assert!(error.contains("changes from one operation"), "{error}");
        let error = Endpoint::of_datagrams("tcp://h:7", &names).unwrap_err().to_string();
        assert!(error.contains("write udp://host:port"), "{error}");
    }
}
