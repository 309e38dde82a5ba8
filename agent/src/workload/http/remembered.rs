//! The last head that answered an operation: a server that answers with the same bytes again need not be parsed again.
//!
//! Most answers of one server differ only in their date, once a second. Comparing a few hundred bytes costs a fraction of
//! parsing them, and the same bytes mean the same.

use super::response::{Head, HeadError, parse};

/// Longest head that is remembered: longer ones are rare, and comparing them saves little.
const REMEMBERED_BYTES_MAX: usize = 1024;

/// What was read last, and what it meant.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    bytes: Vec<u8>,
    /// The head, and whether it answered a HEAD request, whose answers have no body whatever they say.
    meaning: Option<(Head, bool)>,
}

impl Remembered {
    /// Reads a head, as [`parse`] does.
    ///
    /// # Errors
    /// As [`parse`].
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], is_head_request: bool) -> Result<Option<Head>, HeadError> {
        match self.meaning {
            Some((head, was_head_request))
                if was_head_request == is_head_request && bytes.starts_with(&self.bytes) =>
            {
                Ok(Some(head))
            }
            _ => self.read_anew(bytes, is_head_request),
        }
    }

    fn read_anew(&mut self, bytes: &[u8], is_head_request: bool) -> Result<Option<Head>, HeadError> {
        let parsed = parse(bytes, is_head_request)?;
        if let Some(head) = parsed.filter(|head| head.length <= REMEMBERED_BYTES_MAX) {
            self.bytes.clear();
            self.bytes.extend_from_slice(&bytes[..head.length]);
            self.meaning = Some((head, is_head_request));
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answers() -> impl Strategy<Value = String> {
        let length =
            prop_oneof![Just(""), Just("content-length: 3\r\n"), Just("transfer-encoding: chunked\r\n")];
        let closes = prop_oneof![Just(""), Just("connection: close\r\n")];
        let end = prop_oneof![Just("\r\n"), Just(""), Just("\r\nabc"), Just("\r\nHTTP/1.1 200 OK\r\n\r\n")];
        (prop_oneof![Just(200), Just(204), Just(99)], length, closes, end).prop_map(
            |(status, length, closes, end)| format!("HTTP/1.1 {status} OK\r\n{length}{closes}{end}"),
        )
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_parsing_says(answers in proptest::collection::vec((answers(), any::<bool>()), 1..12)) {
            let mut remembered = Remembered::default();
            for (answer, is_head_request) in answers {
                let read = remembered.read(answer.as_bytes(), is_head_request);
                prop_assert_eq!(read, parse(answer.as_bytes(), is_head_request));
            }
        }
    }

    #[test]
    fn a_long_head_is_read_and_not_kept() {
        let answer = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "a".repeat(REMEMBERED_BYTES_MAX));
        let mut remembered = Remembered::default();
        assert!(remembered.read(answer.as_bytes(), false).unwrap().is_some());
        assert!(remembered.bytes.is_empty());
    }
}
