//! A URL as the job writes it: scheme, host and port are known before the start, path and query may differ from one
//! operation to the next.

use super::url::{Url, UrlError};
use crate::values::rendering::Piece;
use crate::values::{Names, NamesError, Place, Rendering};

/// Where an operation goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// The URL; where the path differs, one of those that it may be.
    pub(super) url: Url,
    /// Path and query.
    pub(super) path: Rendering,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum AddressError {
    /// No URL.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A name that stands for nothing.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// A host that would have to be looked up for each operation.
    #[error(
        "{0:?} has a name that changes from one operation to the next in its scheme, host or port: only params, \
         {{{{env:NAME}}}} and {{{{agent}}}} can stand there"
    )]
    Host(String),
}

impl Address {
    /// Reads a URL.
    pub(super) fn read(text: &str, names: &Names) -> Result<Self, AddressError> {
        let pieces = match Rendering::compile(text, names, Place::Url)? {
            Rendering::Static(bytes) => {
                let url = Url::parse(&text_of(&bytes))?;
                let path = Rendering::of_bytes(url.path.as_bytes());
                return Ok(Self { url, path });
            }
            Rendering::Pieces(pieces) => pieces.into_vec(),
        };
        // Any value will do: it can neither end the path nor break it.
        let sample: String = pieces.iter().map(sample_of).collect();
        let url = Url::parse(&sample)?;
        let before = pieces.first().map(|piece| match piece {
            Piece::Text(bytes) => text_of(bytes),
            Piece::Value { .. } => String::new(),
        });
        let before = before.unwrap_or_default();
        // What follows a complete host, and only that, leads to the same place whatever it is.
        let (shorter, longer) = (Url::parse(&before), Url::parse(&format!("{before}1")));
        let fixed = match (shorter, longer) {
            (Ok(shorter), Ok(longer)) if shorter.leads_where(&longer) && shorter.leads_where(&url) => shorter,
            _ => return Err(AddressError::Host(text.to_owned())),
        };
        let mut path = vec![Piece::Text(fixed.path.into_bytes().into())];
        path.extend(before_fragment(&before, &pieces[1..]));
        Ok(Self { url, path: Rendering::of_pieces(path) })
    }
}

/// The pieces behind the first, up to a fragment, which is never sent.
fn before_fragment(before: &str, rest: &[Piece]) -> Vec<Piece> {
    let mut kept = Vec::new();
    if before.contains('#') {
        return kept;
    }
    for piece in rest {
        match piece {
            Piece::Text(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'#');
                kept.push(Piece::Text(bytes[..end.unwrap_or(bytes.len())].into()));
                if end.is_some() {
                    break;
                }
            }
            value @ Piece::Value { .. } => kept.push(value.clone()),
        }
    }
    kept
}

fn sample_of(piece: &Piece) -> String {
    match piece {
        Piece::Text(bytes) => text_of(bytes),
        Piece::Value { .. } => "1".to_owned(),
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::names::tests::{names, values};

    fn read(text: &str) -> Result<(String, String), String> {
        let names = names(&["a b"]);
        let address = Address::read(text, &names).map_err(|error| error.to_string())?;
        let mut path = Vec::new();
        address.path.render(&mut values(&names), &mut path).unwrap();
        Ok((address.url.place.to_string(), String::from_utf8(path).unwrap()))
    }

    #[test]
    fn path_and_query_may_change() {
        for (text, place, path) in [
            ("http://h:81/x", "h:81", "/x"),
            ("http://h/{{word}}/{{worker}}?q={{word}}", "h:80", "/a%20b/3?q=a%20b"),
            ("http://h?q={{worker}}#part{{word}}", "h:80", "/?q=3"),
            ("http://h/x#{{word}}", "h:80", "/x"),
            ("https://{{env:GREETING}}.example/{{worker}}", "hello.example:443", "/3"),
            ("http://{{agent}}:81/", "a1:81", "/"),
            ("unix:/run/app.sock:/x/{{worker}}", "unix:/run/app.sock", "/x/3"),
        ] {
            assert_eq!(read(text), Ok((place.into(), path.into())), "{text}");
        }
    }

    #[test]
    fn scheme_host_and_port_may_not() {
        for text in [
            "{{word}}",
            "{{word}}://h/",
            "http://{{word}}/",
            "http://h{{worker}}/",
            "http://h:8{{worker}}/",
            "http://h:{{worker}}/",
            "http://h{{word}}",
            "unix:/run/{{worker}}.sock:/",
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.contains("scheme, host or port") || error.contains("does not begin with"),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn what_no_url_may_hold_is_refused() {
        assert!(read("http://h/{{worker}}/ü").unwrap_err().contains("percent-encode"));
        assert!(read("http://h/{{absent}}").unwrap_err().contains("has no value"));
    }
}
