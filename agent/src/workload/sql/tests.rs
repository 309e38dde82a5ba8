//! The sql workload's keys; the databases themselves are asked in the tests of the whole system.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use serde_json::{Value, json};
use shared::ids::Name;
use shared::job::{OperationSpec, Warmup, Window};

use super::settings::Work;
use super::*;
use crate::policy::Policy;
use crate::workload::connection::progress::Progress;

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
        (
            json!({ "url": "postgres://me@127.0.0.1/db", "setup_per": "week" }),
            select(),
            "setup_per: \"week\"",
        ),
        (json!({ "url": "sqlite::memory:" }), select(), "a database in memory belongs to one connection"),
        (json!({ "url": "sqlite:shop.db" }), select(), "write the whole path"),
        (json!({ "url": "sqlite:/tmp/shop.db?mode=memory" }), select(), "only ro, rw and rwc"),
        (json!({ "url": "sqlite:/tmp/shop.db", "tls": {} }), select(), "leave tls out"),
        (
            json!({ "url": "sqlite:/tmp/shop.db" }),
            json!({ "statement": "SELECT 1", "isolation": "read committed" }),
            "transactions in SQLite are serializable",
        ),
        (json!({ "url": "mysql://127.0.0.1/db" }), select(), "names no user"),
        (json!({ "url": "mariadb://me@127.0.0.1/db?ssl-mode=preferred" }), select(), "ssl-mode=preferred"),
        (json!({ "url": "mysql://me:hunter2@127.0.0.1/db" }), select(), "{{env:NAME}}"),
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

/// What opening a connection comes to when the server says this at first, and nothing more.
async fn greeted_with(said: Vec<u8>, mut settings: Value) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    settings["url"] = json!(format!("mysql://me@{}/db", listener.local_addr().unwrap()));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&said).unwrap();
        let _until_the_other_side_closes = stream.read_to_end(&mut Vec::new());
    });
    let sql = sql(settings, json!({ "statement": "SELECT 1" })).unwrap();
    let progress = &mut Progress::new();
    let opened = sql.plan.database.open(&sql.plan.operations, Duration::from_secs(10), progress).await;
    let failure = opened.unwrap_err();
    server.join().unwrap();
    format!("{:?}: {}", failure.kind, failure.message)
}

fn packet(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_le_bytes()[..3], &[0], payload].concat()
}

#[tokio::test]
async fn a_server_that_is_no_mysql_is_an_error_and_never_a_panic() {
    let strange = [&[10][..], b"5.7\0", &[0; 20], &[200], &[0; 10], &[b'x'; 40]].concat();
    for (said, words) in [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "Protocol: the server sends packet"),
        (vec![0xff, 0xff, 0xff, 0], "Protocol: the server sends a packet of 16777215 bytes"),
        (packet(b""), "Protocol: the server sends what is no packet"),
        (packet(&[10; 300]), "Protocol: the server sends what is no packet"),
        (packet(&strange), "its greeting is none of MySQL's"),
        (
            packet(b"\xff\x10\x04Too many connections"),
            "Connect: the database lets us not in: Too many connections (1040)",
        ),
    ] {
        let failure = greeted_with(said, json!({})).await;
        assert!(failure.contains(words), "{failure}");
    }
}

#[tokio::test]
async fn what_is_said_in_the_clear_before_tls_is_no_part_of_it() {
    // Its version, 12 bytes of numbers, that it speaks TLS, and nothing else.
    let greeting = [&[10][..], b"8\0", &[1; 12], &[0, 0x00, 0x0a], &[0; 16]].concat();
    let said = [packet(&greeting), packet(b"put in by somebody on the way")].concat();
    let failure = greeted_with(said, json!({ "tls": { "insecure": true } })).await;
    assert!(failure.starts_with("Protocol: ") && failure.contains("goes on in the clear"), "{failure}");
}
