//! Blocks of the standard's examples, blocks of our own encoder, and blocks of nobody.

use proptest::prelude::*;

use super::super::encoder;
use super::super::huffman::tests::encode;
use super::*;

type Fields = Vec<(String, String)>;

fn decoded(decoder: &mut Decoder, block: &[u8]) -> Result<Fields, HpackError> {
    let mut fields = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    decoder.decode(block, |name, value| fields.push((text(name), text(value)))).map(|()| fields)
}

fn fields(lines: &str) -> Fields {
    let field = |line: &str| line.trim().split_once("= ").map(|(name, value)| (name.into(), value.into()));
    lines.lines().filter_map(field).collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: String = hexadecimal.split_whitespace().collect();
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn requests_of_the_standard_are_read_one_after_another() {
    // RFC 7541, C.3 (plain) and C.4 (Huffman).
    let blocks = [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ];
    let meanings = [
        ":method= GET\n:scheme= http\n:path= /\n:authority= www.example.com",
        ":method= GET\n:scheme= http\n:path= /\n:authority= www.example.com\ncache-control= no-cache",
        ":method= GET\n:scheme= https\n:path= /index.html\n:authority= www.example.com\ncustom-key= custom-value",
    ];
    for blocks in blocks {
        let mut decoder = Decoder::new();
        for (block, meaning) in blocks.iter().zip(meanings) {
            assert_eq!(decoded(&mut decoder, &bytes(block)), Ok(fields(meaning)));
        }
    }
}

#[test]
fn responses_of_the_standard_let_old_entries_go() {
    // RFC 7541, C.6: the table holds 256 bytes.
    let mut decoder = Decoder::new();
    decoder.table.resize(256);
    let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    let rest =
        "cache-control= private\ndate= Mon, 21 Oct 2013 20:13:21 GMT\nlocation= https://www.example.com";
    assert_eq!(decoded(&mut decoder, &bytes(first)), Ok(fields(&format!(":status= 302\n{rest}"))));
    let second = bytes("4883 640e ffc1 c0bf");
    assert_eq!(decoded(&mut decoder, &second), Ok(fields(&format!(":status= 307\n{rest}"))));
    let meaning = ":status= 200\ncache-control= private\ndate= Mon, 21 Oct 2013 20:13:22 GMT\nlocation= https://www.example.com\ncontent-encoding= gzip\nset-cookie= foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
    assert_eq!(decoded(&mut decoder, &bytes(third)), Ok(fields(meaning)));
    assert_eq!(decoder.table.entry(3), None);
}

#[test]
fn blocks_that_mean_nothing_are_refused() {
    for (block, error) in [
        (&b"\x80"[..], HpackError::Index(0)),
        (b"\xbe", HpackError::Index(62)),
        (b"\x7f\xff\xff\xff\xff\x0f", HpackError::Number),
        (b"\x00\x05ab", HpackError::Cut),
        (b"\x00\x01a", HpackError::Cut),
        (b"\x3f\xe2\x1f", HpackError::TableSize),
        (b"\x82\x20", HpackError::TableSize),
        (b"\x00\x81\x00\x00", HpackError::Huffman),
    ] {
        assert_eq!(decoded(&mut Decoder::new(), block), Err(error), "{block:x?}");
    }
}

#[test]
fn the_version_tells_whether_equal_blocks_mean_the_same() {
    let mut decoder = Decoder::new();
    for (block, changes) in
        [(&b"\x88"[..], false), (b"\x00\x01a\x01b", false), (b"\x40\x01a\x01b", true), (b"\x20", true)]
    {
        let before = decoder.version();
        decoded(&mut decoder, block).unwrap();
        assert_eq!(decoder.version() != before, changes, "{block:x?}");
    }
}

/// A block as a server might write it: each field indexed, kept, not kept or never to be kept, with Huffman or without.
fn written(fields: &[(String, String, u8, bool)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value, flags, is_huffman) in fields {
        block.push(*flags);
        for text in [name, value] {
            let coded = encode(text.as_bytes());
            match is_huffman {
                true => integer::put(coded.len(), 7, 0x80, &mut block),
                false => integer::put(text.len(), 7, 0, &mut block),
            }
            block.extend_from_slice(if *is_huffman { &coded } else { text.as_bytes() });
        }
    }
    block
}

proptest! {
    #[test]
    fn what_a_server_writes_is_read(
        fields in proptest::collection::vec(("[a-z-]{1,20}", "[ -~]{0,60}", prop_oneof![Just(0), Just(0x10), Just(0x40)], any::<bool>()), 0..12)
    ) {
        let mut decoder = Decoder::new();
        let expected: Fields = fields.iter().map(|(name, value, ..)| (name.clone(), value.clone())).collect();
        prop_assert_eq!(decoded(&mut decoder, &written(&fields)), Ok(expected.clone()));
        // Those that were kept can be named by number: the latest has the first.
        let kept: Fields = fields.iter().filter(|field| field.2 == 0x40).map(|(name, value, ..)| (name.clone(), value.clone())).collect();
        for (place, field) in kept.into_iter().rev().enumerate().take(60) {
            let block = [0x80 | (62 + place) as u8];
            if decoder.table.entry(place).is_some() {
                prop_assert_eq!(decoded(&mut decoder, &block), Ok(vec![field]));
            }
        }
    }

    #[test]
    fn what_we_write_is_read(fields in proptest::collection::vec(("[a-z-]{1,20}|:path|cookie|accept", "[ -~]{0,200}"), 0..12)) {
        let mut block = vec![encoder::TABLE_UNUSED];
        fields.iter().for_each(|(name, value)| encoder::put(name.as_bytes(), value.as_bytes(), &mut block));
        prop_assert_eq!(decoded(&mut Decoder::new(), &block), Ok(fields));
    }

    #[test]
    fn no_block_is_too_odd(blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..100), 0..8)) {
        let mut decoder = Decoder::new();
        for block in blocks {
            let _it_may_be_refused = decoded(&mut decoder, &block);
        }
    }
}
