//! What must hold of any bytes that a server sends over HTTP/2: for a fuzzer, and for tests.

use super::connection::Connection;
use super::hpack::Decoder;

/// Most bytes that may be unsent after what a server sends at once: an answer to each of its frames, and ours to begin with.
const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// Most bytes of fields that a block may tell for each byte of its own: an index of one byte stands for a whole entry.
const TOLD_PER_BYTE_MAX: usize = 8 * 1024;

/// Panics unless frames and header blocks are refused, or read within bounds and the same however they are cut.
pub fn holds(bytes: &[u8]) {
    let mut told_bytes = 0;
    let _refused_or_read = Decoder::new().decode(bytes, |name, value| told_bytes += name.len() + value.len());
    assert!(told_bytes <= bytes.len() * TOLD_PER_BYTE_MAX);
    assert_eq!(fed(bytes, bytes.len().max(1)), fed(bytes, 3));
}

/// How a connection takes bytes in that come in pieces; what breaks a rule, if something does.
fn fed(bytes: &[u8], pieces: usize) -> Option<String> {
    let mut connection = Connection::new(1);
    let mut rest = Vec::new();
    for piece in bytes.chunks(pieces) {
        rest.extend_from_slice(piece);
        match connection.take_in(&rest) {
            Ok(taken) => drop(rest.drain(..taken)),
            Err(breach) => return Some(breach.to_string()),
        }
        assert!(connection.unsent().len() <= UNSENT_BYTES_MAX);
    }
    None
}
