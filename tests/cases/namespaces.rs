//! Runs over networks that say nothing of what is wrong with them. A pulled cable, unlike a proxy that closes, tells neither
//! end, so that only timeouts and heartbeats do; and a link that stalls is not broken at all.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use fleetmark_tests::acknowledged;
use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::namespaces::Network;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{
    OF_THE_MACHINE, agents, altogether, findings, list, only_trial, text, trials, whole,
};
use fleetmark_tests::running::Running;
use fleetmark_tests::seed::dice;
use fleetmark_tests::slow_link::{Delays, SlowLink, Stalls};
use fleetmark_tests::target::Target;
use rand::RngExt;
use serde_json::{Value, json};

/// The environment variable that says for how many seconds the cable is pulled, in the middle of a run of twice the length.
const AWAY_VARIABLE: &str = "FLEETMARK_TEST_AWAY_S";
/// How many there are without it.
const AWAY_S: u64 = 6;
const COORDINATOR: &str = "coordinator";
const TARGET: &str = "target";
const AGENTS: [&str; 2] = ["one", "two"];
/// What may be found whatever becomes of the network: what the load model cannot see, and a test's machine that is busy.
const UNCONCERNED: [&str; 2] = ["closed_model_blind", "generator_saturated"];
const WITHIN: Duration = Duration::from_secs(30);
/// A trial of 6 s over a link on which each of the steps around it may take seconds, and some more that broke as they began.
const SLOW_RUN_ENDS_WITHIN: Duration = Duration::from_secs(90);
/// How soon agents are back once the cable is in again, beyond what the state of a busy machine takes.
const BACK_WITHIN: Duration = Duration::from_secs(10);

/// A coordinator, two agents and a target, each on a host of its own.
struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    target: Target,
    agents: [Agent; 2],
    network: Network,
}

impl Stage {
    /// A run takes so long; `configuration` is the coordinator's.
    fn new(length: Duration, configuration: &str) -> Self {
        let network = Network::of(&[COORDINATOR, TARGET, AGENTS[0], AGENTS[1]]);
        let scene = Scene::new();
        let target = network.on(TARGET, || {
            Target::start_on(&scene, IpAddr::V4(network.address(TARGET)), &["--latency", "2ms"])
        });
        let load = format!("workers = 4\nduration = \"{}s\"", length.as_secs());
        scene.write("job.toml", &job::against("cut", &target.url(), &load, "[fleet]\nagents = 2"));
        let coordinator = network.on(COORDINATOR, || {
            scene.write("coordinator.toml", configuration);
            let words = ["--listen", "0.0.0.0:0", "--insecure", "--config", "coordinator.toml"];
            Coordinator::start_under(&scene, "store", &[], &words)
        });
        let called = coordinator.url.replace("0.0.0.0", &network.address(COORDINATOR).to_string());
        let agents = AGENTS.map(|name| {
            network.on(name, || Agent::start(&scene, &called, name, &["--insecure", "--allow", "command"]))
        });
        let stage = Self { scene, coordinator, target, agents, network };
        stage.network.on(COORDINATOR, || wait_for_agents(&stage.scene, &stage.url(), 2));
        stage
    }

    /// Where command lines on the coordinator's host find it.
    fn url(&self) -> String {
        self.coordinator.url.replace("0.0.0.0", "127.0.0.1")
    }

    /// Starts the run and waits until seconds of both agents are stored.
    fn begin(&self) -> Running {
        let url = self.url();
        let words = ["run", "job.toml", "--coordinator", &url, "--json", "report.json"];
        let run = self.network.on(COORDINATOR, || Running::start(&self.scene, &words));
        self.wait_until_both_acknowledged(1);
        run
    }

    fn wait_until_both_acknowledged(&self, through: u64) {
        let is_told = |name: &&str| {
            acknowledged::by_log_of(&self.scene, name).into_values().max().is_some_and(|told| told >= through)
        };
        let what = format!("the acknowledgement of interval {through} to both agents");
        wait_for(&what, WITHIN, || AGENTS.iter().all(is_told).then_some(()));
    }

    /// The run finished, and its report says the same as the target's own book.
    fn all_is_counted_once(&self, run: Running, within: Duration) {
        let said = run.end(within);
        assert_eq!(said.code, 0, "{said:?}");
        let report = self.scene.json("report.json");
        assert_eq!(report["run"]["state"], "finished", "{}", report["run"]);
        let served = self.network.on(TARGET, || self.target.count());
        assert_eq!(
            counted_once(only_trial(&report)),
            served,
            "nothing is lost, and nothing is counted twice"
        );
        let check = self
            .network
            .on(COORDINATOR, || self.scene.run(&["store", "check", "--coordinator", &self.url()]));
        assert_eq!(check.code, 0, "{check:?}");
    }
}

/// A trial of two agents is valid and covers all that was planned; gives how many operations it counts.
fn counted_once(trial: &Value) -> u64 {
    assert_eq!(trial["valid"], true, "{:#}", trial["findings"]);
    let mut told = list(&trial["findings"]).iter().map(|finding| text(&finding["code"]));
    assert!(
        told.all(|code| UNCONCERNED.contains(&code) || OF_THE_MACHINE.contains(&code)),
        "{:#}",
        trial["findings"]
    );
    let all = altogether(trial);
    let by_agent: Vec<u64> = agents(trial).iter().map(|agent| whole(altogether(agent), "count")).collect();
    println!("counted {} = {by_agent:?}, {}", whole(all, "count"), trial["coverage"]);
    assert_eq!(by_agent.iter().sum::<u64>(), whole(all, "count"));
    assert_eq!((whole(all, "unsent"), &all["errors"]), (0, &json!({})));
    let coverage = &trial["coverage"];
    assert_eq!(whole(coverage, "agents_finished"), 2, "{coverage}");
    assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
    assert_eq!(coverage["agent_seconds_ratio"], 1.0, "{coverage}");
    whole(all, "count")
}

#[test]
fn counted_once_through_a_pulled_cable() {
    let away = std::env::var(AWAY_VARIABLE).map_or(AWAY_S, |away| away.parse().expect("a number of seconds"));
    let length = 2 * away;
    let stage = Stage::new(Duration::from_secs(length), "");
    let run = stage.begin();
    stage.network.pull(COORDINATOR);
    // How long the cable is out is what is tested; no state is waited for.
    std::thread::sleep(Duration::from_secs(away));
    stage.network.plug_in(COORDINATOR);
    let plugged_in = Instant::now();
    // What was measured meanwhile is taken at once, not when the run is over.
    stage.wait_until_both_acknowledged(away + 1);
    println!("{away} s away, all of it acknowledged {:?} after", plugged_in.elapsed());
    assert!(plugged_in.elapsed() < BACK_WITHIN, "{:?}", plugged_in.elapsed());
    stage.all_is_counted_once(run, Duration::from_secs(length) + WITHIN);
}

/// The agent's process goes on and its connection is never closed: only its silence tells.
#[test]
fn a_host_that_vanishes_ends_the_run_by_name() {
    let mut stage = Stage::new(Duration::from_secs(120), "[deadlines]\nlost_after = \"2s\"\n");
    let run = stage.begin();
    stage.network.pull(AGENTS[1]);
    let pulled = Instant::now();
    let said = run.end(Duration::from_secs(60));
    println!("the run ended {:?} after the cable was pulled", pulled.elapsed());
    assert_eq!(said.code, 3, "{said:?}");
    assert!(stage.agents[1].process.is_running(), "it measures on for nobody");
    let report = stage.scene.json("report.json");
    assert_eq!(report["run"]["state"], "failed");
    assert!(text(&report["run"]["reason"]).contains("agent two was lost"), "{}", report["run"]);
    assert!(matches!(&findings(&report, "agent_lost")[..], [message] if message.contains("agent two")));
    let counts: Vec<u64> =
        agents(only_trial(&report)).iter().map(|agent| whole(altogether(agent), "count")).collect();
    assert!(counts.iter().all(|count| *count > 0), "what both measured is kept: {counts:?}");
    // Once its cable is in again, it serves the next run.
    stage.network.plug_in(AGENTS[1]);
    let url = stage.url();
    stage.network.on(COORDINATOR, || {
        wait_for_agents(&stage.scene, &url, 2);
        let again = ["run", "job.toml", "--coordinator", &url, "--set", "load.duration=1s"];
        let said = stage.scene.run(&again);
        assert_eq!(said.code, 0, "{said:?}");
    });
}

/// All hosts of the network are one machine with one boot, as containers are.
#[test]
fn a_target_on_an_agents_host_is_reached_from_all_hosts() {
    let stage = Stage::new(Duration::from_secs(1), "");
    let text = job::with_target("own", "workers = 4\nduration = \"1s\"", 81, "[fleet]\nagents = 2");
    stage.scene.write("job.toml", &text);
    let url = stage.url();
    let words = ["run", "job.toml", "--coordinator", &url, "--json", "report.json"];
    let said = stage.network.on(COORDINATOR, || stage.scene.run(&words));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(counted_once(only_trial(&stage.scene.json("report.json"))) > 0);
}

/// A start that such a link brings to one agent and not to the other breaks its attempt; the next one knows the link better.
#[test]
fn counted_once_over_a_link_that_is_slow_and_stalls() {
    let scene = Scene::new();
    let target = Target::start(&scene, &["--latency", "2ms"]);
    let load = "workers = 4\nduration = \"6s\"";
    let fleet = "[fleet]\nagents = 2\nretries = 5";
    scene.write("job.toml", &job::against("slow", &target.url(), load, fleet));
    let coordinator = Coordinator::start(&scene, "store");
    let delays = Delays { up_ms: 100..=100, down_ms: 100..=100 };
    let link = SlowLink::start(&coordinator.url, delays, dice().random());
    link.stall(Stalls { share: 0.05, length: Duration::from_secs(1) });
    let _agents = AGENTS.map(|name| Agent::start(&scene, &link.url, name, &[]));
    wait_for_agents(&scene, &coordinator.url, 2);
    let words = ["run", "job.toml", "--coordinator", &coordinator.url, "--json", "report.json"];
    let said = Running::start(&scene, &words).end(SLOW_RUN_ENDS_WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    assert_eq!(report["run"]["state"], "finished", "{}", report["run"]);
    let (measured, broken) = trials(&report).split_last().expect("an attempt");
    println!("{} attempts broke as they began", broken.len());
    for attempt in broken {
        let told = list(&attempt["findings"]).iter().map(|finding| text(&finding["message"]));
        assert!(told.clone().any(|message| message.contains("start")), "{:#}", attempt["findings"]);
    }
    let (counted, served) = (counted_once(measured), target.count());
    // Whoever began too early was served as well.
    assert!(if broken.is_empty() { counted == served } else { counted <= served }, "{counted} of {served}");
}
