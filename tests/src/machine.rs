//! What else the machine did while a test measured: the only excuse for figures that a quiet machine gets right.

/// Share of the machine's time that others may take before they count: the default of `limits.foreign_cpu`.
const FOREIGN_SHARE_MAX: f64 = 0.05;
/// Share of the machine's time that its host may take: the default of `limits.steal`.
const STEAL_SHARE_MAX: f64 = 0.01;

/// Plays until the figures are right, at most so many times. `play` panics at what no machine may get wrong; it gives
/// an error for what only a quiet one gets right.
///
/// A busy machine, as the kernel counts it and not as fleetmark does, is the only reason to play again. When it was
/// busy every time, that is said, and the test says nothing about these figures.
///
/// # Panics
/// When they are wrong and the machine had nothing else to do.
pub fn judge_when_quiet(attempts: u32, mut play: impl FnMut() -> Result<(), String>) {
    for attempt in 1..=attempts {
        let before = Ticks::now();
        let Err(wrong) = play() else { return };
        let excuse = Ticks::now().excuse_since(before);
        let excuse = excuse.unwrap_or_else(|| panic!("{wrong}; and the machine had nothing else to do"));
        eprintln!("attempt {attempt}: {wrong}; but {excuse}");
    }
    eprintln!("NOT JUDGED: the machine was busy in all {attempts} attempts");
}

/// The kernel's counts of CPU time since the start, in its ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticks {
    /// All of it, idle or not.
    total: f64,
    /// What somebody used.
    busy: f64,
    /// What the host took.
    steal: f64,
    /// What this test used, with its children that have ended.
    ours: f64,
}

impl Ticks {
    fn now() -> Self {
        let read = |path| std::fs::read_to_string(path).expect("Linux tells what its CPUs do");
        Self::of(&read("/proc/stat"), &read("/proc/self/stat"))
    }

    /// From the texts of `/proc/stat` and `/proc/self/stat`.
    fn of(machine: &str, process: &str) -> Self {
        let numbers = |text: &str| -> Vec<f64> {
            text.split_whitespace().map(|word| word.parse().unwrap_or_default()).collect()
        };
        // "cpu", then user nice system idle iowait irq softirq steal; guests are in user already.
        let all = numbers(machine.lines().next().unwrap_or_default());
        let [user, nice, system, idle, iowait, irq, softirq, steal] = all[1..9] else {
            panic!("the kernel lists eight kinds of CPU time");
        };
        // After the name, which may hold anything: utime stime cutime cstime are fields 11 to 14.
        let own = numbers(process.rsplit(')').next().unwrap_or_default());
        let busy = user + nice + system + irq + softirq;
        Self { total: busy + idle + iowait + steal, busy, steal, ours: own[11..15].iter().sum() }
    }

    /// What others did since an earlier moment, if it was enough to spoil a measurement.
    fn excuse_since(self, earlier: Self) -> Option<String> {
        let total = (self.total - earlier.total).max(1.0);
        let foreign = ((self.busy - earlier.busy) - (self.ours - earlier.ours)) / total;
        let steal = (self.steal - earlier.steal) / total;
        (foreign > FOREIGN_SHARE_MAX || steal > STEAL_SHARE_MAX).then(|| {
            format!("others used {:.1} % of the machine, its host {:.1} %", foreign * 100.0, steal * 100.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "cpu  100 0 50 800 10 5 5 30 7 0\ncpu0 1 2 3\n";

    #[test]
    fn the_kernels_texts_are_read() {
        let ticks = Ticks::of(MACHINE, "7 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 15 5 3 2 20 0");
        assert_eq!(ticks, Ticks { total: 1_000.0, busy: 160.0, steal: 30.0, ours: 25.0 });
    }

    #[test]
    fn our_own_work_is_no_excuse_and_that_of_others_is() {
        let before = Ticks { total: 0.0, busy: 0.0, steal: 0.0, ours: 0.0 };
        let ours = Ticks { total: 1_000.0, busy: 900.0, steal: 5.0, ours: 880.0 };
        assert_eq!(ours.excuse_since(before), None);
        assert!(Ticks { ours: 800.0, ..ours }.excuse_since(before).is_some_and(|it| it.contains("10.0 %")));
        assert!(Ticks { steal: 20.0, ..ours }.excuse_since(before).is_some());
    }

    #[test]
    fn what_is_right_is_played_once() {
        let mut played = 0;
        judge_when_quiet(3, || {
            played += 1;
            Ok(())
        });
        assert_eq!(played, 1);
    }
}
