//! Keys: run | kind | series | sequence | chunk, big-endian, so that a scan goes run by run and in order.

use sha2::{Digest as _, Sha256};
use shared::ids::{AgentId, BaselineName, IntervalSequence, RunId, TrialIndex, TrialKey};

use crate::store::manifest::Manifest;

/// Bytes of the run id that every key begins with.
pub(super) const RUN_BYTES: usize = 16;
/// Bytes of a key without its chunk number: what one value is stored under.
pub(super) const VALUE_KEY_BYTES: usize = RUN_BYTES + 1 + SERIES_BYTES + 8;
/// Bytes of a whole key.
pub(super) const KEY_BYTES: usize = VALUE_KEY_BYTES + 4;

const SERIES_BYTES: usize = 24;
/// Bytes of a series that name the attempt at a trial; the agent follows.
const TRIAL_BYTES: usize = 8;
const KIND_AT: usize = RUN_BYTES;
const SERIES_AT: usize = KIND_AT + 1;
const SEQUENCE_AT: usize = SERIES_AT + SERIES_BYTES;

/// What a value is. The numbers are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// The run's record.
    Record = 1,
    /// Its line in lists.
    Summary = 2,
    /// Its manifest.
    Manifest = 3,
    /// Its cached report.
    Report = 4,
    /// A file that came with it.
    File = 5,
    /// An interval, in the tree of intervals.
    Interval = 6,
    /// The same, on the second row: intervals that replace others lie there until the manifest speaks of them.
    SecondInterval = 7,
    /// What it says in figures.
    Figures = 8,
    /// A baseline, in the tree of baselines, under no run.
    Baseline = 9,
}

/// Where in the tree of intervals a run's lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// Where they are appended.
    First,
    /// Where those lie that replaced them; others that replace these lie in the first row again.
    Second,
}

impl Row {
    /// The row that a manifest speaks of.
    pub(super) fn of(manifest: &Manifest) -> Self {
        if manifest.is_on_second_row { Row::Second } else { Row::First }
    }

    /// The row that is free.
    pub(super) fn other(self) -> Self {
        match self {
            Row::First => Row::Second,
            Row::Second => Row::First,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Row::First => Kind::Interval,
            Row::Second => Kind::SecondInterval,
        }
    }
}

/// Under which key a value is stored, its chunks aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ValueKey([u8; VALUE_KEY_BYTES]);

impl ValueKey {
    /// The key of a value of which a run has just one.
    pub(super) fn of_run(run: RunId, kind: Kind) -> Self {
        Self::new(run, kind, [0; SERIES_BYTES], 0)
    }

    /// The key of a file: paths can be long, so their digest stands for them.
    pub(super) fn of_file(run: RunId, path: &str) -> Self {
        let mut series = [0; SERIES_BYTES];
        series.copy_from_slice(&Sha256::digest(path.as_bytes())[..SERIES_BYTES]);
        Self::new(run, Kind::File, series, 0)
    }

    /// The key of a baseline, which belongs to no run.
    pub(super) fn of_baseline(name: &BaselineName) -> Self {
        let mut series = [0; SERIES_BYTES];
        series.copy_from_slice(&Sha256::digest(name.as_str().as_bytes())[..SERIES_BYTES]);
        Self::new(RunId::new(0, [0; 10]), Kind::Baseline, series, 0)
    }

    /// The key of an interval.
    pub(super) fn of_interval(row: Row, trial: TrialKey, agent: AgentId, sequence: IntervalSequence) -> Self {
        let mut series = [0; SERIES_BYTES];
        series[..TRIAL_BYTES].copy_from_slice(&trial_bytes(trial));
        series[TRIAL_BYTES..].copy_from_slice(agent.as_bytes());
        Self::new(trial.run, row.kind(), series, sequence.0)
    }

    /// Reads the value's part of a whole key; `None`: not a key of ours.
    pub(super) fn of_key(key: &[u8]) -> Option<(Self, u32)> {
        let key: &[u8; KEY_BYTES] = key.try_into().ok()?;
        let mut value_key = [0; VALUE_KEY_BYTES];
        value_key.copy_from_slice(&key[..VALUE_KEY_BYTES]);
        (1..=Kind::Baseline as u8).contains(&value_key[KIND_AT]).then_some(())?;
        Some((Self(value_key), u32::from_be_bytes(array(&key[VALUE_KEY_BYTES..]))))
    }

    /// The key of one chunk of the value.
    pub(super) fn chunk(&self, number: u32) -> [u8; KEY_BYTES] {
        let mut key = [0; KEY_BYTES];
        key[..VALUE_KEY_BYTES].copy_from_slice(&self.0);
        key[VALUE_KEY_BYTES..].copy_from_slice(&number.to_be_bytes());
        key
    }

    /// The bytes that all chunks of the value begin with.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The run that it belongs to.
    pub(super) fn run(&self) -> RunId {
        run_of(&self.0).expect("a value key begins with a run id")
    }

    /// The address of an interval; `None`: it is something else.
    pub(super) fn interval(&self) -> Option<(TrialKey, AgentId, IntervalSequence)> {
        if ![Kind::Interval as u8, Kind::SecondInterval as u8].contains(&self.0[KIND_AT]) {
            return None;
        }
        let series = &self.0[SERIES_AT..SEQUENCE_AT];
        let trial = TrialKey {
            run: self.run(),
            trial: TrialIndex(u32::from_be_bytes(array(&series[..4]))),
            attempt: u32::from_be_bytes(array(&series[4..8])),
        };
        let agent = AgentId::from_bytes(&series[8..]).ok()?;
        Some((trial, agent, IntervalSequence(u64::from_be_bytes(array(&self.0[SEQUENCE_AT..])))))
    }

    fn new(run: RunId, kind: Kind, series: [u8; SERIES_BYTES], sequence: u64) -> Self {
        let mut key = [0; VALUE_KEY_BYTES];
        key[..RUN_BYTES].copy_from_slice(run.as_bytes());
        key[KIND_AT] = kind as u8;
        key[SERIES_AT..SEQUENCE_AT].copy_from_slice(&series);
        key[SEQUENCE_AT..].copy_from_slice(&sequence.to_be_bytes());
        Self(key)
    }
}

/// The run whose key this is; `None`: too short for any key of ours.
pub(super) fn run_of(key: &[u8]) -> Option<RunId> {
    RunId::from_bytes(key.get(..RUN_BYTES)?).ok()
}

/// What the keys of all intervals in a row of a run begin with.
pub(super) fn of_row(run: RunId, row: Row) -> [u8; SERIES_AT] {
    let mut prefix = [0; SERIES_AT];
    prefix[..RUN_BYTES].copy_from_slice(run.as_bytes());
    prefix[KIND_AT] = row.kind() as u8;
    prefix
}

/// What the keys of all intervals of one attempt at a trial begin with.
pub(super) fn of_trial(row: Row, trial: TrialKey) -> [u8; SERIES_AT + TRIAL_BYTES] {
    let mut prefix = [0; SERIES_AT + TRIAL_BYTES];
    prefix[..SERIES_AT].copy_from_slice(&of_row(trial.run, row));
    prefix[SERIES_AT..].copy_from_slice(&trial_bytes(trial));
    prefix
}

fn trial_bytes(trial: TrialKey) -> [u8; TRIAL_BYTES] {
    let mut bytes = [0; TRIAL_BYTES];
    bytes[..4].copy_from_slice(&trial.trial.0.to_be_bytes());
    bytes[4..].copy_from_slice(&trial.attempt.to_be_bytes());
    bytes
}

/// A key above all keys of a run.
pub(super) fn after_run(run: RunId) -> [u8; KEY_BYTES] {
    let mut key = [u8::MAX; KEY_BYTES];
    key[..RUN_BYTES].copy_from_slice(run.as_bytes());
    key
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the slice was cut to this length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_interval_s_key_reads_back(trial in any::<u32>(), attempt in any::<u32>(), agent in any::<[u8; 16]>(), sequence in any::<u64>(), chunk in any::<u32>(), is_second in any::<bool>()) {
            let trial = TrialKey { run: RunId::new(5, [1; 10]), trial: TrialIndex(trial), attempt };
            let (agent, sequence) = (AgentId::new(agent), IntervalSequence(sequence));
            let row = if is_second { Row::Second } else { Row::First };
            let key = ValueKey::of_interval(row, trial, agent, sequence);
            prop_assert_eq!(ValueKey::of_key(&key.chunk(chunk)), Some((key, chunk)));
            prop_assert_eq!(key.interval(), Some((trial, agent, sequence)));
            prop_assert!(key.as_bytes().starts_with(&of_trial(row, trial)));
            prop_assert!(key.chunk(chunk) <= after_run(trial.run));
        }

        #[test]
        fn keys_sort_as_their_intervals_do(one in any::<(u32, u32, u64)>(), two in any::<(u32, u32, u64)>()) {
            let key = |(trial, attempt, sequence): (u32, u32, u64)| {
                let trial = TrialKey { run: RunId::new(5, [1; 10]), trial: TrialIndex(trial), attempt };
                ValueKey::of_interval(Row::First, trial, AgentId::new([3; 16]), IntervalSequence(sequence))
            };
            prop_assert_eq!(key(one).cmp(&key(two)), one.cmp(&two));
        }

        #[test]
        fn strange_keys_are_told_apart(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some((key, chunk)) = ValueKey::of_key(&bytes) {
                prop_assert_eq!(key.chunk(chunk).to_vec(), bytes);
            }
        }
    }
}
