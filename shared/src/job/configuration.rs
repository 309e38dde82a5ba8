//! Configuration files of fleetmark's own roles: read along a grammar of keys, with the care and the errors of job files.

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Findings, JobError, JobErrors};
use super::node::{DEPTH_MAX, Node};
use super::schema::Key;
use super::walk::Walker;

/// Largest configuration file, in bytes: every key that there is fits many times over.
pub const CONFIGURATION_BYTES_MAX: usize = 64 * 1024;

/// Reads a configuration file along the keys that it may have. What it gives has the shapes of these keys; amounts with
/// units stay text (`"5s"`).
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn read(text: &str, keys: &[Key]) -> Result<Map<String, Value>, JobErrors> {
    let mut findings = Findings::default();
    if text.len() > CONFIGURATION_BYTES_MAX {
        let message = format!("it has {} bytes; at most {CONFIGURATION_BYTES_MAX} are read", text.len());
        findings.push(JobError::new(None, "", message));
        return Err(findings.into_errors(""));
    }
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        findings.push(JobError::new(error.span(), "", error.message()));
    }
    let value = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    let read = findings.is_empty().then(|| read_table(&Node::root(&value), keys, &mut findings)).flatten();
    read.filter(|_| findings.is_empty()).ok_or_else(|| findings.into_errors(text))
}

fn read_table(root: &Node<'_>, keys: &[Key], findings: &mut Findings) -> Option<Map<String, Value>> {
    if let Some(node) = root.too_deep() {
        findings.push(node.error(format!("tables and lists are nested deeper than {DEPTH_MAX}")));
        return None;
    }
    let mut files = Vec::new();
    Walker { findings, names: None, is_whole: true, files: &mut files }.table(root, &[keys]);
    root.json_object(|_| true).map_err(|error| findings.push(error)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::schema::Shape;
    use super::*;

    const TABLE: &[Key] = &[
        Key::optional("prepare", Shape::Duration, "How long preparing may take."),
        Key::optional("judge", Shape::Duration, "How long judging may take."),
    ];
    const KEYS: &[Key] = &[Key::optional("deadlines", Shape::Table(TABLE), "How long things may take.")];

    fn errors(text: &str) -> String {
        read(text, KEYS).unwrap_err().to_string()
    }

    #[test]
    fn what_is_right_is_given_as_it_stands() {
        let read = read("[deadlines]\nprepare = \"1m30s\"\n", KEYS).unwrap();
        assert_eq!(Value::from(read), serde_json::json!({ "deadlines": { "prepare": "1m30s" } }));
        assert_eq!(super::read("", KEYS).unwrap(), Map::new());
    }

    #[test]
    fn every_error_is_told_with_its_place_and_the_nearest_key() {
        let told = errors("[deadlines]\nprepair = \"30s\"\njudge = 5\n[lunch]\n");
        assert_eq!(
            told.lines().collect::<Vec<_>>(),
            [
                "2:1: deadlines.prepair: unknown key \"prepair\" (did you mean \"prepare\"?)",
                "3:9: deadlines.judge: expected a duration such as \"5s\", \"1m30s\" or \"250us\", found the number 5 (a number needs a unit: \"5s\")",
                "4:2: lunch: unknown key \"lunch\" (there is: deadlines)",
            ]
        );
        assert!(errors("[deadlines]\njudge = \"5 parsecs\"\n").starts_with("2:9: deadlines.judge: "));
        assert!(errors("[deadlines\n").starts_with("1:"));
    }

    #[test]
    fn a_file_beyond_reading_is_refused() {
        assert!(errors(&"#".repeat(CONFIGURATION_BYTES_MAX + 1)).contains("at most 65536 are read"));
        let deep = format!("a = {}1{}", "[".repeat(40), "]".repeat(40));
        assert!(errors(&deep).contains("nested deeper"));
    }
}
