//! The reference of job files, written from the same tables that check them.

use std::fmt::Write;

use super::describe::expected;
use super::grammar::{OPERATION, ROOT, WORKLOAD};
use super::schema::{Key, KindSchema, Shape};

/// The reference as Markdown: every key of every section and of these workload kinds.
pub fn reference(kinds: &[KindSchema]) -> String {
    let mut text = String::from(
        "# Keys of a job file\n\nWritten from the tables that check job files. Keys marked \"not yet\" are known and \
         checked, and refused as not supported by this version.\n",
    );
    section(&mut text, "Top of the file", ROOT);
    section(&mut text, "`[workload]`", WORKLOAD);
    section(&mut text, "`[[workload.operations]]`, of any kind", OPERATION);
    for kind in kinds {
        let operation = format!("`[[workload.operations]]`, kind = \"{}\"", kind.kind);
        section(&mut text, &operation, kind.operation_keys);
        if !kind.workload_keys.is_empty() {
            section(&mut text, &format!("`[workload]`, kind = \"{}\"", kind.kind), kind.workload_keys);
        }
        for (name, unit) in kind.measures {
            let _writing_to_a_text_succeeds = writeln!(text, "\nMeasures `{name}` ({unit}).");
        }
    }
    for key in ROOT {
        match key.shape {
            Shape::Table(keys) => section(&mut text, &format!("`[{}]`", key.name), keys),
            Shape::Tables(keys) => section(&mut text, &format!("`[[{}]]`", key.name), keys),
            Shape::Map(Shape::Table(keys)) => section(&mut text, &format!("`[{}.NAME]`", key.name), keys),
            _ => {}
        }
    }
    text
}

fn section(text: &mut String, title: &str, keys: &[Key]) {
    let _writing_to_a_text_succeeds =
        write!(text, "\n## {title}\n\n| key | takes | what it does |\n|---|---|---|\n");
    for key in keys {
        let mark = match (key.is_supported, key.is_required) {
            (false, _) => " *(not yet)*",
            (true, true) => " *(required)*",
            (true, false) => "",
        };
        let takes = match key.shape {
            Shape::Table(_) => "a table, see below".to_owned(),
            Shape::Tables(_) => "an array of tables, see below".to_owned(),
            shape => expected(&shape).replace('|', "\\|"),
        };
        let _writing_to_a_text_succeeds =
            writeln!(text, "| `{}` | {takes} | {}{mark} |", key.name, key.doc.replace('|', "\\|"));
    }
}
