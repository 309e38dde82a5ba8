//! Frames (RFC 9113, 4.1 and 6): their headers, kinds and flags, and those that we write.

use std::fmt;

use super::reason::Reason;

/// How long the header of a frame is.
pub(super) const FRAME_HEADER_BYTES: usize = 9;
/// Longest payload of a frame, in both directions: what every endpoint must take (RFC 9113, 4.2), and we ask for no more.
pub(super) const FRAME_BYTES_MAX: usize = 16 * 1024;

/// The end of a stream, of DATA and HEADERS.
pub(super) const END_STREAM: u8 = 0x1;
/// The answer to SETTINGS or PING.
pub(super) const ACK: u8 = 0x1;
/// The end of a header block, of HEADERS and CONTINUATION.
pub(super) const END_HEADERS: u8 = 0x4;
/// The payload ends in padding, of DATA and HEADERS.
pub(super) const PADDED: u8 = 0x8;
/// A priority stands before the header block.
const PRIORITY: u8 = 0x20;

/// The number of a stream; 0 is the connection itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StreamId(pub(super) u32);

impl StreamId {
    /// What belongs to no stream.
    pub(super) const CONNECTION: Self = Self(0);
    /// The last one that there is.
    pub(super) const LAST: Self = Self(0x7fff_ffff);
}

/// What a frame is; kinds that nobody knows are passed over (RFC 9113, 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind(pub(super) u8);

impl Kind {
    /// A piece of a body.
    pub(super) const DATA: Self = Self(0);
    /// The beginning of a header block.
    pub(super) const HEADERS: Self = Self(1);
    /// The end of a stream before its time.
    pub(super) const RST_STREAM: Self = Self(3);
    /// What an endpoint wants.
    pub(super) const SETTINGS: Self = Self(4);
    /// An answer without a question.
    pub(super) const PUSH_PROMISE: Self = Self(5);
    /// Are you there?
    pub(super) const PING: Self = Self(6);
    /// No more streams.
    pub(super) const GOAWAY: Self = Self(7);
    /// More may be sent.
    pub(super) const WINDOW_UPDATE: Self = Self(8);
    /// More of a header block.
    pub(super) const CONTINUATION: Self = Self(9);
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 10] = [
            "DATA",
            "HEADERS",
            "PRIORITY",
            "RST_STREAM",
            "SETTINGS",
            "PUSH_PROMISE",
            "PING",
            "GOAWAY",
            "WINDOW_UPDATE",
            "CONTINUATION",
        ];
        match NAMES.get(usize::from(self.0)) {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "0x{:02x}", self.0),
        }
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Length of the payload, bytes.
    pub(super) length: usize,
    /// What it is.
    pub(super) kind: Kind,
    /// What its kind says they are.
    pub(super) flags: u8,
    /// Which stream it belongs to.
    pub(super) stream: StreamId,
}

impl FrameHeader {
    /// Reads the header at the front; `None`: there is more to come.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let [l2, l1, l0, kind, flags, s3, s2, s1, s0] = *bytes.first_chunk::<FRAME_HEADER_BYTES>()?;
        Some(Self {
            length: u32::from_be_bytes([0, l2, l1, l0]) as usize,
            kind: Kind(kind),
            flags,
            // The first bit is reserved, and ignored (RFC 9113, 4.1).
            stream: StreamId(u32::from_be_bytes([s3, s2, s1, s0]) & StreamId::LAST.0),
        })
    }

    /// Writes it; the payload is to follow.
    #[inline]
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let [_, l2, l1, l0] = (self.length as u32).to_be_bytes();
        let [s3, s2, s1, s0] = self.stream.0.to_be_bytes();
        out.extend_from_slice(&[l2, l1, l0, self.kind.0, self.flags, s3, s2, s1, s0]);
    }

    /// Whether it has a flag.
    #[inline]
    pub(super) fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload without padding and priority (RFC 9113, 6.1 and 6.2); `None`: there is less of it than they take.
    #[inline]
    pub(super) fn content(self, payload: &[u8]) -> Option<&[u8]> {
        /// A stream and a weight.
        const PRIORITY_BYTES: usize = 5;
        let mut content = payload;
        if self.has(PADDED) {
            let (padding, rest) = content.split_first()?;
            content = rest.get(..rest.len().checked_sub(usize::from(*padding))?)?;
        }
        if self.kind == Kind::HEADERS && self.has(PRIORITY) {
            content.get(PRIORITY_BYTES..)
        } else {
            Some(content)
        }
    }
}

/// Writes a header block, in as many frames as it needs.
#[inline]
pub(super) fn write_headers(stream: StreamId, block: &[u8], ends_stream: bool, out: &mut Vec<u8>) {
    let flags = if ends_stream { END_STREAM } else { 0 };
    if block.len() <= FRAME_BYTES_MAX {
        FrameHeader { length: block.len(), kind: Kind::HEADERS, flags: flags | END_HEADERS, stream }
            .write(out);
        return out.extend_from_slice(block);
    }
    let pieces = block.chunks(FRAME_BYTES_MAX);
    let last = pieces.len() - 1;
    for (place, piece) in pieces.enumerate() {
        let (kind, flags) = if place == 0 { (Kind::HEADERS, flags) } else { (Kind::CONTINUATION, 0) };
        let flags = if place == last { flags | END_HEADERS } else { flags };
        FrameHeader { length: piece.len(), kind, flags, stream }.write(out);
        out.extend_from_slice(piece);
    }
}

/// Writes a piece of a body, of at most [`FRAME_BYTES_MAX`].
pub(super) fn write_data(stream: StreamId, piece: &[u8], ends_stream: bool, out: &mut Vec<u8>) {
    let flags = if ends_stream { END_STREAM } else { 0 };
    FrameHeader { length: piece.len(), kind: Kind::DATA, flags, stream }.write(out);
    out.extend_from_slice(piece);
}

/// Gives a stream up.
pub(super) fn write_reset(stream: StreamId, reason: Reason, out: &mut Vec<u8>) {
    FrameHeader { length: 4, kind: Kind::RST_STREAM, flags: 0, stream }.write(out);
    out.extend_from_slice(&reason.0.to_be_bytes());
}

/// Lets the server send so much more.
pub(super) fn write_window_update(stream: StreamId, more: u32, out: &mut Vec<u8>) {
    FrameHeader { length: 4, kind: Kind::WINDOW_UPDATE, flags: 0, stream }.write(out);
    out.extend_from_slice(&more.to_be_bytes());
}

/// Answers a PING with what it brought.
pub(super) fn write_pong(payload: &[u8], out: &mut Vec<u8>) {
    FrameHeader { length: payload.len(), kind: Kind::PING, flags: ACK, stream: StreamId::CONNECTION }
        .write(out);
    out.extend_from_slice(payload);
}

/// Says why the connection ends. No stream of the server's was ever looked at.
pub(super) fn write_go_away(reason: Reason, out: &mut Vec<u8>) {
    FrameHeader { length: 8, kind: Kind::GOAWAY, flags: 0, stream: StreamId::CONNECTION }.write(out);
    out.extend_from_slice(&StreamId::CONNECTION.0.to_be_bytes());
    out.extend_from_slice(&reason.0.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, flags: u8, payload: &[u8]) -> Option<&[u8]> {
        FrameHeader { length: payload.len(), kind, flags, stream: StreamId(1) }.content(payload)
    }

    #[test]
    fn what_is_written_is_read() {
        let header =
            FrameHeader { length: 0x12_3456, kind: Kind::PING, flags: 0x81, stream: StreamId(0x7654_3210) };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(FrameHeader::read(&bytes), Some(header));
        assert_eq!(FrameHeader::read(&bytes[..FRAME_HEADER_BYTES - 1]), None);
        bytes[5] |= 0x80;
        assert_eq!(FrameHeader::read(&bytes), Some(header), "the reserved bit means nothing");
    }

    #[test]
    fn padding_and_priority_are_taken_off() {
        assert_eq!(frame(Kind::DATA, PADDED, b"\x02abcPP"), Some(&b"abc"[..]));
        assert_eq!(frame(Kind::DATA, PADDED, b"\x03abc"), Some(&b""[..]));
        assert_eq!(frame(Kind::DATA, PADDED, b"\x04abc"), None);
        assert_eq!(frame(Kind::DATA, PADDED, b""), None);
        assert_eq!(frame(Kind::HEADERS, PADDED | PRIORITY, b"\x01DDDDWblockP"), Some(&b"block"[..]));
        assert_eq!(frame(Kind::HEADERS, PRIORITY, b"DDDD"), None);
        assert_eq!(frame(Kind::DATA, PRIORITY, b"DDDDWabc"), Some(&b"DDDDWabc"[..]));
    }

    #[test]
    fn a_long_block_is_written_in_pieces() {
        let mut out = Vec::new();
        write_headers(StreamId(3), &vec![b'x'; 2 * FRAME_BYTES_MAX + 1], true, &mut out);
        let (mut at, mut seen) = (0, Vec::new());
        while let Some(header) = FrameHeader::read(&out[at..]) {
            seen.push((header.kind, header.flags, header.length));
            at += FRAME_HEADER_BYTES + header.length;
        }
        assert_eq!(
            seen,
            [
                (Kind::HEADERS, END_STREAM, FRAME_BYTES_MAX),
                (Kind::CONTINUATION, 0, FRAME_BYTES_MAX),
                (Kind::CONTINUATION, END_HEADERS, 1)
            ]
        );
    }
}
