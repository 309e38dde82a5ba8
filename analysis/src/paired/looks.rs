//! When a comparison that may go on until it is settled is looked at, and what each look may cost.

use crate::level::Level;

/// The looks of statistics.md, in blocks. Looking after every block from 5 to 30 at 5 % is wrong 23 % of the time.
const LOOKS: [u32; 4] = [10, 15, 20, 30];

/// After how many blocks a comparison of at most so many is looked at. Below ten, never: it is decided once, at its end.
pub fn looks(at_most: u32) -> &'static [u32] {
    let allowed = LOOKS.iter().take_while(|look| **look <= at_most).count();
    &LOOKS[..allowed]
}

/// The level of each look, so that all together keep `level` (Bonferroni).
pub fn level_per_look(at_most: u32, level: Level) -> Level {
    level.split(looks(at_most).len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_looks_that_are_allowed_are_paid_for() {
        assert_eq!(looks(30), [10, 15, 20, 30]);
        assert_eq!(looks(u32::MAX), [10, 15, 20, 30]);
        assert_eq!(looks(25), [10, 15, 20]);
        assert_eq!(looks(9), [0_u32; 0]);
        assert_eq!(level_per_look(25, Level::FIVE_PERCENT), Level::FIVE_PERCENT.split(3));
        assert_eq!(level_per_look(9, Level::FIVE_PERCENT), Level::FIVE_PERCENT);
    }
}
