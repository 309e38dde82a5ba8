//! Reading replies (RESP2), as they come and without keeping them: whatever a server sends, what is held is bounded.
//!
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

/// How deep replies may be nested: a server's own nest three or four deep.
const DEPTH_MAX: usize = 32;
/// Longest line: a length, a number, a status, or the text of an error.
const LINE_BYTES_MAX: usize = 4 * 1024;
/// Longest text. A server's own bound is 512 MiB unless it was raised.
const TEXT_BYTES_MAX: i64 = 4 << 30;
/// Most items of one array: as many as a server can hold.
const ITEMS_MAX: i64 = u32::MAX as i64;
/// The end of a line or text.
const END_BYTES: u64 = 2;

/// Reads one reply after the other.
#[derive(Debug, Default)]
pub(super) struct ReplyReader {
    state: State,
    /// The line at hand as far as it came, or the last one.
    line: Vec<u8>,
    /// How many items are still to come of each array that is open.
    open: Vec<u64>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// At or within a line.
    #[default]
    Line,
    /// Within a text of which so many bytes are to come, its end included.
    Text(u64),
}

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A value that is there.
    Value,
    /// A value that is not there.
    Nil,
    /// An error; [`ReplyReader::line`] has its text.
    Error,
    /// An array begins.
    Array,
}

/// A server that does not keep to the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplyError {
    /// A line that begins like none.
    #[error("a reply that begins with {:?}, which RESP2 does not know", char::from(*.0))]
    Unknown(u8),
    /// A line that never ends.
    #[error("a line of more than {LINE_BYTES_MAX} bytes")]
    LongLine,
    /// A line that ends otherwise.
    #[error("a line that does not end with a carriage return and a line feed")]
    LineEnd,
    /// A length that is no number, or out of bounds.
    #[error("a length that is not a number within bounds")]
    Length,
    /// Too deep.
    #[error("replies nested more than {DEPTH_MAX} deep")]
    Depth,
}

impl ReplyReader {
    /// Takes bytes in until a reply is whole: how many belong to it, and whether it is. `each` hears of all its values with their
    /// depth.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Event, usize, &[u8]),
    ) -> Result<(usize, bool), ReplyError> {
        let mut at = 0;
        while at < bytes.len() {
            let is_value_whole = match self.state {
                State::Text(left) => {
                    let taken = left.min((bytes.len() - at) as u64);
                    at += taken as usize;
                    self.state = if taken == left { State::Line } else { State::Text(left - taken) };
                    taken == left
                }
                State::Line => {
                    let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') else {
                        self.keep(&bytes[at..])?;
                        return Ok((bytes.len(), false));
                    };
                    let rest = &bytes[at..at + end];
                    at += end + 1;
                    if self.line.is_empty() {
                        // The usual case: the whole line is here, and nothing is copied.
                        let event = Self::read(rest)?;
                        self.take(event, rest, &mut each)?
                    } else {
                        self.keep(rest)?;
                        let line = std::mem::take(&mut self.line);
                        let taken = Self::read(&line).and_then(|event| self.take(event, &line, &mut each));
                        self.line = line;
                        self.line.clear();
                        taken?
                    }
                }
            };
            if is_value_whole && self.close() {
                return Ok((at, true));
            }
        }
        Ok((at, false))
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), ReplyError> {
        if self.line.len() + bytes.len() > LINE_BYTES_MAX {
            return Err(ReplyError::LongLine);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// What a line says: its event, and the length that it gives.
    fn read(line: &[u8]) -> Result<(Event, i64), ReplyError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(ReplyError::LongLine);
        }
        let line = line.strip_suffix(b"\r").ok_or(ReplyError::LineEnd)?;
        let (first, rest) = line.split_first().ok_or(ReplyError::Unknown(b'\r'))?;
        match first {
            b'+' | b':' => Ok((Event::Value, 0)),
            b'-' => Ok((Event::Error, 0)),
            b'$' => match number(rest)? {
                -1 => Ok((Event::Nil, 0)),
                length if (0..=TEXT_BYTES_MAX).contains(&length) => Ok((Event::Value, length + 1)),
                _ => Err(ReplyError::Length),
            },
            b'*' => match number(rest)? {
                -1 => Ok((Event::Nil, 0)),
                items if (0..=ITEMS_MAX).contains(&items) => Ok((Event::Array, items)),
                _ => Err(ReplyError::Length),
            },
            other => Err(ReplyError::Unknown(*other)),
        }
    }

    /// Takes a value in; says whether it is whole with its line.
    fn take(
        &mut self,
        (event, length): (Event, i64),
        line: &[u8],
        each: &mut impl FnMut(Event, usize, &[u8]),
    ) -> Result<bool, ReplyError> {
        each(event, self.open.len(), line[1..].trim_ascii_end());
        match event {
            Event::Array if length > 0 => {
                if self.open.len() == DEPTH_MAX {
                    return Err(ReplyError::Depth);
                }
                self.open.push(length as u64);
                Ok(false)
            }
            // A text's length came with one added, so that an empty one is told from what has no text.
            Event::Value if length > 0 => {
                self.state = State::Text(length as u64 - 1 + END_BYTES);
                Ok(false)
            }
            _ => Ok(true),
        }
    }

    /// A value ended: closes the arrays that end with it; says whether the reply does.
    fn close(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }
}

/// A length: digits, with a sign perhaps.
fn number(digits: &[u8]) -> Result<i64, ReplyError> {
    let text = str::from_utf8(digits).map_err(|_| ReplyError::Length)?;
    text.parse().map_err(|_| ReplyError::Length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Events with their depths, how many bytes were taken, and whether the reply was whole.
    type Read = (Vec<(Event, usize)>, usize, bool);

    fn events(bytes: &[u8]) -> Result<Read, ReplyError> {
        let mut events = Vec::new();
        let (taken, is_whole) =
            ReplyReader::default().feed(bytes, |event, depth, _| events.push((event, depth)))?;
        Ok((events, taken, is_whole))
    }

    #[test]
    fn replies_are_read_one_by_one() {
        for (bytes, expected) in [
            (&b"+OK\r\nrest"[..], vec![(Event::Value, 0)]),
            (b":-12\r\nrest", vec![(Event::Value, 0)]),
            (b"-ERR no\r\nrest", vec![(Event::Error, 0)]),
            (b"$-1\r\nrest", vec![(Event::Nil, 0)]),
            (b"$0\r\n\r\nrest", vec![(Event::Value, 0)]),
            (b"$5\r\na\r\nbc\r\nrest", vec![(Event::Value, 0)]),
            (b"*0\r\nrest", vec![(Event::Array, 0)]),
            (
                b"*2\r\n$-1\r\n*1\r\n:1\r\nrest",
                vec![(Event::Array, 0), (Event::Nil, 1), (Event::Array, 1), (Event::Value, 2)],
            ),
        ] {
            assert_eq!(events(bytes), Ok((expected, bytes.len() - 4, true)), "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn what_breaks_the_protocol_is_told() {
        for (bytes, expected) in [
            (&b"HTTP/1.1 400\r\n"[..], ReplyError::Unknown(b'H')),
            (b"+OK\n", ReplyError::LineEnd),
            (b"$x\r\n", ReplyError::Length),
            (b"$-2\r\n", ReplyError::Length),
            (b"$99999999999\r\n", ReplyError::Length),
            (b"*4294967296\r\n", ReplyError::Length),
        ] {
            assert_eq!(events(bytes), Err(expected), "{}", bytes.escape_ascii());
        }
        assert_eq!(events(&b"*1\r\n".repeat(DEPTH_MAX + 1)), Err(ReplyError::Depth));
        assert_eq!(events(&[b'+'; LINE_BYTES_MAX + 1]), Err(ReplyError::LongLine));
    }

    fn reply() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            Just(b"$-1\r\n".to_vec()),
            "[a-z]{0,9}".prop_map(|text| format!("+{text}\r\n").into_bytes()),
            prop::collection::vec(any::<u8>(), 0..40)
                .prop_map(|text| { [format!("${}\r\n", text.len()).as_bytes(), &text, b"\r\n"].concat() }),
        ];
        leaf.prop_recursive(4, 30, 4, |inner| {
            prop::collection::vec(inner, 0..4)
                .prop_map(|items| [format!("*{}\r\n", items.len()).into_bytes(), items.concat()].concat())
        })
    }

    proptest! {
        #[test]
        fn a_reply_reads_the_same_however_it_is_cut(replies in prop::collection::vec(reply(), 1..5), cut in 1_usize..9) {
            let bytes = replies.concat();
            let mut reader = ReplyReader::default();
            let (mut seen, mut whole) = (Vec::new(), 0);
            for piece in bytes.chunks(cut) {
                let mut at = 0;
                while at < piece.len() {
                    let (taken, is_whole) =
                        reader.feed(&piece[at..], |event, depth, _| seen.push((event, depth))).unwrap();
                    at += taken;
                    whole += usize::from(is_whole);
                }
            }
            let at_once: Vec<_> = replies.iter().flat_map(|reply| events(reply).unwrap().0).collect();
            prop_assert_eq!((seen, whole), (at_once, replies.len()));
        }
    }
}
