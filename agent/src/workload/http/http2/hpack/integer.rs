//! Numbers whose beginning shares a byte with flags (RFC 7541, 5.1).

use super::HpackError;

/// Most bytes after the first one: as many as 32 bits need.
const MORE_BYTES_MAX: usize = 5;

/// Takes a number from the front of `bytes`; its first byte lends it so many bits.
///
/// # Errors
/// When it is cut off or has more than 32 bits.
#[inline]
pub(super) fn take(bytes: &mut &[u8], bits: u32) -> Result<u32, HpackError> {
    let (first, rest) = bytes.split_first().ok_or(HpackError::Cut)?;
    let most = (1_u32 << bits) - 1;
    let value = u32::from(*first) & most;
    *bytes = rest;
    if value < most { Ok(value) } else { take_long(bytes, value) }
}

fn take_long(bytes: &mut &[u8], start: u32) -> Result<u32, HpackError> {
    let mut value = u64::from(start);
    for place in 0..MORE_BYTES_MAX {
        let (byte, rest) = bytes.split_first().ok_or(HpackError::Cut)?;
        *bytes = rest;
        value += u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| HpackError::Number);
        }
    }
    Err(HpackError::Number)
}

/// Puts a number at the end of `block`; its first byte has so many bits for it, the others are `flags`.
pub(super) fn put(value: usize, bits: u32, flags: u8, block: &mut Vec<u8>) {
    let most = (1_u8 << bits) - 1;
    if value < usize::from(most) {
        return block.push(flags | value as u8);
    }
    block.push(flags | most);
    let mut rest = value - usize::from(most);
    while rest >= 0x80 {
        block.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    block.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_standard_are_written_and_read() {
        // RFC 7541, C.1.
        for (value, bits, bytes) in [(10, 5, &[10][..]), (1337, 5, &[31, 154, 10]), (42, 7, &[42])] {
            let mut block = Vec::new();
            put(value, bits, 0, &mut block);
            assert_eq!(block, bytes);
            assert_eq!(take(&mut &block[..], bits), Ok(value as u32));
        }
    }

    #[test]
    fn numbers_without_end_or_bound_are_refused() {
        assert_eq!(take(&mut &[][..], 5), Err(HpackError::Cut));
        assert_eq!(take(&mut &[31, 0x80][..], 5), Err(HpackError::Cut));
        assert_eq!(take(&mut &[31, 0xff, 0xff, 0xff, 0xff, 0x7f][..], 5), Err(HpackError::Number));
        assert_eq!(take(&mut &[31, 0x80, 0x80, 0x80, 0x80, 0x80, 0][..], 5), Err(HpackError::Number));
    }

    proptest! {
        #[test]
        fn what_is_put_is_taken(value in any::<u32>(), bits in 1..8_u32) {
            let mut block = Vec::new();
            put(value as usize, bits, 0, &mut block);
            let mut bytes = &block[..];
            prop_assert_eq!(take(&mut bytes, bits), Ok(value));
            prop_assert!(bytes.is_empty());
        }
    }
}
