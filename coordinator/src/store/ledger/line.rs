//! One line of the ledger: CRC, version, and what happened to which run.
//!
//! ```text
//! 5f3a90c1 1 finished 0199…-…  3000 e3b0c442…
//! 0b1f22d0 1 baseline-set main 9c56cc51…
//! ```

use shared::ids::{BaselineName, Name, RunId};

use crate::store::manifest::{Digest, IntervalTally};

/// The newest form of lines that this version knows.
const VERSION: &str = "1";

/// Something that happened to a run. What a store does comes as a pair: the intent, on disk before the
/// database is touched, and the fact, on disk before the caller is answered. So a crash between the two
/// is told apart from damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It is about to be created.
    Creating(Birth),
    /// It has been created.
    Created(Birth),
    /// It is about to be finished.
    Finishing(Ending),
    /// It has been finished, or its intervals have been replaced.
    Finished(Ending),
    /// Its intervals are about to be replaced.
    Replacing(Ending),
    /// It is about to be removed.
    Removing,
    /// It has been removed.
    Removed,
}

/// Something that happened to a baseline. Setting comes as a pair, intent and fact, like what happens to runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaselineEvent {
    /// It is about to be what has this digest.
    Setting(Digest),
    /// It is what has this digest.
    Set(Digest),
    /// It has been removed.
    Removed,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Something of a run.
    Run(RunId, Event),
    /// Something of a baseline.
    Baseline(BaselineName, BaselineEvent),
}

/// By what name a person knows a run whose record is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Birth {
    /// The job's name.
    pub name: Name,
    /// When it was submitted, milliseconds since 1970 UTC.
    pub submitted_at_ms: u64,
}

/// Against what a finished run is verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Digest of the manifest's JSON.
    pub manifest_sha256: Digest,
    /// The manifest's tally of intervals, so that a lost manifest can still be told in numbers.
    pub intervals: IntervalTally,
}

/// Why a line cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// Its checksum does not fit, or it makes no sense.
    Damaged,
    /// Its checksum fits, and its version is one of the future.
    Newer,
}

/// Writes a line about a run, its end included.
pub fn write(run: RunId, event: &Event) -> String {
    let body = match event {
        Event::Creating(birth) => format!("creating {run} {} {}", birth.submitted_at_ms, birth.name),
        Event::Created(birth) => format!("created {run} {} {}", birth.submitted_at_ms, birth.name),
        Event::Finishing(ending) => format!("finishing {run} {}", ending_fields(ending)),
        Event::Finished(ending) => format!("finished {run} {}", ending_fields(ending)),
        Event::Replacing(ending) => format!("replacing {run} {}", ending_fields(ending)),
        Event::Removing => format!("removing {run}"),
        Event::Removed => format!("removed {run}"),
    };
    sealed(&body)
}

/// Writes a line about a baseline, its end included.
pub fn write_baseline(name: &BaselineName, event: &BaselineEvent) -> String {
    sealed(&match event {
        BaselineEvent::Setting(digest) => format!("baseline-setting {name} {digest}"),
        BaselineEvent::Set(digest) => format!("baseline-set {name} {digest}"),
        BaselineEvent::Removed => format!("baseline-removed {name}"),
    })
}

fn sealed(body: &str) -> String {
    let body = format!("{VERSION} {body}");
    format!("{:08x} {body}\n", crc32fast::hash(body.as_bytes()))
}

/// Reads a line without its end.
pub fn read(line: &[u8]) -> Result<Line, LineError> {
    let line = std::str::from_utf8(line).map_err(|_| LineError::Damaged)?;
    let (crc, body) = line.split_once(' ').ok_or(LineError::Damaged)?;
    if crc != format!("{:08x}", crc32fast::hash(body.as_bytes())) {
        return Err(LineError::Damaged);
    }
    let (version, body) = body.split_once(' ').ok_or(LineError::Damaged)?;
    if version != VERSION {
        return Err(LineError::Newer);
    }
    parse_body(body).ok_or(LineError::Damaged)
}

/// The run that a damaged line was probably about, for the message that names it.
pub fn guess_run(line: &[u8]) -> Option<RunId> {
    String::from_utf8_lossy(line).split(' ').find_map(|field| field.parse().ok())
}

fn ending_fields(ending: &Ending) -> String {
    format!("{} {} {}", ending.intervals.count, ending.intervals.sha256, ending.manifest_sha256)
}

fn parse_body(body: &str) -> Option<Line> {
    let fields: Vec<&str> = body.split(' ').collect();
    let baseline = match fields.as_slice() {
        ["baseline-setting", name, digest] => Some((name, BaselineEvent::Setting(digest.parse().ok()?))),
        ["baseline-set", name, digest] => Some((name, BaselineEvent::Set(digest.parse().ok()?))),
        ["baseline-removed", name] => Some((name, BaselineEvent::Removed)),
        _ => None,
    };
    if let Some((name, event)) = baseline {
        return Some(Line::Baseline(name.parse().ok()?, event));
    }
    let run = fields.get(1)?.parse().ok()?;
    let event = match fields.as_slice() {
        ["creating", _, submitted, name] => Event::Creating(parse_birth(submitted, name)?),
        ["created", _, submitted, name] => Event::Created(parse_birth(submitted, name)?),
        ["finishing", _, count, intervals, manifest] => {
            Event::Finishing(parse_ending(count, intervals, manifest)?)
        }
        ["finished", _, count, intervals, manifest] => {
            Event::Finished(parse_ending(count, intervals, manifest)?)
        }
        ["replacing", _, count, intervals, manifest] => {
            Event::Replacing(parse_ending(count, intervals, manifest)?)
        }
        ["removing", _] => Event::Removing,
        ["removed", _] => Event::Removed,
        _ => return None,
    };
    Some(Line::Run(run, event))
}

fn parse_birth(submitted: &str, name: &str) -> Option<Birth> {
    Some(Birth { name: name.parse().ok()?, submitted_at_ms: submitted.parse().ok()? })
}

fn parse_ending(count: &str, intervals: &str, manifest: &str) -> Option<Ending> {
    Some(Ending {
        manifest_sha256: manifest.parse().ok()?,
        intervals: IntervalTally { count: count.parse().ok()?, sha256: intervals.parse().ok()? },
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all_events() -> Vec<Event> {
        let birth = Birth { name: Name::new("session-status").unwrap(), submitted_at_ms: 1_700_000_000_000 };
        let intervals = IntervalTally { count: 3_000, sha256: Digest::of(b"intervals") };
        let ending = Ending { manifest_sha256: Digest::of(b"manifest"), intervals };
        vec![
            Event::Creating(birth.clone()),
            Event::Created(birth),
            Event::Finishing(ending),
            Event::Finished(ending),
            Event::Replacing(ending),
            Event::Removing,
            Event::Removed,
        ]
    }

    #[test]
    fn every_event_reads_back() {
        let run = RunId::new(1, [2; 10]);
        for event in all_events() {
            let line = write(run, &event);
            assert_eq!(read(line.trim_end().as_bytes()), Ok(Line::Run(run, event)));
        }
    }

    #[test]
    fn what_happened_to_a_baseline_reads_back() {
        let (name, digest) = (BaselineName::new("v1.2").unwrap(), Digest::of(b"a baseline"));
        for event in [BaselineEvent::Setting(digest), BaselineEvent::Set(digest), BaselineEvent::Removed] {
            let line = write_baseline(&name, &event);
            assert_eq!(read(line.trim_end().as_bytes()), Ok(Line::Baseline(name.clone(), event)));
        }
    }

    #[test]
    fn a_newer_line_is_told_apart_from_damage() {
        let body = "2 exploded 0 0";
        let line = format!("{:08x} {body}", crc32fast::hash(body.as_bytes()));
        assert_eq!(read(line.as_bytes()), Err(LineError::Newer));
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(which in 0..6_usize, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut line = write(RunId::new(1, [2; 10]), &all_events()[which]).trim_end().as_bytes().to_vec();
            let at = at.index(line.len());
            prop_assume!(line[at] != byte);
            line[at] = byte;
            prop_assert_eq!(read(&line), Err(LineError::Damaged));
        }
    }
}
