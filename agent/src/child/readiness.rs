//! When a target is up: where it answers, and one look at whether it does.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use crate::policy::{Refusal, TargetRules};

/// How long one look may take: a target that accepts but does not answer is asked again.
const LOOK_PATIENCE: Duration = Duration::from_secs(1);
/// Longest status line that is read, bytes: the status itself stands within the first 16.
const STATUS_LINE_BYTES_MAX: u64 = 256;
/// The port of `http://host/path`.
const HTTP_PORT: u16 = 80;

/// Where a target answers once it is ready: `http://host:port/path` or `tcp://host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// A GET there is answered with a 2xx or 3xx status.
    Http {
        /// Host and port, as written.
        authority: String,
        /// Path and query, beginning with `/`.
        path: String,
    },
    /// Something accepts connections there.
    Tcp {
        /// Host and port, as written.
        authority: String,
    },
}

/// Why a text does not say where a target answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadinessError {
    /// Neither of the two schemes.
    #[error("{0:?} does not say when a target is ready: write http://host:port/path or tcp://host:port")]
    Scheme(String),
    /// No host, or no port where one is needed.
    #[error("{0:?} needs a host and a port: write it as 127.0.0.1:8080")]
    Address(String),
    /// Something that may not stand in a request.
    #[error("{0:?} holds white space or control characters")]
    Characters(String),
}

/// Why a look did not find a target ready.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotReady {
    /// It may still become so; for people to read.
    #[error("{0}")]
    Yet(String),
    /// The agent's policy does not allow to look there.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Readiness {
    /// Looks once whether the target is ready, where that is allowed.
    ///
    /// # Errors
    /// Why it is not.
    pub async fn look(&self, allowed: &TargetRules) -> Result<(), NotReady> {
        let no_answer = || NotReady::Yet(format!("no answer within {LOOK_PATIENCE:?}"));
        timeout(LOOK_PATIENCE, self.ask(allowed)).await.unwrap_or_else(|_| Err(no_answer()))
    }

    /// Whether it may be looked there, as far as the host's name leads somewhere by now.
    ///
    /// # Errors
    /// The rule that forbids it.
    pub async fn check(&self, allowed: &TargetRules) -> Result<(), Refusal> {
        let Ok(Ok(mut found)) = timeout(LOOK_PATIENCE, lookup_host(self.authority())).await else {
            return Ok(());
        };
        found.try_for_each(|address| allowed.check(self.host(), address))
    }

    async fn ask(&self, allowed: &TargetRules) -> Result<(), NotReady> {
        let stream = self.connect(allowed).await?;
        match self {
            Readiness::Tcp { .. } => Ok(()),
            Readiness::Http { authority, path } => {
                let line = first_line(stream, authority, path).await;
                let line = line.map_err(|error| NotReady::Yet(error.to_string()))?;
                judge_status_line(&line).map_err(NotReady::Yet)
            }
        }
    }

    /// Connects to the first address that answers, each of which must be allowed.
    async fn connect(&self, allowed: &TargetRules) -> Result<TcpStream, NotReady> {
        let yet = |error: io::Error| NotReady::Yet(error.to_string());
        let mut last = NotReady::Yet("its host has no address".to_owned());
        for address in lookup_host(self.authority()).await.map_err(yet)? {
            allowed.check(self.host(), address)?;
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = yet(error),
            }
        }
        Err(last)
    }

    fn authority(&self) -> &str {
        let (Readiness::Http { authority, .. } | Readiness::Tcp { authority }) = self;
        authority
    }

    fn host(&self) -> &str {
        let host = self.authority().rsplit_once(':').map_or(self.authority(), |(host, _)| host);
        host.trim_matches(['[', ']'])
    }
}

/// Sends a GET and reads the answer's first line.
async fn first_line(mut stream: TcpStream, authority: &str, path: &str) -> io::Result<Vec<u8>> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: fleetmark\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut line = Vec::new();
    BufReader::new(stream.take(STATUS_LINE_BYTES_MAX)).read_until(b'\n', &mut line).await?;
    Ok(line)
}

impl FromStr for Readiness {
    type Err = ReadinessError;

    fn from_str(text: &str) -> Result<Self, ReadinessError> {
        if text.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(ReadinessError::Characters(text.to_owned()));
        }
        if let Some(authority) = text.strip_prefix("tcp://") {
            let authority = checked_authority(authority.trim_end_matches('/'), None)?;
            return Ok(Readiness::Tcp { authority });
        }
        let rest = text.strip_prefix("http://").ok_or_else(|| ReadinessError::Scheme(text.to_owned()))?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Readiness::Http { authority: checked_authority(authority, Some(HTTP_PORT))?, path })
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Readiness::Http { authority, path } => write!(formatter, "http://{authority}{path}"),
            Readiness::Tcp { authority } => write!(formatter, "tcp://{authority}"),
        }
    }
}

/// Host and port of a text, the port filled in where there is a usual one.
fn checked_authority(text: &str, usual_port: Option<u16>) -> Result<String, ReadinessError> {
    let wrong = || ReadinessError::Address(text.to_owned());
    // The colons inside of `[::1]` are the host's own.
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = match port {
        Some(port) => port.parse::<u16>().ok().filter(|port| *port != 0),
        None => usual_port,
    };
    if host.is_empty() { Err(wrong()) } else { Ok(format!("{host}:{}", port.ok_or_else(wrong)?)) }
}

/// Whether the beginning of an answer is an HTTP status line with a 2xx or 3xx status.
fn judge_status_line(answer: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(answer);
    let line = text.lines().next().unwrap_or_default();
    let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)?.parse::<u16>().ok());
    match status {
        Some(200..=399) => Ok(()),
        Some(_) => Err(format!("it answers {line:?}")),
        None if answer.is_empty() => Err("it closes the connection without an answer".to_owned()),
        None => Err(format!("its answer is not HTTP/1: {line:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_read_and_print() {
        for text in ["http://127.0.0.1:8080/health?deep=1", "tcp://db.local:5432", "http://[::1]:8080/"] {
            assert_eq!(text.parse::<Readiness>().map(|ready| ready.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("http://localhost".parse::<Readiness>().unwrap().to_string(), "http://localhost:80/");
        assert_eq!("http://[::1]".parse::<Readiness>().unwrap().to_string(), "http://[::1]:80/");
    }

    #[test]
    fn broken_texts_say_what_to_write() {
        assert_eq!(
            "https://a:1/".parse::<Readiness>(),
            Err(ReadinessError::Scheme("https://a:1/".to_owned()))
        );
        assert_eq!("tcp://a".parse::<Readiness>(), Err(ReadinessError::Address("a".to_owned())));
        assert_eq!("tcp://:80".parse::<Readiness>(), Err(ReadinessError::Address(":80".to_owned())));
        assert_eq!("tcp://a:70000".parse::<Readiness>(), Err(ReadinessError::Address("a:70000".to_owned())));
        let smuggled = "http://a:1/x y\r\n";
        assert_eq!(smuggled.parse::<Readiness>(), Err(ReadinessError::Characters(smuggled.to_owned())));
    }

    #[test]
    fn only_a_2xx_or_3xx_status_is_ready() {
        assert_eq!(judge_status_line(b"HTTP/1.1 204 No Content\r\nA: b"), Ok(()));
        assert_eq!(judge_status_line(b"HTTP/1.0 302 Found\r\n"), Ok(()));
        for answer in [&b"HTTP/1.1 503 Busy\r\n"[..], b"HTTP/1.1 abc\r\n", b"SSH-2.0-x\r\n", b"", b"\xff\xfe"]
        {
            assert!(judge_status_line(answer).is_err(), "{answer:?}");
        }
    }
}
