//! Values as they lie in the database: sealed, cut into chunks, put together again and opened.

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::ids::{RunId, TrialKey};

use crate::store::envelope::{self, EnvelopeError, PAYLOAD_BYTES_MAX};
use crate::store::error::StoreError;
use crate::store::{CachedReport, StoredInterval, within};

use super::database::{CHUNK_BYTES_MAX, Database, Fault, Scan, Shelf, Writes};
use super::keys::{self, Kind, RUN_BYTES, Row, ValueKey};

/// Why a value, or a whole run, cannot be read.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// The database did not do its part.
    Fault(Fault),
    /// What it gave cannot be trusted.
    Damage(String),
    /// It is from the future.
    Newer(u16),
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Fault(fault)
    }
}

/// Adds a value to `writes`, and takes away what an earlier, longer one would leave behind it.
pub(super) fn put(
    database: &Database,
    shelf: Shelf,
    writes: &mut Writes,
    key: ValueKey,
    payload: &[u8],
) -> Result<(), Fault> {
    let envelope = envelope::seal(key.as_bytes(), payload);
    let chunks = u32::try_from(envelope.len().div_ceil(CHUNK_BYTES_MAX)).expect("payloads are bounded");
    if database.has(shelf, &key.chunk(chunks))? {
        for stale in database.scan(shelf, key.as_bytes()) {
            let (stale, _) = stale?;
            if stale.as_ref() >= key.chunk(chunks).as_slice() {
                writes.remove_chunk(&stale);
            }
        }
    }
    writes.put(key, &envelope);
    Ok(())
}

/// The payload stored under a key; `None`: nothing is.
pub(super) fn get(database: &Database, shelf: Shelf, key: ValueKey) -> Result<Option<Vec<u8>>, Trouble> {
    Values::new(database.scan(shelf, key.as_bytes()))
        .next()
        .transpose()
        .map(|value| value.map(|(_, payload)| payload))
}

/// A value of which a run has just one, decoded from JSON; `None`: there is none.
pub(super) fn get_json<T: DeserializeOwned>(
    database: &Database,
    run: RunId,
    kind: Kind,
) -> Result<Option<(T, Vec<u8>)>, Trouble> {
    let Some(payload) =
        get(database, Shelf::Runs, ValueKey::of_run(run, kind)).map_err(|trouble| named(kind, trouble))?
    else {
        return Ok(None);
    };
    let value = serde_json::from_slice(&payload)
        .map_err(|error| Trouble::Damage(format!("its {} does not decode: {error}", noun(kind))))?;
    Ok(Some((value, payload)))
}

/// The cached report of a run; `None`: there is none.
pub(super) fn get_report(database: &Database, run: RunId) -> Result<Option<CachedReport>, Trouble> {
    let key = ValueKey::of_run(run, Kind::Report);
    let Some(payload) = get(database, Shelf::Runs, key).map_err(|trouble| named(Kind::Report, trouble))?
    else {
        return Ok(None);
    };
    decode_report(&payload).map(Some).ok_or_else(|| Trouble::Damage("its report does not decode".to_owned()))
}

/// A report as a payload: the version's length and text, then the JSON.
pub(super) fn encode_report(report: &CachedReport) -> Vec<u8> {
    let version = report.analysis_version.as_bytes();
    let mut payload = Vec::with_capacity(4 + version.len() + report.json.len());
    payload.extend_from_slice(&(version.len() as u32).to_be_bytes());
    payload.extend_from_slice(version);
    payload.extend_from_slice(&report.json);
    payload
}

fn decode_report(payload: &[u8]) -> Option<CachedReport> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    let (version, json) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    Some(CachedReport { analysis_version: String::from_utf8(version.to_vec()).ok()?, json: json.to_vec() })
}

/// JSON of something that is stored, if it is not too large.
pub(super) fn to_json(value: &impl Serialize, what: &str) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(value).map_err(|error| StoreError::Database {
        doing: format!("store {what}"),
        reason: error.to_string(),
    })?;
    within(&json, PAYLOAD_BYTES_MAX, what)?;
    Ok(json)
}

/// All intervals in a row of a run in key order, one in memory at a time.
pub(super) fn intervals(
    database: &Database,
    run: RunId,
    row: Row,
) -> impl Iterator<Item = Result<StoredInterval, Trouble>> + use<> {
    intervals_under(database, &keys::of_row(run, row))
}

/// The intervals of one attempt at a trial in key order, one in memory at a time.
pub(super) fn intervals_of_trial(
    database: &Database,
    trial: TrialKey,
    row: Row,
) -> impl Iterator<Item = Result<StoredInterval, Trouble>> + use<> {
    intervals_under(database, &keys::of_trial(row, trial))
}

fn intervals_under(
    database: &Database,
    prefix: &[u8],
) -> impl Iterator<Item = Result<StoredInterval, Trouble>> + use<> {
    Values::new(database.scan(Shelf::Intervals, prefix)).map(|value| {
        let (key, bytes) = value.map_err(|trouble| named(Kind::Interval, trouble))?;
        let (trial, agent, sequence) = key
            .interval()
            .ok_or_else(|| Trouble::Damage("among its intervals lies something else".to_owned()))?;
        Ok(StoredInterval { trial, agent, sequence, bytes })
    })
}

/// Values out of a scan over chunks.
pub(super) struct Values {
    scan: std::iter::Peekable<Scan>,
}

impl Values {
    /// Puts the chunks of a scan together.
    pub(super) fn new(scan: Scan) -> Self {
        Self { scan: scan.peekable() }
    }

    fn assemble(&mut self, first: (::sled::IVec, ::sled::IVec)) -> Result<(ValueKey, Vec<u8>), Trouble> {
        let strange = || Trouble::Damage("a key that fleetmark did not write".to_owned());
        let (key, number) = ValueKey::of_key(&first.0).ok_or_else(strange)?;
        let mut sealed = first.1.to_vec();
        let mut is_whole = number == 0;
        let mut expected: u32 = 1;
        let is_of_value = |next: &Result<(::sled::IVec, ::sled::IVec), Fault>| match next {
            Ok((next, _)) => next.starts_with(key.as_bytes()),
            Err(_) => true,
        };
        while let Some(next) = self.scan.next_if(is_of_value) {
            let (next, chunk) = next?;
            is_whole &= ValueKey::of_key(&next) == Some((key, expected));
            expected = expected.saturating_add(1);
            if sealed.len() <= PAYLOAD_BYTES_MAX {
                sealed.extend_from_slice(&chunk);
            }
        }
        if !is_whole {
            return Err(Trouble::Damage("a part of it is gone".to_owned()));
        }
        match envelope::open(key.as_bytes(), &sealed) {
            Ok(payload) => Ok((key, payload)),
            Err(EnvelopeError::Newer(schema)) => Err(Trouble::Newer(schema)),
            Err(error) => Err(Trouble::Damage(error.to_string())),
        }
    }
}

impl Iterator for Values {
    type Item = Result<(ValueKey, Vec<u8>), Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.scan.next()? {
            Ok(first) => Some(self.assemble(first)),
            Err(fault) => Some(Err(fault.into())),
        }
    }
}

/// Says which of a run's values the trouble is with.
pub(super) fn named(kind: Kind, trouble: Trouble) -> Trouble {
    match trouble {
        Trouble::Damage(what) => Trouble::Damage(format!("its {}: {what}", noun(kind))),
        Trouble::Fault(Fault::Corrupt(what)) => Trouble::Damage(format!("its {}: {what}", noun(kind))),
        other => other,
    }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Record => "record",
        Kind::Summary => "summary",
        Kind::Manifest => "manifest",
        Kind::Report => "report",
        Kind::File => "attached file",
        Kind::Interval | Kind::SecondInterval => "intervals",
        Kind::Figures => "figures",
        Kind::Baseline => "baseline",
    }
}

/// Takes all that is stored of a run out of one shelf, in batches.
pub(super) fn remove_run(database: &Database, shelf: Shelf, run: RunId) -> Result<(), Fault> {
    remove_under(database, shelf, &run.as_bytes()[..RUN_BYTES])
}

/// Takes all intervals out of a row of a run, in batches.
pub(super) fn remove_row(database: &Database, run: RunId, row: Row) -> Result<(), Fault> {
    remove_under(database, Shelf::Intervals, &keys::of_row(run, row))
}

/// Takes one value out, all its chunks.
pub(super) fn remove_value(database: &Database, shelf: Shelf, key: ValueKey) -> Result<(), Fault> {
    remove_under(database, shelf, key.as_bytes())
}

fn remove_under(database: &Database, shelf: Shelf, prefix: &[u8]) -> Result<(), Fault> {
    /// Keys removed at once: their batch stays below one segment of sled's log.
    const KEYS_MAX: usize = 1_000;
    loop {
        let mut writes = Writes::default();
        let mut count = 0;
        for entry in database.scan(shelf, prefix).take(KEYS_MAX) {
            writes.remove_chunk(&entry?.0);
            count += 1;
        }
        if count == 0 {
            return Ok(());
        }
        database.apply(shelf, writes)?;
    }
}
