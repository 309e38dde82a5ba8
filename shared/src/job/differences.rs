//! In what two job files differ beside what they claim: by path, as `--set` would write it.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// Sections that say what is to hold or is looked into, and not what is measured.
const SECTIONS_NOT_MEASURED: [&str; 4] = ["claims", "expect", "limits", "profile"];
/// Most differences told: more than anybody reads.
const TOLD_MAX: usize = 20;

/// The paths at which two job files differ, without what they claim, expect and still count as valid. Both have been read as
/// jobs; a text that does not read differs at its top.
pub fn differences(one: &str, other: &str) -> Vec<String> {
    let (Ok(mut one), Ok(mut other)) = (one.parse::<Table>(), other.parse::<Table>()) else {
        return vec!["the file".to_owned()];
    };
    for section in SECTIONS_NOT_MEASURED {
        one.remove(section);
        other.remove(section);
    }
    let mut told = Vec::new();
    in_tables("", &one, &other, &mut told);
    told
}

fn in_tables(path: &str, one: &Table, other: &Table, told: &mut Vec<String>) {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for key in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (one.get(key), other.get(key)) {
            (Some(one), Some(other)) => in_values(&path, one, other, told),
            _ => tell(path, told),
        }
    }
}

/// The walk is as deep as a job file may be, which was checked when it was read.
fn in_values(path: &str, one: &Value, other: &Value, told: &mut Vec<String>) {
    match (one, other) {
        (Value::Table(one), Value::Table(other)) => in_tables(path, one, other, told),
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (place, (one, other)) in one.iter().zip(other).enumerate() {
                let text = |key: &str| one.get(key).and_then(Value::as_str);
                let name = text("name").or_else(|| text("kind").filter(|_| path == "workloads"));
                let step = name.map_or_else(|| place.to_string(), str::to_owned);
                in_values(&format!("{path}.{step}"), one, other, told);
            }
        }
        (one, other) if one == other => {}
        _ => tell(path.to_owned(), told),
    }
}

fn tell(path: String, told: &mut Vec<String>) {
    if told.len() < TOLD_MAX {
        told.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_measured_counts() {
        let one = "name = \"j\"\n[load]\nworkers = 1\nduration = \"5s\"\n[limits]\nmargin = 0.1\n[[claims]]\nbelow = 3\n";
        let other = "# another\nname = \"j\"\nload = { duration = \"5s\", workers = 1 }\n";
        assert_eq!(differences(one, other), [""; 0]);
    }

    #[test]
    fn each_difference_has_its_path() {
        let one = "[load]\nworkers = 1\n[[workload.operations]]\nname = \"read\"\nurl = \"a\"\n";
        let other = "tags = { a = \"b\" }\n[load]\nworkers = 2\n[[workload.operations]]\nname = \"read\"\nurl = \"b\"\n";
        assert_eq!(differences(one, other), ["load.workers", "tags", "workload.operations.read.url"]);
    }
}
