//! Decoding a histogram and adding it to a sum: our V2 form, beside the hdrhistogram crate with and without deflate.
//!
//! `cargo run --release -p fleetmark-bench --bin histogram_merge`. Options: rounds, merges per round.

use std::hint::black_box;
use std::io;
use std::time::Instant;

use fleetmark_bench::ratio::Spread;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer, V2Serializer};
use shared::histogram::{EncodedHistogram, HIGHEST_TRACKABLE, Histogram, SIGNIFICANT_DIGITS};

/// Rounds when none are asked for.
const ROUNDS: usize = 7;
/// Merges of each kind in a round when none are asked for: some tens of milliseconds.
const MERGES: usize = 2_000;

/// A second of one operation, by how many answers it had and how far they spread: σ of their logarithm.
const SECONDS: [(&str, u64, f64); 3] =
    [("100 answers", 100, 0.5), ("2,000 answers", 2_000, 0.5), ("30,000 answers, wide", 30_000, 1.5)];

/// The same values in each form.
struct Forms {
    ours: Vec<u8>,
    plain: Vec<u8>,
    deflated: Vec<u8>,
}

/// A way from bytes that came to a sum that grew.
type Merge<'a> = Box<dyn FnMut() -> io::Result<()> + 'a>;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().ok());
    let rounds = arguments.next().flatten().unwrap_or(ROUNDS).max(1);
    let merges = arguments.next().flatten().unwrap_or(MERGES).max(1);
    println!(
        "decode and merge, µs each; {rounds} interleaved rounds of {merges}; ratios are ours / hdrhistogram 7"
    );
    for (name, answers, sigma) in SECONDS {
        let forms = forms(answers, sigma)?;
        let sizes = [&forms.ours, &forms.plain, &forms.deflated].map(Vec::len);
        println!("{name}: {} bytes ours, {} V2, {} V2 deflated", sizes[0], sizes[1], sizes[2]);
        compare(&forms, rounds, merges)?;
    }
    Ok(())
}

fn compare(forms: &Forms, rounds: usize, merges: usize) -> io::Result<()> {
    let mut sum: Histogram = Histogram::new();
    // What a coordinator does: the bytes are checked in full, kept, and added without an intermediate histogram.
    let ours: Merge<'_> = Box::new(|| {
        let encoded = EncodedHistogram::parse(forms.ours.as_slice()).map_err(io::Error::other)?;
        sum.add_encoded(black_box(&encoded));
        Ok(())
    });
    let ways = [ours, theirs(&forms.plain)?, theirs(&forms.deflated)?];
    let [mut ours, mut plain, mut deflated] = ways;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        for (way, times) in [&mut ours, &mut plain, &mut deflated].into_iter().zip(&mut times) {
            times.push(micros_each(way, merges)?);
        }
    }
    let [ours, plain, deflated] = times;
    print("ours", &ours, &ours);
    print("hdrhistogram, V2", &plain, &ours);
    print("hdrhistogram, V2 deflated", &deflated, &ours);
    Ok(())
}

/// The crate's way: a histogram of its own from the bytes, added to the sum.
fn theirs(bytes: &[u8]) -> io::Result<Merge<'_>> {
    let mut sum = empty()?;
    let mut deserializer = Deserializer::new();
    Ok(Box::new(move || {
        let decoded: hdrhistogram::Histogram<u64> =
            deserializer.deserialize(&mut &*bytes).map_err(io::Error::other)?;
        sum.add(black_box(&decoded)).map_err(io::Error::other)
    }))
}

fn micros_each(way: &mut Merge<'_>, merges: usize) -> io::Result<f64> {
    let begun = Instant::now();
    (0..merges).try_for_each(|_| way())?;
    Ok(begun.elapsed().as_secs_f64() * 1e6 / merges as f64)
}

fn print(what: &str, times: &[f64], ours: &[f64]) {
    let show = |spread: Option<Spread>| spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string());
    println!(
        "  {what:<26} {:<28} ratio {}",
        show(Spread::of(times.to_vec())),
        show(Spread::of_ratios(ours, times))
    );
}

/// A second of answers around 1 ms, spread as a lognormal distribution is.
fn forms(answers: u64, sigma: f64) -> io::Result<Forms> {
    let (mut ours, mut theirs) = (Histogram::<u64>::new(), empty()?);
    for rank in 0..answers {
        let share = (rank as f64 + 0.5) / answers as f64;
        let value = (1e6 * (sigma * normal_quantile(share)).exp()) as u64;
        ours.record(value);
        theirs.record(value).map_err(io::Error::other)?;
    }
    let (mut plain, mut deflated) = (Vec::new(), Vec::new());
    V2Serializer::new().serialize(&theirs, &mut plain).map_err(io::Error::other)?;
    V2DeflateSerializer::new().serialize(&theirs, &mut deflated).map_err(io::Error::other)?;
    Ok(Forms { ours: EncodedHistogram::encode(&ours).as_bytes().to_vec(), plain, deflated })
}

fn empty() -> io::Result<hdrhistogram::Histogram<u64>> {
    hdrhistogram::Histogram::new_with_bounds(1, HIGHEST_TRACKABLE, SIGNIFICANT_DIGITS as u8)
        .map_err(io::Error::other)
}

/// The quantile of the standard normal distribution, by Tukey's lambda: near enough for a made-up load.
fn normal_quantile(share: f64) -> f64 {
    (share.powf(0.135) - (1.0 - share).powf(0.135)) / 0.1975
}
