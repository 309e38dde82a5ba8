//! Flow control (RFC 9113, 5.2 and 6.9): how much may be sent before the other side asks for more.

/// A window before anybody has said anything.
pub(super) const WINDOW_BYTES_DEFAULT: u32 = 65_535;
/// The largest window that there may be.
pub(super) const WINDOW_BYTES_MAX: u32 = 0x7fff_ffff;
/// How much of one answer may be on its way unread: enough for 1 Gbit/s at 8 ms.
pub(super) const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// How much of all answers together may be on its way unread: sixteen whole windows, so that few frames open it again.
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 16 * STREAM_WINDOW_BYTES;

/// A window that was opened beyond its largest size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// More came than a window allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded;

/// How much we may send. The server's settings may take more of it away than there is (RFC 9113, 6.9.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SendWindow(i64);

impl SendWindow {
    /// A window of so many bytes.
    pub(super) fn new(bytes: u32) -> Self {
        Self(i64::from(bytes))
    }

    /// Opens it, or closes it by a change of the settings.
    pub(super) fn change(&mut self, by: i64) -> Result<(), TooLarge> {
        self.0 += by;
        if self.0 > i64::from(WINDOW_BYTES_MAX) { Err(TooLarge) } else { Ok(()) }
    }

    /// How much may be sent now, bytes.
    pub(super) fn room(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// So much is sent, which is no more than there was room for.
    pub(super) fn take(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }
}

/// How much the server may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReceiveWindow {
    size: u32,
    left: u32,
    /// What was taken and not given back yet.
    owed: u32,
}

impl ReceiveWindow {
    /// A window of so many bytes.
    pub(super) fn new(size: u32) -> Self {
        Self { size, left: size, owed: 0 }
    }

    /// So much came.
    #[inline]
    pub(super) fn receive(&mut self, bytes: u32) -> Result<(), Exceeded> {
        self.left = self.left.checked_sub(bytes).ok_or(Exceeded)?;
        Ok(())
    }

    /// So much of it was dealt with. Says by how much the server is to be told that the window opened, once that is half
    /// of it: telling it more often costs frames, and less often lets it run dry.
    #[inline]
    pub(super) fn release(&mut self, bytes: u32) -> Option<u32> {
        self.owed += bytes;
        if self.owed < self.size / 2 {
            return None;
        }
        self.left += self.owed;
        Some(std::mem::take(&mut self.owed))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_may_close_a_window_below_nothing() {
        let mut window = SendWindow::new(10);
        window.take(8);
        window.change(-5).unwrap();
        assert_eq!(window.room(), 0);
        window.change(4).unwrap();
        assert_eq!(window.room(), 1);
        assert_eq!(window.change(i64::from(WINDOW_BYTES_MAX)), Err(TooLarge));
    }

    #[test]
    fn a_window_is_opened_again_in_few_steps() {
        let mut window = ReceiveWindow::new(100);
        assert_eq!(window.receive(100), Ok(()));
        assert_eq!(window.receive(1), Err(Exceeded));
        assert_eq!((window.release(49), window.release(1), window.release(49)), (None, Some(50), None));
    }

    proptest! {
        #[test]
        fn a_server_that_obeys_is_never_accused(pieces in proptest::collection::vec(0..60_u32, 0..200)) {
            let mut window = ReceiveWindow::new(100);
            // What the server believes it may send.
            let mut theirs = 100;
            for piece in pieces {
                let piece = piece.min(theirs);
                prop_assert_eq!(window.receive(piece), Ok(()));
                theirs -= piece;
                theirs += window.release(piece).unwrap_or(0);
                prop_assert!(theirs > 0, "it never waits for good");
            }
        }
    }
}
