//! How much there is of what workloads fill: the last-level caches, and memory.

use std::collections::BTreeSet;
use std::path::Path;

use procfs::{FromBufRead, Meminfo};

use super::fingerprint::memory_limit_bytes;
use super::source::Source;

const CPUS: &str = "sys/devices/system/cpu";

/// Bytes of all last-level caches of the host together.
///
/// # Errors
/// The reason why they are not known.
pub fn last_level_caches_bytes() -> Result<u64, String> {
    caches_of(&Source::under(Path::new("/")))
}

/// Bytes of memory that can be filled without anybody having to swap, and that the control group allows.
///
/// # Errors
/// The reason why that is not known.
pub fn memory_available_bytes() -> Result<u64, String> {
    memory_of(&Source::under(Path::new("/")))
}

/// Each cache is shared by a list of CPUs: caches of the highest level with different lists are different ones.
fn caches_of(source: &Source) -> Result<u64, String> {
    let mut found: BTreeSet<(u64, String, u64)> = BTreeSet::new();
    for (_, cpu) in source.numbered(CPUS, "cpu")? {
        let base = format!("{CPUS}/{cpu}/cache");
        for (_, index) in source.numbered(&base, "index").unwrap_or_default() {
            let part = |what: &str| source.value(&format!("{base}/{index}/{what}"));
            let (Ok(level), Ok(size), Ok(shared_by)) = (part("level"), part("size"), part("shared_cpu_list"))
            else {
                continue;
            };
            if let (Ok(level), Some(bytes)) = (level.parse(), size_bytes(&size)) {
                found.insert((level, shared_by, bytes));
            }
        }
    }
    let last = found.iter().map(|(level, ..)| *level).max();
    let last = last.ok_or_else(|| format!("absent: /{CPUS} tells no cache"))?;
    Ok(found.iter().filter(|(level, ..)| *level == last).map(|(.., bytes)| bytes).sum())
}

/// The kernel writes `32768K`.
fn size_bytes(text: &str) -> Option<u64> {
    let kibibytes: u64 = text.strip_suffix('K')?.parse().ok()?;
    kibibytes.checked_mul(1024)
}

fn memory_of(source: &Source) -> Result<u64, String> {
    let meminfo = Meminfo::from_buf_read(source.bytes("proc/meminfo")?.as_slice())
        .map_err(|error| format!("unreadable: /proc/meminfo: {error}"))?;
    let free = meminfo.mem_available.unwrap_or(meminfo.mem_free);
    // No limit, or none that can be read, leaves what is free.
    let limit = memory_limit_bytes(source).ok().and_then(|limit| limit.as_u64());
    Ok(limit.map_or(free, |limit| free.min(limit)))
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::root_with;
    use super::*;

    #[test]
    fn last_level_caches_are_counted_once_each() {
        let mut files = Vec::new();
        for (cpu, (own, shared)) in
            [("0", "0-1"), ("1", "0-1"), ("2", "2-3"), ("3", "2-3")].iter().enumerate()
        {
            for (index, level, size, list) in [("0", "1", "48K", own), ("3", "3", "32768K", shared)] {
                let base = format!("{CPUS}/cpu{cpu}/cache/index{index}");
                files.push((format!("{base}/level"), level.to_owned()));
                files.push((format!("{base}/size"), size.to_owned()));
                files.push((format!("{base}/shared_cpu_list"), (*list).to_owned()));
            }
        }
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let root = root_with(&files);
        assert_eq!(caches_of(&Source::under(root.path())), Ok(64 * 1024 * 1024));
    }

    #[test]
    fn a_host_that_tells_no_cache_says_so() {
        let root = root_with(&[("sys/devices/system/cpu/cpu0/online", "1")]);
        let error = caches_of(&Source::under(root.path())).unwrap_err();
        assert!(error.contains("tells no cache"), "{error}");
    }

    #[test]
    fn memory_is_what_is_available() {
        let root = root_with(&[("proc/meminfo", "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable: 50 kB\n")]);
        let memory = memory_of(&Source::under(root.path()));
        assert!(memory.is_err() || memory == Ok(50 * 1024), "{memory:?}");
    }
}
