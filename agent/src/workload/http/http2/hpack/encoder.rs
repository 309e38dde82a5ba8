//! Our own header blocks: fields of the static table, and others spelled out and kept in no table, so that a block is the
//! same bytes whenever and on whatever connection it is sent.

use super::integer;
use super::static_table::STATIC_TABLE;

/// Says that the dynamic table is never used (RFC 7541, 6.3: its size is 0); stands before a block's first field.
pub(in crate::workload::http::http2) const TABLE_UNUSED: u8 = 0x20;

/// Fields that no table on the way may keep (RFC 7541, 7.1.3).
const SECRET: [&[u8]; 3] = [b"authorization", b"cookie", b"proxy-authorization"];

/// Puts a field at the end of a block. The name is in small letters.
pub(in crate::workload::http::http2) fn put(name: &[u8], value: &[u8], block: &mut Vec<u8>) {
    let entries = || STATIC_TABLE.iter().zip(1..).filter(|((entry, _), _)| entry.as_bytes() == name);
    if let Some((_, index)) = entries().find(|((_, entry), _)| entry.as_bytes() == value && !value.is_empty())
    {
        return integer::put(index, 7, 0x80, block);
    }
    let flags = if SECRET.contains(&name) { 0x10 } else { 0 };
    match entries().next() {
        Some((_, index)) => integer::put(index, 4, flags, block),
        None => {
            block.push(flags);
            text(name, block);
        }
    }
    text(value, block);
}

fn text(text: &[u8], block: &mut Vec<u8>) {
    integer::put(text.len(), 7, 0, block);
    block.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard_are_written() {
        for (name, value, bytes) in [
            // RFC 7541, C.2.2 to C.2.4.
            (":path", "/sample/path", &b"\x04\x0c/sample/path"[..]),
            ("password", "secret", b"\x00\x08password\x06secret"),
            (":method", "GET", b"\x82"),
            ("cookie", "a=b", b"\x1f\x11\x03a=b"),
        ] {
            let mut block = Vec::new();
            put(name.as_bytes(), value.as_bytes(), &mut block);
            assert_eq!(block, bytes, "{name}");
        }
    }
}
