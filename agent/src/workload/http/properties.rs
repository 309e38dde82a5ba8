//! What must hold of any bytes that come where an answer is awaited: for a fuzzer, and for tests.

use super::body::Body;
use super::http2::properties as http2;
use super::response::{HEAD_BYTES_MAX, each_header, parse};

/// Panics unless HTTP/1.1 answers are refused, or read in the same way however their bodies are cut.
pub fn http1_holds(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(HEAD_BYTES_MAX)];
    for is_head_request in [false, true] {
        let Ok(Some(head)) = parse(bytes, is_head_request) else { continue };
        assert!(head.length <= bytes.len() && (100..600).contains(&head.status));
        let mut told_bytes = 0;
        each_header(&bytes[..head.length], |name, value| told_bytes += name.len() + value.len());
        assert!(told_bytes <= head.length);
        let body = &bytes[head.length..];
        let read = |pieces: usize| {
            let (mut reading, mut content) = (Body::new(head.framing), Vec::new());
            for piece in body.chunks(pieces) {
                match reading.feed(piece, |piece| content.extend_from_slice(piece)) {
                    Ok(used) if used < piece.len() => break,
                    Ok(_) => {}
                    Err(_) => return (content, None),
                }
            }
            (content, Some(reading.is_whole()))
        };
        let whole = read(body.len().max(1));
        assert!(whole.0.len() <= body.len());
        assert_eq!(read(1), whole);
    }
}

/// Panics unless HTTP/2 frames and header blocks are refused, or read within bounds.
pub fn http2_holds(bytes: &[u8]) {
    http2::holds(bytes);
}

#[cfg(test)]
mod tests {
    use crate::workload::driver;

    #[test]
    fn no_answer_over_http1_is_too_odd() {
        driver::try_all("http1", super::http1_holds);
    }

    #[test]
    fn no_answer_over_http2_is_too_odd() {
        driver::try_all("http2", super::http2_holds);
    }
}
