//! Hosts measured for themselves: kernels from the job to the claim, and hosts compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::contract::departures;
use fleetmark_tests::namespaces::Network;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{altogether, findings, list, only_trial, operation, text, whole};
use fleetmark_tests::running::Running;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);
const ENDS_WITHIN: Duration = Duration::from_secs(120);
/// Where control groups of version 1 share out CPU time.
const CPU_GROUPS: &str = "/sys/fs/cgroup/cpu";
/// Microseconds of every hundred milliseconds: half a core.
const HALF_A_CORE_US: &str = "50000";
const LIMITS: &str = "[limits]\nsteal = 1.0\nforeign_cpu = 1.0\n";

fn run(job: &str) -> (i32, Value) {
    let scene = Scene::new();
    scene.write("job.toml", job);
    let said = scene.run_within(ENDS_WITHIN, &["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    (said.code, report)
}

#[test]
fn every_kernel_of_the_processor_counts_batches_and_saturates_nothing() {
    let kernels = ["integer", "hash", "compress", "float", "branch"];
    let operation_of =
        |name: &&str| format!("[[workload.operations]]\nname = \"{name}\"\nkernel = \"{name}/1\"\n");
    let operations: String = kernels.iter().map(operation_of).collect();
    let job = format!(
        "name = \"cpu\"\n[workload]\nkind = \"cpu\"\nthreads = \"cores\"\n{operations}[load]\niterations = 200\n{LIMITS}\
         [[claims]]\nmetric = \"integer.latency.p50\"\nbelow = \"10s\"\n"
    );
    let (code, report) = run(&job);
    let trial = only_trial(&report);
    assert_eq!((code, whole(altogether(trial), "count")), (0, 200), "{trial:#}");
    assert!(kernels.iter().all(|name| whole(operation(trial, name), "count") > 0));
    let agent = &trial["agents"][0];
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    assert_eq!((&agent["generator_cpu"], whole(agent, "workers_peak")), (&Value::Null, cores));
    assert!(findings(&report, "generator_saturated").is_empty());
}

#[test]
fn memory_tells_its_bandwidth_and_the_curve_of_its_latency() {
    let job = format!(
        "name = \"memory\"\n[workload]\nkind = \"memory\"\n\
         [[workload.operations]]\nname = \"triad\"\nkernel = \"triad/1\"\nsize = \"8MiB\"\n\
         [[workload.operations]]\nname = \"near\"\nkernel = \"chase/1\"\nsize = \"4KiB\"\n[load]\niterations = 60\n{LIMITS}\
         [[claims]]\nmetric = \"near.latency.p50\"\nbelow = \"10s\"\n"
    );
    let (code, report) = run(&job);
    let trial = only_trial(&report);
    let triad = operation(trial, "triad");
    let bandwidth = &triad["metrics"]["bandwidth"];
    assert_eq!((code, text(&bandwidth["unit"])), (0, "MB/s"), "{trial:#}");
    assert!(bandwidth["max"].as_f64() >= bandwidth["mean"].as_f64());
    assert_eq!(whole(triad, "bytes_received"), 2 * whole(triad, "bytes_sent"));
    assert_eq!(whole(triad, "bytes_sent"), (8 << 20) * whole(triad, "count"));
    let load_ns = operation(trial, "near")["metrics"]["load_time"]["mean"].as_f64();
    assert!(load_ns.is_some_and(|load_ns| load_ns > 0.1), "{trial:#}");
}

#[test]
fn a_disk_is_read_written_and_left_as_it_was() {
    let scene = Scene::new();
    let directory = scene.path().join("data");
    fs::create_dir(&directory).expect("a folder in the test's own");
    let kernels = ["read-sequential", "read-random", "write-sequential", "write-random", "fsync"];
    let operation_of =
        |name: &&str| format!("[[workload.operations]]\nname = \"{name}\"\nkernel = \"{name}/1\"\n");
    let operations: String = kernels.iter().map(operation_of).collect();
    let job = format!(
        "name = \"disk\"\n[workload]\nkind = \"disk\"\ndirectory = {directory:?}\nsize = \"8MiB\"\ndirect = false\n\
         {operations}[load]\nworkers = 4\niterations = 100\n{LIMITS}"
    );
    let (code, report) = run(&job);
    let trial = only_trial(&report);
    assert_eq!((code, whole(altogether(trial), "count")), (0, 100), "{trial:#}");
    let [fsync, reads] = ["fsync", "read-random"].map(|name| operation(trial, name));
    assert_eq!(whole(fsync, "bytes_sent"), 2_300 * whole(fsync, "count"));
    assert_eq!(whole(reads, "bytes_received"), 4_096 * whole(reads, "count"));
    assert!(!findings(&report, "page_cache").is_empty(), "{trial:#}");
    assert_eq!(fs::read_dir(&directory).expect("it is still there").count(), 0);
}

#[test]
fn links_between_agents_are_measured_in_both_directions() {
    let scene = Scene::new();
    let operation_of = |(name, more): (&str, &str)| {
        format!("[[workload.operations]]\nname = \"{name}-it\"\nkernel = \"{name}/1\"\n{more}")
    };
    let operations =
        [("stream", ""), ("round-trip", "size = \"64KiB\"\n"), ("connect", "")].map(operation_of).concat();
    let job = format!(
        "name = \"links\"\n[workload]\nkind = \"network\"\naddress = \"{{{{peer.host}}}}:{{{{target.port}}}}\"\n{operations}\
         [load]\niterations = 60\ntrials = 2\n[fleet]\nplacement = \"pairs\"\nagents = 2\n{LIMITS}\
         [target]\nstart = [\"fleetmark\", \"target\", \"--network\", \"--listen\", \"{{{{target.host}}}}:{{{{target.port}}}}\"]\n\
         ready = \"tcp://{{{{target.host}}}}:{{{{target.port}}}}\"\n"
    );
    scene.write("job.toml", &job);
    let said = scene.run(&["run", "job.toml", "--json", "report.json", "--html", "report.html"]);
    let report = scene.json("report.json");
    assert_eq!((said.code, departures(&report)), (0, Vec::new()), "{said:?}");
    let page = fs::read_to_string(scene.path().join("report.html")).expect("a page");
    assert!(
        page.contains("round-trip-it.latency.p50 of each link, from row to column"),
        "its links are drawn"
    );
    for trial in fleetmark_tests::readings::trials(&report) {
        let streamed = operation(trial, "stream-it");
        assert_eq!(whole(streamed, "bytes_sent"), (1 << 20) * whole(streamed, "count"));
        let echoed = operation(trial, "round-trip-it");
        assert_eq!(whole(echoed, "bytes_received"), 65_536 * whole(echoed, "count"));
        assert!(whole(operation(trial, "connect-it"), "connects") > 0, "{trial:#}");
    }
    let compared = scene.run(&["compare", "--hosts", "latest", "--json"]).json();
    let matrices = list(&compared["matrices"]);
    let echoes = matrices.iter().find(|matrix| matrix["metric"] == "round-trip-it.latency.mean");
    let links = list(&echoes.expect("it is compared")["links"]);
    assert_eq!(links.len(), 2, "{compared:#}");
    assert!(links.iter().all(|link| link["n"] == 2 && link["asymmetry"].as_f64().is_some()), "{compared:#}");
}

#[test]
fn an_agent_fills_no_disk_unless_it_is_allowed_to() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let _agent = Agent::start(&scene, &coordinator.url, "careful", &[]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let job = "name = \"disk\"\n[workload]\nkind = \"disk\"\ndirectory = \"/var/tmp\"\n\
               [[workload.operations]]\nname = \"log\"\nkernel = \"fsync/1\"\n[fleet]\nstart_timeout = \"2s\"\n";
    scene.write("job.toml", job);
    let said = scene.run(&["run", "job.toml", "--coordinator", &coordinator.url]);
    assert_ne!(said.code, 0, "{said:?}");
    assert!(said.errors.contains("disk") || said.out.contains("disk"), "{said:?}");
}

#[test]
fn a_kernel_that_nobody_has_is_named_at_its_line() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "name = \"cpu\"\n[workload]\nkind = \"cpu\"\n[[workload.operations]]\nname = \"it\"\nkernel = \"integer/9\"\n",
    );
    let said = scene.run(&["check", "job.toml"]);
    assert_eq!(said.code, 65, "{said:?}");
    assert!(said.errors.contains("integer/1") && said.errors.contains("job.toml:6"), "{said:?}");
}

/// A control group that has half a core, until dropped.
struct HalfACore(PathBuf);

impl HalfACore {
    /// `None`: this system gives out no control groups of version 1.
    fn new() -> Option<Self> {
        let group = Path::new(CPU_GROUPS).join(format!("fleetmark-test-{}", std::process::id()));
        fs::create_dir(&group).ok()?;
        let group = Self(group);
        fs::write(group.0.join("cpu.cfs_period_us"), "100000").ok()?;
        fs::write(group.0.join("cpu.cfs_quota_us"), HALF_A_CORE_US).ok()?;
        Some(group)
    }

    /// What a program is started by to belong to it.
    fn entrance(&self) -> String {
        format!("echo $$ > {}/cgroup.procs && exec \"$@\"", self.0.display())
    }
}

impl Drop for HalfACore {
    fn drop(&mut self) {
        // Its last process may still be on its way out.
        wait_for("the end of the control group", WITHIN, || fs::remove_dir(&self.0).ok());
    }
}

/// Whether so many others want the cores that nobody's share of them is his own.
fn is_machine_busy() -> bool {
    let load: f64 = fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|load| load.split(' ').next()?.parse().ok())
        .unwrap_or(0.0);
    load > 1.0
}

#[test]
fn a_group_held_to_half_a_core_is_slower_by_about_two() {
    let Some(half) = HalfACore::new() else {
        eprintln!("NOT RUN: {CPU_GROUPS} is not there, or not ours to write");
        return;
    };
    let network = Network::of(&["coordinator", "large", "small"]);
    let scene = Scene::new();
    let words = ["--listen", "0.0.0.0:0", "--insecure"];
    let coordinator = network.on("coordinator", || Coordinator::start_under(&scene, "store", &[], &words));
    let called = coordinator.url.replace("0.0.0.0", &network.address("coordinator").to_string());
    let url = coordinator.url.replace("0.0.0.0", "127.0.0.1");
    let entrance = half.entrance();
    let entrances: [(&str, Vec<&str>); 2] =
        [("large", vec!["env"]), ("small", vec!["sh", "-c", entrance.as_str(), "--"])];
    let agents = entrances.map(|(size, under)| {
        let label = format!("size={size}");
        let words = ["--insecure", "--label", label.as_str(), "--label", "cost_per_hour=1"];
        network.on(size, || Agent::start_under(&scene, &called, size, &under, &words))
    });
    let was_busy = is_machine_busy();
    let compared = network.on("coordinator", || {
        wait_for_agents(&scene, &url, 2);
        scene.write(
            "job.toml",
            &format!(
                "name = \"groups\"\n[workload]\nkind = \"cpu\"\n[[workload.operations]]\nname = \"work\"\nkernel = \"integer/1\"\n\
                 [load]\nduration = \"1s\"\ntrials = 6\n[fleet]\nplacement = \"each\"\nagents = 2\n{LIMITS}"
            ),
        );
        let run = Running::start(&scene, &["run", "job.toml", "--coordinator", &url, "--json", "report.json"]);
        let said = run.end(ENDS_WITHIN);
        assert_eq!(said.code, 0, "{said:?}");
        let words = ["compare", "--hosts", "latest", "--group-by", "label.size", "--reference", "large", "--json"];
        scene.run(&[&words[..], &["--coordinator", &url]].concat()).json()
    });
    drop(agents);
    assert_eq!(departures(&scene.json("report.json")), [""; 0]);
    let limits = list(&compared["fingerprint_differences"]).iter();
    let limits: Vec<_> = limits.filter(|it| it["field"] == "cpu_limit_cores").collect();
    assert_eq!(limits.len(), 1, "{compared:#}");
    assert_eq!((text(&limits[0]["agent"]), &limits[0]["b"]), ("small", &json!("0.5")));
    let throughput = list(&compared["metrics"]).iter().find(|row| row["metric"] == "work.throughput");
    let small = &throughput.expect("it is compared")["values"][1];
    eprintln!("half a core against a whole one: {small}");
    if was_busy || is_machine_busy() {
        eprintln!("NOT JUDGED: others want the cores too, so that nobody has a whole one");
        return;
    }
    let ratio = small["ratio"].as_f64().expect("both have values");
    assert_eq!((text(&small["says"]), (0.4..0.65).contains(&ratio)), ("slower", true), "{small:#}");
    let found = list(&compared["groups"][1]["findings"]);
    assert!(found.iter().any(|finding| finding["code"] == "throttled"), "{compared:#}");
}
