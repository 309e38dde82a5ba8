//! Where a history of runs changed: E-divisive means with a seeded permutation test. It raises a suspicion; only a fresh
//! comparison confirms it. Room: [`energy`], how far two samples are apart.

pub mod energy;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use self::energy::{Split, Splitter};
use crate::level::Level;
use crate::student::mean;

/// Most values that are looked at, the newest ones: some thousand permutations of so many take some tenths of a second.
pub const HISTORY_MAX: usize = 2_000;
/// Fewest permutations: with them a p-value is told to a twentieth of a percent.
pub const PERMUTATIONS_MIN: u32 = 1_999;
/// Most permutations: they cost time, and nobody reads the fifth digit of a p-value.
const PERMUTATIONS_MAX: u32 = 99_999;
/// How much less than the split itself still counts as as much: what is lost in adding up in another order.
const ROUNDING: f64 = 1e-9;

/// How a history is searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// How often a history without change may be given one.
    pub level: Level,
    /// How many permutations; taken as [`PERMUTATIONS_MIN`] at least.
    pub permutations: u32,
    /// The smallest change that is told, as a share of the mean before it.
    pub smallest_effect: f64,
    /// Seed of the permutations: the same history gives the same answer.
    pub seed: u64,
}

/// A place where a history changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// Index of the first value after the change.
    pub at: usize,
    /// p-value of the split that found it, (b+1)/(m+1).
    pub p: f64,
    /// Mean since the change before, or since the beginning.
    pub before: f64,
    /// Mean up to the next change, or to the end.
    pub after: f64,
}

impl ChangePoint {
    /// How large the change is, as a share of what was before; endless after nothing.
    pub fn effect(&self) -> f64 {
        (self.after - self.before).abs() / self.before.abs()
    }
}

/// The changes in a history, oldest first.
///
/// A piece is split where the energy statistic between both sides is largest (Matteson and James 2014); the split counts when
/// at most the level's share of random orders has one as large, p = (b+1)/(m+1) (Phipson and Smyth 2010). Both sides are then
/// searched by themselves. Changes below the smallest effect are taken back, the smallest first. Only the newest
/// [`HISTORY_MAX`] values are looked at, and none when one of those is not finite.
pub fn change_points(history: &[f64], search: &Search) -> Vec<ChangePoint> {
    let skipped = history.len().saturating_sub(HISTORY_MAX);
    let recent = &history[skipped..];
    if !recent.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let mut random = ChaCha8Rng::seed_from_u64(search.seed);
    let mut splits: Vec<(usize, f64)> = Vec::new();
    let mut pieces = vec![(0, recent.len())];
    while let Some((start, end)) = pieces.pop() {
        if let Some((place, p)) = significant_split(&recent[start..end], search, &mut random) {
            let at = start + place;
            splits.push((at, p));
            pieces.push((start, at));
            pieces.push((at, end));
        }
    }
    splits.sort_by_key(|(at, _)| *at);
    let mut found = with_means(recent, &splits);
    // The effects of its neighbours change with every one that is taken back.
    while let Some(smallest) = smallest_below(&found, search.smallest_effect) {
        splits.remove(smallest);
        found = with_means(recent, &splits);
    }
    found.iter_mut().for_each(|change| change.at += skipped);
    found
}

/// The best split of a piece with its p-value, if that is significant.
fn significant_split(piece: &[f64], search: &Search, random: &mut ChaCha8Rng) -> Option<(usize, f64)> {
    let mut splitter = Splitter::of(piece);
    let mut order: Vec<usize> = (0..piece.len()).collect();
    let Split { place, statistic } = splitter.best(&order)?;
    if statistic <= 0.0 {
        return None;
    }
    let permutations = search.permutations.clamp(PERMUTATIONS_MIN, PERMUTATIONS_MAX);
    let p_of = |as_large: u32| f64::from(as_large + 1) / f64::from(permutations + 1);
    let mut as_large = 0;
    for _ in 0..permutations {
        order.shuffle(random);
        if splitter.best(&order).is_some_and(|other| other.statistic >= statistic * (1.0 - ROUNDING)) {
            as_large += 1;
        }
        // What follows can only raise it.
        if p_of(as_large) > search.level.alpha() {
            return None;
        }
    }
    Some((place, p_of(as_large)))
}

fn with_means(history: &[f64], splits: &[(usize, f64)]) -> Vec<ChangePoint> {
    let ends = splits.iter().skip(1).map(|(at, _)| *at).chain([history.len()]);
    let starts = [0].into_iter().chain(splits.iter().map(|(at, _)| *at));
    let found = splits.iter().zip(starts.zip(ends)).map(|((at, p), (start, end))| ChangePoint {
        at: *at,
        p: *p,
        before: mean(&history[start..*at]).unwrap_or_default(),
        after: mean(&history[*at..end]).unwrap_or_default(),
    });
    found.collect()
}

/// Which change is the smallest of those below an effect.
fn smallest_below(changes: &[ChangePoint], effect: f64) -> Option<usize> {
    let below =
        changes.iter().enumerate().filter(|(_, change)| change.effect() < effect || change.effect().is_nan());
    below.min_by(|one, other| one.1.effect().total_cmp(&other.1.effect())).map(|(place, _)| place)
}

#[cfg(test)]
mod tests;
