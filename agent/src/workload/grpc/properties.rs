//! What must hold of whatever a server sends where messages of gRPC are awaited: for a fuzzer, and for tests.

use super::call::unescaped;
use super::code::Code;
use super::descriptors::of_set;
use super::frames::FrameReader;

/// Panics unless messages are read alike however they are cut, and everything else is refused with words. The first byte says how
/// long the pieces are.
pub fn holds(bytes: &[u8]) {
    let [piece, stream @ ..] = bytes else { return };
    assert_eq!(
        read(stream, stream.len()),
        read(stream, usize::from(*piece)),
        "pieces of {piece} bytes make a difference"
    );
    assert!(unescaped(stream).len() <= 1024);
    if let Some(code) = Code::of_digits(stream) {
        assert!(!code.to_string().is_empty());
    }
    if let Err(error) = of_set(stream) {
        assert!(!error.to_string().is_empty());
    }
}

/// The lengths of all messages, and whether it ended well.
fn read(stream: &[u8], piece: usize) -> (Vec<usize>, bool) {
    let (mut reader, mut lengths) = (FrameReader::default(), Vec::new());
    reader.begin(true);
    for piece in stream.chunks(piece.max(1)) {
        if reader.feed(piece, |message| lengths.push(message.len())).is_err() {
            return (lengths, false);
        }
    }
    (lengths, reader.end().is_ok())
}

#[cfg(test)]
mod tests {
    use crate::workload::driver;

    #[test]
    fn no_answer_is_too_odd() {
        driver::try_all("grpc", super::holds);
    }
}
