//! What must hold of whatever a server sends where replies are awaited: for a fuzzer, and for tests.

use super::reply::ReplyReader;

/// Panics unless replies read the same in one piece as byte by byte, and end within what was sent.
pub fn holds(bytes: &[u8]) {
    let at_once = events(bytes, bytes.len().max(1));
    assert_eq!(at_once, events(bytes, 1), "however it is cut");
}

/// What was heard of, and whether it ended with an error.
fn events(bytes: &[u8], piece: usize) -> (Vec<String>, bool) {
    let mut reader = ReplyReader::default();
    let mut heard = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut at = 0;
        while at < piece.len() {
            let fed = reader.feed(&piece[at..], |event, depth, line| {
                heard.push(format!("{event:?} {depth} {}", line.escape_ascii()));
            });
            let Ok((taken, _)) = fed else { return (heard, true) };
            assert!(taken > 0 && at + taken <= piece.len(), "it goes on, and not too far");
            at += taken;
        }
    }
    (heard, false)
}

#[cfg(test)]
mod tests {
    use crate::workload::driver;

    #[test]
    fn no_reply_of_a_server_is_too_odd() {
        driver::try_all("redis", super::holds);
    }
}
