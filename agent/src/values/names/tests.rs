//! Names of an assignment as tests use them, and what becomes of wrong ones. Room: `shares` (who takes which value).

mod shares;

use std::env::VarError;

use serde_json::json;
use shared::job::{Warmup, Window};

use super::*;

/// An assignment of agent `a1` with one operation that has these settings.
pub(crate) fn assignment(settings: Value) -> Assignment {
    let mut assignment = crate::engine::tests::assignment(1, Warmup::Iterations(0), Window::Iterations(1));
    let Value::Object(settings) = settings else { panic!("settings are a table") };
    assignment.operations.truncate(1);
    assignment.operations[0].settings = settings;
    assignment.agent_name = shared::ids::AgentName::new("a1").unwrap();
    assignment
}

fn column(source: DataSource) -> DataColumn {
    DataColumn { source, order: DataOrder::Sequential }
}

fn with_data(data: Vec<(&str, DataColumn)>) -> Assignment {
    let data = data.into_iter().map(|(name, column)| (name.to_owned(), column)).collect();
    Assignment {
        data,
        ..assignment(json!({ "body": "{{env:GREETING}}", "extract": { "token": "header:x" } }))
    }
}

fn environment(name: &str) -> Result<String, VarError> {
    if name == "GREETING" { Ok("hello".to_owned()) } else { Err(VarError::NotPresent) }
}

/// Names of every kind: the columns `word` (these texts) and `number` (1 to 3), the value `token`, `env:GREETING`.
pub(crate) fn names(words: &[&str]) -> Names {
    let words = DataSource::Values(words.iter().map(|word| (*word).to_owned()).collect());
    let number = DataSource::Range { first: 1, last: 3 };
    let assignment = with_data(vec![("word", column(words)), ("number", column(number))]);
    Names::with_environment(&assignment, &environment).unwrap()
}

/// The values of worker 3.
pub(crate) fn values(names: &Names) -> Values {
    names.values(Seat { worker: 3, seed: 42 })
}

fn rendered(assignment: &Assignment, text: &str, times: usize) -> Vec<String> {
    let names = Names::with_environment(assignment, &environment).unwrap();
    let rendering = crate::values::Rendering::compile(text, &names, Place::Anywhere).unwrap();
    let mut values = values(&names);
    let render = |_| {
        let mut into = Vec::new();
        values.begin_iteration();
        rendering.render(&mut values, &mut into).unwrap();
        String::from_utf8(into).unwrap()
    };
    (0..times).map(render).collect()
}

#[test]
fn columns_of_one_file_share_the_row() {
    let csv = |column_name: &str, order| DataColumn {
        source: DataSource::Csv { file: "users.csv".to_owned(), column: column_name.to_owned() },
        order,
    };
    for order in [DataOrder::Sequential, DataOrder::Random] {
        let mut assignment = with_data(vec![("user", csv("name", order)), ("key", csv("password", order))]);
        let content = b"name,password\nann,1\nbob,2\ncid,3\n".to_vec();
        assignment.files.insert("users.csv".to_owned(), content);
        let mut seen = rendered(&assignment, "{{user}} {{key}}", 3);
        seen.sort();
        assert_eq!(seen, ["ann 1", "bob 2", "cid 3"]);
    }
}

#[test]
fn each_source_goes_its_own_way() {
    let range = |last| column(DataSource::Range { first: -1, last });
    let assignment = with_data(vec![("one", range(0)), ("two", range(1))]);
    assert_eq!(rendered(&assignment, "{{one}} {{two}}", 4), ["-1 -1", "0 0", "-1 1", "0 -1"]);
}

#[test]
fn a_missing_variable_is_named() {
    let error =
        Names::with_environment(&assignment(json!({ "headers": { "x": ["{{env:ABSENT}}"] } })), &environment);
    let message = PrepareError::from(error.unwrap_err()).to_string();
    assert_eq!(
        message,
        "the environment variable ABSENT is not set on this agent: set it where the agent is started"
    );
}

#[test]
fn what_no_name_stands_for_is_refused() {
    let names = names(&["x"]);
    for (text, reason) in [
        ("{{absent}}", "\"{{absent}}\" has no value on this agent"),
        ("{{random.int(3,1)}}", "the smaller number first"),
        ("{{random.int(1)}}", "two whole numbers"),
        ("{{env:}}", "does not name a variable"),
        ("{{target.host}}", "\"{{target.host}}\" has no value on this agent"),
        ("{{open", "never closes it"),
    ] {
        let error = crate::values::Rendering::compile(text, &names, Place::Anywhere).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn data_that_cannot_be_read_is_refused_by_its_name() {
    let csv = |file: &str| column(DataSource::Csv { file: file.to_owned(), column: "id".to_owned() });
    for (column, reason) in [
        (column(DataSource::Values(Vec::new())), "data.id has no rows"),
        (column(DataSource::Range { first: 2, last: 1 }), "data.id has no rows"),
        (column(DataSource::Range { first: i64::MIN, last: i64::MAX }), "more of them than can be counted"),
        (csv("absent.csv"), "the file \"absent.csv\" did not come with the job"),
        (csv("empty.csv"), "the file \"empty.csv\" cannot be used"),
    ] {
        let mut assignment = with_data(vec![("id", column)]);
        assignment.files.insert("empty.csv".to_owned(), Vec::new());
        let error = Names::with_environment(&assignment, &environment).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
