//! MySQL's protocol, from end to end against a real MariaDB: exact counts, locks, TLS, bad days, no password anywhere.

use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::mariadb::MariaDb;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::postgres::PASSWORD;
use fleetmark_tests::process::Process;
use fleetmark_tests::readings::{only_trial, operation, whole};
use fleetmark_tests::shop::{failure, job, operations, run};
use serde_json::json;

/// Far longer than a server takes to see that its clients are gone.
const GONE_WITHIN: Duration = Duration::from_secs(20);

const THINGS: &str = "CREATE TABLE thing (id int PRIMARY KEY, name varchar(9)) ENGINE=InnoDB; INSERT INTO thing SELECT seq, 'x' FROM seq_1_to_100";

fn all_are_closed(database: &MariaDb) {
    wait_for("all connections to be closed", GONE_WITHIN, || (database.connections() == 0).then_some(()));
}

#[test]
fn the_database_counts_exactly_the_statements_that_are_reported() {
    let (scene, database) = (Scene::new(), MariaDb::start());
    database.ask(THINGS);
    let select =
        "statement = \"SELECT name FROM thing WHERE id = ?\"\nparams = [\"{{id}}\"]\nexpect = { rows = 1 }";
    let before = database.counter("Com_stmt_execute");
    let (said, report) = run(&scene, &job(&database.url(), &operations(select), "iterations = 10000"));
    assert_eq!(said.code, 0, "{said:?}");
    let it = operation(only_trial(&report), "it");
    assert_eq!((whole(it, "count"), &it["errors"]), (10_000, &json!({})));
    assert!(whole(it, "bytes_received") > 100_000);
    assert_eq!(database.counter("Com_stmt_execute") - before, 10_000);
    let plain = format!("{select}\nprepared = false");
    let (said, _) = run(&scene, &job(&database.url(), &operations(&plain), "iterations = 100"));
    assert_eq!((said.code, database.counter("Prepared_stmt_count")), (0, 0), "{said:?}");
    all_are_closed(&database);
}

#[test]
fn transactions_connections_and_pools_are_operations_as_anywhere() {
    let (scene, database) = (Scene::new(), MariaDb::start());
    database.ask(THINGS);
    let move_on = "statements = [{ statement = \"UPDATE thing SET name = ? WHERE id = ?\", params = [\"y{{id}}\", \"{{id}}\"] }, \
                   \"SELECT 1; SELECT 2\"]\nisolation = \"read committed\"\nprepared = false\nexpect = { rows = 2 }";
    let settings = format!("pool_size = 2\n{}", operations(move_on));
    let (said, report) = run(&scene, &job(&database.url(), &settings, "iterations = 100"));
    assert_eq!(said.code, 0, "{said:?} {:?}", failure(&report));
    assert_eq!(whole(&operation(only_trial(&report), "it")["pool_wait_ns"], "count"), 100);
    assert_eq!(database.ask("SELECT count(*) FROM thing WHERE name = concat('y', id)"), "100");
    let (said, report) = run(&scene, &job(&database.url(), &operations("connect = true"), "iterations = 20"));
    assert_eq!((said.code, whole(operation(only_trial(&report), "it"), "connects")), (0, 20), "{said:?}");
    all_are_closed(&database);
}

#[test]
fn each_bad_day_has_its_own_kind_and_words() {
    let (scene, database) = (Scene::new(), MariaDb::start());
    database.ask(THINGS);
    let url = database.url();
    let select = operations("statement = \"SELECT 1\"");
    let selecting = |more: &str| operations(&format!("statement = \"SELECT {more}"));
    for (url, settings, kind, words) in [
        (
            url.replace("{{env:SHOP_PASSWORD}}", "{{env:HOME}}"),
            select.clone(),
            "connect",
            "Access denied for user 'me'",
        ),
        (url.replace("/shop", "/nothing"), select.clone(), "connect", "(1044)"),
        (format!("{url}?ssl-mode=required"), select, "tls", "the server offers no TLS"),
        (url.clone(), selecting("* FROM nothing\""), "status", "'shop.nothing' doesn't exist (1146)"),
        (url.clone(), selecting("? + 1\""), "other", "wants 1 values, and params give 0"),
        (url.clone(), selecting("1\"\nexpect = { rows = 2 }"), "body", "1 rows were read, and 2"),
        (url, selecting("sleep(60)\"\ntimeout = \"3s\""), "timeout", "it was given up"),
    ] {
        let (said, report) = run(&scene, &job(&url, &settings, "iterations = 4"));
        let (message, errors) = failure(&report);
        assert_eq!((said.code, errors), (3, json!({ kind: 4 })), "{settings}: {message}");
        assert!(message.contains(words), "{settings}: {message}");
    }
    // What was given up does not go on in the server.
    all_are_closed(&database);
    let forgotten = database.counter("Com_stmt_close");
    assert!(forgotten >= 4, "statements whose values are too few stay prepared: {forgotten} were forgotten");
}

#[test]
fn a_wide_row_passes_without_being_held() {
    let (scene, database) = (Scene::new(), MariaDb::start_with(&["--max-allowed-packet=1G".to_owned()]));
    let wide =
        operations("statement = \"SELECT repeat('x', 100000000)\"\ntimeout = \"60s\"\nexpect = { rows = 1 }");
    let (said, report) = run(&scene, &job(&database.url(), &wide, "iterations = 4\nthreads = 1"));
    assert_eq!(said.code, 0, "{said:?} {:?}", failure(&report));
    assert!(whole(operation(only_trial(&report), "it"), "bytes_received") > 400_000_000);
}

#[test]
fn locks_have_kinds_of_their_own_and_are_tried_again_only_if_the_job_says_so() {
    let (scene, database) = (Scene::new(), MariaDb::start_with(&["--innodb-lock-wait-timeout=1".to_owned()]));
    database.ask(THINGS);
    // Half of the workers take the two rows one way round, half the other.
    let way = |name: &str, first: u8, second: u8| {
        format!(
            "[[workload.operations]]\nname = \"{name}\"\nstatements = [\"UPDATE thing SET name = 'a' WHERE id = {first}\", \
             \"DO sleep(0.05)\", \"UPDATE thing SET name = 'b' WHERE id = {second}\"]\ntimeout = \"60s\"\n"
        )
    };
    let both = format!("{}{}", way("there", 1, 2), way("back", 2, 1));
    let (_, report) = run(&scene, &job(&database.url(), &both, "iterations = 40"));
    let kinds = ["there", "back"].map(|name| operation(only_trial(&report), name)["errors"].clone());
    assert!(kinds.iter().any(|errors| errors["deadlock"].as_u64() > Some(0)), "{kinds:?}");
    let patient = both.replace("timeout = \"60s\"", "timeout = \"60s\"\nretries = 1000");
    let (said, _) = run(&scene, &job(&database.url(), &patient, "iterations = 20"));
    assert_eq!(said.code, 0, "{said:?}");
    let held =
        "statements = [\"UPDATE thing SET name = 'c' WHERE id = 3\", \"DO sleep(3)\"]\ntimeout = \"60s\"";
    let (_, report) = run(&scene, &job(&database.url(), &operations(held), "iterations = 4"));
    let (message, errors) = failure(&report);
    assert!(errors["serialization"].as_u64() > Some(0) && message.contains("(1205)"), "{errors} {message}");
    all_are_closed(&database);
}

#[test]
fn a_server_that_goes_away_is_an_error_and_no_hang() {
    let (scene, database) = (Scene::new(), MariaDb::start());
    let job = job(&database.url(), &operations("statement = \"SELECT 1\""), "duration = \"3s\"");
    scene.write("job.toml", &job);
    let before = database.counter("Com_stmt_execute");
    let mut command = scene.command(&["run", "job.toml", "--json", "report.json"]);
    let mut running = Process::start("run", command.env("SHOP_PASSWORD", PASSWORD));
    wait_for("the first statements", GONE_WITHIN, || {
        (database.counter("Com_stmt_execute") > before).then_some(())
    });
    database.stop();
    let code = running.wait(Duration::from_secs(60)).code();
    assert_eq!(code, Some(3));
    let (_, errors) = failure(&scene.json("report.json"));
    let errors = errors.as_object().unwrap();
    assert!(errors.contains_key("connect") || errors.contains_key("closed"), "{errors:?}");
}

#[test]
fn plans_are_told_as_the_server_writes_them() {
    let (scene, database) = (Scene::new(), MariaDb::start());
    database.ask(THINGS);
    let select = "explain = true\n[[workload.operations]]\nname = \"it\"\nstatement = \"SELECT name FROM thing WHERE id = ?\"\nparams = [\"{{id}}\"]\n";
    let (said, report) = run(&scene, &job(&database.url(), select, "iterations = 40"));
    assert_eq!(said.code, 0, "{said:?}");
    let plan = only_trial(&report)["plans"][0]["plan"].as_str().unwrap();
    assert!(plan.contains("\"query_block\"") && plan.contains("\"table_name\": \"thing\""), "{plan}");
}
