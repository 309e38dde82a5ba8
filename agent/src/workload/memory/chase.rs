//! A pointer chase: loads each of which depends on the one before, over all cache lines of a ring in an order that nobody can
//! foresee, so that the time of one of them is the latency of whatever holds the ring.

use std::hint::black_box;

use crate::workload::hardware::numbers::Numbers;

/// Loads of one batch: about 0.3 ms from the nearest cache, 30 ms from memory.
pub(super) const LOADS: usize = 1 << 18;
/// Bytes of a cache line: one load goes to each.
pub(super) const LINE_BYTES: usize = 64;
/// Numbers of a line, of which the first says where the next load goes.
const LINE_NUMBERS: usize = LINE_BYTES / size_of::<u32>();

/// Rings of different sizes, each of which is chased through in turn.
#[derive(Debug)]
pub(super) struct Chase {
    rings: Vec<Ring>,
    /// The ring whose turn it is.
    place: usize,
}

impl Chase {
    /// Rings of these sizes in bytes, each a whole number of lines and no more than 32 bits can name.
    ///
    /// # Errors
    /// When there is no memory for them.
    pub(super) fn over(sizes: &[usize]) -> Result<Self, String> {
        let rings = sizes.iter().map(|size| Ring::of(*size)).collect::<Result<_, _>>()?;
        Ok(Self { rings, place: sizes.len().saturating_sub(1) })
    }

    /// Goes on to the next ring, and gets it into whatever cache can hold it; not measured.
    pub(super) fn turn(&mut self) {
        self.place = (self.place + 1) % self.rings.len();
        self.rings[self.place].warm_up();
    }

    /// Which ring it is.
    pub(super) fn place(&self) -> u16 {
        u16::try_from(self.place).expect("there are some twenty sizes")
    }

    /// Does one batch of loads.
    pub(super) fn run(&mut self) {
        self.rings[self.place].chase(LOADS);
    }
}

/// Lines that lead to each other, in one circle over all of them.
#[derive(Debug)]
struct Ring {
    numbers: Vec<u32>,
    at: u32,
}

impl Ring {
    fn of(bytes: usize) -> Result<Self, String> {
        let mut numbers: Vec<u32> = Vec::new();
        let count = bytes / size_of::<u32>();
        numbers.try_reserve_exact(count).map_err(|error| format!("a ring of {bytes} bytes: {error}"))?;
        numbers.resize(count, 0);
        for (line, at) in (0..).step_by(LINE_NUMBERS).zip(numbers.iter_mut().step_by(LINE_NUMBERS)) {
            *at = line;
        }
        // Sattolo (1986): a random permutation that is one circle.
        let mut draws = Numbers::new();
        for line in (1..count / LINE_NUMBERS).rev() {
            let other = usize::try_from(draws.below(line as u64)).expect("it is below a place");
            numbers.swap(line * LINE_NUMBERS, other * LINE_NUMBERS);
        }
        Ok(Self { numbers, at: 0 })
    }

    /// Goes once around, unless that is more than a batch: what is so large is in no cache afterwards either.
    fn warm_up(&mut self) {
        let lines = self.numbers.len() / LINE_NUMBERS;
        if lines <= LOADS {
            self.chase(lines);
        }
    }

    #[inline(never)]
    fn chase(&mut self, loads: usize) {
        let numbers = self.numbers.as_slice();
        let mut at = self.at;
        for _ in 0..loads {
            at = numbers[at as usize];
        }
        self.at = black_box(at);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_ring_comes_by_all_its_lines_before_it_returns() {
        for lines in [1, 2, 3, 64, 1_000] {
            let mut ring = Ring::of(lines * LINE_BYTES).unwrap();
            let visited: BTreeSet<u32> = (0..lines)
                .map(|_| {
                    ring.chase(1);
                    ring.at
                })
                .collect();
            assert_eq!((visited.len(), ring.at), (lines, 0), "{lines} lines");
            assert!(visited.iter().all(|at| (*at as usize).is_multiple_of(LINE_NUMBERS)));
        }
    }

    #[test]
    fn rings_take_turns() {
        let mut chase = Chase::over(&[4096, 8192]).unwrap();
        let turns: Vec<u16> = (0..5)
            .map(|_| {
                chase.turn();
                chase.run();
                chase.place()
            })
            .collect();
        assert_eq!(turns, [0, 1, 0, 1, 0]);
    }
}
