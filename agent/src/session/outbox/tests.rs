//! Facts about what is kept, over a coordinator, a network and a disk that do what they like.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;
use shared::ids::{RunId, TrialIndex};

use super::segments::Segments;
use super::*;

/// Room for a few of the intervals below.
const SMALL: Bounds = Bounds { memory_bytes: 60, disk_bytes: 10_000 };
/// The longest of them.
const INTERVAL_BYTES: usize = 24;

fn trial(number: u32) -> TrialKey {
    TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(number), attempt: 0 }
}

/// An interval whose bytes follow from its place.
fn interval(number: u32, sequence: u64) -> Numbered {
    let length = (sequence as usize * 7 + number as usize) % (INTERVAL_BYTES + 1);
    Numbered { trial: trial(number), sequence, bytes: vec![sequence as u8; length] }
}

#[derive(Debug, Clone)]
enum Happening {
    Measured(u32),
    Send,
    Arrives,
    AckArrives,
    Breaks,
    DiskWorks,
    /// The disk takes nothing more.
    DiskIsFull,
    /// Something that lies on the disk changes.
    DiskIsDamaged,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        25 => (0..TRIALS).prop_map(Happening::Measured),
        20 => Just(Happening::Send),
        25 => Just(Happening::Arrives),
        15 => Just(Happening::AckArrives),
        3 => Just(Happening::Breaks),
        40 => Just(Happening::DiskWorks),
    ]
}

fn mishap() -> impl Strategy<Value = Happening> {
    prop_oneof![
        40 => happening(),
        1 => Just(Happening::DiskIsFull),
        1 => Just(Happening::DiskIsDamaged),
    ]
}

const TRIALS: u32 = 2;

/// An agent's outbox with everything around it.
struct World {
    outbox: Outbox,
    credit: u32,
    measured: [u64; TRIALS as usize],
    /// From which number on a trial was told to be lost.
    lost: [Option<u64>; TRIALS as usize],
    wire: VecDeque<Numbered>,
    stored: [Vec<Numbered>; TRIALS as usize],
    orders: VecDeque<SpillOrder>,
    folder: tempfile::TempDir,
    files: HashMap<SpillId, Segments>,
}

impl World {
    fn new(credit: u32) -> Self {
        Self {
            outbox: Outbox::new(SMALL),
            credit,
            measured: [0; TRIALS as usize],
            lost: [None; TRIALS as usize],
            wire: VecDeque::new(),
            stored: [const { Vec::new() }; TRIALS as usize],
            orders: VecDeque::new(),
            folder: tempfile::tempdir().unwrap(),
            files: HashMap::new(),
        }
    }

    fn pass(&mut self, happening: &Happening) {
        match happening {
            Happening::Measured(number) => {
                let at = *number as usize;
                // A trial that is lost measures no more.
                if self.lost[at].is_none() {
                    match self.outbox.push(interval(*number, self.measured[at])) {
                        Ok(()) => self.measured[at] += 1,
                        Err(_) => self.lost[at] = Some(self.measured[at]),
                    }
                }
            }
            Happening::Send => {
                self.wire.extend(self.outbox.next_batch(self.credit));
                assert!(self.outbox.in_flight() <= self.credit as usize);
            }
            Happening::Arrives => {
                if let Some(arrived) = self.wire.pop_front() {
                    // The coordinator takes the next number, and drops one that it has.
                    let stored = &mut self.stored[arrived.trial.trial.0 as usize];
                    let next = stored.len() as u64;
                    assert!(arrived.sequence <= next, "a gap: {} after {next}", arrived.sequence);
                    if arrived.sequence == next {
                        stored.push(arrived);
                    }
                }
            }
            Happening::AckArrives => {
                for number in 0..TRIALS {
                    if let Some(last) = self.stored[number as usize].last() {
                        self.outbox.acknowledge(trial(number), last.sequence);
                    }
                }
            }
            Happening::Breaks => {
                self.wire.clear();
                self.outbox.rewind();
            }
            Happening::DiskWorks => self.work_on_disk(),
            Happening::DiskIsFull => self.files.values_mut().for_each(Segments::fill_disk),
            Happening::DiskIsDamaged => self.files.values_mut().for_each(Segments::damage_newest),
        }
        self.orders.extend(self.outbox.take_orders());
        let memory_bytes_max = SMALL.memory_bytes + (TRIALS as usize * INTERVAL_BYTES) as u64;
        assert!(self.outbox.memory_bytes <= memory_bytes_max, "{} bytes", self.outbox.memory_bytes);
        assert!(self.outbox.disk_bytes <= SMALL.disk_bytes);
    }

    /// Carries out one order, as the spill does: on real files.
    fn work_on_disk(&mut self) {
        let Some(order) = self.orders.pop_front() else { return };
        let reports = spill::carry_out(self.folder.path(), &mut self.files, order);
        for lost in reports.into_iter().filter_map(|report| self.outbox.hear(report)).collect::<Vec<_>>() {
            let known = &mut self.lost[lost.trial.trial.0 as usize];
            *known = Some(known.map_or(lost.from_sequence, |known| known.min(lost.from_sequence)));
        }
    }

    /// Lets everything that is under way come to its end.
    fn settle(&mut self) {
        use Happening::{AckArrives, Arrives, DiskWorks, Send};
        for _ in 0..2_000 {
            [DiskWorks, DiskWorks, Send, Arrives, AckArrives]
                .iter()
                .for_each(|happening| self.pass(happening));
        }
    }

    /// What the coordinator has is what was measured: all of it, or all before what was told to be lost.
    fn check(&self) {
        for number in 0..TRIALS {
            let at = number as usize;
            let promised = self.lost[at].unwrap_or(self.measured[at]);
            let expected: Vec<_> = (0..promised).map(|sequence| interval(number, sequence)).collect();
            assert_eq!(self.stored[at], expected);
        }
        let outbox = &self.outbox;
        assert!(outbox.is_empty(), "{outbox:?}");
        assert_eq!((outbox.memory_bytes, outbox.disk_bytes, outbox.writing_bytes), (0, 0, 0));
    }
}

proptest! {
    #[test]
    fn counted_once(happenings in prop::collection::vec(happening(), 1..400), credit in 1_u32..8) {
        let mut world = World::new(credit);
        happenings.iter().for_each(|happening| world.pass(happening));
        world.settle();
        prop_assert_eq!(world.lost, [None; TRIALS as usize]);
        world.check();
    }

    #[test]
    fn what_a_broken_disk_loses_is_told_and_all_before_it_is_counted_once(happenings in prop::collection::vec(mishap(), 1..400), credit in 1_u32..8) {
        let mut world = World::new(credit);
        happenings.iter().for_each(|happening| world.pass(happening));
        world.settle();
        world.check();
    }
}

#[test]
fn an_outbox_that_is_full_says_so_and_keeps_what_it_has() {
    let bounds = Bounds { memory_bytes: 10, disk_bytes: record::size_bytes(10) };
    let mut outbox = Outbox::new(bounds);
    let interval = |sequence| Numbered { trial: trial(0), sequence, bytes: vec![0; 10] };
    assert_eq!((outbox.push(interval(0)), outbox.push(interval(1))), (Ok(()), Ok(())));
    let refused = outbox.push(interval(2)).unwrap_err().to_string();
    assert!(refused.contains("10B in memory and 26B on disk") && refused.contains("--data-max"), "{refused}");
    assert_eq!(outbox.next_batch(8), [interval(0)]);
}

#[test]
fn an_interval_that_nobody_would_take_is_refused() {
    let bytes = vec![0; INTERVAL_BYTES_MAX + 1];
    let refused = Outbox::default().push(Numbered { trial: trial(0), sequence: 0, bytes });
    assert_eq!(refused, Err(Refused::TooLarge { size_bytes: INTERVAL_BYTES_MAX + 1 }));
}

#[test]
fn a_disk_that_does_not_keep_up_holds_intervals_up_elsewhere() {
    let mut outbox = Outbox::new(Bounds { memory_bytes: 0, ..Bounds::default() });
    let large = |sequence| Numbered { trial: trial(0), sequence, bytes: vec![0; INTERVAL_BYTES_MAX] };
    (0..2).for_each(|sequence| outbox.push(large(sequence)).unwrap());
    assert!(outbox.is_full());
    outbox.hear(SpillReport::Written { size_bytes: INTERVAL_BYTES_MAX as u64 });
    assert!(!outbox.is_full());
}

#[test]
fn a_forgotten_trial_leaves_the_others() {
    let mut outbox = Outbox::default();
    outbox.push(interval(0, 0)).unwrap();
    outbox.push(interval(1, 0)).unwrap();
    outbox.forget(trial(0));
    assert_eq!(outbox.next_batch(8), [interval(1, 0)]);
    assert!(outbox.next_batch(8).is_empty());
    outbox.rewind();
    assert_eq!(outbox.next_batch(8), [interval(1, 0)]);
}

#[test]
fn the_files_of_a_forgotten_trial_are_discarded() {
    let mut outbox = Outbox::new(Bounds { memory_bytes: 0, ..SMALL });
    outbox.push(interval(0, 1)).unwrap();
    outbox.take_orders();
    outbox.forget(trial(0));
    assert_eq!(outbox.take_orders(), [SpillOrder::Discard(SpillId::default().next())]);
    assert_eq!((outbox.memory_bytes, outbox.disk_bytes), (0, 0));
}
