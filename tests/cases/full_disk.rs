//! A store whose disk fills up in mid-run: nothing is acknowledged that is not stored, nothing is lost that was
//! measured if there is room again in time, and the run ends within its deadline if there is not.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use fleetmark_tests::acknowledged::{self, Acknowledged};
use fleetmark_tests::cast::{Agent, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{altogether, only_trial, text, whole};
use fleetmark_tests::running::Running;
use fleetmark_tests::small_disk::SmallDisk;
use rustix::process::Signal;

const AGENTS: [&str; 2] = ["one", "two"];
const WITHIN: Duration = Duration::from_secs(20);
/// How long the disk stays full when there will be room again. The first second is for what was on its way.
const FULL_FOR: Duration = Duration::from_secs(4);
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// By when a run ends whose intervals find no room: its window, 90 s for collecting, 60 s for storing its end, and
/// what a busy machine takes.
const ENDS_WITHIN: Duration = Duration::from_secs(200);

struct Stage {
    scene: Scene,
    disk: SmallDisk,
    _agents: Vec<Agent>,
}

impl Stage {
    fn new(load: &str) -> Self {
        let scene = Scene::new();
        scene.write("job.toml", &job::with_target("squeezed", load, 4, "[fleet]\nagents = 2"));
        let disk = SmallDisk::start(&scene);
        let url = &disk.coordinator.url;
        let agents = AGENTS.map(|name| Agent::start(&scene, url, name, &["--allow", "command"])).into();
        wait_for_agents(&scene, url, AGENTS.len());
        Self { scene, disk, _agents: agents }
    }

    fn url(&self) -> &str {
        &self.disk.coordinator.url
    }

    /// Starts the run, and fills the disk when every agent has been acknowledged something.
    fn begin_and_fill(&self) -> Running {
        let words = ["run", "job.toml", "--coordinator", self.url(), "--json", "report.json"];
        let mut run = Running::start(&self.scene, &words);
        wait_for("acknowledgements", WITHIN, || {
            self.acknowledged().values().all(|told| !told.is_empty()).then_some(())
        });
        self.disk.fill();
        run.wait_until_it_says("the store refuses to write");
        let log =
            fs::read_to_string(self.scene.path().join("coordinator.log")).expect("the coordinator's log");
        assert!(log.contains("intervals cannot be stored; agents keep theirs until they can"), "{log}");
        run
    }

    fn acknowledged(&self) -> BTreeMap<&'static str, Acknowledged> {
        AGENTS.map(|name| (name, acknowledged::by_log_of(&self.scene, name))).into()
    }
}

#[test]
fn a_run_whose_disk_was_full_for_a_while_is_complete() {
    let stage = Stage::new("workers = 4\niterations = 16000");
    let run = stage.begin_and_fill();
    // How long the disk is full is what is tested; no state is waited for.
    std::thread::sleep(ON_ITS_WAY);
    let before = stage.acknowledged();
    std::thread::sleep(FULL_FOR - ON_ITS_WAY);
    assert_eq!(stage.acknowledged(), before, "nothing is acknowledged that has no room");
    stage.disk.free();
    let said = run.end(ENDS_WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = stage.scene.json("report.json");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), 16_000);
    let coverage = &trial["coverage"];
    assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
    let check = stage.scene.run(&["store", "check", "--coordinator", stage.url()]);
    assert_eq!(check.code, 0, "{check:?}");
}

#[test]
fn a_run_whose_disk_stays_full_fails_within_its_deadline() {
    let mut stage = Stage::new("workers = 4\nduration = \"4s\"");
    let run = stage.begin_and_fill();
    let filled_at = Instant::now();
    let said = run.end(ENDS_WITHIN);
    println!("the run ended {:?} after the disk was full: {said:?}", filled_at.elapsed());
    assert_eq!(said.code, 3, "{said:?}");

    stage.disk.free();
    let check = stage.scene.run(&["store", "check", "--coordinator", stage.url()]);
    assert_eq!(check.code, 0, "{check:?}");
    let run = wait_for("the run to be listed as failed", WITHIN, || {
        let runs = stage.scene.run(&["runs", "--coordinator", stage.url(), "--json"]).json();
        runs.as_array()?.iter().find(|run| run["state"] == "failed").cloned()
    });
    let show = stage.scene.run(&["show", text(&run["id"]), "--coordinator", stage.url(), "--json"]);
    println!("{}", show.json()["run"]["reason"]);
    assert!(!text(&show.json()["run"]["reason"]).is_empty());
    stage.disk.coordinator.process.signal(Signal::TERM);
    stage.disk.coordinator.process.wait(WITHIN);
}
