//! When a run is looked at before its plan is done, and how sure a look must be to end it.
//!
//! Who looks again and again and stops when it suits is wrong far more often than one look would be. So the looks are fixed before
//! the run, and share the chance of an error among them (Bonferroni): whatever is found at whichever of them, all of them together
//! are wrong no more often than [`ALPHA`] says.

use serde::{Deserialize, Serialize};

use crate::job::Job;

/// How often a decision may be wrong, all looks of a run together.
pub const ALPHA: f64 = 0.05;
/// The part of it that looks have which may only end the run because a claim is refuted: a small one, so that those that decide
/// lose little by it.
pub const ALPHA_TO_ABORT: f64 = 0.01;
/// After so many blocks a run until its claims are settled is looked at.
pub const LOOKS: [u32; 4] = [10, 15, 20, 30];
/// From so many blocks on a claim can be refuted beyond doubt: fewer decide nothing.
pub const ABORT_FROM: u32 = 5;

/// The looks of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Looks {
    /// How many blocks there are at most.
    pub blocks: u32,
    /// Whether the run ends once all claims are settled.
    pub until_settled: bool,
    /// Whether it ends once a claim that says so is refuted.
    pub aborts: bool,
}

/// What a look may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookKind {
    /// End the run when every claim is decided, or one is refuted that ends it.
    Decide,
    /// Only the latter.
    Abort,
    /// Say which value a search tries next.
    Search,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// After how many blocks.
    pub blocks: u32,
    /// What it may do.
    pub kind: LookKind,
    /// How often its decision may be wrong.
    pub alpha: f64,
}

impl Job {
    /// When it is looked at.
    pub fn looks(&self) -> Looks {
        Looks {
            blocks: self.load.trials,
            until_settled: self.load.until_settled,
            aborts: self.claims.iter().any(|claim| claim.ends_run),
        }
    }
}

impl Looks {
    /// After how many blocks claims may be decided, the last of the plan among them.
    pub fn deciding(&self) -> Vec<u32> {
        let before = LOOKS.into_iter().filter(|look| self.until_settled && *look < self.blocks);
        before.chain([self.blocks]).collect()
    }

    /// How often a decision at one of those may be wrong.
    pub fn deciding_alpha(&self) -> f64 {
        let whole = if self.aborting() > 0 { ALPHA - ALPHA_TO_ABORT } else { ALPHA };
        whole / self.deciding().len() as f64
    }

    /// The look after so many blocks, before the plan is done; `None`: there is none.
    pub fn after(&self, blocks: u32) -> Option<Look> {
        if blocks >= self.blocks {
            return None;
        }
        if self.deciding().contains(&blocks) {
            return Some(Look { blocks, kind: LookKind::Decide, alpha: self.deciding_alpha() });
        }
        let alpha = ALPHA_TO_ABORT / f64::from(self.aborting().max(1));
        (self.aborts && blocks >= ABORT_FROM).then_some(Look { blocks, kind: LookKind::Abort, alpha })
    }

    /// How many looks can only end the run because a claim is refuted.
    fn aborting(&self) -> u32 {
        let deciding = self.deciding();
        let between = (ABORT_FROM..self.blocks).filter(|blocks| !deciding.contains(blocks)).count();
        if self.aborts { u32::try_from(between).unwrap_or(u32::MAX) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_until_settled_is_looked_at_after_ten_fifteen_twenty_and_thirty_blocks() {
        let looks = |blocks| Looks { blocks, until_settled: true, aborts: false };
        assert_eq!(looks(30).deciding(), [10, 15, 20, 30]);
        assert_eq!(looks(18).deciding(), [10, 15, 18]);
        assert_eq!(looks(8).deciding(), [8]);
        assert_eq!(
            looks(30).after(15).map(|look| (look.kind, look.alpha)),
            Some((LookKind::Decide, ALPHA / 4.0))
        );
        assert_eq!((looks(30).after(14), looks(30).after(30)), (None, None));
    }

    #[test]
    fn a_run_that_looks_at_nothing_has_the_whole_chance_of_an_error_for_its_end() {
        let looks = Looks { blocks: 10, until_settled: false, aborts: false };
        assert_eq!((looks.deciding(), looks.deciding_alpha()), (vec![10], ALPHA));
        assert!((0..=10).all(|blocks| looks.after(blocks).is_none()));
    }

    proptest! {
        #[test]
        fn all_looks_together_are_wrong_no_more_often_than_they_may(
            blocks in 1_u32..200, until_settled in any::<bool>(), aborts in any::<bool>()
        ) {
            let looks = Looks { blocks, until_settled, aborts };
            let before: f64 = (0..blocks).filter_map(|after| looks.after(after)).map(|look| look.alpha).sum();
            prop_assert!(before + looks.deciding_alpha() <= ALPHA + 1e-12);
            let fewest = (0..blocks).find(|after| looks.after(*after).is_some());
            prop_assert!(fewest.is_none_or(|fewest| fewest >= ABORT_FROM));
        }
    }
}
