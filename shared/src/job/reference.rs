//! The reference of job files and configuration files, written from the same tables that check them.

use std::fmt::Write;

use super::builtin::BuiltIn;
use super::describe::expected;
use super::grammar::{OPERATION, ROOT, WORKLOAD, WORKLOADS};
use super::schema::{Key, KindSchema, Shape};

/// The reference as Markdown: every key of every section and of these workload kinds, and every built-in name.
pub fn reference(kinds: &[KindSchema]) -> String {
    let mut text = String::from(
        "# Keys of a job file\n\nWritten from the tables that check job files. Keys marked \"not yet\" are known and \
         checked, and refused as not supported by this version.\n",
    );
    section(&mut text, "Top of the file", ROOT);
    with_tables_within(&mut text, "`[workload]`", WORKLOAD);
    with_tables_within(&mut text, "`[[workloads]]`, beside the keys of `[workload]`", WORKLOADS);
    let operations = "`[[workload.operations]]` and `[[workload.scenario]]`";
    with_tables_within(&mut text, &format!("{operations}, of any kind"), OPERATION);
    for kind in kinds {
        let of_kind = format!("kind = \"{}\"", kind.kind);
        with_tables_within(&mut text, &format!("{operations}, {of_kind}"), kind.operation_keys);
        if !kind.workload_keys.is_empty() {
            with_tables_within(&mut text, &format!("`[workload]`, {of_kind}"), kind.workload_keys);
        }
        for (name, unit) in kind.measures {
            let _writing_to_a_text_succeeds = writeln!(text, "\nMeasures `{name}` ({unit}).");
        }
    }
    tables_of(&mut text, ROOT);
    names(&mut text);
    text
}

/// The reference of a configuration file as Markdown; `introduction` is what stands above its keys.
pub fn reference_of_configuration(introduction: &str, keys: &[Key]) -> String {
    let mut text = introduction.to_owned();
    section(&mut text, "Top of the file", keys);
    tables_of(&mut text, keys);
    text
}

/// The sections of all tables that these keys take.
fn tables_of(text: &mut String, keys: &[Key]) {
    for key in keys {
        if let Some((keys, title)) = table_of(&key.shape, key.name) {
            with_tables_within(text, &title, keys);
        }
    }
}

/// A section for a table, and one for each table within it.
fn with_tables_within(text: &mut String, title: &str, keys: &[Key]) {
    section(text, title, keys);
    // Several keys may take one table, as all hooks do: it is shown once.
    let mut tables: Vec<(String, &[Key])> = Vec::new();
    for key in keys {
        let Some((within, _)) = table_of(&key.shape, key.name) else { continue };
        match tables.iter_mut().find(|(_, known)| std::ptr::eq(*known, within)) {
            Some((names, _)) => names.push_str(&format!(", `{}`", key.name)),
            None => tables.push((format!("`{}`", key.name), within)),
        }
    }
    for (names, within) in tables.iter().filter(|(_, within)| !within.is_empty()) {
        with_tables_within(text, &format!("{names} within {title}"), within);
    }
}

/// The keys of the table that a shape takes, and how its section is written; `None`: it takes none.
fn table_of(shape: &Shape, name: &str) -> Option<(&'static [Key], String)> {
    match shape {
        Shape::Table(keys) => Some((keys, format!("`[{name}]`"))),
        Shape::Tables(keys) => Some((keys, format!("`[[{name}]]`"))),
        Shape::Map(Shape::Table(keys)) => Some((keys, format!("`[{name}.NAME]`"))),
        Shape::List(item) => table_of(item, name),
        Shape::Any(shapes) => shapes.iter().find_map(|shape| table_of(shape, name)),
        _ => None,
    }
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
            Shape::Map(Shape::Table(_)) => "a table, each value a table, see below".to_owned(),
            shape => expected(&shape).replace('|', "\\|"),
        };
        let _writing_to_a_text_succeeds =
            writeln!(text, "| `{}` | {takes} | {}{mark} |", key.name, key.doc.replace('|', "\\|"));
    }
}

fn names(text: &mut String) {
    text.push_str(
        "\n## Names in texts\n\n`{{name}}` in a text stands for a param, a column of `[data]`, a value that an operation \
         extracts, or one of these; `{{{{` is a literal `{{`. Params can stand in any text of workload, target, hooks, \
         data, load, fleet and limits. Everything else but the target's names gets its value while operations run, \
         so it can stand in those texts of the workload only that operations are made of (urls, headers, bodies, \
         commands).\n\n| name | what it stands for |\n|---|---|\n",
    );
    for (name, doc) in BuiltIn::TABLE {
        let _writing_to_a_text_succeeds =
            writeln!(text, "| `{{{{{name}}}}}` | {} |", doc.replace('|', "\\|"));
    }
}
