//! Status codes of gRPC (grpc/statuscodes.md): how a call ended.

use std::fmt;

/// The words of all codes, in the order of their numbers.
pub(super) const WORDS: &[&str] = &[
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// How a call ended, by its number on the wire; servers may send numbers without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Code(u32);

impl Code {
    /// A success.
    pub(super) const OK: Self = Self(0);
    /// The deadline passed, as the server saw it.
    pub(super) const DEADLINE_EXCEEDED: Self = Self(4);
    /// The server has no such method.
    pub(super) const UNIMPLEMENTED: Self = Self(12);

    /// Reads a code's word.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        WORDS.iter().zip(0..).find_map(|(known, number)| (*known == word).then_some(Self(number)))
    }

    /// Reads a code's number as `grpc-status` has it.
    pub(super) fn of_digits(digits: &[u8]) -> Option<Self> {
        std::str::from_utf8(digits).ok()?.parse().ok().map(Self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match usize::try_from(self.0).ok().and_then(|number| WORDS.get(number)) {
            Some(word) => formatter.write_str(word),
            None => write!(formatter, "code {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_are_the_same_codes() {
        assert_eq!(Code::of_word("UNIMPLEMENTED"), Some(Code::UNIMPLEMENTED));
        assert_eq!(Code::of_digits(b"4").map(|code| code.to_string()), Some("DEADLINE_EXCEEDED".to_owned()));
        assert_eq!(Code::of_digits(b"77").map(|code| code.to_string()), Some("code 77".to_owned()));
        assert_eq!((Code::of_word("ok"), Code::of_digits(b"-1"), Code::of_digits(b"")), (None, None, None));
    }
}
