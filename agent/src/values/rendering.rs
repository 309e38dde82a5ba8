//! A text made ready to be filled in: constants are folded in once, what changes is written in place each time.

use shared::job::template::{Part, Template};

use super::Term;
use super::names::{Meaning, Names, NamesError};
use super::worker::Values;

/// Most bytes one text may grow to when it is filled in: as much as a file that comes with a job may have.
pub const RENDERED_BYTES_MAX: usize = shared::job::ATTACHED_FILE_BYTES_MAX;

/// Where a value goes, and so what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Where any byte may stand: a body, an expected text.
    Anywhere,
    /// A URL: what cannot stand there is percent-encoded, what has a meaning there (`/ ? &`) keeps it.
    Url,
    /// A header's value: no control character but the tab, so that nothing breaks out of its line.
    Header,
    /// An argument or a variable of a program: no zero byte, where the system would end it.
    Argument,
}

/// A text of the job, ready to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rendering {
    /// The same for every operation.
    Static(Box<[u8]>),
    /// Texts and values in turn.
    Pieces(Box<[Piece]>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The same for every operation.
    Text(Box<[u8]>),
    /// Written anew each time.
    Value {
        /// What it is.
        term: Term,
        /// Where it stands.
        place: Place,
    },
}

/// Why a text cannot be filled in for one operation. Names values, and never shows them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// An extracted value that is not there yet.
    #[error("\"{{{{{0}}}}}\" has no value yet: no answer before this operation gave it one")]
    NotExtracted(String),
    /// A value that would break out of its header.
    #[error(
        "the value of \"{{{{{0}}}}}\" holds a line break or another control character, which a header must not"
    )]
    ControlCharacter(String),
    /// A value that no program can be given.
    #[error("the value of \"{{{{{0}}}}}\" holds a zero byte, which no program can be given")]
    ZeroByte(String),
    /// More than [`RENDERED_BYTES_MAX`].
    #[error("its values make it longer than {RENDERED_BYTES_MAX} bytes")]
    TooLong,
}

impl Rendering {
    /// Makes a text ready. Names that are constant on this agent are replaced here.
    ///
    /// # Errors
    /// A text that is no template, or a name that nothing on this agent stands behind.
    pub fn compile(text: &str, names: &Names, place: Place) -> Result<Self, NamesError> {
        Self::of_parts(Template::parse(text)?.parts(), names, place)
    }

    /// Makes a text ready that was split before.
    ///
    /// # Errors
    /// A name that nothing on this agent stands behind.
    pub fn of_parts(parts: &[Part], names: &Names, place: Place) -> Result<Self, NamesError> {
        let mut pieces = Vec::with_capacity(parts.len());
        for part in parts {
            pieces.push(match part {
                Part::Text(literal) => Piece::Text(literal.as_bytes().into()),
                Part::Name(name) => match names.meaning(name)? {
                    Meaning::Constant(value) if place == Place::Url => {
                        Piece::Text(percent_encoded(value.as_bytes()).into_bytes().into())
                    }
                    Meaning::Constant(value) => Piece::Text(value.as_bytes().into()),
                    Meaning::Changing(term) => Piece::Value { term, place },
                },
            });
        }
        Ok(Self::of_pieces(pieces))
    }

    /// Bytes that are always the same.
    pub fn of_bytes(bytes: impl Into<Box<[u8]>>) -> Self {
        Self::Static(bytes.into())
    }

    /// Pieces in order; static when none of them changes.
    pub fn of_pieces(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let mut merged = Vec::new();
        let mut text = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Text(bytes) => text.extend_from_slice(&bytes),
                value @ Piece::Value { .. } => {
                    push_text(&mut merged, &mut text);
                    merged.push(value);
                }
            }
        }
        if merged.is_empty() {
            return Self::Static(text.into());
        }
        push_text(&mut merged, &mut text);
        Self::Pieces(merged.into())
    }

    /// Its pieces, for joining with others.
    pub fn into_pieces(self) -> Vec<Piece> {
        match self {
            Self::Static(bytes) => vec![Piece::Text(bytes)],
            Self::Pieces(pieces) => pieces.into_vec(),
        }
    }

    /// Its bytes, if they are always the same.
    #[inline]
    pub fn as_static(&self) -> Option<&[u8]> {
        match self {
            Self::Static(bytes) => Some(bytes),
            Self::Pieces(_) => None,
        }
    }

    /// Appends the text with a worker's values filled in.
    ///
    /// # Errors
    /// A value that is not there, or must not stand in its place. What was appended until then stays.
    pub fn render(&self, values: &mut Values, into: &mut Vec<u8>) -> Result<(), RenderError> {
        let pieces = match self {
            Self::Static(bytes) => {
                into.extend_from_slice(bytes);
                return Ok(());
            }
            Self::Pieces(pieces) => pieces,
        };
        let start = into.len();
        for piece in pieces {
            match piece {
                Piece::Text(bytes) => into.extend_from_slice(bytes),
                Piece::Value { term, place } => values.write(*term, *place, into)?,
            }
            if into.len() - start > RENDERED_BYTES_MAX {
                return Err(RenderError::TooLong);
            }
        }
        Ok(())
    }
}

impl Place {
    /// Appends a value as it may stand here; `name` tells whose it is.
    pub(super) fn put(self, value: &[u8], name: &str, into: &mut Vec<u8>) -> Result<(), RenderError> {
        match self {
            Self::Url => {
                put_percent_encoded(value, into);
                return Ok(());
            }
            Self::Header if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') => {
                return Err(RenderError::ControlCharacter(name.to_owned()));
            }
            Self::Argument if value.contains(&0) => return Err(RenderError::ZeroByte(name.to_owned())),
            Self::Header | Self::Argument | Self::Anywhere => {}
        }
        into.extend_from_slice(value);
        Ok(())
    }
}

/// A value as it may stand in a URL.
pub fn percent_encoded(value: &[u8]) -> String {
    let mut encoded = Vec::with_capacity(value.len());
    put_percent_encoded(value, &mut encoded);
    String::from_utf8(encoded).expect("percent-encoding leaves only ASCII")
}

fn put_percent_encoded(value: &[u8], into: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for (at, byte) in value.iter().copied().enumerate() {
        if may_stand_in_a_url(byte) || byte == b'%' && is_encoding(&value[at..]) {
            into.push(byte);
        } else {
            into.extend([b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
    }
}

/// RFC 3986, 2.2 and 2.3, but for `#`: no fragment is ever sent.
fn may_stand_in_a_url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=".contains(&byte)
}

fn is_encoding(text: &[u8]) -> bool {
    matches!(text, [b'%', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

fn push_text(pieces: &mut Vec<Piece>, text: &mut Vec<u8>) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text).into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::names::tests::{names, values};

    fn rendered(text: &str, place: Place) -> Result<String, RenderError> {
        let names = names(&["first word", "a/b?c=d&e#f%41%zz", "ü\r\n"]);
        let mut into = Vec::new();
        Rendering::compile(text, &names, place).unwrap().render(&mut values(&names), &mut into)?;
        Ok(String::from_utf8(into).unwrap())
    }

    #[test]
    fn constants_make_a_text_static() {
        let names = names(&["x"]);
        let rendering = |text| Rendering::compile(text, &names, Place::Anywhere).unwrap();
        assert_eq!(rendering("on {{agent}}, {{{{").as_static(), Some(&b"on a1, {{"[..]));
        assert_eq!(rendering("").as_static(), Some(&b""[..]));
        assert_eq!(rendering("{{word}}").as_static(), None);
        assert_eq!(rendering("{{env:GREETING}} {{env:GREETING}}").as_static(), Some(&b"hello hello"[..]));
    }

    #[test]
    fn a_url_takes_every_value_and_keeps_what_has_a_meaning_there() {
        let names = names(&["first word", "a/b?c=d&e#f%41%zz", "ü\r\n"]);
        let mut values = values(&names);
        let url = Rendering::compile("/x y/{{word}}", &names, Place::Url).unwrap();
        let mut next = || {
            let mut into = Vec::new();
            values.begin_iteration();
            url.render(&mut values, &mut into).unwrap();
            String::from_utf8(into).unwrap()
        };
        assert_eq!(next(), "/x y/first%20word");
        assert_eq!(next(), "/x y/a/b?c=d&e%23f%41%25zz");
        assert_eq!(next(), "/x y/%C3%BC%0D%0A");
    }

    #[test]
    fn nothing_breaks_out_of_a_header_or_an_argument() {
        let names = names(&["a\r\nb: c", "a\0b"]);
        let mut values = values(&names);
        let mut next = |place| {
            let rendering = Rendering::compile("{{word}}", &names, place).unwrap();
            values.begin_iteration();
            rendering.render(&mut values, &mut Vec::new())
        };
        assert_eq!(next(Place::Header), Err(RenderError::ControlCharacter("word".into())));
        assert_eq!(next(Place::Argument), Err(RenderError::ZeroByte("word".into())));
        assert_eq!(next(Place::Argument), Ok(()));
        assert_eq!(next(Place::Anywhere), Ok(()));
    }

    #[test]
    fn a_name_may_stand_anywhere_in_a_text() {
        assert_eq!(
            rendered("{\"a\":{{{word}}}, {{worker}}", Place::Anywhere).unwrap(),
            "{\"a\":{first word}, 3"
        );
    }

    #[test]
    fn a_text_has_a_bound() {
        let names = names(&[&"x".repeat(1_000_000)]);
        let rendering = Rendering::compile(&"{{word}}".repeat(20), &names, Place::Anywhere).unwrap();
        assert_eq!(rendering.render(&mut values(&names), &mut Vec::new()), Err(RenderError::TooLong));
    }
}
