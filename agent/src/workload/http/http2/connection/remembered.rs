//! The last head that answered an operation on a connection: the same block need not be read again, as long as the table
//! that it refers to is the same.

use std::rc::Rc;

use crate::workload::http::http2::head::{Head, HeadError, HeadReading};
use crate::workload::http::http2::hpack::{Decoder, HpackError};

/// Longest block that is remembered: longer ones are rare, and comparing them saves little.
const REMEMBERED_BYTES_MAX: usize = 1024;

/// The block that was read last, and what it meant.
#[derive(Debug, Default)]
pub(super) struct RememberedHead {
    block: Vec<u8>,
    /// The state of the table, and the head.
    meaning: Option<(u64, Rc<Head>)>,
}

impl RememberedHead {
    /// Reads a block. The head may be wrong although the block is right.
    ///
    /// # Errors
    /// When the block cannot be read, which no later one can either.
    #[inline]
    pub(super) fn read(
        &mut self,
        block: &[u8],
        decoder: &mut Decoder,
    ) -> Result<Result<Rc<Head>, HeadError>, HpackError> {
        match &self.meaning {
            Some((version, head)) if *version == decoder.version() && self.block == block => {
                Ok(Ok(Rc::clone(head)))
            }
            _ => self.read_anew(block, decoder),
        }
    }

    fn read_anew(
        &mut self,
        block: &[u8],
        decoder: &mut Decoder,
    ) -> Result<Result<Rc<Head>, HeadError>, HpackError> {
        let version = decoder.version();
        let mut reading = HeadReading::new();
        decoder.decode(block, |name, value| reading.field(name, value))?;
        let head = reading.finish().map(Rc::new);
        // A block that changed the table means something else the next time, or changes it again.
        if let Ok(head) = &head
            && decoder.version() == version
            && block.len() <= REMEMBERED_BYTES_MAX
        {
            self.block.clear();
            self.block.extend_from_slice(block);
            self.meaning = Some((version, Rc::clone(head)));
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Blocks that name entries of the table, put some there, let some go, or spell themselves out.
    fn blocks() -> impl Strategy<Value = Vec<u8>> {
        const CHANGES: &[&[u8]] = &[b"", b"", b"", b"", b"\x20", b"\x3f\xe1\x1f"];
        const STATUSES: &[&[u8]] = &[b"\x88", b"\x89", b""];
        const FIELDS: &[&[u8]] =
            &[b"", b"\xbe", b"\xbf", b"\x40\x01a\x01b", b"\x40\x01a\x01c", b"\x00\x01a\x01b"];
        let part = proptest::sample::select::<&[u8]>;
        (part(CHANGES), part(STATUSES), part(FIELDS))
            .prop_map(|(change, status, field)| [change, status, field].concat())
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_decoding_says(blocks in proptest::collection::vec(blocks(), 1..24)) {
            let (mut remembered, mut decoder, mut other) = (RememberedHead::default(), Decoder::new(), Decoder::new());
            for block in blocks {
                let read = remembered.read(&block, &mut decoder);
                let anew = RememberedHead::default().read(&block, &mut other);
                prop_assert_eq!(&read, &anew);
                if read.is_err() {
                    break;
                }
            }
        }
    }
}
