//! Invariant *start_together*: agents whose clocks show different times, over links that take their time, start at one
//! moment; how far they were apart is told, and how wrong that may be.
//!
//! One agent reads the coordinator's own clock, and so starts at T itself. The others live in time namespaces of
//! their own, whose monotonic clocks are ahead by a known time to the nanosecond: so the true distance of each start from
//! T is known, whatever fleetmark says of it.

use std::process::{Command, ExitStatus};
use std::time::Duration;

use bench::arrival_recorder::ArrivalRecorder;
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::machine::judge_when_quiet;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{agents, list, text, trials};
use fleetmark_tests::running::Running;
use fleetmark_tests::seed::dice;
use fleetmark_tests::slow_link::{Delays, SlowLink};
use rand::RngExt;
use serde_json::Value;

/// The environment variable that has more trials played than a handful.
const TRIALS_VARIABLE: &str = "FLEETMARK_TEST_TRIALS";
/// How many there are without it.
const TRIALS: usize = 4;
/// The agents behind the slow link, and how far ahead their clocks are, seconds.
const AHEAD: [(&str, i64); 2] = [("far", 1_000), ("farther", 50_000)];
/// The agent that reads the coordinator's clock.
const HERE: &str = "here";
const WITHIN: Duration = Duration::from_secs(30);
/// A trial takes two seconds with all around it; there may be fifty.
const ENDS_WITHIN: Duration = Duration::from_secs(240);

/// A coordinator, the agent beside it, and the others behind a slow link.
struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    server: ArrivalRecorder,
    link: SlowLink,
    _agents: Vec<Agent>,
}

impl Stage {
    /// Its clocks are known to within so many milliseconds.
    fn new(delays: Delays, known_to_ms: f64, trials: usize) -> Self {
        let is_allowed = Command::new("unshare").args(["--time", "true"]).status();
        assert!(
            is_allowed.as_ref().is_ok_and(ExitStatus::success),
            "this test gives agents clocks of their own: run it as root, with unshare installed ({is_allowed:?})"
        );
        let (scene, server) = (Scene::new(), ArrivalRecorder::start().expect("a server"));
        let load = format!("model = \"open\"\nrate = 60\nworkers = 3\nduration = \"1s\"\ntrials = {trials}");
        scene.write("job.toml", &job::against("together", &server.url(), &load, "[fleet]\nagents = 3"));
        let coordinator = Coordinator::start(&scene, "store");
        let link = SlowLink::start(&coordinator.url, delays, dice().random());
        let mut cast = vec![Agent::start(&scene, &coordinator.url, HERE, &[])];
        cast.extend(AHEAD.map(|(name, ahead_s)| {
            let ahead = format!("--monotonic={ahead_s}");
            let under = ["unshare", "--time", &ahead, "--fork", "--kill-child"];
            Agent::start_under(&scene, &link.url, name, &under, &[])
        }));
        wait_for_agents(&scene, &coordinator.url, 3);
        let stage = Self { scene, coordinator, server, link, _agents: cast };
        wait_for("the clocks to be known", WITHIN, || {
            stage.knows_all_clocks(known_to_ms * 1e3).then_some(())
        });
        stage
    }

    fn knows_all_clocks(&self, error_us_max: f64) -> bool {
        let listed = self.scene.run(&["agents", "--coordinator", &self.coordinator.url, "--json"]).json();
        let mut errors = list(&listed).iter().map(|agent| agent["clock_error_us"].as_f64());
        errors.all(|error| error.is_some_and(|error| error < error_us_max))
    }

    /// Runs the job; gives the true distances of all starts behind the link from T, with what was told of each:
    /// (true, told error), microseconds.
    fn play(self, trials_count: usize) -> Vec<(f64, f64)> {
        let run = self.begin();
        self.end(run, trials_count)
    }

    fn begin(&self) -> Running {
        let words = ["run", "job.toml", "--coordinator", &self.coordinator.url, "--json", "report.json"];
        Running::start(&self.scene, &words)
    }

    fn end(self, run: Running, trials_count: usize) -> Vec<(f64, f64)> {
        let said = run.end(ENDS_WITHIN);
        let report = self.scene.json("report.json");
        assert_eq!(report["run"]["state"], "finished", "{said:?}");
        assert_eq!(trials(&report).len(), trials_count);
        let starts: Vec<Vec<i64>> =
            [(HERE, 0)].iter().chain(&AHEAD).map(|agent| self.starts_ns(*agent)).collect();
        let mut distances = Vec::new();
        for (number, trial) in trials(&report).iter().enumerate() {
            assert_told(trial);
            let at = |agent: usize| *starts[agent].get(number).expect("every trial was armed");
            for (agent, told) in agents(trial).iter().filter(|agent| agent["name"] != HERE).enumerate() {
                let distance_us = (at(agent + 1) - at(0)) as f64 / 1e3;
                let error_us = told["clock_error_us"].as_f64().expect("its error");
                println!(
                    "trial {number}: {} {distance_us:+.1} µs of T, told ± {error_us:.1} µs",
                    told["name"]
                );
                distances.push((distance_us, error_us));
            }
        }
        drop(self.server.stop().expect("the server lived"));
        distances
    }

    /// The moments that an agent was armed for at last, trial by trial, on the coordinator's clock.
    fn starts_ns(&self, (name, ahead_s): (&str, i64)) -> Vec<i64> {
        let log = std::fs::read_to_string(self.scene.path().join(format!("{name}.log"))).expect("its log");
        let mut starts: Vec<(String, i64)> = Vec::new();
        for line in log.lines().filter(|line| line.contains(" armed trial=")) {
            let field = |name: &str| {
                let value = line.split(' ').find_map(|word| word.strip_prefix(name));
                value.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
            };
            let start_ns = field("at_ns=").parse::<i64>().expect("a number") - ahead_s * 1_000_000_000;
            match starts.last_mut() {
                // A start that was moved.
                Some(last) if last.0 == field("trial=") => last.1 = start_ns,
                _ => starts.push((field("trial="), start_ns)),
            }
        }
        starts.into_iter().map(|(_, start_ns)| start_ns).collect()
    }
}

/// What the report says of a trial's clocks is there, and true.
fn assert_told(trial: &Value) {
    assert!(trial["start_skew_us"].is_number() && trial["start_skew_error_us"].is_number(), "{trial:#}");
    for agent in agents(trial) {
        let number = |key: &str| agent[key].as_f64().unwrap_or_else(|| panic!("{key} in {agent:#}"));
        let ahead_s =
            AHEAD.iter().find(|(name, _)| *name == text(&agent["name"])).map_or(0, |(_, ahead_s)| *ahead_s);
        let wrong_us = (number("clock_offset_us") - ahead_s as f64 * 1e6).abs();
        assert!(wrong_us <= number("clock_error_us") + 0.001, "{wrong_us} µs off: {agent:#}");
        if agent["name"] == HERE {
            assert_eq!((number("clock_offset_us"), number("clock_error_us")), (0.0, 0.0));
        }
    }
}

/// Plays with these delays, once the clocks are known to `known_to_ms`, which takes some probes. No start lies further from T
/// than the error that was told, and on a quiet machine none further than `ms_max`.
fn start_together(delays: &Delays, known_to_ms: f64, ms_max: f64) {
    let trials =
        std::env::var(TRIALS_VARIABLE).map_or(TRIALS, |count| count.parse().expect("a number of trials"));
    judge_when_quiet(2, || {
        let distances = Stage::new(delays.clone(), known_to_ms, trials).play(trials);
        for (distance_us, error_us) in &distances {
            // The error is told of the moment when all were armed, which is a second before the start at most.
            assert!(distance_us.abs() <= error_us + 100.0, "{distance_us} µs, told {error_us}");
        }
        let largest_ms = distances.iter().map(|(us, _)| us.abs() / 1e3).fold(0.0, f64::max);
        println!("largest distance from T: {largest_ms:.3} ms in {trials} trials");
        if largest_ms <= ms_max { Ok(()) } else { Err(format!("a start lay {largest_ms} ms from T")) }
    });
}

#[test]
fn start_together_over_a_link_that_takes_twenty_milliseconds_each_way() {
    start_together(&Delays { up_ms: 20..=20, down_ms: 20..=20 }, 22.0, 2.0);
}

#[test]
fn start_together_over_a_link_whose_delays_vary_by_ten_milliseconds() {
    start_together(&Delays { up_ms: 10..=30, down_ms: 10..=30 }, 13.0, 5.0);
}

/// The way down becomes slow when an agent prepares: the start comes later than its moment, more than once.
#[test]
fn start_together_though_the_start_comes_late() {
    let delays = Delays { up_ms: 200..=200, down_ms: 20..=20 };
    let stage = Stage::new(delays.clone(), 120.0, 1);
    let run = stage.begin();
    let log = stage.scene.path().join(format!("{}.log", AHEAD[0].0));
    let read = || std::fs::read_to_string(&log).expect("its log");
    wait_for("the trial to be prepared", WITHIN, || read().contains(" preparing trial=").then_some(()));
    // Its word that it is ready is still on its way.
    stage.link.take(Delays { down_ms: 1_500..=1_500, ..delays });
    wait_for("the agent to be armed", WITHIN, || read().contains(" armed trial=").then_some(()));
    assert!(!read().contains("arming=0 at_ns="), "the start came in time: {}", read());
    for (distance_us, error_us) in stage.end(run, 1) {
        assert!(distance_us.abs() <= error_us + 100.0, "{distance_us} µs, told {error_us}");
    }
}
