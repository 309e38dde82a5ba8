//! The kernel `compress/1`: a block of text through DEFLATE and back, by a compressor written in Rust.

use std::hint::black_box;

use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;

use super::Kernel;
use crate::workload::hardware::numbers::Numbers;

/// Bytes of the block.
const BLOCK_BYTES: usize = 64 * 1024;
/// Words of the language that the text is in.
const WORDS: u64 = 512;
/// Letters of a word: so many at least, and fewer than twice so many and two.
const LETTERS_MIN: u64 = 3;
/// DEFLATE's level: the usual one.
const LEVEL: u8 = 6;

/// Compresses one block a batch, and takes it apart again.
#[derive(Debug)]
pub(super) struct Compress {
    text: Vec<u8>,
    back: Vec<u8>,
}

impl Compress {
    /// With the text written.
    pub(super) fn new() -> Self {
        let mut numbers = Numbers::new();
        let words: Vec<Vec<u8>> = (0..WORDS).map(|_| word(&mut numbers)).collect();
        let mut text = Vec::with_capacity(2 * BLOCK_BYTES);
        while text.len() < BLOCK_BYTES {
            // The lesser of two draws: words at the front of the list are used more often, as in any language.
            let place = numbers.below(WORDS).min(numbers.below(WORDS));
            text.extend_from_slice(&words[usize::try_from(place).expect("there are few words")]);
            text.push(b' ');
        }
        text.truncate(BLOCK_BYTES);
        Self { text, back: Vec::new() }
    }
}

fn word(numbers: &mut Numbers) -> Vec<u8> {
    let letters = LETTERS_MIN + numbers.below(LETTERS_MIN + 2);
    let letter = |_| b'a' + u8::try_from(numbers.below(26)).expect("there are 26 letters");
    (0..letters).map(letter).collect()
}

impl Kernel for Compress {
    fn renew(&mut self) {
        self.back.clear();
    }

    fn run(&mut self) {
        let packed = compress_to_vec(black_box(&self.text), LEVEL);
        // What cannot be taken apart is missed by the check.
        self.back = decompress_to_vec_with_limit(&packed, BLOCK_BYTES).unwrap_or_default();
    }

    fn check(&self) -> Result<(), String> {
        if self.back == self.text {
            return Ok(());
        }
        Err(format!("of {BLOCK_BYTES} bytes that were compressed, others came back ({})", self.back.len()))
    }
}
