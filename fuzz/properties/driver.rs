//! Runs a property over a target's seeds, and over what becomes of them when they are cut, flipped, joined and stretched: what
//! a fuzzer does for hours, for a moment and always in the same way.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Set to how many inputs of each target are tried.
const CASES_VARIABLE: &str = "FLEETMARK_FUZZ_CASES";
/// How many there are without it: a second or two of each.
const CASES: u64 = 3_000;
/// Longest input, in bytes, as the fuzzer's.
const INPUT_BYTES_MAX: usize = 16 * 1024;
/// Longer than any input of that length may take, on a machine that is busy.
const TAKES_AT_MOST: Duration = Duration::from_secs(5);
/// What parsers stumble over.
const ODDITIES: &[&[u8]] = &[
    b"",
    b"\0",
    b"\n",
    b"\r\n",
    b"{{",
    b"}}",
    b"\"",
    b"'''",
    b"[[",
    b"=",
    b"-1",
    b"1e309",
    b"18446744073709551616",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xed\xa0\x80",
    b"\x7f\xff\xff\xff",
    b"nan",
];

/// Tries a property on all seeds of a target and on many damaged ones.
///
/// # Panics
/// When there are no seeds, when one takes too long, and as the property does.
pub fn try_all(target: &str, holds: impl Fn(&[u8])) {
    let seeds = seeds(target);
    assert!(!seeds.is_empty(), "fuzz/seeds/{target} holds seeds");
    seeds.iter().for_each(|seed| in_time(seed, &holds));
    let cases = std::env::var(CASES_VARIABLE).ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let mut dice = Dice(0x5eed);
    for _ in 0..cases {
        let mut input = dice.one_of(&seeds).clone();
        for _ in 0..=dice.below(4) {
            damage(&mut input, &seeds, &mut dice);
        }
        input.truncate(INPUT_BYTES_MAX);
        in_time(&input, &holds);
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed can be read")).collect()
}

fn in_time(input: &[u8], holds: impl Fn(&[u8])) {
    let began = Instant::now();
    holds(input);
    let took = began.elapsed();
    assert!(took < TAKES_AT_MOST, "{took:?} for {} bytes: {}", input.len(), input.escape_ascii());
}

fn damage(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    match dice.below(6) {
        0 => input.truncate(at),
        1 if !input.is_empty() => {
            let place = dice.below(input.len());
            input[place] ^= 1 << dice.below(8);
        }
        2 => drop(input.splice(at..at, dice.one_of(ODDITIES).iter().copied())),
        3 => {
            let end = at + dice.below(input.len() - at + 1);
            input.drain(at..end);
        }
        4 => {
            let other = dice.one_of(seeds);
            let from = dice.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => {
            let end = at + dice.below((input.len() - at).min(64) + 1);
            let piece = input[at..end].repeat(1 + dice.below(40));
            drop(input.splice(at..at, piece));
        }
    }
}

/// Chance that is the same each time (SplitMix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn one_of<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }
}
