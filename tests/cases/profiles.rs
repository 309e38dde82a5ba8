//! Profilers, from end to end: beside a real target in a trial that nothing counts, kept with the run, fetched again, and of no
//! account where they fail.

use std::fs;
use std::time::Duration;

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::contract::departures;
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{list, text, whole};
use fleetmark_tests::running::{Running, wait_until_all_are_gone};
use fleetmark_tests::site::Site;
use serde_json::{Value, json};

const GONE_WITHIN: Duration = Duration::from_secs(20);
/// Writes which program a process runs, and waits until its target has answered for a moment: a profiler in three lines.
const PROFILER: &str =
    "tr '\\0' ' ' < /proc/$1/cmdline > $2; echo >> $2; kill -0 $1 && echo alive >> $2; sleep 0.3";

fn profiled(load: &str, profile: &str, more: &str) -> String {
    let limits = "[limits]\nsteal = 1.0\nforeign_cpu = 1.0\ngenerator_cpu = 1.0\n";
    job::with_target("profiled", load, 7, &format!("{limits}[profile]\n{profile}\n{more}"))
}

fn script(words: &str, more: &str) -> String {
    format!("command = [\"sh\", \"-c\", \"{}\", {words}]\n{more}", PROFILER.replace('\\', "\\\\"))
}

fn run(scene: &Scene, job: &str, words: &[&str]) -> (Said, Value) {
    scene.write("job.toml", job);
    let said = scene.run(&[&["run", "job.toml", "--json", "report.json"], words].concat());
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said, report)
}

#[test]
fn a_profiler_is_told_the_target_and_its_file_is_kept_with_the_run() {
    let scene = Scene::new();
    let words = "\"sh\", \"{{target.pid}}\", \"{{profile.output}}\"";
    let profile = script(words, "output = \"who.txt\"\n");
    let claim = "[[claims]]\nmetric = \"error_ratio\"\nbelow = 0.5\n";
    let sweep = "[sweep]\n\"load.workers\" = [1, 2]\n";
    let text_of = profiled("iterations = 50\ntrials = 2\nseed = 1", &profile, &format!("{claim}{sweep}"));
    let (said, report) = run(&scene, &text_of, &[]);
    assert_eq!((said.code, &report["run"]["verdict"]), (0, &json!("supported")), "{said:?}");
    // What is measured is what it would be without.
    for variant in list(&report["variants"]) {
        assert_eq!(list(&variant["trials"]).len(), 2);
        assert_eq!(whole(&variant["operations"][0], "count"), 100);
    }
    let profiles = list(&report["profiles"]);
    assert_eq!(profiles.len(), 2, "{profiles:#?}");
    for (profile, variant) in profiles.iter().zip(["load.workers=1", "load.workers=2"]) {
        assert_eq!(profile["variant"], json!(variant));
        // Fifty operations are over at once, perhaps before the profiler is.
        let problem = &profile["problem"];
        assert!(problem.is_null() || text(problem).contains("the load ended"), "{problem}");
        assert_eq!(profile["name"], "who.txt");
        assert!(whole(profile, "size_bytes") > 0);
    }
    assert!(said.out.contains("Profiles, of trials that were not measured"), "{said:?}");
    let fetched = scene.run(&["profile", "latest", "--variant", "load.workers=2", "-o", "got.txt"]);
    assert_eq!(fetched.code, 0, "{fetched:?}");
    let got = fs::read_to_string(scene.path().join("got.txt")).unwrap();
    let lines: Vec<&str> = got.lines().collect();
    assert!(lines[0].contains("target --listen") && lines[0].contains(&job::seed_word(7)), "{got}");
    assert_eq!(lines[1], "alive");
    let listed = scene.run(&["profile", "latest", "--json"]);
    assert_eq!(list(&listed.json()).len(), 2);
    let two = scene.run(&["profile", "latest", "-o", "x"]);
    assert!(two.code == 64 && two.errors.contains("2 profiles are meant"), "{two:?}");
    let absent = scene.run(&["profile", "latest", "--number", "9", "-o", "x"]);
    assert!(absent.code == 64 && absent.errors.contains("no such profile"), "{absent:?}");
    stored_with_the_run(&scene, &got);
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

/// Goes where its run goes: into an export, into another store, and away.
fn stored_with_the_run(scene: &Scene, got: &str) {
    let checked = scene.run(&["store", "check"]);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert_eq!(scene.run(&["store", "compact"]).code, 0);
    let moved = scene.run(&["store", "export", "all.fleetmark"]);
    assert_eq!(moved.code, 0, "{moved:?}");
    let imported = scene.run(&["import", "all.fleetmark", "--store", "other"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    let elsewhere = scene.run(&["profile", "latest", "--number", "1", "-o", "again.txt", "--store", "other"]);
    assert_eq!(elsewhere.code, 0, "{elsewhere:?}");
    let again = fs::read_to_string(scene.path().join("again.txt")).expect("it was written");
    assert_eq!(again, got);
    let removed = scene.run(&["runs", "rm", "latest", "--store", "other"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    assert_eq!(scene.run(&["profile", "latest", "-o", "x", "--store", "other"]).code, 64);
}

#[test]
fn what_a_profiler_prints_is_kept_where_it_is_told_of_no_file() {
    let scene = Scene::new();
    let (said, report) = run(&scene, &profiled("iterations = 20", "command = \"echo hello\"", ""), &[]);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(whole(&report["profiles"][0], "size_bytes"), 6);
    let printed = scene.run(&["profile", "latest", "-o", "-"]);
    assert_eq!(printed.out, "hello\n");
}

#[test]
fn a_profiler_that_fails_changes_no_verdict_and_says_why() {
    let scene = Scene::new();
    for (command, told, is_stored) in [
        ("[\"no-such-profiler\"]", "no-such-profiler", false),
        ("[\"sh\", \"-c\", \"echo half; echo out of luck >&2; exit 3\"]", "out of luck", true),
        ("[\"true\"]", "wrote nothing to its stdout", false),
        ("[\"true\", \"{{profile.output}}\"]", "wrote nothing to {{profile.output}}", false),
        ("[\"sh\", \"-c\", \"yes\"]\nsize = \"64KiB\"", "wrote as much as it may, 65536 bytes", true),
    ] {
        let profile = format!("command = {command}\nduration = \"2s\"");
        let (said, report) = run(&scene, &profiled("iterations = 20", &profile, ""), &[]);
        assert_eq!((said.code, &report["run"]["state"]), (0, &json!("finished")), "{said:?}");
        let profile = &report["profiles"][0];
        assert!(text(&profile["problem"]).contains(told), "{command}: {profile:#}");
        assert_eq!(profile["size_bytes"].is_u64(), is_stored, "{command}: {profile:#}");
    }
    let nothing = scene.run(&["show", "latest"]);
    assert!(nothing.out.contains("wrote as much as it may"), "{nothing:?}");
}

#[test]
fn a_profiler_that_does_not_end_is_interrupted_and_what_it_wrote_is_kept() {
    let scene = Scene::new();
    let endless = "trap 'echo interrupted; exit 0' INT; echo begun; while :; do sleep 0.05; done";
    let profile = format!("command = [\"sh\", \"-c\", \"{endless}\"]\nduration = \"500ms\"");
    let (said, report) = run(&scene, &profiled("duration = \"2s\"", &profile, ""), &[]);
    assert_eq!((said.code, &report["profiles"][0]["problem"]), (0, &Value::Null), "{said:?}");
    assert_eq!(scene.run(&["profile", "latest", "-o", "-"]).out, "begun\ninterrupted\n");
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

#[test]
fn an_agent_that_allows_no_profilers_says_so_and_the_run_counts() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    scene.write("agent.toml", "target = true\n");
    let _agent = Agent::start(&scene, &coordinator.url, "careful", &["--config", "agent.toml"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let job = profiled("iterations = 20", "command = [\"true\"]", "");
    let (said, report) = run(&scene, &job, &["--coordinator", &coordinator.url]);
    assert_eq!(said.code, 0, "{said:?}");
    let problem = text(&report["profiles"][0]["problem"]);
    assert!(problem.contains("it does not run profilers (`profile` of its configuration"), "{problem}");
}

#[test]
fn a_run_that_is_cancelled_leaves_no_profiler_behind() {
    let scene = Scene::new();
    let profile = "command = [\"sh\", \"-c\", \"echo begun; sleep 600\"]\nduration = \"10m\"";
    scene.write("job.toml", &profiled("iterations = 20", profile, ""));
    let mut running = Running::start(&scene, &["run", "job.toml", "--json", "report.json"]);
    running.wait_until_it_says("one more trial");
    let cancelled = scene.run(&["cancel", "latest"]);
    assert_eq!(cancelled.code, 0, "{cancelled:?}");
    let said = running.end(Duration::from_secs(60));
    assert_eq!(scene.json("report.json")["run"]["state"], "cancelled", "{said:?}");
    wait_until_all_are_gone(&scene, GONE_WITHIN);
}

#[test]
fn a_coordinator_that_is_killed_beside_a_profiler_takes_what_it_wrote_when_it_is_back() {
    let scene = Scene::new();
    let mut coordinator = Coordinator::start(&scene, "store");
    let address = coordinator.url.trim_start_matches("http://").to_owned();
    let _agent = Agent::start(&scene, &coordinator.url, "a1", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let profile = "command = [\"sh\", \"-c\", \"echo $$ > begun; sleep 3; echo done\"]";
    scene.write("job.toml", &profiled("iterations = 20", profile, ""));
    let url = coordinator.url.clone();
    let submitted = scene.run(&["run", "job.toml", "--coordinator", &url, "--wait=false"]);
    assert_eq!(submitted.code, 0, "{submitted:?}");
    let begun = scene.path().join("begun");
    wait_for("the profiler to run", Duration::from_secs(60), || begun.exists().then_some(()));
    coordinator.process.kill();
    let coordinator = Coordinator::start_on(&scene, "store", &address);
    let watched = scene.run(&["watch", "latest", "--plain", "--coordinator", &coordinator.url]);
    assert_eq!(watched.code, 0, "{watched:?}");
    let got = scene.run(&["profile", "latest", "-o", "-", "--coordinator", &coordinator.url]);
    assert_eq!((got.code, got.out.as_str()), (0, "done\n"), "{got:?}");
}

#[test]
fn pages_and_programs_find_what_a_profiler_wrote() {
    let Site { scene, coordinator, browser, .. } = Site::plain(&[]);
    let _agent = Agent::start(&scene, &coordinator.url, "a1", &["--allow", "command"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let job = profiled("iterations = 20", "command = [\"echo\", \"hello\"]\noutput = \"said.txt\"", "");
    let (said, report) = run(&scene, &job, &["--coordinator", &coordinator.url]);
    assert_eq!(said.code, 0, "{said:?}");
    let run = text(&report["run"]["id"]);
    let page = browser.get(&format!("/runs/{run}"));
    let link = format!("/api/v1/runs/{run}/profiles/0");
    assert!(page.body.contains(&link), "{page:?}");
    let file = browser.get(&link);
    assert_eq!((file.status, file.body.as_str()), (200, "hello\n"));
    assert!(
        file.header("content-disposition")
            .is_some_and(|how| how.contains("attachment") && how.contains("said.txt"))
    );
    for (path, status) in [("profiles/1", 404), ("profiles/x", 400)] {
        assert_eq!(browser.get(&format!("/api/v1/runs/{run}/{path}")).status, status, "{path}");
    }
}

#[test]
fn a_profile_that_makes_no_sense_is_refused_when_it_is_checked() {
    let scene = Scene::new();
    let refused = |profile: &str, told: &str| {
        scene.write(
            "bad.toml",
            &job::against("j", "http://127.0.0.1:9/", "", &format!("[profile]\n{profile}\n")),
        );
        let said = scene.run(&["check", "bad.toml"]);
        assert!(said.code == 65 && said.errors.contains(told), "{profile}: {said:?}");
    };
    refused("command = [\"perf\", \"-p\", \"{{target.pid}}\"]", "there is no [target]");
    refused("command = []", "expected a program and its arguments");
    refused("command = [\"x\"]\noutput = \"../x\"", "a file's name");
    refused("command = [\"x\"]\nsize = \"1GiB\"", "at most 64");
    refused("command = [\"x\"]\nduration = \"0s\"", "above zero");
    refused("command = [\"x\"]\ndelay = \"2h\"", "at most 1h");
    refused("command = [\"x\"]\ndelay = \"50m\"", "nothing to see afterwards");
    refused(
        "command = [\"x\"]\n[search]\nvary = \"load.workers\"\nbetween = [1, 9]\nkeep = \"error_ratio < 0.1\"",
        "contradicts \"search\"",
    );
}
