//! Baselines: names that stand for runs; what may stand in one, and what becomes of its runs.

use fleetmark_tests::cast::{Coordinator, Said, Scene};
use fleetmark_tests::readings::{list, text};
use serde_json::{Value, json};

fn job(name: &str, load: &str) -> String {
    format!(
        "name = \"{name}\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"it\"\ncommand = \"true\"\n[load]\niterations = 10\n{load}\n"
    )
}

/// A folder in which a job ran some times; the runs' ids, oldest first.
fn after_runs(count: usize) -> (Scene, Vec<String>) {
    let scene = Scene::new();
    scene.write("job.toml", &job("quick", ""));
    let ids = (0..count).map(|_| id_of(&scene.run(&["run", "job.toml", "--json", "-"]))).collect();
    (scene, ids)
}

fn id_of(said: &Said) -> String {
    assert_eq!(said.code, 0, "{said:?}");
    text(&said.json()["run"]["id"]).to_owned()
}

/// The baselines as listed: name, and ids of the runs.
fn listed(scene: &Scene) -> Vec<(String, Vec<String>)> {
    let said = scene.run(&["baseline", "list", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let runs = |baseline: &Value| {
        list(&baseline["runs"]).iter().map(|run| text(&run["run"]).to_owned()).collect::<Vec<_>>()
    };
    list(&said.json()).iter().map(|baseline| (text(&baseline["name"]).to_owned(), runs(baseline))).collect()
}

#[test]
fn a_baseline_is_set_listed_and_removed() {
    let (scene, ids) = after_runs(2);
    let said = scene.run(&["baseline", "set", "main", &ids[0], "latest", "--json"]);
    assert_eq!((said.code, &said.json()["name"]), (0, &json!("main")), "{said:?}");
    assert_eq!(listed(&scene), [("main".to_owned(), ids.clone())]);
    let page = scene.run(&["baseline", "list"]).out;
    assert!(ids.iter().all(|id| page.contains(id)) && page.contains("quick"), "{page}");
    let said = scene.run(&["baseline", "set", "main", "latest"]);
    assert!(said.out.contains("1 run of job quick") && said.out.contains("inconclusive until it has 5"));
    assert_eq!(listed(&scene), [("main".to_owned(), vec![ids[1].clone()])]);
    assert_eq!(scene.run(&["baseline", "remove", "main"]).code, 0);
    assert_eq!(listed(&scene), []);
    let again = scene.run(&["baseline", "remove", "main"]);
    assert_eq!(again.code, 64, "{again:?}");
    assert!(again.errors.contains("main"), "{again:?}");
    assert_eq!(scene.run(&["store", "check"]).code, 0);
}

#[test]
fn a_run_is_added_to_a_baseline_when_it_ends() {
    let scene = Scene::new();
    scene.write("job.toml", &job("quick", ""));
    let ids: Vec<String> = (0..2)
        .map(|_| {
            let said = scene.run(&["run", "job.toml", "--save-baseline", "nightly", "--json", "-"]);
            assert!(said.errors.contains("baseline nightly: "), "{said:?}");
            id_of(&said)
        })
        .collect();
    assert_eq!(listed(&scene), [("nightly".to_owned(), ids)]);
}

#[test]
fn a_run_that_does_not_count_is_not_added_and_why_is_said() {
    let scene = Scene::new();
    scene.write("job.toml", &job("broken", "").replace("\"true\"", "\"false\""));
    let said = scene.run(&["run", "job.toml", "--save-baseline", "main", "--json", "-"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.errors.contains("is not added to baseline main"), "{said:?}");
    let refused = scene.run(&["baseline", "set", "main", "latest"]);
    assert_eq!(refused.code, 77, "{refused:?}");
    assert!(
        refused.errors.contains("not all trials") && refused.errors.contains("fleetmark show"),
        "{refused:?}"
    );
    assert_eq!(listed(&scene), []);
}

#[test]
fn runs_of_another_shape_are_refused_with_what_differs() {
    let (scene, _) = after_runs(1);
    assert_eq!(scene.run(&["baseline", "set", "main", "latest"]).code, 0);
    scene.write("job.toml", &job("quick", "workers = 3"));
    let said = scene.run(&["run", "job.toml", "--save-baseline", "main", "--quiet"]);
    assert_eq!(said.code, 77, "{said:?}");
    assert!(said.errors.contains("workers (the default and 3)"), "{said:?}");
}

#[test]
fn what_cannot_be_a_baseline_is_a_usage_error() {
    let (scene, ids) = after_runs(1);
    for words in [
        &["baseline", "set", "latest", "latest"][..],
        &["baseline", "set", "0199abcd", "latest"],
        &["baseline", "set", "main", "00000000"],
        &["baseline", "set", "main"],
        &["baseline", "set", "a b", &ids[0]],
        &["run", "job.toml", "--save-baseline", "a/b"],
    ] {
        let said = scene.run(words);
        assert_eq!((said.code, said.out.as_str()), (64, ""), "{words:?}: {said:?}");
    }
    assert_eq!(listed(&scene), []);
}

#[test]
fn asking_for_baselines_where_nothing_was_run_makes_no_store() {
    let scene = Scene::new();
    assert_eq!(listed(&scene), []);
    assert_eq!(scene.run(&["baseline", "set", "main", "latest"]).code, 64);
    assert!(!scene.path().join(".fleetmark").exists());
}

#[test]
fn a_run_of_a_baseline_is_removed_only_by_force_and_kept_by_pruning() {
    let (scene, ids) = after_runs(2);
    assert_eq!(scene.run(&["baseline", "set", "main", &ids[0]]).code, 0);
    let refused = scene.run(&["runs", "rm", &ids[0]]);
    assert_eq!(refused.code, 77, "{refused:?}");
    assert!(refused.errors.contains("main") && refused.errors.contains("--force"), "{refused:?}");
    let pruned = scene.run(&["store", "prune", "--keep", "0", "--json"]);
    assert_eq!(pruned.code, 0, "{pruned:?}");
    let removed: Vec<Value> = list(&pruned.json()["removed"]).iter().map(|run| run["id"].clone()).collect();
    assert_eq!(removed, [json!(ids[1])]);
    assert_eq!(scene.run(&["runs", "rm", &ids[0], "--force"]).code, 0);
    assert_eq!(listed(&scene), [("main".to_owned(), vec![ids[0].clone()])], "its figures stay");
}

#[test]
fn baselines_survive_a_restart_and_go_along_with_an_export() {
    let scene = Scene::new();
    scene.write("job.toml", &job("quick", ""));
    let mut coordinator = Coordinator::start(&scene, "store");
    let at = |url: &str, words: &[&str]| scene.run(&[words, &["--coordinator", url]].concat());
    let ran = at(
        &coordinator.url,
        &["run", "job.toml", "--local-agents", "1", "--save-baseline", "main", "--quiet"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    coordinator.process.kill();
    let again = Coordinator::start(&scene, "store");
    let listed = at(&again.url, &["baseline", "list", "--json"]);
    assert_eq!(list(&listed.json())[0]["name"], json!("main"), "{listed:?}");
    assert_eq!(at(&again.url, &["store", "export", "all.fm"]).code, 0);
    let imported = scene.run(&["store", "import", "all.fm", "--store", "other"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    let other = scene.run(&["baseline", "list", "--json", "--store", "other"]);
    assert_eq!(other.json(), listed.json());
}
