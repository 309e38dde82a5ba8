//! `--set path=value`: changes one value in a job file's text and leaves everything else as it was written. Variants are made
//! the same way.

use toml::de::{DeTable, DeValue};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Key, Table, TableLike, Value};

use super::error::quoted;
use super::node::Node;

/// The array whose entries go by their kind where they have no name.
const WORKLOADS: &str = "workloads";

/// Why a value cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// Not of the form `path=value`.
    #[error("{0:?} is no assignment: write path=value, as in load.workers=8")]
    NoAssignment(String),
    /// The path is not keys joined by points.
    #[error("{0:?} is no path: write keys joined by points, as in load.workers")]
    Path(String),
    /// The job file itself does not read as TOML.
    #[error("the job file is not TOML: {0}")]
    Document(String),
    /// The path leads through a value that has no keys.
    #[error("{path} holds a single value, so {key} cannot be set inside it")]
    NotATable {
        /// The path so far.
        path: String,
        /// The step that fails.
        key: String,
    },
    /// The path leads through an array of tables none of which has that name.
    #[error("{path} has no entry named {name}{}", known_names(.known))]
    NoSuchEntry {
        /// The path so far.
        path: String,
        /// The name that was looked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// The path ends at a whole entry of an array of tables.
    #[error("{0} is a whole entry: go on to one of its keys")]
    WholeEntry(String),
}

/// Splits `path=value` at its first `=`.
///
/// # Errors
/// When there is no `=`, or no path before it.
pub fn parse_assignment(text: &str) -> Result<(&str, &str), OverrideError> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() => Ok((path.trim(), value)),
        _ => Err(OverrideError::NoAssignment(text.to_owned())),
    }
}

/// Sets the value at a path and returns the changed text.
///
/// The value is TOML, or else a text. The path steps into an array of tables by an entry's `name`, a workload without one by
/// its kind, an operation by its workload's, any other entry by its place from 0. Absent tables are made.
///
/// # Errors
/// A text that is no TOML, a path that is none, or one that leads through something without keys.
pub fn apply(text: &str, path: &str, value: &str) -> Result<String, OverrideError> {
    let mut document = read(text)?;
    put(&mut document, path, value.trim().parse::<Value>().unwrap_or_else(|_| value.into()))?;
    Ok(document.to_string())
}

/// Sets the value at a path of a document, as [`apply`] does in a text.
///
/// # Errors
/// A path that is none, or one that leads through something without keys.
pub(super) fn put(document: &mut DocumentMut, path: &str, value: Value) -> Result<(), OverrideError> {
    let keys = Key::parse(path).map_err(|_| OverrideError::Path(path.to_owned()))?;
    let keys: Vec<&str> = keys.iter().map(Key::get).collect();
    let Some((last, steps)) = keys.split_last() else {
        return Err(OverrideError::Path(path.to_owned()));
    };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    let mut rest = steps;
    let mut walked: Vec<&str> = Vec::new();
    while let Some((key, after)) = rest.split_first() {
        let kind = table.get("kind").and_then(Item::as_str).map(str::to_owned);
        let item = table.entry(key).or_insert_with(|| new_table(after));
        walked.push(key);
        let taken;
        (table, taken) = step_into(item, &walked, after, last, kind.as_deref())?;
        walked.extend(&after[..taken]);
        rest = &after[taken..];
    }
    set(table, last, value);
    Ok(())
}

/// Reads the text for editing. The editor walks as deep as the text nests, so that is looked at first.
///
/// # Errors
/// A text that is no TOML, or nests too deep.
pub(super) fn read(text: &str) -> Result<DocumentMut, OverrideError> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if let Some(error) = errors.first() {
        return Err(OverrideError::Document(error.message().to_owned()));
    }
    let value = toml::Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    if let Some(node) = Node::root(&value).too_deep() {
        return Err(OverrideError::Document(format!("{} is nested too deep", node.path())));
    }
    text.parse().map_err(|error: toml_edit::TomlError| OverrideError::Document(error.message().to_owned()))
}

/// A table made for a path that leads on: without a header of its own when only tables lie in it.
fn new_table(after: &[&str]) -> Item {
    let mut table = Table::new();
    table.set_implicit(!after.is_empty());
    Item::Table(table)
}

/// The table that an item is or, by the next step, holds; with how many further steps that took.
fn step_into<'a>(
    item: &'a mut Item,
    walked: &[&str],
    after: &[&str],
    last: &str,
    kind: Option<&str>,
) -> Result<(&'a mut dyn TableLike, usize), OverrideError> {
    let path = walked.join(".");
    let next = after.first().copied().unwrap_or(last);
    if !item.is_array_of_tables() && !item.is_array() {
        let not_a_table = OverrideError::NotATable { path, key: quoted(next) };
        return item.as_table_like_mut().map(|table| (table, 0)).ok_or(not_a_table);
    }
    if after.is_empty() {
        return Err(OverrideError::WholeEntry(format!("{path}.{next}")));
    }
    let entries = match item {
        Item::ArrayOfTables(tables) => tables_of(tables),
        Item::Value(Value::Array(array)) => array.iter_mut().filter_map(inline_table).collect(),
        _ => Vec::new(),
    };
    let text_of = |entry: &dyn TableLike, key| entry.get(key).and_then(Item::as_str).map(str::to_owned);
    let named = |entry: &&mut dyn TableLike| {
        let kind = || text_of(&**entry, "kind").filter(|_| path == WORKLOADS);
        text_of(&**entry, "name").or_else(kind)
    };
    let names: Vec<Option<String>> = entries.iter().map(named).collect();
    let place = place_of(next, &names, kind);
    let known = || names.iter().flatten().cloned().collect();
    let entry = place.and_then(|place| entries.into_iter().nth(place));
    entry.map(|entry| (entry, 1)).ok_or_else(|| OverrideError::NoSuchEntry {
        path,
        name: quoted(next),
        known: known(),
    })
}

/// Which entry a step means: by name, the single one without a name by its kind, or by place.
fn place_of(step: &str, names: &[Option<String>], kind: Option<&str>) -> Option<usize> {
    let by_name = names.iter().position(|name| name.as_deref() == Some(step));
    let unnamed = names.iter().position(Option::is_none).filter(|_| kind == Some(step));
    by_name.or(unnamed).or_else(|| step.parse().ok().filter(|place| *place < names.len()))
}

fn tables_of(tables: &mut ArrayOfTables) -> Vec<&mut dyn TableLike> {
    tables.iter_mut().map(|table| table as &mut dyn TableLike).collect()
}

fn inline_table(value: &mut Value) -> Option<&mut dyn TableLike> {
    value.as_inline_table_mut().map(|table| table as &mut dyn TableLike)
}

/// Sets a key; what stood around the old value (a comment behind it) stays.
fn set(table: &mut dyn TableLike, key: &str, mut value: Value) {
    *value.decor_mut() = toml_edit::Decor::default();
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

fn known_names(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there is: {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JOB: &str = "name = \"j\" # the name\n\n[workload]\nkind = \"http\"\n\n[[workload.operations]]\nname = \"read\"\nurl = \"http://a/\"\n\n[[workload.operations]]\nurl = \"http://b/\"\n\n[load]\nworkers = 1 # few\n";

    fn set(path: &str, value: &str) -> String {
        apply(JOB, path, value).unwrap()
    }

    #[test]
    fn a_value_is_toml_or_else_a_text() {
        assert!(set("load.workers", "8").contains("workers = 8 # few\n"));
        assert!(set("load.duration", "5s").contains("duration = \"5s\"\n"));
        assert!(set("load.warmup", "{ iterations = 3 }").contains("warmup = { iterations = 3 }\n"));
        assert!(set("name", "a \"b\" c").starts_with("name = 'a \"b\" c' # the name\n"));
        assert!(set("description", "").contains("description = \"\"\n"));
        assert!(set("name", "x\ny = 1").contains("y = 1\"\"\""), "no second key comes in by a line break");
    }

    #[test]
    fn operations_are_found_by_name_by_kind_and_by_place() {
        assert!(
            set("workload.operations.read.url", "http://c/")
                .contains("name = \"read\"\nurl = \"http://c/\"\n")
        );
        for step in ["http", "1"] {
            let path = format!("workload.operations.{step}.url");
            assert!(set(&path, "http://c/").contains("[[workload.operations]]\nurl = \"http://c/\"\n"));
        }
        let inline = "workload = { kind = \"http\", operations = [{ url = \"a\" }] }\n";
        let changed = apply(inline, "workload.operations.http.url", "b").unwrap();
        assert!(changed.contains("{ url = \"b\" }"), "{changed}");
    }

    #[test]
    fn absent_tables_are_made() {
        assert!(set("fleet.agents", "2").ends_with("[fleet]\nagents = 2\n"));
        assert!(set("workload.operations.read.expect.status", "[204]").contains("status = [204]"));
        assert_eq!(apply("", "tags.\"a.b\"", "c").unwrap(), "[tags]\n\"a.b\" = \"c\"\n");
        assert_eq!(apply("", "a.b.c", "1").unwrap(), "[a.b]\nc = 1\n");
    }

    #[test]
    fn paths_that_lead_nowhere_say_where_they_end() {
        let error = |path: &str| apply(JOB, path, "1").unwrap_err().to_string();
        assert_eq!(error("name.x"), "name holds a single value, so \"x\" cannot be set inside it");
        assert_eq!(
            error("workload.operations.wite.url"),
            "workload.operations has no entry named \"wite\"; there is: read"
        );
        assert_eq!(
            error("workload.operations.read"),
            "workload.operations.read is a whole entry: go on to one of its keys"
        );
        assert_eq!(error("a b"), "\"a b\" is no path: write keys joined by points, as in load.workers");
        assert!(apply("a = ", "b", "1").unwrap_err().to_string().starts_with("the job file is not TOML: "));
        assert_eq!(parse_assignment("a.b=c=d"), Ok(("a.b", "c=d")));
        assert!(parse_assignment("=c").is_err() && parse_assignment("a").is_err());
    }

    proptest! {
        #[test]
        fn whatever_is_set_the_text_stays_toml(path in "[a-z.\"0-2]{0,12}", value in "\\PC{0,12}") {
            if let Ok(text) = apply(JOB, &path, &value) {
                prop_assert!(text.parse::<DocumentMut>().is_ok(), "{text}");
            }
        }
    }
}
