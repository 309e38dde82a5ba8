//! What must hold of whatever a server sends over a stream of bytes: for a fuzzer, and for tests.

use super::answer::{Awaited, Gathering};
use crate::workload::http::expectation::Needle;

/// Panics unless an answer ends at the same byte, or is refused with words, however it is cut. The first byte says how long the
/// pieces are, the second what is awaited.
pub fn holds(bytes: &[u8]) {
    let [piece, kind, answer @ ..] = bytes else { return };
    let awaited = match kind % 3 {
        0 => Awaited::Bytes(u64::from(*kind) + 1),
        1 => {
            let mut needle = Needle::default();
            needle.set(&answer[..answer.len().min(1 + usize::from(kind % 7))]);
            Awaited::Until(needle)
        }
        _ => Awaited::End,
    };
    if matches!(&awaited, Awaited::Until(_)) && answer.is_empty() {
        return;
    }
    let (whole, pieces) =
        (gathered(&awaited, answer, answer.len()), gathered(&awaited, answer, usize::from(*piece)));
    assert_eq!(whole, pieces, "pieces of {piece} bytes make a difference");
}

/// How many bytes belong to the answer, and whether it is whole by then.
fn gathered(awaited: &Awaited, bytes: &[u8], piece: usize) -> (u64, bool) {
    let mut gathering = Gathering::default();
    gathering.begin(true);
    for piece in bytes.chunks(piece.max(1)) {
        match gathering.feed(awaited, piece) {
            Ok(false) => {}
            Ok(true) => return (gathering.received(), true),
            // More came than belongs to the answer, which is whole for all that.
            Err(failure) => {
                assert!(!failure.message.is_empty() && failure.message.len() < 4096);
                return (gathering.received(), true);
            }
        }
    }
    (gathering.received(), false)
}

#[cfg(test)]
mod tests {
    use crate::workload::driver;

    #[test]
    fn no_answer_is_too_odd() {
        driver::try_all("tcp", super::holds);
    }
}
