//! Databases, from end to end against a real PostgreSQL: exact counts, the example, pools, bad days, no password anywhere.

use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::postgres::{PASSWORD, Postgres};
use fleetmark_tests::readings::{only_trial, operation, whole};
use fleetmark_tests::shop::{failure, job, operations, run};
use fleetmark_tests::written::files_with;
use serde_json::json;

/// Far longer than a server takes to see that its clients are gone.
const GONE_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn the_database_counts_exactly_the_statements_that_are_reported() {
    let (scene, database) = (Scene::new(), Postgres::start());
    database.ask("CREATE TABLE thing (id int PRIMARY KEY, name text); GRANT ALL ON thing TO me; INSERT INTO thing SELECT i, 'x' FROM generate_series(1, 100) i");
    let settings = operations(
        "statement = \"SELECT name FROM thing WHERE id = $1\"\nparams = [\"{{id}}\"]\nexpect = { rows = 1 }",
    );
    let (said, report) = run(&scene, &job(&database.url(), &settings, "iterations = 10000"));
    assert_eq!(said.code, 0, "{said:?}");
    let it = operation(only_trial(&report), "it");
    assert_eq!((whole(it, "count"), &it["errors"]), (10_000, &json!({})));
    assert_eq!(it["metrics"]["rows"]["mean"].as_f64(), Some(1.0));
    assert!(whole(it, "bytes_received") > 10_000);
    let calls =
        database.ask("SELECT calls FROM pg_stat_statements WHERE query LIKE 'SELECT name FROM thing%'");
    assert_eq!(calls, "10000");
    wait_for("all connections to be closed", GONE_WITHIN, || (database.connections() == 0).then_some(()));
}

#[test]
fn the_example_holds_its_claims() {
    let (scene, database) = (Scene::new(), Postgres::start());
    let example = fleetmark_tests::suites::examples("database.toml").display().to_string();
    let words = [
        "run",
        &example,
        "--json",
        "report.json",
        "--set",
        "limits.steal=1",
        "--set",
        "limits.foreign_cpu=1",
    ];
    let quick = ["--set", "limits.generator_cpu=1", "--set", "load.duration=2s", "--set", "load.warmup=0s"];
    let url = format!("postgres://me:{PASSWORD}@127.0.0.1:{}/shop", database.port);
    let said = scene.command(&[&words[..], &quick].concat()).env("DATABASE_URL", url).output().unwrap();
    let spoken = String::from_utf8_lossy(&[said.stdout.clone(), said.stderr.clone()].concat()).into_owned();
    // Whether the bounds hold is for the machine to say; that every statement works is for us.
    let report = scene.json("report.json");
    let all = operation(only_trial(&report), "*");
    assert_eq!((&all["errors"], whole(all, "unsent")), (&json!({}), 0), "{spoken}");
    assert!(whole(operation(only_trial(&report), "bulk_insert"), "count") > 0);
    assert!(!spoken.contains(PASSWORD));
    assert_eq!(files_with(scene.path(), PASSWORD), [""; 0]);
}

#[test]
fn workers_wait_for_a_connection_of_the_pool() {
    let (scene, database) = (Scene::new(), Postgres::start());
    let settings = format!("pool_size = 1\n{}", operations("statement = \"SELECT pg_sleep(0.01)\""));
    let (said, report) = run(&scene, &job(&database.url(), &settings, "iterations = 40\nthreads = 1"));
    assert_eq!(said.code, 0, "{said:?}");
    let it = operation(only_trial(&report), "it");
    assert_eq!(whole(&it["pool_wait_ns"], "count"), 40);
    // Four workers take turns, so that most wait for three others.
    assert!(it["pool_wait_ns"]["p50"].as_f64().unwrap() > 5e6, "{}", it["pool_wait_ns"]);
    assert_eq!(whole(it, "connects"), 1);
}

#[test]
fn opening_a_connection_is_an_operation_too() {
    let (scene, database) = (Scene::new(), Postgres::start());
    let (said, report) = run(&scene, &job(&database.url(), &operations("connect = true"), "iterations = 20"));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(whole(operation(only_trial(&report), "it"), "connects"), 20);
    wait_for("all connections to be closed", GONE_WITHIN, || (database.connections() == 0).then_some(()));
}

#[test]
fn each_bad_day_has_its_own_kind_and_words() {
    let (scene, database) = (Scene::new(), Postgres::start());
    let url = database.url();
    let select = operations("statement = \"SELECT 1\"");
    for (url, settings, kind, words) in [
        (
            url.replace("{{env:SHOP_PASSWORD}}", "{{env:HOME}}"),
            select.clone(),
            "connect",
            "password authentication failed",
        ),
        (url.replace("/shop", "/nothing"), select, "connect", "\"nothing\" does not exist"),
        (url.clone(), operations("statement = \"SELECT 1 / 0\""), "status", "division by zero (22012)"),
        (
            url.clone(),
            operations("statement = \"SELECT $1::int\"\nparams = [\"x\"]"),
            "status",
            "invalid input syntax",
        ),
        (
            url.clone(),
            operations("statement = \"SELECT $1::int\""),
            "other",
            "wants 1 values, and params give 0",
        ),
        (
            url.clone(),
            operations("statement = \"SELECT 1\"\nexpect = { rows = 2 }"),
            "body",
            "1 rows were read, and 2",
        ),
        (
            url,
            operations("statement = \"SELECT pg_sleep(60)\"\ntimeout = \"3s\""),
            "timeout",
            "it was given up",
        ),
    ] {
        let (said, report) = run(&scene, &job(&url, &settings, "iterations = 4"));
        let (message, errors) = failure(&report);
        assert_eq!((said.code, errors), (3, json!({ kind: 4 })), "{settings}: {message}");
        assert!(message.contains(words), "{settings}: {message}");
    }
    wait_for("all connections to be closed", GONE_WITHIN, || (database.connections() == 0).then_some(()));
}

#[test]
fn transactions_that_stand_in_each_others_way_are_tried_again_only_if_the_job_says_so() {
    let (scene, database) = (Scene::new(), Postgres::start());
    database.ask("CREATE TABLE stock (id int PRIMARY KEY, left_over int); GRANT ALL ON stock TO me; INSERT INTO stock VALUES (1, 0)");
    let transaction = "statements = [\"SELECT left_over FROM stock WHERE id = 1\", \"SELECT pg_sleep(0.005)\", \
                       \"UPDATE stock SET left_over = left_over + 1 WHERE id = 1\"]\nisolation = \"serializable\"";
    let (said, report) = run(&scene, &job(&database.url(), &operations(transaction), "iterations = 40"));
    let (message, errors) = failure(&report);
    assert_eq!(said.code, 3, "{said:?}");
    assert_eq!(errors.as_object().unwrap().keys().collect::<Vec<_>>(), ["serialization"], "{message}");
    database.ask("UPDATE stock SET left_over = 0");
    let patient = format!("{transaction}\nretries = 1000");
    let (said, report) = run(&scene, &job(&database.url(), &operations(&patient), "iterations = 40"));
    assert_eq!(said.code, 0, "{said:?} {:#}", operation(only_trial(&report), "it")["errors"]);
    assert_eq!(database.ask("SELECT left_over FROM stock"), "40");
}

#[test]
fn a_server_that_goes_away_is_an_error_and_no_hang() {
    let (scene, database) = (Scene::new(), Postgres::start());
    let job = job(&database.url(), &operations("statement = \"SELECT 1\""), "duration = \"3s\"");
    scene.write("job.toml", &job);
    let mut command = scene.command(&["run", "job.toml", "--json", "report.json"]);
    let mut running = fleetmark_tests::process::Process::start("run", command.env("SHOP_PASSWORD", PASSWORD));
    wait_for("the first statements", GONE_WITHIN, || {
        let calls =
            database.ask("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query = 'SELECT $1'");
        (calls != "0").then_some(())
    });
    database.stop();
    let code = running.wait(Duration::from_secs(60)).code();
    let report = scene.json("report.json");
    assert_eq!(code, Some(3));
    let (_, errors) = failure(&report);
    let errors = errors.as_object().unwrap();
    assert!(errors.contains_key("connect") || errors.contains_key("closed"), "{errors:?}");
}

#[test]
fn a_row_too_wide_to_be_held_is_an_error_that_says_so() {
    let (scene, database) = (Scene::new(), Postgres::start());
    let wide = operations("statement = \"SELECT repeat('x', 100000000)\"\ntimeout = \"60s\"");
    let (said, report) = run(&scene, &job(&database.url(), &wide, "iterations = 4"));
    let (message, errors) = failure(&report);
    assert_eq!((said.code, errors), (3, json!({ "protocol": 4 })), "{message}");
    assert!(message.contains("at most 67108864 are held"), "{message}");
    wait_for("all connections to be closed", GONE_WITHIN, || (database.connections() == 0).then_some(()));
}

#[test]
fn plans_are_told_once_and_nothing_is_run_for_them() {
    let (scene, database) = (Scene::new(), Postgres::start());
    database.ask("CREATE TABLE thing (id int PRIMARY KEY, name text); GRANT ALL ON thing TO me");
    let settings = "explain = true\n[[workload.operations]]\nname = \"it\"\nstatements = [{ statement = \"DELETE FROM thing WHERE id = $1\", \
                    params = [\"{{id}}\"] }, \"SELECT pg_sleep(0)\"]\n";
    let (said, report) = run(&scene, &job(&database.url(), settings, "iterations = 40\ntrials = 2"));
    assert_eq!(said.code, 0, "{said:?}");
    let trials = report["variants"][0]["trials"].as_array().unwrap();
    let plans: Vec<_> = trials.iter().filter_map(|trial| trial["plans"].as_array()).flatten().collect();
    assert_eq!(plans.len(), 1, "{plans:?}");
    let plan = plans[0]["plan"].as_str().unwrap();
    assert!(plan.starts_with("DELETE FROM thing WHERE id = $1\n  Delete on thing"), "{plan}");
    assert!(plan.contains("Index") && plan.contains("SELECT pg_sleep(0)\n  Result"), "{plan}");
    let calls = database.ask("SELECT calls FROM pg_stat_statements WHERE query LIKE 'DELETE FROM thing%'");
    assert_eq!(calls, "80", "the plan ran nothing");
    assert!(std::fs::read_to_string(scene.path().join("report.html")).unwrap().contains("Delete on thing"));
}
