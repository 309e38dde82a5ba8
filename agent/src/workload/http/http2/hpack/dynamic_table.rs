//! The table that a server fills with what it will say again (RFC 7541, 2.3.2 and 4).

use std::collections::VecDeque;

use super::{ENTRY_OVERHEAD_BYTES, TABLE_BYTES_MAX};

/// A server's dynamic table.
#[derive(Debug)]
pub(super) struct DynamicTable {
    /// The latest first.
    entries: VecDeque<Entry>,
    size_bytes: usize,
    size_bytes_max: usize,
    /// Grows with every change, so that equal versions mean equal tables.
    version: u64,
}

/// A name and a value in one piece of memory.
#[derive(Debug)]
struct Entry {
    bytes: Box<[u8]>,
    name_length: usize,
}

impl DynamicTable {
    /// An empty table of the standard's size.
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), size_bytes: 0, size_bytes_max: TABLE_BYTES_MAX, version: 0 }
    }

    /// Puts an entry in front, and lets old ones go to make room; one that is larger than the table empties it.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8]) {
        let entry = Entry { bytes: [name, value].concat().into(), name_length: name.len() };
        self.version += 1;
        let size_bytes = entry.size_bytes();
        self.shrink_to(self.size_bytes_max.saturating_sub(size_bytes));
        if size_bytes <= self.size_bytes_max {
            self.size_bytes += size_bytes;
            self.entries.push_front(entry);
        }
    }

    /// Changes how much it may hold; the caller has checked that it is no more than [`TABLE_BYTES_MAX`].
    pub(super) fn resize(&mut self, size_bytes_max: usize) {
        self.version += 1;
        self.size_bytes_max = size_bytes_max;
        self.shrink_to(size_bytes_max);
    }

    /// The name and value at a place, from 0.
    pub(super) fn entry(&self, place: usize) -> Option<(&[u8], &[u8])> {
        self.entries.get(place).map(|entry| entry.bytes.split_at(entry.name_length))
    }

    /// A number that is the same only as long as the table is.
    #[inline]
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    fn shrink_to(&mut self, size_bytes_max: usize) {
        while self.size_bytes > size_bytes_max {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size_bytes -= oldest.size_bytes();
        }
    }
}

impl Entry {
    fn size_bytes(&self) -> usize {
        self.bytes.len() + ENTRY_OVERHEAD_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_entries_make_room_for_new_ones() {
        let mut table = DynamicTable::new();
        table.resize(2 * (ENTRY_OVERHEAD_BYTES + 2));
        for name in [b"a", b"b", b"c"] {
            table.insert(name, b"1");
        }
        assert_eq!(table.entry(0), Some((&b"c"[..], &b"1"[..])));
        assert_eq!(table.entry(1), Some((&b"b"[..], &b"1"[..])));
        assert_eq!(table.entry(2), None);
        table.insert(b"d", &[b'1'; TABLE_BYTES_MAX]);
        assert_eq!((table.entry(0), table.size_bytes), (None, 0), "what does not fit leaves nothing");
    }
}
