//! What is run around trials and runs: how often, by whom, and what is told when it fails.

use std::time::Duration;

use fleetmark_tests::cast::Scene;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::postgres::{PASSWORD, Postgres};
use fleetmark_tests::process::Process;
use fleetmark_tests::readings::text;
use fleetmark_tests::shop::{job, operations, run};
use rustix::process::Signal;
use serde_json::Value;

const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A server with a table in which set-up and teardown leave their marks.
fn marked() -> Postgres {
    let database = Postgres::start();
    database.ask("CREATE TABLE mark (what text); GRANT ALL ON mark TO me");
    database
}

fn marks(database: &Postgres) -> String {
    database.ask("SELECT string_agg(what, ' ') FROM mark")
}

fn around(per: &str, teardown: &str) -> String {
    let select = operations("statement = \"SELECT count(*) FROM mark\"");
    format!(
        "setup = [\"INSERT INTO mark VALUES ('up')\"]\nteardown = [{teardown}\"INSERT INTO mark VALUES ('down')\"]\n\
         setup_per = \"{per}\"\n{select}"
    )
}

fn findings(report: &Value) -> Vec<&str> {
    let trials = report["variants"][0]["trials"].as_array().expect("trials");
    trials
        .iter()
        .flat_map(|trial| trial["findings"].as_array().expect("findings"))
        .map(|it| text(&it["code"]))
        .collect()
}

#[test]
fn set_up_and_teardown_belong_to_each_trial_or_once_to_the_run() {
    let (scene, database) = (Scene::new(), marked());
    for (per, expected) in [("trial", "up down up down up down"), ("run", "up down")] {
        database.ask("TRUNCATE mark");
        let load = "iterations = 40\ntrials = 3";
        let (said, report) = run(&scene, &job(&database.url(), &around(per, ""), load));
        assert_eq!((said.code, marks(&database).as_str()), (0, expected), "{said:?}");
        assert!(!findings(&report).contains(&"teardown_failed"));
    }
}

#[test]
fn the_first_of_several_agents_sets_up_for_all() {
    let (scene, database) = (Scene::new(), marked());
    scene.write("job.toml", &job(&database.url(), &around("run", ""), "iterations = 40\ntrials = 2"));
    let mut command = scene.command(&["run", "job.toml", "--local-agents", "3"]);
    let said = command.env("SHOP_PASSWORD", PASSWORD).output().unwrap();
    assert_eq!((said.status.code(), marks(&database).as_str()), (Some(0), "up down"), "{said:?}");
}

#[test]
fn a_teardown_that_fails_is_told_and_goes_on_with_the_next_statement() {
    let (scene, database) = (Scene::new(), marked());
    let broken = "\"DROP TABLE nothing\", ";
    let (said, report) = run(&scene, &job(&database.url(), &around("trial", broken), "iterations = 40"));
    assert_eq!(marks(&database), "up down", "{said:?}");
    assert!(findings(&report).contains(&"teardown_failed"), "{said:?}");
    let (said, _) = run(&scene, &job(&database.url(), &around("run", broken), "iterations = 40"));
    assert_eq!(said.code, 3, "{said:?}");
    let told = format!("{}{}", said.out, said.errors).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("teardown failed") && told.contains("\"nothing\" does not exist"), "{said:?}");
}

#[test]
fn a_trial_that_is_cancelled_is_torn_down_all_the_same() {
    let (scene, database) = (Scene::new(), marked());
    scene.write("job.toml", &job(&database.url(), &around("trial", ""), "duration = \"60s\""));
    let mut command = scene.command(&["run", "job.toml"]);
    let mut running = Process::start("run", command.env("SHOP_PASSWORD", PASSWORD));
    wait_for("the first statements", ENDS_WITHIN, || {
        let calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE 'SELECT count(*) FROM mark%'";
        (database.ask(calls) != "0").then_some(())
    });
    running.signal(Signal::INT);
    running.wait(ENDS_WITHIN);
    wait_for("the teardown", ENDS_WITHIN, || (marks(&database) == "up down").then_some(()));
}
