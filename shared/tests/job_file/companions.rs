//! Keys that have a meaning beside others only.

use crate::shared::job::schema::{Companion, Key, KindSchema, Shape};
use crate::shared::job::{Kinds, parse};

const BESIDE_HDR_LOG: Companion = Companion { key: "parse", words: &["hdr-log"], needed_by: &[] };
const BESIDE_REGEX: Companion = Companion { key: "parse", words: &["regex"], needed_by: &["regex"] };
const BESIDE_ANY: Companion = Companion { key: "parse", words: &[], needed_by: &[] };

const KINDS: &[KindSchema] = &[KindSchema {
    kind: "command",
    doc: "Runs a program.",
    workload_keys: &[],
    operation_keys: &[
        Key::optional("parse", Shape::OneOf(&["fio", "hdr-log", "regex"]), "How its report is read."),
        Key::optional("output", Shape::Template, "Where it is.").beside(BESIDE_ANY),
        Key::optional("unit", Shape::Text, "Its unit.").beside(BESIDE_HDR_LOG),
        Key::optional("pattern", Shape::Template, "An expression.").beside(BESIDE_REGEX),
    ],
    measures: &[],
}];

fn told(operation: &str) -> Vec<String> {
    let text = format!(
        "name = \"j\"\n[params]\ntool = \"fio\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\n{operation}\n"
    );
    match parse(&text, Kinds::Known(KINDS)) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn a_key_beside_the_wrong_word_or_none_has_no_meaning() {
    assert_eq!(
        told("output = \"a\"\nparse = \"fio\"\nunit = \"ms\""),
        ["9:1: workload.operations.0.unit: \"unit\" has no meaning with parse = \"fio\" (leave it out)"]
    );
    assert_eq!(
        told("output = \"a\""),
        ["7:1: workload.operations.0.output: \"output\" has no meaning without \"parse\" (leave it out)"]
    );
    assert_eq!(told("parse = \"hdr-log\"\nunit = \"ms\"\noutput = \"a\""), [""; 0]);
}

#[test]
fn a_word_that_cannot_do_without_a_key_says_so() {
    assert_eq!(
        told("parse = \"regex\""),
        ["7:9: workload.operations.0.parse: parse = \"regex\" needs \"pattern\""]
    );
    assert_eq!(told("parse = \"regex\"\npattern = \"x\""), [""; 0]);
}

#[test]
fn a_word_that_is_a_param_counts_as_what_it_stands_for() {
    assert_eq!(told("parse = \"{{tool}}\"\nunit = \"ms\"").len(), 1);
    assert_eq!(told("parse = \"{{tool}}\"\noutput = \"a\""), [""; 0]);
}
