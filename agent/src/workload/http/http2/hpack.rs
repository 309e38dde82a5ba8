//! HPACK (RFC 7541): headers as numbers in tables and as texts, Huffman-coded or not.
//!
//! Rooms: `decoder` (a server's header blocks, with all that the standard allows), `encoder` (our own, which use the
//! static table alone and so know nothing of what went before), `dynamic_table`, `static_table`, `huffman`, `integer`.

mod decoder;
mod dynamic_table;
pub(super) mod encoder;
mod huffman;
mod integer;
mod static_table;

pub(super) use self::decoder::Decoder;

/// Most bytes that a dynamic table holds: the standard's own beginning (RFC 9113, 6.5.2), which we never change.
pub(super) const TABLE_BYTES_MAX: usize = 4096;
/// What an entry counts beside its name and value, in tables and in lists (RFC 7541, 4.1; RFC 9113, 6.5.2).
pub(super) const ENTRY_OVERHEAD_BYTES: usize = 32;

/// Why bytes are not a header block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HpackError {
    /// It ends within a field.
    #[error("a field that is cut off")]
    Cut,
    /// A number that no length and no index could be.
    #[error("a number of more than 32 bits")]
    Number,
    /// An index that stands in neither table.
    #[error("a reference to entry {0}, which no table has")]
    Index(u32),
    /// A text that is no Huffman code.
    #[error("a text whose Huffman code is broken")]
    Huffman,
    /// A dynamic table larger than we allow, or told after the first field.
    #[error("a change of the table's size that is not allowed")]
    TableSize,
}
