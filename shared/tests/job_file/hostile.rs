//! Files that were made, or broken, to do harm: an answer comes, soon and short.

use proptest::prelude::*;

use crate::kinds::KINDS;
use crate::shared::job::error::ERRORS_MAX;
use crate::shared::job::{JOB_BYTES_MAX, Kinds, parse};
use crate::{EXAMPLE, VALID, errors, job_with, read};

#[test]
fn a_job_beyond_the_bound_is_not_read() {
    let text = format!("#{}", "x".repeat(JOB_BYTES_MAX));
    insta::assert_snapshot!(errors(&text), @r#"the job file has 1048577 bytes; at most 1048576 are read (keep large bodies in files of their own (body_file))"#);
}

#[test]
fn a_short_job_cannot_ask_for_endless_text() {
    let body = "{{a}}".repeat(10_000);
    let text = job_with(&format!("body = \"{body}\"\n[params]\na = \"{}\"\n", "x".repeat(10_000)));
    insta::assert_snapshot!(errors(&text), @r#"params: the job's names are replaced by more than 4194304 bytes: shorten a param or use it less"#);
}

#[test]
fn variants_cannot_multiply_what_a_short_job_asks_for() {
    let texts = "\"{{a}}\", ".repeat(400);
    let values: Vec<String> = (1..=100).map(|number| number.to_string()).collect();
    let text = job_with(&format!(
        "[data.x]\nvalues = [{texts}\"x\"]\n[params]\na = \"{}\"\n[sweep]\n\"load.workers\" = [{}]\n",
        "x".repeat(10_000),
        values.join(", ")
    ));
    assert!(errors(&text).contains("the job's names are replaced by more than"));
}

#[test]
fn nesting_without_end_is_refused() {
    let key = vec!["a"; 79].join(".");
    for text in [
        format!("{key} = 1"),
        format!("[{key}]\n{key} = {{ {key} = 1 }}"),
        format!("a = {}", "[".repeat(5000)),
    ] {
        assert!(read(&text).is_err());
    }
}

#[test]
fn a_flood_of_errors_is_cut() {
    let text: String = (0..2000).map(|number| format!("key{number} = 1\n")).collect();
    let errors = parse(&text, Kinds::Known(KINDS)).unwrap_err();
    assert_eq!(errors.0.len(), ERRORS_MAX + 1);
}

#[test]
fn files_made_of_one_thing_are_answered() {
    let repeated = |text: &str| text.repeat(JOB_BYTES_MAX / text.len());
    let numbered = |text: &str, count: usize| -> String {
        (0..count).map(|number| text.replace('#', &number.to_string())).collect()
    };
    let params = numbered("k# = 1\n", 40_000);
    let texts = [
        repeated("= "),
        repeated("\"\n"),
        repeated("[[claims]]\n"),
        repeated("[[workload.operations]]\n"),
        numbered("[k#]\n", 80_000),
        format!("name = \"{}\"", repeated("x").split_off(20)),
        format!("{} = 1", repeated("x").split_off(20)),
        job_with(&format!("body = \"{}\"\n[params]\n{params}", "{{kk}}".repeat(90_000))),
        job_with(&format!("body = \"{}\"\nx = 1\n", repeated("{").split_off(100))),
        format!("[workload]\nkind = \"http\"\n[params]\n{params}[data]\n{params}"),
        job_with(&format!("[sweep]\n{}", numbered("\"params.k#\" = [1]\n", 40_000))),
        job_with(&format!(
            "[[variants]]\nname = \"v\"\n[variants.set]\n{}",
            numbered("\"load.k#\" = 1\n", 40_000)
        )),
        job_with(&numbered("[[variants]]\nname = \"v#\"\n", 30_000)),
        job_with(&format!("[sweep]\n\"load.workers\" = [{}1]\n", numbered("#, ", 100_000))),
        "[[workload.operations]]\n".repeat(20_000) + &"[[claims]]\nmetric = \"a.b\"\n".repeat(20_000),
    ];
    for text in texts {
        let errors = parse(&text, Kinds::Known(KINDS)).unwrap_err();
        assert!(errors.to_string().len() < 64 * 1024, "{}", &text[..30]);
    }
}

fn mutated() -> impl Strategy<Value = String> {
    let source = prop_oneof![Just(VALID.to_owned()), Just(EXAMPLE.to_owned())];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "[\\PC\n]{0,6}"), 1..6);
    (source, edits).prop_map(|(mut text, edits)| {
        for (at, length, new) in edits {
            let boundary = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let start = boundary(at.index(text.len() + 1));
            let end = boundary((start + length).min(text.len()));
            text.replace_range(start..end.max(start), &new);
        }
        text
    })
}

proptest! {
    #[test]
    fn no_text_breaks_the_parser(text in "[\\PC\n]{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn no_change_to_a_job_breaks_the_parser(text in mutated()) {
        for kinds in [Kinds::Known(KINDS), Kinds::Unchecked] {
            if let Err(errors) = parse(&text, kinds) {
                prop_assert!(!errors.0.is_empty());
                prop_assert!(errors.0.iter().all(|error| error.span.iter().all(|span| text.get(span.clone()).is_some())));
            }
        }
    }
}
