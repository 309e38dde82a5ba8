//! What an agent keeps while its coordinator is away: it goes on measuring, spills to disk what memory does not hold,
//! and delivers all of it once; what a full or damaged disk loses is told.
//!
//! The coordinator is away for 6 s in a run of 12 s; for 30 s in one of 60 s with
//! `FLEETMARK_AWAY_SECONDS=30 cargo nextest run -p fleetmark-tests -E 'test(goes_on_measuring)'`.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fleetmark_tests::acknowledged;
use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::{exists, peak_memory_bytes};
use fleetmark_tests::proxy::Proxy;
use fleetmark_tests::readings::{agents, altogether, findings, only_trial, text, whole};
use fleetmark_tests::running::Running;
use fleetmark_tests::target::Target;
use serde_json::Value;

/// How long the coordinator is away; its environment variable says otherwise.
const AWAY_SECONDS: u64 = 6;
const AWAY_VARIABLE: &str = "FLEETMARK_AWAY_SECONDS";
/// What anything else may take on a busy machine.
const WITHIN: Duration = Duration::from_secs(60);
/// So little memory that every interval but those under way goes to disk.
const SPILLS: [&str; 2] = ["--outbox-memory", "1KiB"];
/// So much that some intervals find room there and some do not, by turns.
const SPILLS_BY_TURNS: [&str; 2] = ["--outbox-memory", "8KiB"];
/// Where agent one keeps what it spills.
const DATA: &str = "data";

/// Makes every fsync of the coordinator take 0.7 s longer. strace stays beside it, as its grandchild.
const SLOW_DISK: [&str; 10] = [
    "strace",
    "-D",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    "trace=fsync",
    "-e",
    "inject=fsync:delay_exit=700000",
];

struct Stage {
    scene: Scene,
    target: Target,
    coordinator: Coordinator,
    proxy: Proxy,
    agents: Vec<Agent>,
}

impl Stage {
    /// Agents `one`, which spills, and `two`, which does so by turns, if there are so many; a job of so many seconds.
    fn new(agent_count: usize, seconds: u64, more_of_one: &[&str]) -> Self {
        Self::in_scene(Scene::new(), agent_count, seconds, more_of_one)
    }

    fn in_scene(scene: Scene, agent_count: usize, seconds: u64, more_of_one: &[&str]) -> Self {
        let target = Target::start(&scene, &["--latency", "2ms"]);
        let load = format!("workers = 4\nduration = \"{seconds}s\"");
        let fleet = format!("[fleet]\nagents = {agent_count}");
        scene.write("job.toml", &job::against("away", &target.url(), &load, &fleet));
        let coordinator = Coordinator::start(&scene, "store");
        let proxy = Proxy::start(&coordinator.url);
        let of_one = [&["--data", DATA], &SPILLS[..], more_of_one].concat();
        let words = [("one", &of_one[..]), ("two", &SPILLS_BY_TURNS)];
        let agents = words[..agent_count]
            .iter()
            .map(|(name, more)| Agent::start(&scene, &proxy.url, name, more))
            .collect();
        wait_for_agents(&scene, &coordinator.url, agent_count);
        Self { scene, target, coordinator, proxy, agents }
    }

    /// Starts the run, and takes the coordinator away once every agent was acknowledged something.
    fn begin_and_part(&self) -> Running {
        let words = ["run", "job.toml", "--coordinator", &self.coordinator.url, "--json", "report.json"];
        let run = Running::start(&self.scene, &words);
        wait_for("acknowledgements", WITHIN, || {
            let told = |name| acknowledged::by_log_of(&self.scene, name).into_values().max();
            ["one", "two"][..self.agents.len()].iter().all(|name| told(name) >= Some(1)).then_some(())
        });
        self.proxy.close();
        run
    }

    /// The file in which agent one keeps what it spilled, as reached from outside.
    fn spilled(&self) -> Option<PathBuf> {
        let data = self.scene.path().join(DATA).canonicalize().ok()?;
        let open = fs::read_dir(format!("/proc/{}/fd", self.agents[0].process.pid())).ok()?;
        let is_there = |path: &PathBuf| fs::read_link(path).is_ok_and(|file| file.starts_with(&data));
        open.flatten().map(|entry| entry.path()).find(is_there)
    }

    fn wait_until_spilled(&self, bytes: u64) -> PathBuf {
        wait_for("agent one to spill", WITHIN, || {
            let file = self.spilled()?;
            (fs::metadata(&file).ok()?.len() >= bytes).then_some(file)
        })
    }

    fn report_of(&self, run: Running, within: Duration) -> (Said, Value) {
        let said = run.end(within);
        (said, self.scene.json("report.json"))
    }
}

fn away_seconds() -> u64 {
    std::env::var(AWAY_VARIABLE)
        .map_or(AWAY_SECONDS, |text| text.parse().expect("the variable says how many seconds"))
}

#[test]
fn an_agent_goes_on_measuring_while_the_coordinator_is_away() {
    let away = Duration::from_secs(away_seconds());
    let stage = Stage::new(2, 2 * away.as_secs(), &[]);
    let run = stage.begin_and_part();
    let (before, parted) = (stage.target.count(), Instant::now());
    let file = stage.wait_until_spilled(1);
    let metadata = fs::metadata(&file).expect("the file is open");
    assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600), "it is the agent's alone");
    let (between, spilled) = (stage.target.count(), Instant::now());
    // How long the coordinator is away is what is tested; no state is waited for.
    std::thread::sleep(away.saturating_sub(parted.elapsed()).max(away / 2));
    let (after, returned) = (stage.target.count(), Instant::now());
    println!("requests while the coordinator was away: {}, then {}", between - before, after - between);
    let rate = |count: u64, from: Instant, to: Instant| count as f64 / (to - from).as_secs_f64();
    let (early, late) = (rate(between - before, parted, spilled), rate(after - between, spilled, returned));
    assert!(late > early / 2.0, "the load goes on: {early:.0}/s, then {late:.0}/s");
    stage.proxy.open();

    let (said, report) = stage.report_of(run, 2 * away + WITHIN);
    assert_eq!((said.code, text(&report["run"]["state"])), (0, "finished"), "{said:?}");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), stage.target.count(), "what was sent was counted once");
    let coverage = &trial["coverage"];
    assert_eq!(coverage["agents_finished"], 2, "{coverage}");
    assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
    assert_eq!(coverage["agent_seconds_ratio"], 1.0, "{coverage}");
    let log = fs::read_to_string(stage.scene.path().join("one.log")).expect("the agent's log");
    assert!(log.contains("further intervals are kept on disk"), "{log}");
    assert!(stage.spilled().is_none(), "files are gone once they are read");
    let peak = stage.agents.iter().map(|agent| peak_memory_bytes(agent.process.pid()));
    println!("agents' most memory, bytes: {:?}", peak.collect::<Vec<_>>());
}

#[test]
fn a_coordinator_whose_disk_is_slow_never_slows_the_load() {
    let scene = Scene::new();
    let target = Target::start(&scene, &["--latency", "2ms"]);
    let load = format!("workers = 4\nduration = \"{AWAY_SECONDS}s\"");
    scene.write("job.toml", &job::against("slow", &target.url(), &load, ""));
    let coordinator = Coordinator::start_under(&scene, "store", &SLOW_DISK, &["--listen", "127.0.0.1:0"]);
    let words = [&["--data", DATA][..], &SPILLS].concat();
    let _agent = Agent::start(&scene, &coordinator.url, "one", &words);
    wait_for_agents(&scene, &coordinator.url, 1);
    let run = Running::start(
        &scene,
        &["run", "job.toml", "--coordinator", &coordinator.url, "--json", "report.json"],
    );
    let said = run.end(Duration::from_secs(AWAY_SECONDS) + 2 * WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    let trial = only_trial(&report);
    let count = whole(altogether(trial), "count");
    println!("{count} requests in {AWAY_SECONDS} s");
    assert_eq!(count, target.count(), "what was sent was counted once");
    // Four workers, two milliseconds each: 2,000 a second at most.
    assert!(count > AWAY_SECONDS * 1_000, "the load was held up: {count} in {AWAY_SECONDS} s");
    let coverage = &trial["coverage"];
    assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
}

#[test]
fn a_spilled_interval_that_is_damaged_is_never_sent_and_fails_the_trial() {
    let stage = Stage::new(1, 60, &[]);
    let run = stage.begin_and_part();
    let file = stage.wait_until_spilled(4_000);
    // Within the first or second record: all before it can still be delivered.
    let file = OpenOptions::new().read(true).write(true).open(file).expect("root reaches every file");
    let mut byte = [0];
    file.read_exact_at(&mut byte, 500).expect("something was written there");
    file.write_all_at(&[!byte[0]], 500).expect("it can be changed");
    stage.proxy.open();

    let (said, report) = stage.report_of(run, WITHIN);
    assert_eq!(said.code, 3, "{said:?}");
    let failed = findings(&report, "agent_failed");
    assert!(matches!(&failed[..], [message] if message.contains("is damaged in its file")), "{failed:?}");
    let trial = only_trial(&report);
    assert!(whole(altogether(&agents(trial)[0]), "count") > 0, "what came before is kept");
    let coverage = &trial["coverage"];
    assert_eq!(coverage["agents_finished"], 0, "{coverage}");
}

/// Takes the coordinator away until the load stops, and holds the run's failure against these words.
fn the_trial_fails_saying(stage: &Stage, words: [&str; 2]) {
    let run = stage.begin_and_part();
    let mut last = 0;
    wait_for("the load to stop", WITHIN, || {
        // Long enough for hundreds of requests: a state is watched, not waited for.
        std::thread::sleep(Duration::from_millis(200));
        let before = std::mem::replace(&mut last, stage.target.count());
        (last == before).then_some(())
    });
    stage.proxy.open();
    let (said, report) = stage.report_of(run, WITHIN);
    assert_eq!(said.code, 3, "{said:?}");
    let failed = findings(&report, "agent_failed");
    let [message] = &failed[..] else { panic!("{failed:?}") };
    assert!(words.iter().all(|word| message.contains(word)), "{message}");
    let coverage = &only_trial(&report)["coverage"];
    assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
}

#[test]
fn an_outbox_that_is_full_fails_the_trial_with_its_reason() {
    let stage = Stage::new(1, 60, &["--data-max", "8KiB"]);
    the_trial_fails_saying(&stage, ["outbox is full", "--data-max"]);
}

#[test]
fn a_data_folder_whose_disk_is_full_fails_the_trial_with_its_reason() {
    let small_disk = format!(
        "exec unshare --mount sh -c 'mkdir -p {DATA} && mount -t tmpfs -o size=16k none {DATA} && exec \"$0\" \"$@\"' \"$0\" \"$@\""
    );
    let stage = Stage::in_scene(Scene::new().bounded_by(&small_disk), 1, 60, &[]);
    the_trial_fails_saying(&stage, ["cannot be written to a file in data", "No space left on device"]);
}

#[test]
fn an_agent_that_is_killed_leaves_nothing_in_its_data_folder() {
    let mut stage = Stage::new(1, 60, &[]);
    let mut run = stage.begin_and_part();
    stage.wait_until_spilled(1);
    let pid = stage.agents[0].process.pid();
    stage.agents[0].process.kill();
    run.process.kill();
    assert!(!exists(pid));
    let left: Vec<_> = fs::read_dir(stage.scene.path().join(DATA)).expect("the folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told_at_the_start() {
    let scene = Scene::new();
    scene.write("taken", "a file");
    let said = scene.run(&["agent", "--coordinator", "http://127.0.0.1:1", "--data", "taken"]);
    assert_eq!(said.code, 73, "{said:?}");
    assert!(said.errors.contains("taken") && said.errors.contains("--data"), "{said:?}");
}
