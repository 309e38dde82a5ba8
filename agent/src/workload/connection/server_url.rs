//! URLs of servers that are not asked by HTTP: `scheme://user:password@host:port/path?key=value`; and of files: `sqlite:/path?key=value`.
//!
//! The text is split as the job has it, and values are put in afterwards, so that a password from elsewhere may hold any
//! character. A URL that comes from elsewhere as a whole is split as it is; what it holds is percent-decoded.

use std::fmt;

use shared::secret::in_url::{check_password, percent_decoded};

use super::place::{Place, read_port, split_port};
use crate::values::{self, Names, NamesError, Rendering};

/// What begins a URL of a file, whose path may follow at once.
const FILE_SCHEME: &str = "sqlite:";

/// A URL of a server, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::workload) struct ServerUrl {
    /// What is spoken, in lower case.
    pub(in crate::workload) scheme: String,
    /// Who we are.
    pub(in crate::workload) user: Option<String>,
    /// How we show it. Never told.
    pub(in crate::workload) password: Option<String>,
    /// The host's name or address, without brackets; may be empty.
    pub(in crate::workload) host: String,
    /// The port, if one is given.
    pub(in crate::workload) port: Option<u16>,
    /// What follows the first slash behind the host.
    pub(in crate::workload) path: String,
    /// What follows the question mark.
    pub(in crate::workload) parameters: Vec<(String, String)>,
}

/// Why a text is no URL of a server. Shows nothing of it: a password may stand anywhere in what is no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::workload) enum ServerUrlError {
    /// There is no `://`.
    #[error("is no URL: write scheme://host:port/…")]
    Scheme,
    /// The password itself stands there.
    #[error("{0}")]
    Password(String),
    /// The port is no port.
    #[error("has a port that is not a number from 1 to 65535, or a host that is none")]
    Port,
    /// Its values change.
    #[error("names a value that changes from one operation to the next, which cannot stand here")]
    Changing,
    /// What is percent-encoded is not text.
    #[error("holds a percent sign that begins no byte of text in UTF-8")]
    Encoding,
    /// A name without a value.
    #[error(transparent)]
    Names(#[from] NamesError),
}

impl ServerUrl {
    /// Takes a URL of the job apart, and puts in what its names stand for.
    pub(in crate::workload) fn read(written: &str, names: &Names) -> Result<Self, ServerUrlError> {
        check_password(written).map_err(ServerUrlError::Password)?;
        if written.contains("://") || written.starts_with(FILE_SCHEME) {
            return Self::split(written, &|part| filled_in(part, names));
        }
        let whole = filled_in(written, names)?;
        Self::split(&whole, &decoded)
    }

    fn split(
        text: &str,
        value: &dyn Fn(&str) -> Result<String, ServerUrlError>,
    ) -> Result<Self, ServerUrlError> {
        if let Some(rest) = text.strip_prefix(FILE_SCHEME) {
            return Self::file(rest, value);
        }
        let (scheme, rest) = text.split_once("://").ok_or(ServerUrlError::Scheme)?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, address) =
            authority.rsplit_once('@').map_or((None, authority), |(user, rest)| (Some(user), rest));
        let (user, password) = user.map_or((None, None), split_user);
        let address = value(address)?;
        let (host, port) = match split_port(&address) {
            Some((host, port)) => (host.to_owned(), port),
            None if address.is_empty() => (String::new(), None),
            None => return Err(ServerUrlError::Port),
        };
        let port = port.map(|digits| read_port(digits).ok_or(ServerUrlError::Port)).transpose()?;
        let given = |part: Option<&str>| part.filter(|part| !part.is_empty()).map(value).transpose();
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            user: given(user)?,
            password: given(password)?,
            host,
            port,
            path: value(path)?,
            parameters: split_parameters(parameters, value)?,
        })
    }

    /// A file on the agent: all before the question mark is its path.
    fn file(
        rest: &str,
        value: &dyn Fn(&str) -> Result<String, ServerUrlError>,
    ) -> Result<Self, ServerUrlError> {
        let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        Ok(Self {
            scheme: FILE_SCHEME.trim_end_matches(':').to_owned(),
            user: None,
            password: None,
            host: String::new(),
            port: None,
            path: value(path.strip_prefix("//").unwrap_or(path))?,
            parameters: split_parameters(parameters, value)?,
        })
    }

    /// Where its connections go.
    pub(in crate::workload) fn place(&self, default_port: u16) -> Place {
        Place::Host { host: self.host.clone(), port: self.port.unwrap_or(default_port) }
    }
}

/// Without who we are and how we show it.
impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))?;
        if self.path.is_empty() { Ok(()) } else { write!(formatter, "/{}", self.path) }
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

fn split_parameters(
    parameters: &str,
    value: &dyn Fn(&str) -> Result<String, ServerUrlError>,
) -> Result<Vec<(String, String)>, ServerUrlError> {
    let parameters = parameters.split('&').filter(|parameter| !parameter.is_empty()).map(|parameter| {
        let (key, text) = parameter.split_once('=').unwrap_or((parameter, ""));
        Ok((value(key)?, value(text)?))
    });
    parameters.collect()
}

/// User and password; a colon within a name's braces separates nothing.
fn split_user(user: &str) -> (Option<&str>, Option<&str>) {
    let from = if user.starts_with("{{") { user.find("}}").map_or(0, |at| at + 2) } else { 0 };
    match user[from..].find(':') {
        Some(at) => (Some(&user[..from + at]), Some(&user[from + at + 1..])),
        None => (Some(user), None),
    }
}

/// A part of a job's text with its values in place; only what the job itself wrote is percent-decoded.
fn filled_in(part: &str, names: &Names) -> Result<String, ServerUrlError> {
    let compiled = Rendering::compile(part, names, values::Place::Anywhere)?;
    let bytes = compiled.as_static().ok_or(ServerUrlError::Changing)?;
    let text = String::from_utf8_lossy(bytes).into_owned();
    if part.contains("{{") { Ok(text) } else { decoded(&text) }
}

fn decoded(part: &str) -> Result<String, ServerUrlError> {
    percent_decoded(part).ok_or(ServerUrlError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::names::tests::names;

    fn read(text: &str) -> Result<ServerUrl, ServerUrlError> {
        ServerUrl::read(text, &names(&["x"]))
    }

    #[test]
    fn urls_come_apart() {
        let url = read("Postgres://m%40e:{{env:GREETING}}@[::1]:5433/my%20db?sslmode=require&x").unwrap();
        assert_eq!((url.scheme.as_str(), url.host.as_str(), url.port), ("postgres", "::1", Some(5433)));
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("m@e"), Some("hello")));
        assert_eq!(url.path, "my db");
        assert_eq!(url.parameters, [("sslmode".into(), "require".into()), ("x".into(), String::new())]);
        assert_eq!(read("redis://h").unwrap().place(6379).to_string(), "h:6379");
        for file in ["sqlite:///tmp/a%20b.db", "sqlite:/tmp/a b.db", "sqlite:/tmp/a b.db?mode=ro"] {
            let url = read(file).unwrap();
            assert_eq!((url.scheme.as_str(), url.path.as_str()), ("sqlite", "/tmp/a b.db"));
        }
        assert_eq!(read("sqlite::memory:").unwrap().path, ":memory:");
        let named = read("redis://{{env:GREETING}}:{{env:GREETING}}@h").unwrap();
        assert_eq!((named.user.as_deref(), named.password.as_deref()), (Some("hello"), Some("hello")));
    }

    #[test]
    fn what_is_no_url_is_refused_without_being_shown() {
        for text in
            ["hunter2", "redis://:hunter2@h", "redis://h:hunter2", "redis://h/%zz", "redis://{{word}}"]
        {
            let error = read(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn nothing_that_is_printed_shows_the_password() {
        let url = read("redis://me:{{env:GREETING}}@h:1/2").unwrap();
        assert_eq!(format!("{url} {url:?}"), "redis://h:1/2 redis://h:1/2");
    }
}
