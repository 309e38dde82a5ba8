//! The files of one trial's spilled intervals: written at the end, read from the beginning, gone once read.
//!
//! The files have no names: nobody else can open them, only this process has them, and the kernel frees them when it
//! ends, by whatever means. They are cut into segments, so that what was read back is given back too.

use std::collections::VecDeque;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use shared::ids::TrialKey;

use super::Numbered;
use super::record::{self, HEADER_BYTES, Header, RecordError};
use super::spill::SpillId;

/// Bytes after which a new file is begun: what was read and is not yet given back is at most this and one interval.
pub(super) const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// Permission of the files: their owner's alone, whatever the process allows to others.
const FILE_MODE: u32 = 0o600;

/// Why an interval cannot be written or read back.
#[derive(Debug, thiserror::Error)]
pub(super) enum SegmentError {
    /// The disk is full, or broken.
    #[error("interval {sequence} cannot be written to a file in {}: {source}; give the agent another folder with --data", folder.display())]
    Write {
        /// The interval's number.
        sequence: u64,
        /// Where the file is.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be read as far as it was written.
    #[error("interval {sequence} cannot be read back from a file in {}: {source}", folder.display())]
    Read {
        /// The interval's number.
        sequence: u64,
        /// Where the file is.
        folder: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else than what was written.
    #[error("interval {sequence} is damaged in its file in {}: {source}", folder.display())]
    Damaged {
        /// The interval's number.
        sequence: u64,
        /// Where the file is.
        folder: PathBuf,
        /// What is wrong.
        source: RecordError,
    },
}

/// One trial's spilled intervals.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    spill: SpillId,
    trial: TrialKey,
    files: VecDeque<Segment>,
    /// The number of the record that is read next.
    next_sequence: u64,
    /// A record could not be written: what follows it would be out of order.
    is_broken: bool,
}

#[derive(Debug)]
struct Segment {
    file: File,
    written_bytes: u64,
    read_bytes: u64,
}

impl Segments {
    /// No files yet, in a folder that is there.
    pub(super) fn new(folder: &Path, spill: SpillId, trial: TrialKey) -> Self {
        let (folder, files) = (folder.to_owned(), VecDeque::new());
        Self { folder, spill, trial, files, next_sequence: 0, is_broken: false }
    }

    /// Writes an interval behind all others.
    ///
    /// # Errors
    /// When it cannot be written, or one before it could not.
    pub(super) fn write(&mut self, interval: &Numbered) -> Result<(), SegmentError> {
        // Since all was read back, others may have found room in memory.
        if self.files.is_empty() {
            self.next_sequence = interval.sequence;
        }
        let written = if self.is_broken {
            Err(io::Error::other("the one before it could not be written"))
        } else {
            self.append(&record::seal(self.spill, interval.sequence, &interval.bytes))
        };
        written.map_err(|source| {
            self.is_broken = true;
            SegmentError::Write { sequence: interval.sequence, folder: self.folder.clone(), source }
        })
    }

    /// Reads the oldest interval back.
    ///
    /// # Errors
    /// When it cannot be read, or is not what was written. Nothing after it can be read then either.
    pub(super) fn read(&mut self) -> Result<Numbered, SegmentError> {
        let sequence = self.next_sequence;
        let unreadable = |source| SegmentError::Read { sequence, folder: self.folder.clone(), source };
        let damaged = |source| SegmentError::Damaged { sequence, folder: self.folder.clone(), source };
        let segment = self
            .files
            .front_mut()
            .ok_or_else(|| unreadable(io::Error::other("nothing was written there")))?;
        let mut header = [0; HEADER_BYTES];
        segment.file.read_exact_at(&mut header, segment.read_bytes).map_err(unreadable)?;
        let header = Header::read(header, sequence).map_err(damaged)?;
        let mut bytes = vec![0; header.length];
        let at_bytes = segment.read_bytes + HEADER_BYTES as u64;
        segment.file.read_exact_at(&mut bytes, at_bytes).map_err(unreadable)?;
        header.check(self.spill, &bytes).map_err(damaged)?;
        segment.read_bytes = at_bytes + header.length as u64;
        if segment.read_bytes >= segment.written_bytes {
            self.files.pop_front();
        }
        self.next_sequence += 1;
        Ok(Numbered { trial: self.trial, sequence, bytes })
    }

    /// The number of the record that is read next.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    fn append(&mut self, record: &[u8]) -> io::Result<()> {
        if self.files.back().is_none_or(|segment| segment.written_bytes >= SEGMENT_BYTES) {
            let file = tempfile::tempfile_in(&self.folder)?;
            file.set_permissions(Permissions::from_mode(FILE_MODE))?;
            self.files.push_back(Segment { file, written_bytes: 0, read_bytes: 0 });
        }
        let segment = self.files.back_mut().expect("one was just made sure of");
        segment.file.write_all_at(record, segment.written_bytes)?;
        segment.written_bytes += record.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
impl Segments {
    /// From now on the disk takes nothing.
    pub(super) fn fill_disk(&mut self) {
        self.is_broken = true;
    }

    /// Changes the last byte that was written, if it was not read yet.
    pub(super) fn damage_newest(&mut self) {
        if let Some(segment) = self.files.back() {
            let (mut byte, at_bytes) = ([0], segment.written_bytes - 1);
            segment.file.read_exact_at(&mut byte, at_bytes).unwrap();
            segment.file.write_all_at(&[!byte[0]], at_bytes).unwrap();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use proptest::prelude::*;
    use shared::ids::{RunId, TrialIndex};

    use super::*;

    fn trial() -> TrialKey {
        TrialKey { run: RunId::new(1, [0; 10]), trial: TrialIndex(0), attempt: 0 }
    }

    fn interval(sequence: u64, length: usize) -> Numbered {
        Numbered { trial: trial(), sequence, bytes: vec![sequence as u8; length] }
    }

    fn segments(folder: &Path) -> Segments {
        Segments::new(folder, SpillId::default(), trial())
    }

    proptest! {
        #[test]
        fn what_is_read_back_is_what_was_written(lengths in prop::collection::vec(0..3_000_usize, 1..40), reads in prop::collection::vec(any::<bool>(), 40)) {
            let folder = tempfile::tempdir().unwrap();
            let mut segments = segments(folder.path());
            let mut read = Vec::new();
            for (sequence, length) in lengths.iter().enumerate() {
                segments.write(&interval(sequence as u64, *length)).unwrap();
                if reads[sequence] {
                    read.push(segments.read().unwrap());
                }
            }
            while read.len() < lengths.len() {
                read.push(segments.read().unwrap());
            }
            let written: Vec<_> = lengths.iter().enumerate().map(|(sequence, length)| interval(sequence as u64, *length)).collect();
            prop_assert_eq!(read, written);
            prop_assert!(segments.files.is_empty());
        }

        #[test]
        fn any_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let folder = tempfile::tempdir().unwrap();
            let mut segments = segments(folder.path());
            segments.write(&interval(0, 100)).unwrap();
            let file = &segments.files[0].file;
            let at = at.index(HEADER_BYTES + 100) as u64;
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
            prop_assert!(segments.read().is_err());
        }
    }

    #[test]
    fn a_file_that_was_cut_short_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = segments(folder.path());
        segments.write(&interval(0, 100)).unwrap();
        segments.files[0].file.set_len(60).unwrap();
        let error = segments.read().unwrap_err().to_string();
        assert!(error.starts_with("interval 0 cannot be read back"), "{error}");
    }

    #[test]
    fn files_that_were_read_go_on_with_a_later_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = segments(folder.path());
        for sequence in [3, 7] {
            segments.write(&interval(sequence, 10)).unwrap();
            assert_eq!(segments.read().unwrap(), interval(sequence, 10));
        }
        assert!(segments.read().is_err(), "nothing is left");
    }

    #[test]
    fn a_record_of_another_spill_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let mut ours = segments(folder.path());
        let mut theirs = Segments::new(folder.path(), SpillId::default().next(), trial());
        theirs.write(&interval(0, 10)).unwrap();
        ours.files = theirs.files;
        assert!(matches!(ours.read(), Err(SegmentError::Damaged { source: RecordError::Checksum, .. })));
    }

    #[test]
    fn what_was_read_is_given_back_and_nobody_else_can_open_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = segments(folder.path());
        for sequence in 0..12 {
            segments.write(&interval(sequence, 1024 * 1024)).unwrap();
        }
        assert_eq!(segments.files.len(), 3);
        let metadata = segments.files[0].file.metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, FILE_MODE));
        (0..8).for_each(|_| drop(segments.read().unwrap()));
        assert_eq!(segments.files.len(), 1);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the files have no names");
    }

    #[test]
    fn after_a_write_that_failed_nothing_is_written_out_of_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut segments = segments(&folder.path().join("gone"));
        let error = segments.write(&interval(0, 10)).unwrap_err().to_string();
        assert!(error.contains("gone") && error.contains("--data"), "{error}");
        segments.folder = folder.path().to_owned();
        assert!(segments.write(&interval(1, 10)).is_err());
    }
}
