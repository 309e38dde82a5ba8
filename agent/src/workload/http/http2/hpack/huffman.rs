//! The Huffman code of HPACK (RFC 7541, Appendix B), read. It is canonical: the lengths of its codes say all.

use super::HpackError;

/// How many symbols there are: every byte, and the end.
const SYMBOLS: usize = 257;
/// The length of the longest code.
const BITS_MAX: usize = 30;
/// What is read at one look: all codes of letters and digits are shorter.
const LOOK_BITS: u32 = 8;
/// The symbol that ends a text, and never stands in one.
const END: u16 = 256;

/// The length of each symbol's code, bits.
#[rustfmt::skip]
const LENGTHS: [u8; SYMBOLS] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28,
    28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6,
    6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8,
    7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7,
    7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23,
    24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
    23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25,
    26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24,
    20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
    27, 27, 27, 26, 30,
];

/// How codes are read.
struct Codes {
    /// By a text's next bits: the symbol, and how long its code is; 0: longer than this look.
    short: [(u8, u8); 1 << LOOK_BITS],
    /// The symbols, by their codes' lengths and then by value.
    order: [u16; SYMBOLS],
    /// For each length: its first code, and that one's place in the order.
    first: [(u32, usize); BITS_MAX + 1],
    /// For each length: how many codes there are.
    counts: [u32; BITS_MAX + 1],
}

static CODES: Codes = codes();

/// Puts the bytes of a text at the end of `into`.
///
/// # Errors
/// When it is not a text in this code.
pub(super) fn decode(text: &[u8], into: &mut Vec<u8>) -> Result<(), HpackError> {
    // The bits that were taken from the text and not used yet stand at the top.
    let (mut bits, mut count) = (0_u64, 0_u32);
    let mut bytes = text.iter();
    loop {
        while count <= 56 {
            let Some(byte) = bytes.next() else { break };
            bits |= u64::from(*byte) << (56 - count);
            count += 8;
        }
        let (symbol, length) = CODES.short[(bits >> (64 - LOOK_BITS)) as usize];
        if length > 0 && u32::from(length) <= count {
            into.push(symbol);
            bits <<= length;
            count -= u32::from(length);
        } else if count < LOOK_BITS && is_padding(bits, count) {
            return Ok(());
        } else {
            let (symbol, length) = long_code(bits, count).ok_or(HpackError::Huffman)?;
            into.push(symbol);
            bits <<= length;
            count -= length;
        }
    }
}

/// Whether what is left is the beginning of the end's code, whose bits are all ones (RFC 7541, 5.2).
fn is_padding(bits: u64, count: u32) -> bool {
    count == 0 || bits >> (64 - count) == (1 << count) - 1
}

/// The symbol at the top of the bits, by its code of more than [`LOOK_BITS`].
fn long_code(bits: u64, count: u32) -> Option<(u8, u32)> {
    for length in LOOK_BITS + 1..=count.min(BITS_MAX as u32) {
        let code = (bits >> (64 - length)) as u32;
        let (first, place) = CODES.first[length as usize];
        let Some(further) = code.checked_sub(first) else { continue };
        if further < CODES.counts[length as usize] {
            let symbol = CODES.order[place + further as usize];
            return (symbol != END).then_some((symbol as u8, length));
        }
    }
    None
}

/// Gives codes to the symbols: the next number to each in turn, one bit longer where the length grows.
const fn codes() -> Codes {
    let mut codes = Codes {
        short: [(0, 0); 1 << LOOK_BITS],
        order: [0; SYMBOLS],
        first: [(0, 0); BITS_MAX + 1],
        counts: [0; BITS_MAX + 1],
    };
    let (mut code, mut place, mut length) = (0_u32, 0, 1);
    while length <= BITS_MAX {
        code <<= 1;
        codes.first[length] = (code, place);
        let mut symbol = 0;
        while symbol < SYMBOLS {
            if LENGTHS[symbol] as usize == length {
                codes.order[place] = symbol as u16;
                codes.counts[length] += 1;
                if length <= LOOK_BITS as usize {
                    let mut rest = 0;
                    while rest < 1 << (LOOK_BITS as usize - length) {
                        let look = ((code as usize) << (LOOK_BITS as usize - length)) + rest;
                        codes.short[look] = (symbol as u8, length as u8);
                        rest += 1;
                    }
                }
                place += 1;
                code += 1;
            }
            symbol += 1;
        }
        length += 1;
    }
    codes
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text in this code.
    pub(in super::super) fn encode(text: &[u8]) -> Vec<u8> {
        let (mut coded, mut bits, mut count) = (Vec::new(), 0_u64, 0);
        let code_of = |symbol: usize| {
            let length = usize::from(LENGTHS[symbol]);
            let (first, place) = CODES.first[length];
            let further = (place..).position(|place| usize::from(CODES.order[place]) == symbol).unwrap();
            (u64::from(first) + further as u64, length)
        };
        for byte in text {
            let (code, length) = code_of(usize::from(*byte));
            (bits, count) = ((bits << length) | code, count + length);
            while count >= 8 {
                count -= 8;
                coded.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        if count > 0 {
            coded.push(((bits << (8 - count)) | ((1 << (8 - count)) - 1)) as u8);
        }
        coded
    }

    fn decoded(text: &[u8]) -> Result<Vec<u8>, HpackError> {
        let mut bytes = Vec::new();
        decode(text, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn the_code_is_complete() {
        let (last, place) = CODES.first[BITS_MAX];
        assert_eq!(last + CODES.counts[BITS_MAX], 1 << BITS_MAX, "every bit string is a beginning of codes");
        assert_eq!(place + CODES.counts[BITS_MAX] as usize, SYMBOLS);
        assert_eq!(CODES.order[SYMBOLS - 1], END);
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        // RFC 7541, C.4 and C.6.
        for (text, coded) in [
            ("www.example.com", &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..]),
            ("no-cache", b"\xa8\xeb\x10\x64\x9c\xbf"),
            ("custom-value", b"\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf"),
            ("302", b"\x64\x02"),
            ("private", b"\xae\xc3\x77\x1a\x4b"),
            (
                "Mon, 21 Oct 2013 20:13:21 GMT",
                b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
            ),
            ("", b""),
        ] {
            assert_eq!(decoded(coded).as_deref(), Ok(text.as_bytes()), "{text}");
            assert_eq!(encode(text.as_bytes()), coded, "{text}");
        }
    }

    #[test]
    fn padding_is_of_ones_and_shorter_than_a_byte() {
        assert_eq!(decoded(b"\x64\x02\xff"), Err(HpackError::Huffman));
        assert_eq!(decoded(b"\xff\xff\xff\xff"), Err(HpackError::Huffman), "the end is no part of a text");
        assert_eq!(decoded(&[0b0000_0000]), Err(HpackError::Huffman), "padding of zeros");
        assert_eq!(decoded(&[0b0000_0111]).as_deref(), Ok(&b"0"[..]));
    }

    proptest! {
        #[test]
        fn what_is_coded_is_read(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decoded(&encode(&text)), Ok(text));
        }

        #[test]
        fn no_bytes_are_too_odd(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(bytes) = decoded(&text) {
                prop_assert_eq!(encode(&bytes), text, "there is one way to write a text");
            }
        }
    }
}
