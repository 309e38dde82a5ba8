//! What errors of MySQL and MariaDB mean for an operation.

use shared::interval::ErrorKind;

use crate::workload::connection::failure::Failure;

/// What begins an error packet.
pub(super) const ERROR: u8 = 0xff;
/// Longest text of an error that is told.
const SHOWN_CHARACTERS_MAX: usize = 500;

/// The server gave this transaction up, so that another could go on.
const DEADLOCK: u16 = 1213;
/// The server gave this statement up, which waited too long for another's lock.
const LOCK_WAIT_TIMEOUT: u16 = 1205;
/// What the transaction saw has changed since.
const RECORD_CHANGED: u16 = 1020;
/// The server is being stopped, or ended the connection.
const GOING_AWAY: [u16; 4] = [1053, 1077, 1927, 4031];

/// A server that does not let us in.
pub(super) fn connecting(packet: &[u8]) -> Failure {
    Failure::new(ErrorKind::Connect, format!("the database lets us not in: {}", told(packet).1))
}

/// A statement that failed.
pub(super) fn executing(packet: &[u8]) -> Failure {
    let (number, told) = told(packet);
    let kind = match number {
        DEADLOCK => ErrorKind::Deadlock,
        LOCK_WAIT_TIMEOUT | RECORD_CHANGED => ErrorKind::Serialization,
        number if GOING_AWAY.contains(&number) => ErrorKind::Closed,
        _ => ErrorKind::Status,
    };
    Failure::new(kind, format!("the database answers {told}"))
}

/// An error packet's number, and its text with it: `#` and five characters of SQL's own state come between, once we are in.
fn told(packet: &[u8]) -> (u16, String) {
    let number = packet.get(1..3).map_or(0, |number| u16::from_le_bytes([number[0], number[1]]));
    let text = packet.get(3..).unwrap_or_default();
    let text = if text.first() == Some(&b'#') { text.get(6..).unwrap_or_default() } else { text };
    let text: String = String::from_utf8_lossy(text).chars().take(SHOWN_CHARACTERS_MAX).collect();
    (number, format!("{text} ({number})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_kinds_of_their_own_and_their_numbers() {
        let packet = |number: u16, text: &str| {
            let mut packet = vec![ERROR];
            packet.extend_from_slice(&number.to_le_bytes());
            packet.extend_from_slice(text.as_bytes());
            packet
        };
        for (number, kind) in [
            (1213, ErrorKind::Deadlock),
            (1205, ErrorKind::Serialization),
            (1053, ErrorKind::Closed),
            (1146, ErrorKind::Status),
        ] {
            let failure = executing(&packet(number, "#40001so it is"));
            assert_eq!(failure.kind, kind);
            assert_eq!(failure.message, format!("the database answers so it is ({number})"));
        }
        assert!(
            connecting(&packet(1040, "Too many connections"))
                .message
                .ends_with("Too many connections (1040)")
        );
        for broken in [&[ERROR][..], &[ERROR, 1, 2, b'#']] {
            assert_eq!(executing(broken).kind, ErrorKind::Status);
        }
    }
}
