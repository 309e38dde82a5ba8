//! What a test's command lines wrote, and who finds a word in it.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder that holds a text.
pub fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let files = files_below(folder).into_iter().filter(holds);
    files.map(|path| path.display().to_string()).collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files_below(&entry.path()),
        Ok(kind) if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    below.collect()
}
