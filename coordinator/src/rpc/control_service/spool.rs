//! A file without a name between the store and a client: the store's one thread must not wait for a slow client.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use tonic::Status;

/// Makes the file in a folder. It is gone when it is closed, however that comes about.
///
/// # Errors
/// UNAVAILABLE when it cannot be made.
pub(super) fn create(folder: &Path) -> Result<File, Status> {
    let path = folder.join(format!("transfer-{}", uuid::Uuid::new_v4()));
    let made = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
    let file = made.map_err(|error| failed(&error))?;
    std::fs::remove_file(&path).map_err(|error| failed(&error))?;
    Ok(file)
}

/// Appends bytes.
///
/// # Errors
/// UNAVAILABLE when the disk is full.
pub(super) async fn append(file: File, bytes: Vec<u8>) -> Result<File, Status> {
    blocking(move || {
        let mut file = file;
        file.write_all(&bytes)?;
        Ok(file)
    })
    .await
}

/// Goes back to its beginning.
///
/// # Errors
/// UNAVAILABLE when that cannot be done.
pub(super) async fn rewind(file: File) -> Result<File, Status> {
    blocking(move || {
        let mut file = file;
        file.rewind()?;
        Ok(file)
    })
    .await
}

/// The next bytes, at most `size_bytes_max` of them; none: the end.
///
/// # Errors
/// UNAVAILABLE when it cannot be read.
pub(super) async fn next(file: File, size_bytes_max: u64) -> Result<(File, Vec<u8>), Status> {
    blocking(move || {
        let mut bytes = Vec::new();
        Read::take(&file, size_bytes_max).read_to_end(&mut bytes)?;
        Ok((file, bytes))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panicked| Status::internal(panicked.to_string()))?.map_err(|error| failed(&error))
}

fn failed(error: &io::Error) -> Status {
    Status::unavailable(format!(
        "failed to keep a copy beside the store: {error}; free some space and try again"
    ))
}
