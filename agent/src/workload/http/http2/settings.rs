//! Settings (RFC 9113, 6.5): what we ask of a server, and what it asks of us.

use super::flow::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, WINDOW_BYTES_DEFAULT, WINDOW_BYTES_MAX};
use super::frame::{ACK, FRAME_BYTES_MAX, FrameHeader, Kind, StreamId, write_window_update};
use super::hpack::TABLE_BYTES_MAX;
use super::reason::Reason;
use crate::workload::http::response::HEAD_BYTES_MAX;

/// How a client begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Streams at once as long as the server has not said how many it takes: what it should take at least (RFC 9113, 6.5.2).
const STREAMS_UNTIL_TOLD: u32 = 100;
/// An identifier and a value.
const SETTING_BYTES: usize = 6;

const HEADER_TABLE_SIZE: u16 = 1;
const ENABLE_PUSH: u16 = 2;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// What the server asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TheirSettings {
    /// How many streams may be open at once.
    pub(super) streams_max: u32,
    /// How much of a request's body may be sent before the server asks for more, bytes.
    pub(super) stream_window: u32,
    /// Whether the next header block must say that it uses no table, as the server's became smaller.
    pub(super) table_shrank: bool,
}

/// Why settings cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SettingsError {
    /// Not a whole number of settings, or an acknowledgement that says something.
    #[error("a SETTINGS frame of {0} bytes")]
    Length(usize),
    /// Pushing, which we have ruled out.
    #[error("settings with ENABLE_PUSH {0}")]
    Push(u32),
    /// A window that cannot be.
    #[error("settings with INITIAL_WINDOW_SIZE {0}")]
    Window(u32),
    /// A frame size that cannot be.
    #[error("settings with MAX_FRAME_SIZE {0}")]
    FrameSize(u32),
}

impl SettingsError {
    /// The code of the frame that tells the server.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::Length(_) => Reason::FRAME_SIZE_ERROR,
            Self::Window(_) => Reason::FLOW_CONTROL_ERROR,
            Self::Push(_) | Self::FrameSize(_) => Reason::PROTOCOL_ERROR,
        }
    }
}

impl TheirSettings {
    /// What holds until the server says something.
    pub(super) fn new() -> Self {
        Self { streams_max: STREAMS_UNTIL_TOLD, stream_window: WINDOW_BYTES_DEFAULT, table_shrank: false }
    }

    /// Takes the payload of a frame that is no acknowledgement.
    ///
    /// # Errors
    /// When a server must not ask for that.
    pub(super) fn take(&mut self, payload: &[u8]) -> Result<(), SettingsError> {
        let (settings, rest) = payload.as_chunks::<SETTING_BYTES>();
        if !rest.is_empty() {
            return Err(SettingsError::Length(payload.len()));
        }
        for [i1, i0, v3, v2, v1, v0] in settings {
            let value = u32::from_be_bytes([*v3, *v2, *v1, *v0]);
            match u16::from_be_bytes([*i1, *i0]) {
                HEADER_TABLE_SIZE => self.table_shrank |= (value as usize) < TABLE_BYTES_MAX,
                ENABLE_PUSH if value != 0 => return Err(SettingsError::Push(value)),
                MAX_CONCURRENT_STREAMS => self.streams_max = value,
                INITIAL_WINDOW_SIZE if value > WINDOW_BYTES_MAX => return Err(SettingsError::Window(value)),
                INITIAL_WINDOW_SIZE => self.stream_window = value,
                // We send no larger frames than everybody must take.
                MAX_FRAME_SIZE if !(FRAME_BYTES_MAX as u32..1 << 24).contains(&value) => {
                    return Err(SettingsError::FrameSize(value));
                }
                // The longest list is advice, and unknown settings are ignored.
                _ => {}
            }
        }
        Ok(())
    }

    /// The server's first settings are here: unless they name a number of streams, there is no bound.
    pub(super) fn begin(&mut self) {
        self.streams_max = u32::MAX;
    }
}

/// Writes what a connection begins with: our settings, and the window of all answers together.
pub(super) fn write_beginning(out: &mut Vec<u8>) {
    let ours = [
        (ENABLE_PUSH, 0),
        (INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES),
        (MAX_HEADER_LIST_SIZE, HEAD_BYTES_MAX as u32),
    ];
    out.extend_from_slice(PREFACE);
    let length = ours.len() * SETTING_BYTES;
    FrameHeader { length, kind: Kind::SETTINGS, flags: 0, stream: StreamId::CONNECTION }.write(out);
    for (identifier, value) in ours {
        out.extend_from_slice(&identifier.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
    write_window_update(StreamId::CONNECTION, CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT, out);
}

/// Says that the server's settings hold from now on.
pub(super) fn write_acknowledgement(out: &mut Vec<u8>) {
    FrameHeader { length: 0, kind: Kind::SETTINGS, flags: ACK, stream: StreamId::CONNECTION }.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(settings: &[(u16, u32)]) -> Result<TheirSettings, SettingsError> {
        let mut theirs = TheirSettings::new();
        theirs.begin();
        let bytes: Vec<u8> = settings
            .iter()
            .flat_map(|(identifier, value)| [&identifier.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        theirs.take(&bytes).map(|()| theirs)
    }

    #[test]
    fn what_a_server_asks_for_is_taken() {
        let theirs = taken(&[(1, 0), (2, 0), (3, 7), (4, 9), (5, 1 << 20), (6, 1), (99, 1)]);
        assert_eq!(theirs, Ok(TheirSettings { streams_max: 7, stream_window: 9, table_shrank: true }));
        let theirs = taken(&[(1, 4096), (1, 65_536)]).unwrap();
        assert_eq!((theirs.streams_max, theirs.table_shrank), (u32::MAX, false));
    }

    #[test]
    fn what_no_server_may_ask_for_is_refused() {
        assert_eq!(taken(&[(2, 1)]), Err(SettingsError::Push(1)));
        assert_eq!(taken(&[(4, 1 << 31)]), Err(SettingsError::Window(1 << 31)));
        for size in [0, (1 << 14) - 1, 1 << 24] {
            assert_eq!(taken(&[(5, size)]), Err(SettingsError::FrameSize(size)));
        }
        assert_eq!(TheirSettings::new().take(&[0; 7]), Err(SettingsError::Length(7)));
    }
}
