//! The numbers in HdrHistogram's V2 form: LEB128 of at most nine bytes, the ninth of which carries eight bits, over zig-zag.

/// Most bytes of one number.
pub const BYTES_MAX: usize = 9;

/// Appends a number.
pub fn push(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    for _ in 0..BYTES_MAX - 1 {
        if rest < 0x80 {
            bytes.push(rest as u8);
            return;
        }
        bytes.push((rest as u8 & 0x7f) | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// Takes a number off the front; `None`: the bytes end within it.
pub fn take(bytes: &mut &[u8]) -> Option<i64> {
    let mut value: u64 = 0;
    for place in 0..BYTES_MAX {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        if place == BYTES_MAX - 1 {
            value |= u64::from(*byte) << 56;
            break;
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(((value >> 1) as i64) ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(value in any::<i64>(), after in any::<u8>()) {
            let mut bytes = Vec::new();
            push(&mut bytes, value);
            prop_assert!(bytes.len() <= BYTES_MAX);
            let whole = bytes.len();
            bytes.push(after);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(take(&mut rest), Some(value));
            prop_assert_eq!(rest, [after]);
            prop_assert_eq!(take(&mut &bytes[..whole - 1]), None);
        }
    }
}
