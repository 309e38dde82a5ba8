//! HdrHistogram as its author wrote it, in Java, reading what fleetmark wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The reader's source, run as it stands.
const READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/independent/HlogReader.java");
/// Where Debian's libhdrhistogram-java puts it.
const JAR: &str = "/usr/share/java/hdrhistogram.jar";

/// A histogram as Java read it.
#[derive(Debug, Default, PartialEq)]
pub struct Reading {
    /// How many values.
    pub count: u64,
    /// The median, the top of its bucket.
    pub p50: u64,
    /// The 99th percentile, the top of its bucket.
    pub p99: u64,
    /// The highest value, the top of its bucket.
    pub max: u64,
    /// The start of its first interval and the end of its last, milliseconds since 1970.
    pub span_ms: (u64, u64),
    /// Recorded values (the top of each bucket), and how often.
    pub buckets: BTreeMap<u64, u64>,
}

/// Reads an interval log, and merges it: by tag (`read@agent`), by operation (`read`), by agent (`*@agent`), and all (`*`).
///
/// # Panics
/// When Java or its HdrHistogram is not installed, or cannot read the file.
pub fn read_log(file: &Path) -> BTreeMap<String, Reading> {
    read("log", file)
}

/// Reads lines of a name and a base64 histogram (V2, compressed).
///
/// # Panics
/// When Java or its HdrHistogram is not installed, or cannot read the file.
pub fn read_histograms(file: &Path) -> BTreeMap<String, Reading> {
    read("histograms", file)
}

fn read(what: &str, file: &Path) -> BTreeMap<String, Reading> {
    let jar = PathBuf::from(JAR);
    assert!(
        jar.is_file(),
        "{JAR} is not there: tests/run.sh installs it, or: apt-get install libhdrhistogram-java"
    );
    let mut java = Command::new("java");
    let output = java.arg("-cp").arg(jar).args([READER, what]).arg(file).output();
    let output = output
        .expect("java is not installed: tests/run.sh installs it, or: apt-get install default-jdk-headless");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "java (a development kit of 11 or later is needed) could not read {}: {said}",
        file.display()
    );
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(printed: &str) -> BTreeMap<String, Reading> {
    let mut readings: BTreeMap<String, Reading> = BTreeMap::new();
    for line in printed.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let reading = readings.entry(words[1].to_owned()).or_default();
        match words[0] {
            "figures" => {
                (reading.count, reading.p50, reading.p99, reading.max) =
                    (number(2), number(3), number(4), number(5));
            }
            "span" => reading.span_ms = (number(2), number(3)),
            _ => drop(reading.buckets.insert(number(2), number(3))),
        }
    }
    readings
}
