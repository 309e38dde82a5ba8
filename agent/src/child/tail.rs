//! The end of what a program wrote, in bounded memory.

use std::collections::VecDeque;

/// Keeps the last bytes of a stream, and counts all of them.
#[derive(Debug)]
pub struct Tail {
    bytes: VecDeque<u8>,
    capacity: usize,
    seen_bytes: u64,
}

impl Tail {
    /// An empty tail that keeps at most `capacity` bytes.
    pub fn new(capacity: usize) -> Self {
        Self { bytes: VecDeque::with_capacity(capacity), capacity, seen_bytes: 0 }
    }

    /// Takes what came next; the oldest bytes give way.
    pub fn push(&mut self, more: &[u8]) {
        self.seen_bytes += more.len() as u64;
        let kept = &more[more.len().saturating_sub(self.capacity)..];
        let surplus = (self.bytes.len() + kept.len()).saturating_sub(self.capacity);
        self.bytes.drain(..surplus);
        self.bytes.extend(kept);
    }

    /// Forgets everything and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.seen_bytes = 0;
    }

    /// How many bytes came in all, kept or not.
    pub fn seen_bytes(&self) -> u64 {
        self.seen_bytes
    }

    /// What is kept, as text without surrounding white space. What is no UTF-8 shows as `�`; a leading `…`
    /// says that earlier output is left out.
    pub fn text(&self) -> String {
        let is_cut = self.seen_bytes > self.bytes.len() as u64;
        let kept: Vec<u8> = self.bytes.iter().copied().collect();
        // A cut may fall inside a character: its remaining bytes say nothing and are left out.
        let start =
            if is_cut { kept.iter().position(|byte| !is_continuation(*byte)).unwrap_or(0) } else { 0 };
        let text = String::from_utf8_lossy(&kept[start..]);
        format!("{}{}", if is_cut { "…" } else { "" }, text.trim())
    }
}

/// Whether a byte continues a UTF-8 character rather than beginning one.
fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_stream_is_kept_and_all_of_it_is_counted() {
        let mut tail = Tail::new(4);
        for piece in ["ab", "cd", "e"] {
            tail.push(piece.as_bytes());
        }
        assert_eq!((tail.text().as_str(), tail.seen_bytes()), ("…bcde", 5));
        tail.push(b"0123456789");
        assert_eq!(tail.text(), "…6789");
    }

    #[test]
    fn a_short_stream_is_whole() {
        let mut tail = Tail::new(16);
        tail.push(b"  no such file\n");
        assert_eq!(tail.text(), "no such file");
        tail.clear();
        assert_eq!((tail.text().as_str(), tail.seen_bytes()), ("", 0));
    }

    #[test]
    fn a_cut_never_shows_half_a_character() {
        let mut tail = Tail::new(3);
        tail.push("aüb".as_bytes());
        tail.push(b"c");
        assert_eq!(tail.text(), "…bc");
    }
}
