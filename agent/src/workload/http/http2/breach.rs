//! How a server breaks the rules, and which code it is told.

use super::frame::{FRAME_BYTES_MAX, Kind, StreamId};
use super::head::HeadError;
use super::hpack::HpackError;
use super::reason::Reason;
use super::settings::SettingsError;

/// What a server did that it must not do. Reads after "not an HTTP/2 answer: ".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Breach {
    /// The first frame is none of settings, and mostly no frame at all.
    #[error("the server does not begin with settings but with \"{}\"", .0.escape_ascii())]
    Beginning([u8; 9]),
    /// A frame longer than [`FRAME_BYTES_MAX`].
    #[error("a frame of {0} bytes, where at most {FRAME_BYTES_MAX} may come")]
    FrameTooLong(usize),
    /// A frame whose length its kind does not have.
    #[error("a {0} frame of {1} bytes")]
    FrameLength(Kind, usize),
    /// A frame on a stream that it must not be on.
    #[error("a {0} frame on stream {n}", n = .1.0)]
    Misplaced(Kind, StreamId),
    /// A frame between those of a header block.
    #[error("a {0} frame within a header block")]
    Interleaved(Kind),
    /// Padding longer than its frame.
    #[error("a {0} frame that is shorter than its padding")]
    Padding(Kind),
    /// A header block that is longer than any that we would keep, or in more pieces.
    #[error("a header block without end: {bytes} bytes in {frames} frames")]
    BlockTooLong {
        /// How much of it came.
        bytes: usize,
        /// In how many frames.
        frames: usize,
    },
    /// A header block that cannot be read.
    #[error("a header block with {0}")]
    Compression(HpackError),
    /// A setting that must not be.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A window larger than there may be.
    #[error("a window opened beyond 2^31-1 bytes")]
    WindowTooLarge,
    /// A window opened by nothing.
    #[error("a window opened by 0 bytes")]
    WindowUnchanged,
    /// More came than we had allowed.
    #[error("more bytes than the window allows")]
    WindowExceeded,
    /// Frame after frame came, and none brought an answer on.
    #[error("{0} frames in a row that bring no answer")]
    Flood(u32),
    /// A head that is no head.
    #[error("the answer has {0}")]
    Head(HeadError),
    /// A body before a head.
    #[error("a body before its head")]
    BodyBeforeHead,
    /// A body of another length than the head says.
    #[error("a body of {came} bytes{more}, where the head says {said}", more = if *.is_whole { "" } else { " or more" })]
    BodyLength {
        /// What the head says.
        said: u64,
        /// How much came.
        came: u64,
        /// Whether that was all.
        is_whole: bool,
    },
    /// A second head after the body that does not end the stream.
    #[error("trailers that do not end the stream")]
    TrailersGoOn,
    /// An answer that ends before it begins.
    #[error("an interim answer that ends the stream")]
    InterimEnds,
    /// More interim answers than anybody needs.
    #[error("more than {0} interim answers")]
    TooManyInterim(usize),
}

impl Breach {
    /// The code of the frame that tells the server.
    pub(super) fn reason(self) -> Reason {
        match self {
            Self::FrameTooLong(_) | Self::FrameLength(..) => Reason::FRAME_SIZE_ERROR,
            Self::Settings(error) => error.reason(),
            Self::Compression(_) => Reason::COMPRESSION_ERROR,
            Self::WindowTooLarge | Self::WindowExceeded => Reason::FLOW_CONTROL_ERROR,
            Self::BlockTooLong { .. } | Self::Flood(_) => Reason::ENHANCE_YOUR_CALM,
            Self::Beginning(_)
            | Self::Misplaced(..)
            | Self::Interleaved(_)
            | Self::Padding(_)
            | Self::WindowUnchanged
            | Self::Head(_)
            | Self::BodyBeforeHead
            | Self::BodyLength { .. }
            | Self::TrailersGoOn
            | Self::InterimEnds
            | Self::TooManyInterim(_) => Reason::PROTOCOL_ERROR,
        }
    }
}
