//! The course of a search: which value is tried next, when a value is settled, and what all of them together say.
//!
//! A pure function of what is stored: the same trials lead the same way tomorrow, on another coordinator, or after a restart.
//!
//! ```text
//!  the lowest value ── not supported ─► over
//!        │ supported
//!        ▼
//!  ┌► four times as high, as long as nothing above is refuted or invalid
//!  └─────┘
//!        ▼
//!  halfway between the highest supported value and the one above it that is not ─► neighbours
//!  halfway between the lowest refuted value and the one below it that is not    ─► neighbours
//!        ▼
//!  a value above the lowest refuted one, if none was tried: does it fail too? ─► over
//! ```
//!
//! It climbs rather than beginning in the middle: far above its capacity a target may break, and nothing but the generator is
//! measured. A value that stays inconclusive, or is invalid, is never taken for one that holds: the answer grows wider by it.

use crate::ids::{TrialIndex, VariantIndex};
use crate::job::Search;
use crate::plan::looks::ALPHA;
use crate::plan::{Plan, PlannedTrial, Variant};
use crate::run_report::Verdict;

/// After so many trials a value is looked at, as far as the job allows so many. Fewer than three say little of their spread.
pub const LOOKS: [u32; 6] = [3, 5, 8, 12, 20, 30];
/// Most trials of a value where the job does not say.
pub const TRIALS_DEFAULT: u32 = 8;
/// How many times the last one the next value is while the search climbs.
const STRIDE: f64 = 4.0;

/// What was measured of a value so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// Its place among the values of the search.
    pub place: usize,
    /// So many trials of it have ended.
    pub trials: u32,
    /// What they say, at the level of a single look.
    pub verdict: Verdict,
    /// Whether more of them would say no more: each is too short for what is asked.
    pub is_final: bool,
}

/// What all values together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// The highest value that is supported and below every refuted one.
    pub at_least: Option<usize>,
    /// The lowest value that is refuted.
    pub below: Option<usize>,
    /// How it came to that.
    pub ending: Ending,
}

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Not yet.
    Open,
    /// One value is supported, and a higher one refuted.
    Found {
        /// The highest that holds.
        at_least: usize,
        /// The lowest that fails.
        below: usize,
    },
    /// The highest value is supported.
    HoldsThroughout,
    /// The lowest value is refuted.
    FailsThroughout,
    /// A value is refuted, and a higher one supported.
    Contradicted {
        /// The lowest that fails.
        fails: usize,
        /// The highest that holds.
        holds: usize,
    },
    /// Nothing is refuted, since trials could not tell whether this value holds.
    Undecided(usize),
    /// Nothing is refuted, since this value could not be measured.
    Invalid(usize),
}

/// Which values there are, and when they are looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    values: Vec<f64>,
    looks: Vec<u32>,
}

impl Course {
    /// The course over these values, lowest first and at least two, each of them tried so many times at most.
    pub fn new(values: Vec<f64>, trials: u32) -> Self {
        let before = LOOKS.into_iter().filter(|look| *look < trials);
        Self { looks: before.chain([trials]).collect(), values }
    }

    /// The course of a job's search, whose `load.trials` are the most of each value.
    pub fn of(search: &Search, trials: u32) -> Self {
        Self::new(search.values.clone(), trials)
    }

    /// After how many trials a value is looked at.
    pub fn looks(&self) -> &[u32] {
        &self.looks
    }

    /// How many values are tried at most: all steps of the climb, three halvings of the longest of them, and the last one:
    /// a value that cannot be told splits what is left in two, and either part is halved.
    pub fn values_tried_max(&self) -> u32 {
        let mut climb = vec![0];
        while let Some(last) = climb.last().copied().filter(|last| *last < self.top()) {
            climb.push(self.above(last));
        }
        let longest = climb.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(1);
        let halvings = longest.next_power_of_two().trailing_zeros();
        u32::try_from(climb.len()).unwrap_or(u32::MAX).saturating_add(3 * halvings + 1)
    }

    /// How often the decision of a single look may be wrong, so that all of them together are no more often than
    /// [`ALPHA`] says: whichever values it leads to, and whichever of their looks.
    pub fn alpha(&self) -> f64 {
        ALPHA / (f64::from(self.values_tried_max()) * self.looks.len() as f64)
    }

    /// Whether no more trials of a value are needed: a look has decided, it was the last, or what was measured does not count.
    pub fn is_settled(&self, tried: &Tried) -> bool {
        let is_decided = matches!(tried.verdict, Verdict::Supported | Verdict::Refuted);
        tried.is_final
            || tried.verdict == Verdict::Invalid
            || self.looks.last().is_some_and(|last| tried.trials >= *last)
            || (is_decided && self.looks.contains(&tried.trials))
    }

    /// The place of the value that is tried next, perhaps once more; `None`: the search is over.
    pub fn next(&self, tried: &[Tried]) -> Option<usize> {
        if let Some(open) = tried.iter().find(|tried| !self.is_settled(tried)) {
            return Some(open.place);
        }
        let seen = Seen(tried);
        let Some(lowest) = seen.verdict(0) else { return Some(0) };
        if seen.contradiction().is_some() {
            return None;
        }
        match lowest {
            Verdict::Supported => {
                self.climb(&seen).or_else(|| self.halve(&seen)).or_else(|| self.crosscheck(&seen))
            }
            Verdict::Refuted => self.crosscheck(&seen),
            Verdict::Inconclusive | Verdict::Invalid | Verdict::None => None,
        }
    }

    /// What all values together say.
    pub fn bracket(&self, tried: &[Tried]) -> Bracket {
        let seen = Seen(tried);
        let below = seen.lowest(Verdict::Refuted);
        let is_below = |place: &usize| below.is_none_or(|below| *place < below);
        let at_least = seen.places(Verdict::Supported).filter(is_below).max();
        let first_open = || {
            let above = |place: &usize| at_least.is_none_or(|at_least| *place > at_least);
            let invalid = seen.places(Verdict::Invalid).filter(above).min();
            let undecided = seen.places(Verdict::Inconclusive).filter(above).min();
            invalid.map(Ending::Invalid).or(undecided.map(Ending::Undecided))
        };
        let ending = match (at_least, below) {
            _ if self.next(tried).is_some() => Ending::Open,
            _ if let Some((fails, holds)) = seen.contradiction() => Ending::Contradicted { fails, holds },
            (Some(at_least), Some(below)) => Ending::Found { at_least, below },
            (Some(at_least), None) if at_least == self.top() => Ending::HoldsThroughout,
            (None, Some(_)) => Ending::FailsThroughout,
            (_, None) => first_open().unwrap_or(Ending::Open),
        };
        Bracket { at_least, below, ending }
    }

    fn top(&self) -> usize {
        self.values.len().saturating_sub(1)
    }

    /// The highest value within a stride of one, but for the highest of all at least the next.
    fn above(&self, place: usize) -> usize {
        // A value that was rounded down may lie a hair beyond the stride.
        let reach = self.values[place] * STRIDE * (1.0 + 1e-9);
        let within = self.values.partition_point(|value| *value <= reach).saturating_sub(1);
        within.max(place + 1).min(self.top())
    }

    /// On upwards, past what stays inconclusive, until something is refuted, invalid, or the highest value.
    fn climb(&self, seen: &Seen<'_>) -> Option<usize> {
        let has_end =
            seen.lowest(Verdict::Refuted).is_some() || seen.places(Verdict::Invalid).next().is_some();
        let highest = seen.0.iter().map(|tried| tried.place).max()?;
        (!has_end && highest < self.top()).then(|| self.above(highest))
    }

    /// Halfway into what is open above the highest supported value, then into what is open below the lowest refuted one.
    fn halve(&self, seen: &Seen<'_>) -> Option<usize> {
        let holds = seen.places(Verdict::Supported).max()?;
        let above = seen.0.iter().map(|tried| tried.place).filter(|place| *place > holds).min();
        let invalid = || seen.places(Verdict::Invalid).filter(|place| *place > holds).min();
        let end = seen.lowest(Verdict::Refuted).or_else(invalid);
        let below = end.and_then(|end| {
            let below = seen.0.iter().map(|tried| tried.place).filter(|place| *place < end).max()?;
            Some((below, end))
        });
        let gaps = [above.map(|above| (holds, above)), below];
        let open = gaps.into_iter().flatten().find(|(low, high)| high - low > 1);
        open.map(|(low, high)| usize::midpoint(low, high))
    }

    /// What fails at one value should fail above it: where nothing above was tried, one value is, half a stride up.
    fn crosscheck(&self, seen: &Seen<'_>) -> Option<usize> {
        let fails = seen.lowest(Verdict::Refuted)?;
        let is_checked = seen.0.iter().any(|tried| tried.place > fails);
        let up = || (self.above(fails) - fails).div_ceil(2);
        (!is_checked && fails < self.top()).then(|| fails + up())
    }
}

/// The values that were tried, all of them settled.
struct Seen<'a>(&'a [Tried]);

impl Seen<'_> {
    fn verdict(&self, place: usize) -> Option<Verdict> {
        self.0.iter().find(|tried| tried.place == place).map(|tried| tried.verdict)
    }

    fn places(&self, verdict: Verdict) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().filter(move |tried| tried.verdict == verdict).map(|tried| tried.place)
    }

    fn lowest(&self, verdict: Verdict) -> Option<usize> {
        self.places(verdict).min()
    }

    /// The lowest value that fails and the highest that holds, where they lie so.
    fn contradiction(&self) -> Option<(usize, usize)> {
        let (fails, holds) = (self.lowest(Verdict::Refuted)?, self.places(Verdict::Supported).max()?);
        (fails < holds).then_some((fails, holds))
    }
}

impl Plan {
    /// Plans one more trial of the value at a place of a search; where it was not tried before, as a variant of its own.
    /// Returns whether it was not. A place without a value plans nothing.
    pub fn try_value(&mut self, search: &Search, place: usize) -> bool {
        let Some(step) = search.steps.get(place) else { return false };
        let known = self.variants.iter().position(|variant| variant.name == step.name);
        let variant = known.unwrap_or(self.variants.len());
        if known.is_none() {
            self.variants.push(Variant { name: step.name.clone(), parameters: step.parameters.clone() });
        }
        let index = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let variant = VariantIndex(index(variant));
        let block = index(self.trials.iter().filter(|planned| planned.variant == variant).count());
        let trial = TrialIndex(index(self.trials.len()));
        self.trials.push(PlannedTrial { index: trial, variant, block, order: 0, cells: Vec::new() });
        known.is_none()
    }
}

#[cfg(test)]
mod tests;
