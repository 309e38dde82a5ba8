//! What a sweep over one number answers: which value is best, which cannot be told apart from it, and whether more was worse.

use crate::estimate::{Scale, mean_with_interval};
use crate::paired::{BLOCKS_MIN, Better, Differences, Direction, Paired, Rule, Says, compare};
use crate::sample_size::count_needed;
use crate::scaling::universal::{self, UniversalLaw};

/// What was measured at one value.
#[derive(Debug, Clone, PartialEq)]
pub struct Swept {
    /// The value.
    pub value: f64,
    /// What the trial of each block gave; `None` where it has none that counts.
    pub by_block: Vec<Option<f64>>,
}

/// How the values of a sweep are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SweepRule {
    /// Which way the metric is better.
    pub better: Better,
    /// On which scale it is compared. Without logarithms there are differences instead of ratios.
    pub scale: Scale,
    /// Margin and level of the whole sweep.
    pub rule: Rule,
    /// Whether the metric is a throughput, to which the Universal Scalability Law can be fitted.
    pub is_throughput: bool,
}

/// What a sweep answers.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepAnswer {
    /// The values, lowest first.
    pub rows: Vec<SweptRow>,
    /// The value with the best mean; `None` when no value has one.
    pub best: Option<Best>,
    /// The law that describes throughput over the values; a model, and no verdict.
    pub law: Option<UniversalLaw>,
}

/// What is known of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct SweptRow {
    /// The value.
    pub value: f64,
    /// Trials that count.
    pub trials: usize,
    /// Their mean; `None` without one.
    pub mean: Option<f64>,
    /// Lower and upper limit of the mean; `None` below two trials.
    pub interval: Option<[f64; 2]>,
    /// It beside the best value; `None` of the best itself.
    pub against_best: Option<Contrast>,
    /// It beside the smallest value; `None` of the smallest itself.
    pub against_least: Option<Contrast>,
}

/// One value beside another, by the blocks that have both.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// Blocks that have both.
    pub blocks: usize,
    /// This value's metric as a share of the other's, unoriented, on the linear scale the difference; `None` without a block.
    pub ratio: Option<f64>,
    /// Lower and upper limit of the ratio; `None` below two blocks.
    pub interval: Option<[f64; 2]>,
    /// Whether it is worse or better by more than the margin.
    pub says: Says,
    /// Which way it differs at all, when the interval excludes no difference, over enough blocks and not by outliers.
    pub direction: Option<Direction>,
    /// How many more blocks would settle it; `None` when it is settled, or nobody can tell.
    pub more_blocks: Option<u32>,
}

/// The value with the best mean, and how sure that is.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The value.
    pub value: f64,
    /// Those that cannot be told apart from it, lowest first; empty when it is known to be the best.
    pub rivals: Vec<f64>,
    /// How many more blocks would settle which of them are worse by more than the margin, and which are not; `None` when
    /// that is settled, or nobody can tell.
    pub more_blocks: Option<u32>,
    /// Whether that number rests on an assumed spread, since a single block has none: blocks are taken to differ by as much
    /// as the margin.
    pub is_spread_assumed: bool,
}

/// Answers a sweep. Values that come twice are merged by nobody: the caller gives each once.
///
/// With k values, each is compared with the best one at α/(k−1). The value that is truly best is then among the best and its
/// rivals with probability 1−α, although the best was chosen by looking: it is missing only if one of its own k−1 comparisons
/// is wrong (Hsu 1984, *Constrained simultaneous confidence intervals for multiple comparisons with the best*). The same level
/// serves the comparisons with the smallest value.
pub fn answer(mut swept: Vec<Swept>, sweep: &SweepRule) -> SweepAnswer {
    swept.sort_by(|one, other| one.value.total_cmp(&other.value));
    let level = sweep.rule.level.split(swept.len().saturating_sub(1));
    let each = SweepRule { rule: Rule { level, ..sweep.rule }, ..*sweep };
    let means: Vec<_> = swept.iter().map(|at| mean_with_interval(&at.counting(), sweep.scale)).collect();
    let best = best_place(&means.iter().map(|(mean, _)| *mean).collect::<Vec<_>>(), sweep.better);
    let rows: Vec<SweptRow> = (0..swept.len())
        .map(|place| SweptRow {
            value: swept[place].value,
            trials: swept[place].counting().len(),
            mean: means[place].0,
            interval: means[place].1,
            against_best: best
                .filter(|best| *best != place)
                .and_then(|best| contrast(&swept[best], &swept[place], &each)),
            against_least: (place > 0).then(|| contrast(&swept[0], &swept[place], &each)).flatten(),
        })
        .collect();
    let law = if sweep.is_throughput { law(&rows) } else { None };
    SweepAnswer { best: best.map(|best| self::best(&rows, best)), rows, law }
}

impl Swept {
    /// The values of the trials that count.
    fn counting(&self) -> Vec<f64> {
        self.by_block.iter().copied().flatten().collect()
    }
}

impl SweepAnswer {
    /// The values that were worse than the smallest one: where more was not merely useless.
    pub fn worse_than_least(&self) -> Vec<f64> {
        let direction = |row: &SweptRow| row.against_least.as_ref()?.direction;
        let worse = self.rows.iter().filter(|row| direction(row) == Some(Direction::Worse));
        worse.map(|row| row.value).collect()
    }
}

fn best_place(means: &[Option<f64>], better: Better) -> Option<usize> {
    let known = means.iter().enumerate().filter_map(|(place, mean)| Some((place, (*mean)?)));
    let best = known.reduce(|best, other| {
        let is_better = if better == Better::Lower { other.1 < best.1 } else { other.1 > best.1 };
        if is_better { other } else { best }
    });
    best.map(|(place, _)| place)
}

fn contrast(other: &Swept, this: &Swept, sweep: &SweepRule) -> Option<Contrast> {
    let both = other.by_block.iter().zip(&this.by_block).filter_map(|(other, this)| (*other).zip(*this));
    let (others, these): (Vec<f64>, Vec<f64>) = both.unzip();
    let differences = Differences::between(&others, &these, sweep.better, sweep.scale).ok()?;
    let found = compare(&differences, sweep.rule);
    let back = |worse: f64| sweep.scale.back(if sweep.better == Better::Lower { worse } else { -worse });
    let interval = found.interval().map(|[low, high]| {
        let (low, high) = (back(low), back(high));
        [low.min(high), low.max(high)]
    });
    Some(Contrast {
        blocks: found.blocks,
        ratio: found.mean.map(back),
        interval,
        says: found.says,
        direction: direction(&found),
        more_blocks: more_blocks(&found, sweep.rule),
    })
}

fn direction(found: &Paired) -> Option<Direction> {
    if found.blocks < BLOCKS_MIN || found.is_driven_by_outliers {
        return None;
    }
    found.estimate.and_then(|estimate| Direction::of(estimate.interval))
}

/// How many more blocks would settle a comparison. Of a single block the spread is not known, and is taken to be the margin: that is
/// what a difference must exceed to matter.
fn more_blocks(found: &Paired, rule: Rule) -> Option<u32> {
    let missing = found.undecided?.more_blocks?;
    let Some(mean) = found.mean.filter(|_| found.estimate.is_none()) else { return Some(missing) };
    let gap = rule.margin.value() - mean.abs();
    let needed = count_needed(found.blocks, rule.margin.value(), gap, rule.level);
    Some(needed.map_or(missing, |needed| needed.saturating_sub(found.blocks as u32).max(missing)))
}

fn best(rows: &[SweptRow], place: usize) -> Best {
    let others = || rows.iter().filter_map(|row| Some((row.value, row.against_best.as_ref()?)));
    let rivals: Vec<(f64, &Contrast)> =
        others().filter(|(_, contrast)| contrast.direction.is_none()).collect();
    let open: Vec<&Contrast> = rivals
        .iter()
        .map(|(_, contrast)| *contrast)
        .filter(|contrast| contrast.says == Says::Inconclusive)
        .collect();
    // One that nobody can tell leaves the whole open.
    let more_blocks =
        open.iter().map(|contrast| contrast.more_blocks).max_by_key(|more| more.unwrap_or(u32::MAX));
    Best {
        value: rows[place].value,
        rivals: rivals.iter().map(|(value, _)| *value).collect(),
        more_blocks: more_blocks.flatten(),
        is_spread_assumed: open.iter().any(|contrast| contrast.blocks < 2),
    }
}

fn law(rows: &[SweptRow]) -> Option<UniversalLaw> {
    let points: Vec<(f64, f64)> = rows.iter().filter_map(|row| Some((row.value, row.mean?))).collect();
    universal::fit(&points)
}

#[cfg(test)]
mod tests;
