//! SQLite, from end to end: exact counts, locks, bad days, and files that an agent's owner lists.

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::readings::{only_trial, operation, whole};
use fleetmark_tests::shop::{failure, job, operations, run};
use rusqlite::Connection;
use serde_json::json;

const SETUP: &str = "setup = [\"DROP TABLE IF EXISTS thing\", \"CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)\", \
                     \"WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 100) INSERT INTO thing SELECT n, 'x' FROM i\"]";

/// The URL of a file of the scene, and the file itself.
fn file(scene: &Scene) -> (String, std::path::PathBuf) {
    let path = scene.path().join("shop.db");
    (format!("sqlite:{}", path.display()), path)
}

#[test]
fn statements_read_and_write_the_file_exactly_as_often_as_is_reported() {
    let scene = Scene::new();
    let (url, path) = file(&scene);
    let select =
        "statement = \"SELECT name FROM thing WHERE id = $1\"\nparams = [\"{{id}}\"]\nexpect = { rows = 1 }";
    let (said, report) =
        run(&scene, &job(&url, &format!("{SETUP}\n{}", operations(select)), "iterations = 2000"));
    assert_eq!(said.code, 0, "{said:?}");
    let it = operation(only_trial(&report), "it");
    assert_eq!((whole(it, "count"), &it["errors"], whole(it, "bytes_received")), (2_000, &json!({}), 2_000));
    let insert = "statements = [{ statement = \"INSERT INTO thing (name) VALUES ($1 || $2 || $1)\", params = [\"a\", 7] }, \
                  \"SELECT count(*) FROM thing\"]\ntimeout = \"60s\"";
    let (said, report) =
        run(&scene, &job(&url, &format!("{SETUP}\n{}", operations(insert)), "iterations = 50"));
    assert_eq!(said.code, 0, "{said:?} {:?}", failure(&report));
    let opened = Connection::open(path).unwrap();
    let count = "SELECT count(*) FROM thing WHERE name = 'a7a'";
    assert_eq!(opened.query_row(count, [], |row| row.get(0)), Ok(50));
}

#[test]
fn a_lock_that_is_held_for_ever_is_told_as_such_within_the_timeout() {
    let scene = Scene::new();
    let (url, path) = file(&scene);
    let holder = Connection::open(path).unwrap();
    holder.execute_batch("CREATE TABLE thing (id INTEGER); BEGIN EXCLUSIVE").unwrap();
    let insert = operations("statement = \"INSERT INTO thing VALUES (1)\"\ntimeout = \"1s\"");
    let (said, report) = run(&scene, &job(&url, &insert, "iterations = 4"));
    let (message, errors) = failure(&report);
    assert_eq!((said.code, errors), (3, json!({ "timeout": 4 })), "{message}");
    assert!(message.contains("another connection held its lock"), "{message}");
}

#[test]
fn each_bad_day_has_its_own_kind_and_words() {
    let scene = Scene::new();
    let (url, _) = file(&scene);
    let other = |name: &str| url.replace("shop.db", name);
    scene.write("no.db", &"this is no database ".repeat(100));
    let endless = "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i) SELECT count(*) FROM i";
    for (url, settings, kind, words) in [
        (other("nowhere/shop.db"), "statement = \"SELECT 1\"", "connect", "unable to open database file"),
        (other("no.db"), "statement = \"SELECT 1\"", "connect", "file is not a database"),
        (other("absent.db?mode=rw"), "statement = \"SELECT 1\"", "connect", "unable to open database file"),
        (url.clone(), "statement = \"SELECT * FROM absent\"", "status", "no such table: absent"),
        (url.clone(), "statement = \"SELECT $1\"", "other", "wants 1 values, and params give 0"),
        (url.clone(), "statement = \"SELECT :name\"", "other", "a value named :name"),
        (url.clone(), "statement = \"ATTACH 'other.db' AS other\"", "status", "lead to no other"),
        (
            url.clone(),
            "statement = \"ATTACH $1 AS other\"\nparams = [\"/tmp/other.db\"]",
            "status",
            "lead to no other",
        ),
        (url.clone(), "statement = \"VACUUM INTO '/tmp/other.db'\"", "status", "lead to no other"),
        (url.clone(), &format!("statement = \"{endless}\"\ntimeout = \"1s\""), "timeout", "it was given up"),
    ] {
        let (said, report) = run(&scene, &job(&url, &operations(settings), "iterations = 4"));
        let (message, errors) = failure(&report);
        assert_eq!((said.code, errors), (3, json!({ kind: 4 })), "{settings}: {message}");
        assert!(message.contains(words), "{settings}: {message}");
    }
}

#[test]
fn an_agent_opens_the_database_files_that_its_owner_lists_and_no_other() {
    let scene = Scene::new();
    let (url, path) = file(&scene);
    let folder = scene.path().join("bench");
    std::fs::create_dir(&folder).unwrap();
    scene.write("agent.toml", &format!("databases = [\"{}/*.db\"]\n", folder.display()));
    let coordinator = Coordinator::start(&scene, "store");
    // Whoever fills disks writes no databases for that.
    let words = ["--config", "agent.toml", "--allow", "disk"];
    let agent = Agent::start(&scene, &coordinator.url, "careful", &words);
    wait_for_agents(&scene, &coordinator.url, 1);
    let run = |url: &str, settings: &str| {
        scene.write("job.toml", &job(url, settings, "iterations = 4"));
        scene.run(&["run", "job.toml", "--coordinator", &coordinator.url])
    };
    let select = operations("statement = \"SELECT 1\"");
    std::os::unix::fs::symlink(&path, folder.join("trick.db")).unwrap();
    let trick = url.replace("shop.db", "bench/trick.db");
    let said = run(&url, &select);
    let told = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.code == 77 && told.contains("`databases` of its configuration"), "{said:?}");
    // The link leads to what is not there yet, so that SQLite itself has to leave it alone.
    assert_ne!(run(&trick, &select).code, 0);
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    assert_eq!(run(&trick, &select).code, 77);
    let said = run(&url.replace("shop.db", "bench/shop.db"), &format!("setup = [\"VACUUM\"]\n{select}"));
    assert_eq!(said.code, 0, "{said:?}");
    drop(agent);
}

#[test]
fn the_example_of_two_scopes_runs_both_ways_and_leaves_nothing() {
    let scene = Scene::new();
    let (url, path) = file(&scene);
    let example = fleetmark_tests::suites::examples("setup-scope.toml").display().to_string();
    let limits = ["steal", "foreign_cpu", "generator_cpu"].map(|limit| format!("limits.{limit}=1"));
    let mut words = vec![
        "run",
        &example,
        "--json",
        "report.json",
        "--set",
        "load.duration=300ms",
        "--set",
        "load.trials=3",
    ];
    limits.iter().for_each(|limit| words.extend(["--set", limit]));
    let said = scene.command(&words).env("DATABASE_URL", url).output().unwrap();
    let report = scene.json("report.json");
    for variant in report["variants"].as_array().unwrap() {
        for trial in variant["trials"].as_array().unwrap() {
            assert_eq!(
                (&trial["valid"], &operation(trial, "test")["errors"]),
                (&json!(true), &json!({})),
                "{said:?}"
            );
        }
    }
    assert_eq!(report["variants"].as_array().unwrap().len(), 2);
    let opened = Connection::open(path).unwrap();
    assert_eq!(opened.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)), Ok(0));
}

#[test]
fn plans_are_told_in_sqlites_own_words() {
    let scene = Scene::new();
    let select = "explain = true\n[[workload.operations]]\nname = \"it\"\nstatement = \"SELECT name FROM thing WHERE id = $1\"\nparams = [\"{{id}}\"]\n";
    let (said, report) = run(&scene, &job(&file(&scene).0, &format!("{SETUP}\n{select}"), "iterations = 40"));
    assert_eq!(said.code, 0, "{said:?}");
    let plan = only_trial(&report)["plans"][0]["plan"].as_str().unwrap();
    assert!(plan.contains("\n  SEARCH thing USING INTEGER PRIMARY KEY"), "{plan}");
}
