//! Error codes (RFC 9113, 7).

use std::fmt;

/// Why a stream or a connection ends, as it stands in frames; codes that nobody knows are kept as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reason(pub(super) u32);

impl Reason {
    /// Nothing is wrong.
    pub(super) const NO_ERROR: Self = Self(0);
    /// The rules were broken, in no way that has a code of its own.
    pub(super) const PROTOCOL_ERROR: Self = Self(1);
    /// More was sent than a window allowed.
    pub(super) const FLOW_CONTROL_ERROR: Self = Self(3);
    /// A frame has a length that it must not have.
    pub(super) const FRAME_SIZE_ERROR: Self = Self(6);
    /// The server has not acted on the request.
    pub(super) const REFUSED_STREAM: Self = Self(7);
    /// The stream is not needed any more.
    pub(super) const CANCEL: Self = Self(8);
    /// A header block cannot be read.
    pub(super) const COMPRESSION_ERROR: Self = Self(9);
    /// The other side makes more work than it may.
    pub(super) const ENHANCE_YOUR_CALM: Self = Self(11);
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 14] = [
            "NO_ERROR",
            "PROTOCOL_ERROR",
            "INTERNAL_ERROR",
            "FLOW_CONTROL_ERROR",
            "SETTINGS_TIMEOUT",
            "STREAM_CLOSED",
            "FRAME_SIZE_ERROR",
            "REFUSED_STREAM",
            "CANCEL",
            "COMPRESSION_ERROR",
            "CONNECT_ERROR",
            "ENHANCE_YOUR_CALM",
            "INADEQUATE_SECURITY",
            "HTTP_1_1_REQUIRED",
        ];
        match NAMES.get(self.0 as usize) {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "error 0x{:x}", self.0),
        }
    }
}
