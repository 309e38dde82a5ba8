//! What a worker keeps of an answer: no more than its operation looks at.

use std::cell::OnceCell;

use serde_json::Value;

/// Most bytes of a body that are kept to be looked at. Answers that are checked or read from are documents, not
/// downloads; every worker may keep as much.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What an operation looks at beyond the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Wants {
    /// The headers.
    pub(super) headers: bool,
    /// The body, whole.
    pub(super) body: bool,
    /// How long the body is.
    pub(super) length: bool,
}

/// What is kept of one answer. Its memory is used over and over.
#[derive(Debug, Default)]
pub(super) struct Answer {
    wants: Wants,
    /// All names and values, one after another.
    header_bytes: Vec<u8>,
    /// Where each name begins, where its value begins, where that ends.
    headers: Vec<[usize; 3]>,
    body: Vec<u8>,
    length: u64,
    json: OnceCell<Option<Value>>,
}

impl Answer {
    /// Forgets the answer before.
    pub(super) fn begin(&mut self, wants: Wants) {
        self.wants = wants;
        self.header_bytes.clear();
        self.headers.clear();
        self.body.clear();
        self.length = 0;
        self.json.take();
    }

    /// Whether [`Answer::header`] must be told the headers.
    #[inline]
    pub(super) fn wants_headers(&self) -> bool {
        self.wants.headers
    }

    /// Whether [`Answer::feed`] must be told the body.
    #[inline]
    pub(super) fn wants_body(&self) -> bool {
        self.wants.body || self.wants.length
    }

    /// Keeps a header.
    pub(super) fn header(&mut self, name: &[u8], value: &[u8]) {
        let start = self.header_bytes.len();
        self.header_bytes.extend_from_slice(name);
        let middle = self.header_bytes.len();
        self.header_bytes.extend_from_slice(value.trim_ascii());
        self.headers.push([start, middle, self.header_bytes.len()]);
    }

    /// Keeps a piece of the body, as far as it fits.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        self.length += piece.len() as u64;
        if self.wants.body {
            let room = BODY_BYTES_MAX - self.body.len();
            self.body.extend_from_slice(&piece[..room.min(piece.len())]);
        }
    }

    /// The values of a header, in the order in which they came.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let is_it = move |[start, middle, _]: &&[usize; 3]| {
            self.header_bytes[*start..*middle].eq_ignore_ascii_case(name.as_bytes())
        };
        self.headers.iter().filter(is_it).map(|[_, middle, end]| &self.header_bytes[*middle..*end])
    }

    /// How long the body was, bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The body; `None`: more than [`BODY_BYTES_MAX`].
    pub(super) fn body(&self) -> Option<&[u8]> {
        (self.length <= BODY_BYTES_MAX as u64).then_some(&self.body)
    }

    /// The beginning of the body, also of one that is too long.
    pub(super) fn beginning(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON, read at most once; `None`: it is none.
    pub(super) fn json(&self) -> Option<&Value> {
        self.json.get_or_init(|| serde_json::from_slice(self.body()?).ok()).as_ref()
    }
}

impl Wants {
    /// What either looks at.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            headers: self.headers || other.headers,
            body: self.body || other.body,
            length: self.length || other.length,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An answer as a server would give it.
    pub(in super::super) fn answer(headers: &[(&str, &str)], body: &str) -> Answer {
        let mut answer = Answer::default();
        answer.begin(Wants { headers: true, body: true, length: true });
        headers.iter().for_each(|(name, value)| answer.header(name.as_bytes(), value.as_bytes()));
        body.as_bytes().chunks(7).for_each(|piece| answer.feed(piece));
        answer
    }

    #[test]
    fn headers_are_found_whatever_their_case() {
        let answer = answer(&[("X-Cache", " HIT "), ("x-cache", "MISS"), ("via", "")], "");
        assert_eq!(answer.values("x-CACHE").collect::<Vec<_>>(), [&b"HIT"[..], b"MISS"]);
        assert_eq!(answer.values("Via").collect::<Vec<_>>(), [&b""[..]]);
        assert_eq!(answer.values("X").count(), 0);
    }

    #[test]
    fn a_body_beyond_its_bound_is_counted_and_not_kept() {
        let mut answer = answer(&[], "");
        for _ in 0..3 {
            answer.feed(&vec![b'1'; BODY_BYTES_MAX / 2]);
        }
        assert_eq!(answer.length(), 3 * BODY_BYTES_MAX as u64 / 2);
        assert_eq!((answer.body(), answer.beginning().len(), answer.json()), (None, BODY_BYTES_MAX, None));
    }

    #[test]
    fn what_came_before_is_forgotten() {
        let mut answer = answer(&[("a", "b")], "{\"x\":1}");
        assert!(answer.json().is_some());
        answer.begin(Wants::default());
        answer.feed(b"much");
        assert_eq!((answer.values("a").count(), answer.json()), (0, None));
        assert!(answer.beginning().is_empty(), "nobody looks at this body");
    }
}
