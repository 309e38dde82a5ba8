//! When an answer over a stream of bytes is whole: pure, fed with pieces of any size.

use shared::interval::ErrorKind;

use crate::workload::bytes::expectation::LOOKED_INTO_BYTES_MAX;
use crate::workload::connection::failure::Failure;
use crate::workload::http::checks::cut;
use crate::workload::http::expectation::{Needle, Search};

/// Most bytes before a text that ends the answer: a server that never sends it must not be read for as long as it likes.
const UNTIL_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How much of an answer is kept for messages alone.
const SHOWN_BYTES_MAX: usize = 160;

/// What ends an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Awaited {
    /// None is awaited.
    Nothing,
    /// So many bytes.
    Bytes(u64),
    /// This text, which belongs to it.
    Until(Needle),
    /// The server's closing the connection.
    End,
}

/// What has come of an answer.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    received: u64,
    search: Search,
    kept: Vec<u8>,
    kept_bytes_max: usize,
}

impl Awaited {
    /// Whether a connection can be used again after such an answer.
    pub(super) fn leaves_open(&self) -> bool {
        !matches!(self, Self::End)
    }
}

impl Gathering {
    /// Begins an answer, which is kept if it is looked into.
    #[inline]
    pub(super) fn begin(&mut self, is_looked_into: bool) {
        self.received = 0;
        self.search = Search::default();
        self.kept.clear();
        self.kept_bytes_max = if is_looked_into { LOOKED_INTO_BYTES_MAX } else { SHOWN_BYTES_MAX };
    }

    /// Takes in what came; true: the answer is whole.
    ///
    /// # Errors
    /// More than the answer, or an answer without end.
    #[inline]
    pub(super) fn feed(&mut self, awaited: &Awaited, piece: &[u8]) -> Result<bool, Failure> {
        let own = match awaited {
            Awaited::Nothing => Some(0),
            Awaited::Bytes(count) => {
                let left = count - self.received;
                usize::try_from(left).ok().filter(|left| *left <= piece.len())
            }
            Awaited::Until(needle) => self.search.find(needle, piece),
            Awaited::End => None,
        };
        let (belongs, surplus) = piece.split_at(own.unwrap_or(piece.len()));
        self.received += belongs.len() as u64;
        let room = self.kept_bytes_max - self.kept.len();
        self.kept.extend_from_slice(&belongs[..belongs.len().min(room)]);
        if !surplus.is_empty() {
            let count = surplus.len();
            return Err(Failure::protocol(format!(
                "{count} bytes came after the end of the answer: {}",
                cut(surplus)
            )));
        }
        match awaited {
            Awaited::Until(needle) if own.is_none() && self.received > UNTIL_BYTES_MAX => {
                Err(Failure::protocol(format!(
                    "more than {UNTIL_BYTES_MAX} bytes came without {}: {}",
                    needle.shown(),
                    cut(&self.kept)
                )))
            }
            _ => Ok(own.is_some()),
        }
    }

    /// The connection came to its end.
    ///
    /// # Errors
    /// When the answer is not whole by that.
    pub(super) fn end(&self, awaited: &Awaited, error: &std::io::Error) -> Result<(), Failure> {
        let is_clean = error.kind() == std::io::ErrorKind::UnexpectedEof;
        if *awaited == Awaited::End && is_clean {
            return Ok(());
        }
        let failure = match self.received {
            0 => Failure::ended("the connection ended before any answer", error),
            received => Failure::ended(
                format_args!(
                    "the connection ended after {received} bytes of the answer, {}",
                    cut(&self.kept)
                ),
                error,
            ),
        };
        debug_assert!(matches!(failure.kind, ErrorKind::Closed | ErrorKind::Tls));
        Err(failure)
    }

    /// What was kept of the answer.
    pub(super) fn kept(&self) -> &[u8] {
        &self.kept
    }

    /// How long the answer is, bytes.
    pub(super) fn received(&self) -> u64 {
        self.received
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needle(text: &str) -> Needle {
        let mut needle = Needle::default();
        needle.set(text.as_bytes());
        needle
    }

    /// Feeds pieces until the answer is whole: its length, or what is wrong.
    fn gathered(awaited: &Awaited, bytes: &[u8], piece: usize) -> Result<Option<u64>, String> {
        let mut gathering = Gathering::default();
        gathering.begin(true);
        for piece in bytes.chunks(piece) {
            if gathering.feed(awaited, piece).map_err(|failure| failure.message)? {
                assert_eq!(gathering.kept().len() as u64, gathering.received());
                return Ok(Some(gathering.received()));
            }
        }
        Ok(None)
    }

    #[test]
    fn an_answer_ends_where_the_job_says() {
        assert_eq!(gathered(&Awaited::Bytes(3), b"abc", 3), Ok(Some(3)));
        assert_eq!(gathered(&Awaited::Bytes(4), b"abc", 2), Ok(None));
        assert_eq!(gathered(&Awaited::Until(needle("\r\n")), b"+OK\r\n", 4), Ok(Some(5)));
        assert_eq!(gathered(&Awaited::End, b"abc", 1), Ok(None));
        let surplus = gathered(&Awaited::Bytes(2), b"abc", 3).unwrap_err();
        assert_eq!(surplus, "1 bytes came after the end of the answer: \"c\"");
    }

    #[test]
    fn an_answer_that_never_ends_is_given_up() {
        let mut gathering = Gathering::default();
        gathering.begin(false);
        let (awaited, piece) = (Awaited::Until(needle("\n")), vec![b'a'; 1 << 20]);
        let given_up = (0..17).find_map(|_| gathering.feed(&awaited, &piece).err());
        assert!(given_up.unwrap().message.contains("without \"\\n\""));
        assert_eq!(gathering.kept().len(), SHOWN_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(bytes in "[ab]{0,30}", until in "[ab]{1,3}", piece in 1..9_usize) {
            let whole = bytes.find(&until).map(|at| (at + until.len()) as u64);
            let end = whole.map_or(bytes.len(), |length| length as usize);
            let awaited = Awaited::Until(needle(&until));
            prop_assert_eq!(gathered(&awaited, &bytes.as_bytes()[..end], piece), Ok(whole));
        }
    }
}
