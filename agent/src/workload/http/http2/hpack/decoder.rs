//! A server's header blocks, read (RFC 7541, 3 and 6).

use super::dynamic_table::DynamicTable;
use super::static_table::STATIC_TABLE;
use super::{HpackError, TABLE_BYTES_MAX, huffman, integer};

/// What is known of a server's headers from one block to the next.
#[derive(Debug)]
pub(in crate::workload::http::http2) struct Decoder {
    table: DynamicTable,
    /// A name and a value while they are read; as long as a block's longest.
    name: Vec<u8>,
    value: Vec<u8>,
}

impl Decoder {
    /// Before the first block.
    pub(in crate::workload::http::http2) fn new() -> Self {
        Self { table: DynamicTable::new(), name: Vec::new(), value: Vec::new() }
    }

    /// Reads a whole block and tells each field's name and value. All blocks of a connection must be read, in their
    /// order.
    ///
    /// # Errors
    /// When it is none; nothing that comes later can be understood then.
    pub(in crate::workload::http::http2) fn decode(
        &mut self,
        block: &[u8],
        mut tell: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), HpackError> {
        let mut rest = block;
        let mut is_first = true;
        while let Some(first) = rest.first() {
            match first {
                0x80.. => {
                    let (name, value) = entry(&self.table, integer::take(&mut rest, 7)?)?;
                    tell(name, value);
                }
                0x40.. => {
                    self.literal(&mut rest, 6)?;
                    tell(&self.name, &self.value);
                    self.table.insert(&self.name, &self.value);
                }
                0x20.. => {
                    // RFC 7541, 4.2: changes of the size stand before the first field.
                    let size = integer::take(&mut rest, 5)? as usize;
                    if !is_first || size > TABLE_BYTES_MAX {
                        return Err(HpackError::TableSize);
                    }
                    self.table.resize(size);
                    continue;
                }
                _ => {
                    self.literal(&mut rest, 4)?;
                    tell(&self.name, &self.value);
                }
            }
            is_first = false;
        }
        Ok(())
    }

    /// A number that stays the same as long as equal blocks mean the same.
    #[inline]
    pub(in crate::workload::http::http2) fn version(&self) -> u64 {
        self.table.version()
    }

    /// Reads a field that is spelled out, at least its value.
    fn literal(&mut self, rest: &mut &[u8], bits: u32) -> Result<(), HpackError> {
        match integer::take(rest, bits)? {
            0 => text(rest, &mut self.name)?,
            index => {
                self.name.clear();
                self.name.extend_from_slice(entry(&self.table, index)?.0);
            }
        }
        text(rest, &mut self.value)
    }
}

/// The entry of an index: first come the static ones (RFC 7541, 2.3.3).
fn entry(table: &DynamicTable, index: u32) -> Result<(&[u8], &[u8]), HpackError> {
    let place = (index as usize).checked_sub(1).ok_or(HpackError::Index(index))?;
    let found = match STATIC_TABLE.get(place) {
        Some((name, value)) => Some((name.as_bytes(), value.as_bytes())),
        None => table.entry(place - STATIC_TABLE.len()),
    };
    found.ok_or(HpackError::Index(index))
}

/// Reads a text (RFC 7541, 5.2).
fn text(rest: &mut &[u8], into: &mut Vec<u8>) -> Result<(), HpackError> {
    into.clear();
    let is_huffman = rest.first().is_some_and(|first| first & 0x80 != 0);
    let length = integer::take(rest, 7)? as usize;
    let (text, further) = rest.split_at_checked(length).ok_or(HpackError::Cut)?;
    *rest = further;
    if is_huffman {
        return huffman::decode(text, into);
    }
    into.extend_from_slice(text);
    Ok(())
}

#[cfg(test)]
mod tests;
