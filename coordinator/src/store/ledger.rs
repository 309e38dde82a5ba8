//! The ledger: an append-only text file beside the database that names every run that must be in it.
//!
//! sled can lose whole keys without a word, a run's own record among them. So each run's creation, end and
//! removal is also a line here, with a CRC, fsynced on its own. What the ledger names and the database does
//! not have is damaged; what the database has and the ledger does not name is damaged too.
//!
//! Rooms: [`mod@line`], the form of one line; [`baselines`], which baselines there must be.

pub mod baselines;
pub mod line;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use shared::ids::{BaselineName, RunId};

use baselines::BaselineEntries;
pub use line::BaselineEvent;
pub use line::{Birth, Ending, Event};

use super::error::Damage;
use line::{Line, LineError};

/// The ledger's file name.
pub const FILE_NAME: &str = "runs.ledger";
/// Longest line that is read; ours have at most 250 bytes. Longer ones are taken as several damaged lines.
const LINE_BYTES_MAX: u64 = 1024;
/// Damaged lines kept to be named one by one; a ledger with more of them is lost anyway.
const DAMAGED_LINES_MAX: usize = 1_000;

/// Where a run stands by the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its creation was begun; it was acknowledged only if the database has it.
    Creating,
    /// It is there and goes on.
    Created,
    /// Its end was begun; it was acknowledged only if the database has it.
    Finishing(Ending),
    /// It is whole if it fits this.
    Finished(Ending),
    /// Its intervals are being replaced: it is whole if it fits the ending that its manifest in the database speaks of.
    Replacing {
        /// With the old intervals.
        from: Ending,
        /// With the new ones.
        to: Ending,
    },
    /// Its removal was begun.
    Removing,
}

impl Standing {
    /// Whether it was finished, whichever of its intervals it has.
    pub fn is_finished(&self) -> bool {
        matches!(self, Standing::Finished(_) | Standing::Replacing { .. })
    }
}

/// What the ledger says of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is called; `None`: the lines that said so are damaged.
    pub birth: Option<Birth>,
    /// Where it stands.
    pub standing: Standing,
}

/// The ledger, open for appending, with all that it says of runs that were not removed.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    file: File,
    /// Length up to which the file holds whole lines; what a failed append left behind lies after it.
    whole_bytes: u64,
    entries: BTreeMap<RunId, Entry>,
    /// Runs of which the database may still hold something that nobody shall see.
    removed: BTreeSet<RunId>,
    baselines: BaselineEntries,
    damage: Vec<Damage>,
}

impl Ledger {
    /// Opens the ledger of a store's directory, or begins one. A last line without its end is what a crash
    /// leaves of an append that nobody was told of: it is cut off.
    ///
    /// # Errors
    /// When the file cannot be read or written, or was written by a newer fleetmark (`InvalidData`).
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE_NAME);
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        let mut ledger = Self {
            path,
            file,
            whole_bytes: 0,
            entries: BTreeMap::new(),
            removed: BTreeSet::new(),
            baselines: BaselineEntries::default(),
            damage: Vec::new(),
        };
        ledger.read_all()?;
        sync_directory(directory)?;
        Ok(ledger)
    }

    /// Appends one line, durably.
    ///
    /// # Errors
    /// When it cannot be written; the ledger is then as before.
    pub fn append(&mut self, run: RunId, event: Event) -> io::Result<()> {
        self.append_line(&line::write(run, &event))?;
        self.apply(run, event);
        Ok(())
    }

    /// Appends one line about a baseline, durably.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn append_baseline(&mut self, name: &BaselineName, event: BaselineEvent) -> io::Result<()> {
        self.append_line(&line::write_baseline(name, &event))?;
        self.baselines.apply(name.clone(), event);
        Ok(())
    }

    fn append_line(&mut self, line: &str) -> io::Result<()> {
        self.file.set_len(self.whole_bytes)?;
        self.file.seek(SeekFrom::Start(self.whole_bytes))?;
        self.file.write_all(line.as_bytes())?;
        self.file.sync_all()?;
        self.whole_bytes += line.len() as u64;
        Ok(())
    }

    /// Writes the ledger anew with these entries of runs only, and all baselines, in place of the old one, durably.
    ///
    /// # Errors
    /// When it cannot be written; the ledger is then as before.
    pub fn rewrite(&mut self, entries: BTreeMap<RunId, Entry>) -> io::Result<()> {
        let new_path = self.path.with_extension("ledger.new");
        let mut new_file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&new_path)?;
        let mut text = String::new();
        for (run, entry) in &entries {
            events_of(entry).iter().for_each(|event| text.push_str(&line::write(*run, event)));
        }
        self.baselines.forget_removed();
        text.push_str(&self.baselines.lines());
        let replaced = new_file
            .write_all(text.as_bytes())
            .and_then(|()| new_file.sync_all())
            .and_then(|()| fs::rename(&new_path, &self.path));
        if let Err(error) = replaced {
            // The old ledger is untouched; a leftover of the new one is overwritten by the next attempt.
            drop(fs::remove_file(&new_path));
            return Err(error);
        }
        if let Some(directory) = self.path.parent() {
            sync_directory(directory)?;
        }
        self.file = new_file;
        self.whole_bytes = text.len() as u64;
        self.entries = entries;
        self.removed.clear();
        self.damage.clear();
        Ok(())
    }

    /// What it says of a run; `None`: nothing, or that it was removed.
    pub fn entry(&self, run: RunId) -> Option<&Entry> {
        self.entries.get(&run)
    }

    /// Whether a run was removed since the ledger was last written anew.
    pub fn has_removed(&self, run: RunId) -> bool {
        self.removed.contains(&run)
    }

    /// All runs that were not removed, oldest first.
    pub fn entries(&self) -> &BTreeMap<RunId, Entry> {
        &self.entries
    }

    /// Which baselines there must be.
    pub fn baselines(&self) -> &BaselineEntries {
        &self.baselines
    }

    /// Lines that cannot be read.
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    fn read_all(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(self.file.try_clone()?);
        reader.seek(SeekFrom::Start(0))?;
        let mut line = Vec::new();
        let mut number = 0;
        loop {
            line.clear();
            let length = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
            let is_at_end = reader.fill_buf()?.is_empty();
            if length == 0 || (is_at_end && !line.ends_with(b"\n") && self.is_torn(&line)) {
                return Ok(());
            }
            number += 1;
            self.whole_bytes += length;
            self.read_line(number, line.strip_suffix(b"\n").unwrap_or(&line))?;
        }
    }

    /// Whether the last line, which has no end, may be what a crash left: anything as short as a line is.
    fn is_torn(&self, line: &[u8]) -> bool {
        (line.len() as u64) < LINE_BYTES_MAX
    }

    fn read_line(&mut self, number: u64, line: &[u8]) -> io::Result<()> {
        match line::read(line) {
            Ok(Line::Run(run, event)) => self.apply(run, event),
            Ok(Line::Baseline(name, event)) => self.baselines.apply(name, event),
            Err(LineError::Damaged) if self.damage.len() < DAMAGED_LINES_MAX => {
                let run = line::guess_run(line);
                self.damage.push(Damage { run, what: format!("line {number} of {FILE_NAME} is damaged") });
            }
            Err(LineError::Damaged) => {}
            Err(LineError::Newer) => {
                let message =
                    format!("line {number} of {} was written by a newer fleetmark", self.path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(())
    }

    fn apply(&mut self, run: RunId, event: Event) {
        if event != Event::Removed {
            self.removed.remove(&run);
        }
        let standing = match event {
            Event::Removed => {
                self.entries.remove(&run);
                self.removed.insert(run);
                return;
            }
            Event::Creating(birth) | Event::Created(birth) if self.is_finished(run) => {
                // A finished run stays one: only a damaged or doubled ledger says this.
                self.entries.entry(run).and_modify(|entry| entry.birth = Some(birth));
                return;
            }
            Event::Creating(birth) => {
                self.entries.insert(run, Entry { birth: Some(birth), standing: Standing::Creating });
                return;
            }
            Event::Created(birth) => {
                self.entries.insert(run, Entry { birth: Some(birth), standing: Standing::Created });
                return;
            }
            Event::Finishing(ending) => Standing::Finishing(ending),
            Event::Finished(ending) => Standing::Finished(ending),
            Event::Replacing(to) => match self.entries.get(&run).map(|entry| &entry.standing) {
                Some(Standing::Finished(from)) => Standing::Replacing { from: *from, to },
                // Only a ledger that lost lines says this: which intervals there were is not known.
                _ => Standing::Replacing { from: to, to },
            },
            Event::Removing => Standing::Removing,
        };
        let entry = self.entries.entry(run).or_insert(Entry { birth: None, standing: standing.clone() });
        entry.standing = standing;
    }

    fn is_finished(&self, run: RunId) -> bool {
        self.entries.get(&run).is_some_and(|entry| entry.standing.is_finished())
    }
}

/// The lines that say of a run what its entry says.
fn events_of(entry: &Entry) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(birth) = &entry.birth {
        events.push(Event::Creating(birth.clone()));
        if entry.standing != Standing::Creating {
            events.push(Event::Created(birth.clone()));
        }
    }
    match entry.standing {
        Standing::Creating | Standing::Created => {}
        Standing::Finishing(ending) => events.push(Event::Finishing(ending)),
        Standing::Finished(ending) => events.extend([Event::Finishing(ending), Event::Finished(ending)]),
        Standing::Replacing { from, to } => {
            events.extend([Event::Finishing(from), Event::Finished(from), Event::Replacing(to)]);
        }
        Standing::Removing => events.push(Event::Removing),
    }
    events
}

/// Makes the names in a directory durable: a file's own fsync does not.
///
/// # Errors
/// When the directory cannot be opened or synced.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests;
