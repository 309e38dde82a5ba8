//! The sql workload's keys; the databases themselves are asked in the tests of the whole system.

use serde_json::{Value, json};
use shared::ids::Name;
use shared::job::{OperationSpec, Warmup, Window};

use super::settings::Work;
use super::*;
use crate::policy::Policy;

fn sql(settings: Value, operation: Value) -> Result<Sql, PrepareError> {
    let (Value::Object(settings), Value::Object(operation)) = (settings, operation) else {
        panic!("settings are tables")
    };
    let load = crate::engine::tests::load(1, Warmup::Iterations(0), Window::Iterations(1));
    let base = crate::engine::tests::assignment(1, load.warmup, load.window);
    let operations =
        vec![OperationSpec { name: Name::new("read").unwrap(), weight: 1.0, settings: operation }];
    Sql::under(&Warden::new(Arc::new(Policy::unrestricted())), &Assignment { operations, settings, ..base })
}

#[test]
fn what_makes_no_sense_is_refused_with_its_key() {
    let url = || json!({ "url": "postgres://me@127.0.0.1/db" });
    let select = || json!({ "statement": "SELECT 1" });
    for (settings, operation, words) in [
        (json!({}), select(), "workload.url: is missing"),
        (json!({ "url": "oracle://me@127.0.0.1/db" }), select(), "begins with oracle://"),
        (json!({ "url": "postgres://127.0.0.1/db" }), select(), "names no user"),
        (json!({ "url": "postgres://me@127.0.0.1/db?sslmode=prefer" }), select(), "sslmode=prefer"),
        (json!({ "url": "postgres://me@127.0.0.1/db?colour=1" }), select(), "\"colour\""),
        (json!({ "url": "postgres://me:hunter2@127.0.0.1/db" }), select(), "{{env:NAME}}"),
        (
            json!({ "url": "postgres://me@127.0.0.1/db", "pool_size": 0 }),
            select(),
            "pool_size: must be at least 1",
        ),
        (url(), json!({}), "read.statement: give exactly one"),
        (url(), json!({ "statement": "SELECT 1", "connect": true }), "read.statement: give exactly one"),
        (url(), json!({ "statements": [] }), "read.statements: must be a list"),
        (url(), json!({ "statement": "SELECT {{sequence}}" }), "write $1 in its place"),
        (url(), json!({ "statement": "SELECT 1", "isolation": "chaos" }), "read.isolation: \"chaos\""),
        (url(), json!({ "connect": true, "expect": { "rows": 1 } }), "reads none"),
        (url(), json!({ "statement": "SELECT 1", "retries": -1 }), "read.retries: retries must be"),
        (url(), json!({ "statement": "SELECT 1", "colour": 1 }), "read.colour: is not a key"),
    ] {
        let error = sql(settings.clone(), operation).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("hunter2"), "{settings}: {error}");
    }
}

#[test]
fn statements_of_one_operation_are_a_transaction() {
    let url = json!({ "url": "postgres://me@127.0.0.1/db", "pool_size": 2 });
    let operation = json!({ "statements": ["SELECT 1", { "statement": "SELECT $1", "params": [2] }], "isolation": "serializable" });
    let sql = sql(url, operation).unwrap();
    let Work::Statements { statements, begin } = &sql.plan.operations[0].work else { panic!("statements") };
    assert_eq!((statements.len(), begin.as_deref()), (2, Some("BEGIN ISOLATION LEVEL SERIALIZABLE")));
    assert_eq!(sql.plan.pool_size, Some(2));
}
