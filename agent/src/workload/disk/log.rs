//! The kernel `fsync/1`: a record is appended and made durable, as write-ahead logs do for every transaction.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::place::Place;
use super::settings::Settings;
use crate::workload::hardware::numbers::Numbers;

/// Bytes of a record: those that etcd's makers found its log to write.
const RECORD_BYTES: usize = 2_300;
/// How long the file gets before it is begun anew, bytes.
pub(super) const FILE_BYTES_MAX: u64 = 22 << 20;

/// A file that grows record by record; a worker's own.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    record: Vec<u8>,
    end: u64,
}

impl Log {
    /// An empty one in the settings' directory.
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let file = Place::at(&settings.directory)?.file(false)?;
        let mut numbers = Numbers::new();
        let record =
            std::iter::repeat_with(|| numbers.next().to_le_bytes()).flatten().take(RECORD_BYTES).collect();
        Ok(Self { file, record, end: 0 })
    }

    /// Begins anew when the file is long enough; not measured.
    pub(super) fn make_room(&mut self) -> Result<(), String> {
        if self.end + RECORD_BYTES as u64 <= FILE_BYTES_MAX {
            return Ok(());
        }
        let emptied = self.file.set_len(0).and_then(|()| self.file.sync_all());
        emptied.map_err(|error| format!("it cannot be emptied: {error}"))?;
        self.end = 0;
        Ok(())
    }

    /// Appends one record and makes it durable; returns its bytes.
    pub(super) fn append(&mut self) -> Result<u64, String> {
        let appended = self.file.write_all_at(&self.record, self.end).and_then(|()| self.file.sync_data());
        appended.map_err(|error: io::Error| format!("a record cannot be appended: {error}"))?;
        self.end += RECORD_BYTES as u64;
        Ok(RECORD_BYTES as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::disk::tests::settings;

    #[test]
    fn records_are_appended_until_the_file_is_long_enough() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::new(&settings(folder.path(), &["fsync/1"])).unwrap();
        let records = FILE_BYTES_MAX / RECORD_BYTES as u64;
        assert_eq!(log.append(), Ok(RECORD_BYTES as u64));
        assert_eq!(log.file.metadata().unwrap().len(), RECORD_BYTES as u64);
        log.end = records * RECORD_BYTES as u64;
        log.make_room().unwrap();
        assert_eq!((log.end, log.file.metadata().unwrap().len()), (0, 0));
    }
}
