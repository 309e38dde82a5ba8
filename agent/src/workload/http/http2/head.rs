//! The head of an answer: its fields as they were decoded, and what they mean (RFC 9113, 8.1 to 8.3).

use super::hpack::ENTRY_OVERHEAD_BYTES;
use crate::workload::http::response::HEAD_BYTES_MAX;

/// Headers that speak of a connection, and have no place in HTTP/2 (RFC 9113, 8.2.2).
const OF_CONNECTION: [&[u8]; 5] =
    [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"];

/// Why fields are not the head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    /// More than [`HEAD_BYTES_MAX`], every field counted as tables count it.
    #[error("a head of more than {HEAD_BYTES_MAX} bytes")]
    TooLong,
    /// No status, two of them, or one outside 100 to 599.
    #[error("no status from 100 to 599")]
    Status,
    /// `101 Switching Protocols`, which HTTP/2 does not know (RFC 9113, 8.6).
    #[error("a switch to another protocol that was not asked for")]
    Switch,
    /// A pseudo-header other than the status, after other fields, or in trailers.
    #[error("a pseudo-header that has no place there")]
    Pseudo,
    /// A name that is empty, has capital letters, or is none at all.
    #[error("a header whose name is not one of HTTP/2")]
    Name,
    /// A value with a line break or a zero in it.
    #[error("a header whose value holds a line break or a zero")]
    Value,
    /// A header of [`OF_CONNECTION`].
    #[error("a header that only HTTP/1.1 has")]
    OfConnection,
    /// A length that is no number, or two that differ.
    #[error("a content-length that is not one number")]
    Length,
}

/// The head of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// The status, 100 to 599.
    pub(super) status: u16,
    /// How long the body says it is.
    pub(super) length: Option<u64>,
    /// Names and values, one after another; those of pseudo-headers are not kept.
    bytes: Vec<u8>,
    /// Where each name begins, where its value begins, where that ends.
    fields: Vec<[usize; 3]>,
}

/// The fields of a head or of trailers while they are told one after another.
#[derive(Debug)]
pub(super) struct HeadReading {
    is_trailer: bool,
    status: Option<u16>,
    length: Option<u64>,
    bytes: Vec<u8>,
    fields: Vec<[usize; 3]>,
    size_bytes: usize,
    error: Option<HeadError>,
}

impl Head {
    /// How many bytes the names and values took before they were packed.
    pub(super) fn size_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Tells all headers.
    pub(super) fn each(&self, mut tell: impl FnMut(&[u8], &[u8])) {
        for [start, middle, end] in &self.fields {
            tell(&self.bytes[*start..*middle], &self.bytes[*middle..*end]);
        }
    }
}

impl HeadReading {
    /// A head of which nothing was told.
    pub(super) fn new() -> Self {
        Self {
            is_trailer: false,
            status: None,
            length: None,
            bytes: Vec::new(),
            fields: Vec::new(),
            size_bytes: 0,
            error: None,
        }
    }

    /// Trailers, of which nothing is kept.
    pub(super) fn trailers() -> Self {
        Self { is_trailer: true, ..Self::new() }
    }

    /// Takes note of a field. After the first that is wrong none is kept.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        if self.error.is_none() {
            self.error = self.add(name, value).err();
        }
    }

    /// The whole head.
    pub(super) fn finish(self) -> Result<Head, HeadError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let status = self.status.ok_or(HeadError::Status)?;
        Ok(Head { status, length: self.length, bytes: self.bytes, fields: self.fields })
    }

    /// Whether the trailers may be passed over.
    pub(super) fn finish_trailers(self) -> Result<(), HeadError> {
        self.error.map_or(Ok(()), Err)
    }

    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        self.size_bytes += name.len() + value.len() + ENTRY_OVERHEAD_BYTES;
        if self.size_bytes > HEAD_BYTES_MAX {
            return Err(HeadError::TooLong);
        }
        if name.first() == Some(&b':') {
            return self.add_pseudo(name, value);
        }
        // RFC 9113, 8.2.1.
        let is_odd = |byte: &u8| byte.is_ascii_uppercase() || !byte.is_ascii_graphic() || *byte == b':';
        if name.is_empty() || name.iter().any(is_odd) {
            return Err(HeadError::Name);
        }
        if value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
            return Err(HeadError::Value);
        }
        if OF_CONNECTION.contains(&name) {
            return Err(HeadError::OfConnection);
        }
        if self.is_trailer {
            return Ok(());
        }
        if name == b"content-length" {
            let length = read_length(value).ok_or(HeadError::Length)?;
            if self.length.replace(length).is_some_and(|before| before != length) {
                return Err(HeadError::Length);
            }
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.fields.push([start, middle, self.bytes.len()]);
        Ok(())
    }

    /// The status stands before all other fields, once (RFC 9113, 8.3).
    fn add_pseudo(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        if name != b":status" || self.is_trailer || !self.fields.is_empty() {
            return Err(HeadError::Pseudo);
        }
        let [hundreds @ b'1'..=b'5', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = value else {
            return Err(HeadError::Status);
        };
        let digit = |byte: &u8| u16::from(byte - b'0');
        let status = 100 * digit(hundreds) + 10 * digit(tens) + digit(ones);
        if status == 101 {
            return Err(HeadError::Switch);
        }
        if self.status.replace(status).is_some() { Err(HeadError::Status) } else { Ok(()) }
    }
}

/// A length: digits and nothing else.
fn read_length(value: &[u8]) -> Option<u64> {
    let is_number = value.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(value).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Result<Head, HeadError> {
        let mut reading = HeadReading::new();
        fields.iter().for_each(|(name, value)| reading.field(name.as_bytes(), value.as_bytes()));
        reading.finish()
    }

    #[test]
    fn what_a_head_says_is_read() {
        let head = head(&[(":status", "204"), ("a", "b"), ("content-length", "12"), ("a", "")]).unwrap();
        assert_eq!((head.status, head.length, head.size_bytes()), (204, Some(12), 19));
        let mut told = Vec::new();
        head.each(|name, value| told.push((name.to_vec(), value.to_vec())));
        assert_eq!(told[0], (b"a".to_vec(), b"b".to_vec()));
        assert_eq!(told[2], (b"a".to_vec(), Vec::new()));
    }

    #[test]
    fn heads_that_break_the_rules_are_refused() {
        const STATUS: (&str, &str) = (":status", "200");
        for (fields, error) in [
            (&[("a", "b")][..], HeadError::Status),
            (&[STATUS, STATUS], HeadError::Status),
            (&[(":status", "099")], HeadError::Status),
            (&[(":status", "2000")], HeadError::Status),
            (&[(":status", "101")], HeadError::Switch),
            (&[("a", "b"), STATUS], HeadError::Pseudo),
            (&[STATUS, (":path", "/")], HeadError::Pseudo),
            (&[STATUS, ("Date", "x")], HeadError::Name),
            (&[STATUS, ("", "x")], HeadError::Name),
            (&[STATUS, ("a b", "x")], HeadError::Name),
            (&[STATUS, ("a", "b\r\nc: d")], HeadError::Value),
            (&[STATUS, ("transfer-encoding", "chunked")], HeadError::OfConnection),
            (&[STATUS, ("content-length", "+1")], HeadError::Length),
            (&[STATUS, ("content-length", "")], HeadError::Length),
            (&[STATUS, ("content-length", "1"), ("content-length", "2")], HeadError::Length),
            (&[STATUS, ("a", &"b".repeat(HEAD_BYTES_MAX))], HeadError::TooLong),
        ] {
            assert_eq!(head(fields), Err(error), "{fields:?}");
        }
    }

    #[test]
    fn a_list_that_inflates_is_counted_and_not_kept() {
        let mut reading = HeadReading::new();
        reading.field(b":status", b"200");
        (0..100_000).for_each(|_| reading.field(b"a", &[b'b'; 4000]));
        assert!(reading.bytes.len() <= HEAD_BYTES_MAX);
        assert_eq!(reading.finish(), Err(HeadError::TooLong));
    }

    #[test]
    fn trailers_have_no_status() {
        for (name, result) in [("grpc-status", Ok(())), (":status", Err(HeadError::Pseudo))] {
            let mut reading = HeadReading::trailers();
            reading.field(name.as_bytes(), b"200");
            assert_eq!(reading.finish_trailers(), result);
        }
    }
}
