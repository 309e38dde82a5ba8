//! Wall clocks that are wrong, and that are set in the middle of a run: nothing of a measurement changes by them, and what is
//! told of dates is the coordinator's.
//!
//! Clocks are set by libfaketime, which stands between a process and the system's clocks; `{{now}}` in a request's path
//! says what the agent that sent it saw, and so proves that its clock was wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::readings::{OF_THE_MACHINE, agents, altogether, list, only_trial, text, whole};
use fleetmark_tests::running::Running;
use fleetmark_tests::witness::Witness;
use jiff::Timestamp;
use serde_json::{Value, json};

const LENGTH: Duration = Duration::from_secs(4);
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// A few hundred requests a second, which a witness can remember.
const LOAD: &str = "workers = 4\nthink = \"10ms\"\nduration = \"4s\"";
/// What may be found whatever the clocks show: what the load model cannot see, and a test's machine that is busy.
const UNCONCERNED: [&str; 2] = ["closed_model_blind", "generator_saturated"];
const HOUR_MS: i64 = 3_600_000;
/// A clock that is set is set by so much.
const STEP_MS: i64 = 30_000;
/// Clocks that differ by less are the same clock, looked at at another moment.
const SAME_MS: i64 = 15_000;
/// The agents.
const RIGHT: &str = "right";
const WRONG: &str = "wrong";

/// Hides from others what libfaketime shares between processes, which one that is killed would leave behind.
const HIDE_SHARED_MEMORY: &str = "mount -t tmpfs none /dev/shm && exec \"$@\"";

/// A clock that a process sees instead of the system's wall clock.
struct WrongClock {
    library: PathBuf,
    /// Says how far off it is.
    setting: PathBuf,
}

impl WrongClock {
    /// One that is right until it is set.
    fn new(scene: &Scene) -> Self {
        let is_allowed = Command::new("unshare").args(["--mount", "true"]).status();
        assert!(
            is_allowed.as_ref().is_ok_and(ExitStatus::success),
            "this test gives processes clocks and shared memory of their own: run it as root, with unshare and mount installed ({is_allowed:?})"
        );
        let setting = scene.write("clock", "+0");
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
        let library = folders
            .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
            .find(|library| library.exists())
            .expect("this test sets clocks by libfaketime: install Debian's package faketime");
        Self { library, setting }
    }

    /// Sets it so far from the system's, such as `-2h`.
    fn set(&self, off: &str) {
        // As a whole: the clock is looked at at any moment.
        let draft = self.setting.with_extension("draft");
        fs::write(&draft, off).expect("a file in the test's folder");
        fs::rename(&draft, &self.setting).expect("a file in the test's folder");
    }

    /// What has another program see it. Monotonic clocks stay as they are.
    fn words(&self) -> Vec<String> {
        let path = |path: &Path| path.to_str().expect("a temporary folder's path is text").to_owned();
        let words = ["unshare", "--mount", "sh", "-c", HIDE_SHARED_MEMORY, "sh", "env"];
        let settings = [
            format!("LD_PRELOAD={}", path(&self.library)),
            format!("FAKETIME_TIMESTAMP_FILE={}", path(&self.setting)),
            "FAKETIME_NO_CACHE=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        words.map(str::to_owned).into_iter().chain(settings).collect()
    }
}

/// Two agents, and who of all sees a wrong clock.
struct Stage {
    scene: Scene,
    witness: Witness,
    clock: WrongClock,
    coordinator: Coordinator,
    _agents: [Agent; 2],
    /// When it began, milliseconds since 1970.
    began_ms: i64,
}

impl Stage {
    fn new(is_coordinator_wrong: bool, is_agent_wrong: bool) -> Self {
        let (scene, witness, began_ms) = (Scene::new(), Witness::start(), now_ms());
        let url = format!("{}/item/{{{{now}}}}", witness.url());
        scene.write("job.toml", &job::against("dated", &url, LOAD, "[fleet]\nagents = 2"));
        let clock = WrongClock::new(&scene);
        let words = clock.words();
        let under =
            |is_wrong| if is_wrong { words.iter().map(String::as_str).collect() } else { vec!["env"] };
        let coordinator = Coordinator::start_under(
            &scene,
            "store",
            &under(is_coordinator_wrong),
            &["--listen", "127.0.0.1:0"],
        );
        let agents = [(RIGHT, false), (WRONG, is_agent_wrong)].map(|(name, is_wrong)| {
            Agent::start_under(&scene, &coordinator.url, name, &under(is_wrong), &[])
        });
        wait_for_agents(&scene, &coordinator.url, 2);
        Self { scene, witness, clock, coordinator, _agents: agents, began_ms }
    }

    /// Runs the job to its end, and does something while it measures.
    fn play(&self, meanwhile: impl FnOnce()) -> Value {
        let words = ["run", "job.toml", "--coordinator", &self.coordinator.url, "--json", "report.json"];
        let mut run = Running::start(&self.scene, &words);
        run.wait_until_it_says("running: started");
        // Into the middle of the window: that is no state to wait for.
        std::thread::sleep(LENGTH / 2);
        meanwhile();
        let said = run.end(ENDS_WITHIN);
        assert_eq!(said.code, 0, "{said:?}");
        let report = self.scene.json("report.json");
        assert_eq!(report["run"]["state"], "finished", "{}", report["run"]);
        self.assert_is_measured(only_trial(&report));
        report
    }

    /// Nothing that was measured is touched by any wall clock.
    fn assert_is_measured(&self, trial: &Value) {
        assert_eq!(trial["valid"], true, "{:#}", trial["findings"]);
        let mut told = list(&trial["findings"]).iter().map(|finding| text(&finding["code"]));
        assert!(
            told.all(|code| UNCONCERNED.contains(&code) || OF_THE_MACHINE.contains(&code)),
            "{:#}",
            trial["findings"]
        );
        let all = altogether(trial);
        assert_eq!(whole(all, "count"), self.witness.seen().len() as u64);
        assert_eq!((whole(all, "unsent"), &all["errors"]), (0, &json!({})));
        assert!(
            all["latency_ns"]["max"].as_u64() < Some(STEP_MS as u64 * 1_000_000),
            "{:#}",
            all["latency_ns"]
        );
        let coverage = &trial["coverage"];
        assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
        assert_eq!(coverage["agent_seconds_ratio"], 1.0, "{coverage}");
        for agent in agents(trial) {
            assert!(whole(altogether(agent), "count") > 0, "{agent:#}");
            assert_eq!(agent["clock_offset_us"], 0.0, "monotonic clocks are one clock: {agent:#}");
        }
    }

    /// How far from the truth the clocks were that agents saw: the least and the most.
    fn seen_off_ms(&self) -> (i64, i64) {
        let now_ms = now_ms();
        let seen = self.witness.seen();
        let dates = seen.iter().filter_map(|line| line.split(['/', ' ']).nth(3)?.parse::<i64>().ok());
        let off: Vec<i64> = dates.map(|date_ms| date_ms - now_ms).collect();
        (*off.iter().min().expect("requests"), *off.iter().max().expect("requests"))
    }

    /// What the report and the list of runs say of dates lies between the test's beginning and now.
    fn assert_dates_are_true(&self, report: &Value) {
        let date_ms = |key| {
            let date: Timestamp = text(&report["run"][key]).parse().expect("a date");
            date.as_millisecond()
        };
        let listed = self.scene.run(&["runs", "--coordinator", &self.coordinator.url, "--json"]).json();
        let submitted_ms = listed[0]["submitted_at_ms"].as_i64().expect("a date");
        let dates_ms = [self.began_ms, submitted_ms, date_ms("started_at"), date_ms("finished_at"), now_ms()];
        assert!(dates_ms.is_sorted(), "{dates_ms:?}");
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    i64::try_from(since.as_millis()).expect("it is not that late")
}

#[test]
fn an_agent_whose_wall_clock_is_two_hours_behind_measures_like_any_other() {
    let stage = Stage::new(false, true);
    stage.clock.set("-2h");
    let report = stage.play(|| ());
    let (least, most) = stage.seen_off_ms();
    assert!((least + 2 * HOUR_MS).abs() < SAME_MS && most.abs() < SAME_MS, "{least} and {most} ms off");
    stage.assert_dates_are_true(&report);
}

#[test]
fn an_agent_whose_wall_clock_is_set_in_mid_run_measures_like_any_other() {
    let stage = Stage::new(false, true);
    let report = stage.play(|| stage.clock.set("+30s"));
    let (least, most) = stage.seen_off_ms();
    assert!(least.abs() < SAME_MS && (most - STEP_MS).abs() < SAME_MS, "{least} and {most} ms off");
    stage.assert_dates_are_true(&report);
}

/// The run under way keeps the clock that it began with; the next one has the new one.
#[test]
fn a_coordinator_whose_wall_clock_is_set_in_mid_run_tells_true_lengths_and_consistent_dates() {
    let stage = Stage::new(true, false);
    let report = stage.play(|| stage.clock.set("+30s"));
    stage.assert_dates_are_true(&report);
    let said = stage.scene.run(&[
        "run",
        "job.toml",
        "--coordinator",
        &stage.coordinator.url,
        "--set",
        "load.duration=1s",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    let url = &stage.coordinator.url;
    let listed = stage.scene.run(&["runs", "--coordinator", url, "--json"]).json();
    let shown = stage.scene.run(&["show", "latest", "--coordinator", url, "--json"]).json();
    let started: Timestamp = text(&shown["run"]["started_at"]).parse().expect("a date");
    let dates_ms = [
        stage.began_ms + STEP_MS,
        listed[0]["submitted_at_ms"].as_i64().expect("a date"),
        started.as_millisecond(),
        listed[0]["finished_at_ms"].as_i64().expect("a date"),
        now_ms() + STEP_MS,
    ];
    assert!(dates_ms.is_sorted(), "{dates_ms:?}");
}
