//! The envelope around every stored value: magic, schema version, CRC, and the payload, compressed if that helps.
//!
//! ```text
//! "FMV\n" | schema u16 | flags u8 | 0 | payload length u32 | CRC32 u32 | payload, zstd if flag 1 is set
//! ```
//! All numbers are big-endian. The CRC covers the value's key, the header and the body, so that a value
//! that turns up under another key is as damaged as one with a flipped bit. This layout never changes;
//! what the payload means may, and then the schema version grows.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

/// The newest schema of payloads that this version knows.
pub const SCHEMA: u16 = 1;
/// Most bytes a payload may have: the largest report worth keeping, and four attached files' worth.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

const MAGIC: [u8; 4] = *b"FMV\n";
const HEADER_BYTES: usize = 16;
const FLAG_ZSTD: u8 = 1;
/// zstd's own default: on histograms it gains most of what any level does, at some 500 MB/s.
const ZSTD_LEVEL: i32 = 3;

thread_local! {
    /// Kept from one value to the next: making it costs as much as compressing an interval. `None`: there was no memory.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(ZSTD_LEVEL).ok());
    /// Kept likewise.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = RefCell::new(Decompressor::new().ok());
}

/// Why bytes are not a whole envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Too short, without the magic, or longer than it may be.
    #[error("{0} bytes that are no stored value")]
    Shape(usize),
    /// The checksum does not fit: some bit has changed, or the value belongs elsewhere.
    #[error("its checksum does not fit")]
    Checksum,
    /// The checksum fits and yet the payload does not come out at its stated length.
    #[error("its payload does not decompress")]
    Payload,
    /// The checksum fits, and the schema is one of the future.
    #[error("written by a newer fleetmark (schema {0})")]
    Newer(u16),
}

/// Seals a payload under the key that it is stored at. The caller has checked [`PAYLOAD_BYTES_MAX`].
pub fn seal(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let compressed = COMPRESSOR
        .with_borrow_mut(|compressor| compressor.as_mut()?.compress(payload).ok())
        .filter(|packed| packed.len() < payload.len());
    let (flags, body) = match &compressed {
        Some(packed) => (FLAG_ZSTD, packed.as_slice()),
        None => (0, payload),
    };
    seal_as(SCHEMA, flags, key, payload.len(), body)
}

/// Opens an envelope that was stored under `key`.
///
/// # Errors
/// [`EnvelopeError`] names the first thing that is wrong. Damage is told before a newer schema, so that a
/// flipped bit in the version is never taken for the future.
pub fn open(key: &[u8], envelope: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
    let header = envelope.get(..HEADER_BYTES).ok_or(EnvelopeError::Shape(envelope.len()))?;
    let body = &envelope[HEADER_BYTES..];
    if header[..4] != MAGIC {
        return Err(EnvelopeError::Shape(envelope.len()));
    }
    let stated_crc = u32::from_be_bytes([header[12], header[13], header[14], header[15]]);
    if checksum(key, &header[4..12], body) != stated_crc {
        return Err(EnvelopeError::Checksum);
    }
    let schema = u16::from_be_bytes([header[4], header[5]]);
    let flags = header[6];
    if schema > SCHEMA || flags & !FLAG_ZSTD != 0 || header[7] != 0 {
        return Err(EnvelopeError::Newer(schema));
    }
    let length = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
    if length > PAYLOAD_BYTES_MAX {
        return Err(EnvelopeError::Shape(envelope.len()));
    }
    let payload = if flags & FLAG_ZSTD == 0 {
        body.to_vec()
    } else {
        DECOMPRESSOR
            .with_borrow_mut(|decompressor| decompressor.as_mut()?.decompress(body, length).ok())
            .ok_or(EnvelopeError::Payload)?
    };
    if payload.len() != length {
        return Err(EnvelopeError::Payload);
    }
    Ok(payload)
}

fn seal_as(schema: u16, flags: u8, key: &[u8], payload_bytes: usize, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload_bytes).expect("the caller keeps payloads below PAYLOAD_BYTES_MAX");
    let mut fields = [0; 8];
    fields[..2].copy_from_slice(&schema.to_be_bytes());
    fields[2] = flags;
    fields[4..].copy_from_slice(&length.to_be_bytes());
    let mut envelope = Vec::with_capacity(HEADER_BYTES + body.len());
    envelope.extend_from_slice(&MAGIC);
    envelope.extend_from_slice(&fields);
    envelope.extend_from_slice(&checksum(key, &fields, body).to_be_bytes());
    envelope.extend_from_slice(body);
    envelope
}

fn checksum(key: &[u8], fields: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(key);
    hasher.update(fields);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sealed_opens_to_the_same_bytes(payload in prop::collection::vec(any::<u8>(), 0..5_000)) {
            prop_assert_eq!(open(b"key", &seal(b"key", &payload)), Ok(payload));
        }

        #[test]
        fn any_changed_bit_is_noticed(payload in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let mut envelope = seal(b"key", &payload);
            let at = at.index(envelope.len());
            envelope[at] ^= 1 << bit;
            prop_assert!(matches!(open(b"key", &envelope), Err(EnvelopeError::Shape(_) | EnvelopeError::Checksum)));
        }

        #[test]
        fn garbage_is_refused_and_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(open(b"key", &bytes).is_err());
        }
    }

    #[test]
    fn what_compresses_is_compressed() {
        let payload = vec![7; 100_000];
        assert!(seal(b"key", &payload).len() < 1_000);
    }

    #[test]
    fn a_value_under_another_key_is_damaged() {
        assert_eq!(open(b"two", &seal(b"one", b"payload")), Err(EnvelopeError::Checksum));
    }

    #[test]
    fn a_newer_schema_is_told_apart_from_damage() {
        let future = seal_as(SCHEMA + 1, 0, b"key", 4, b"what");
        assert_eq!(open(b"key", &future), Err(EnvelopeError::Newer(SCHEMA + 1)));
    }

    #[test]
    fn a_length_that_asks_for_too_much_is_refused() {
        let greedy = seal_as(SCHEMA, FLAG_ZSTD, b"key", u32::MAX as usize, b"x");
        assert!(matches!(open(b"key", &greedy), Err(EnvelopeError::Shape(_))));
    }
}
