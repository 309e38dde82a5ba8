//! What an agent's own policy keeps a coordinator from: runs end with exit code 77, and the reason names agent and rule.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::running::Running;
use fleetmark_tests::target::Target;

const REFUSED: i32 = 77;
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// A coordinator with one agent, `careful`, whose configuration this is.
struct House {
    scene: Scene,
    coordinator: Coordinator,
    _agent: Agent,
}

impl House {
    fn new(configuration: &str, more: &[&str]) -> Self {
        let scene = Scene::new();
        scene.write("agent.toml", configuration);
        let coordinator = Coordinator::start(&scene, "store");
        let words = [&["--config", "agent.toml"], more].concat();
        let agent = Agent::start(&scene, &coordinator.url, "careful", &words);
        wait_for_agents(&scene, &coordinator.url, 1);
        Self { scene, coordinator, _agent: agent }
    }

    fn run(&self, job: &str) -> Said {
        self.scene.write("job.toml", job);
        self.scene.run(&["run", "job.toml", "--coordinator", &self.coordinator.url])
    }
}

fn command(command: &str, more: &str) -> String {
    format!(
        "name = \"eager\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = {command}\n[load]\niterations = 2\n{more}"
    )
}

fn get(url: &str, load: &str) -> String {
    format!(
        "name = \"eager\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{url}\"\n[load]\n{load}\n"
    )
}

/// A server that answers everything with a redirect; its thread ends with the test.
fn redirecting_to(location: &str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _a_request_is_enough = stream.read(&mut [0; 4096]);
            let _the_agent_may_be_gone = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn assert_refused(said: &Said, rule: &str) {
    assert_eq!(said.code, REFUSED, "{rule}: {said:?}");
    // The report wraps its lines.
    let told = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("agent careful refuses: ") && told.contains(rule), "{rule}: {said:?}");
}

#[test]
fn a_command_that_an_agent_does_not_allow_is_refused_and_nothing_runs() {
    let house = House::new("kinds = [\"http\"]\n", &[]);
    let mark = house.scene.path().join("mark");
    let shell = format!("[\"sh\", \"-c\", \"touch {}\"]", mark.display());
    assert_refused(&house.run(&command(&shell, "")), "`kinds`");
    assert!(!mark.exists());
}

#[test]
fn only_listed_programs_are_started() {
    let house = House::new("kinds = [\"command\"]\nhooks = true\nprograms.allow = [\"/bin/true\"]\n", &[]);
    let mark = house.scene.path().join("mark");
    let touch = format!("[\"touch\", \"{}\"]", mark.display());
    assert_refused(&house.run(&command(&touch, "")), "`programs.allow`");
    assert_refused(
        &house.run(&command("\"true\"", &format!("[hooks]\nbefore_run = [{touch}]\n"))),
        "`programs.allow`",
    );
    assert!(!mark.exists());
    let said = house.run(&command("\"true\"", ""));
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn each_rule_refuses_what_it_is_about() {
    let rules = "[targets]\ndeny = [\"127.0.0.1:1\"]\n[limits]\nrate = 10\nworkers = 2\nduration = \"3s\"\n";
    let house = House::new(rules, &["--allow-env", "BENCH_*"]);
    let open = "model = \"open\"\nrate = 5\nduration = \"1s\"\nworkers = 1";
    for (url, load, rule) in [
        ("http://127.0.0.1:1/", open, "`targets.deny`"),
        ("http://169.254.169.254/", open, "`targets.link_local`"),
        ("http://[::ffff:169.254.169.254]/", open, "`targets.link_local`"),
        ("unix:/run/docker.sock:/", open, "`targets.allow`"),
        ("http://127.0.0.1:2/{{env:API_TOKEN}}", open, "--allow-env API_TOKEN"),
        ("http://127.0.0.1:2/", "model = \"open\"\nrate = 11\nworkers = 1", "`limits.rate`"),
        ("http://127.0.0.1:2/", "workers = 1\nduration = \"1s\"", "`limits.rate`"),
        ("http://127.0.0.1:2/", "model = \"open\"\nrate = 5\nworkers = 3", "`limits.workers`"),
        (
            "http://127.0.0.1:2/",
            "model = \"open\"\nrate = 5\nduration = \"4s\"\nworkers = 1",
            "`limits.duration`",
        ),
    ] {
        assert_refused(&house.run(&get(url, load)), rule);
    }
}

#[test]
fn a_hook_is_ended_when_the_agents_time_is_over() {
    let house = House::new("kinds = [\"command\"]\nhooks = true\nlimits.duration = \"1s\"\n", &[]);
    let begun = Instant::now();
    let said = house.run(&command("\"true\"", "[hooks]\nbefore_run = [\"sleep 60\"]\n"));
    assert_refused(&said, "`limits.duration`");
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
}

#[test]
fn what_agents_refuse_stands_in_the_audit_log() {
    let house = House::new("kinds = [\"http\", \"command\"]\nprograms.allow = [\"/bin/true\"]\n", &[]);
    assert_refused(&house.run(&command("\"touch here\"", "")), "`programs.allow`");
    assert_eq!(house.run(&command("\"true\"", "")).code, 0);
    let audit = house.scene.run(&["audit", "--json", "--coordinator", &house.coordinator.url]).out;
    let lines = audit.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let refused: Vec<_> = lines.filter(|line| line["deed"] == "measure").collect();
    let [line] = refused.as_slice() else { panic!("one refusal: {audit}") };
    assert_eq!(line["outcome"], "refused");
    let run = house.scene.run(&["runs", "--json", "--coordinator", &house.coordinator.url]).json();
    let ids: Vec<String> = run
        .as_array()
        .expect("runs")
        .iter()
        .map(|run| format!("run {}", run["id"].as_str().unwrap_or_default()))
        .collect();
    assert!(ids.iter().any(|id| line["what"] == id.as_str()), "{line} is about one of {ids:?}");
    let reason = line["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("agent careful refuses: ") && reason.contains("`programs.allow`"), "{line}");
}

#[test]
fn a_trial_that_counts_iterations_is_ended_when_its_time_is_over() {
    let house = House::new("kinds = [\"command\"]\nlimits.duration = \"1s\"\n", &[]);
    let job = command("\"sleep 0.1\"", "").replace("iterations = 2", "iterations = 1000000");
    assert_refused(&house.run(&job), "`limits.duration`");
}

/// The same script as an operation and as a hook; it ends well if all of it holds.
fn as_command_and_as_hook(script: &str) -> String {
    let words = format!("[\"sh\", \"-c\", '''{script}''']");
    command(&words, &format!("[hooks]\nbefore_run = [{words}]\n"))
}

#[test]
fn programs_see_of_the_environment_what_is_listed() {
    let seen = "test -n \"$PATH\" && test -n \"$CARGO_MANIFEST_DIR\"";
    let unseen = "test -n \"$PATH\" && test -z \"$CARGO_MANIFEST_DIR\"";
    for (env, script) in [("[]", unseen), ("[\"CARGO_*\"]", seen)] {
        let house = House::new(&format!("env = {env}\n"), &["--allow", "command"]);
        let said = house.run(&as_command_and_as_hook(script));
        assert_eq!(said.code, 0, "{script}: {said:?}");
    }
}

#[test]
fn hooks_read_the_variables_that_are_listed() {
    let house = House::new("env = [\"CARGO_*\"]\n", &["--allow", "command"]);
    let reading = |variable: &str| {
        let hook = format!("[hooks]\nbefore_run = [[\"test\", \"-n\", \"{{{{env:{variable}}}}}\"]]\n");
        house.run(&command("\"true\"", &hook))
    };
    let said = reading("CARGO_MANIFEST_DIR");
    assert_eq!(said.code, 0, "{said:?}");
    assert_refused(&reading("PATH"), "--allow-env PATH");
}

#[test]
fn programs_run_as_the_configured_user_within_their_bounds() {
    assert!(rustix::process::geteuid().is_root(), "this test runs programs as another user: run it as root");
    let script = "test $(id -un) = nobody && test $(id -Gn) = $(id -gn) && test $(ulimit -n) = 64 \
        && test $(ulimit -c) = 0 && test $(ulimit -v) = 1048576 && test $(ulimit -f) = 2048 && test $(ls /proc/self/fd | wc -l) = 4 \
        && ! kill -0 $PPID 2>/dev/null && test $HOME = $(getent passwd nobody | cut -d: -f6)";
    let house = House::new(
        "[programs]\nrun_as = \"nobody\"\nopen_files = 64\nmemory = \"1GiB\"\nfile_size = \"1MiB\"\n",
        &["--allow", "command"],
    );
    let said = house.run(&as_command_and_as_hook(script));
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn an_agent_with_a_user_that_is_not_there_does_not_start() {
    let scene = Scene::new();
    scene.write("agent.toml", "programs.run_as = \"nobody-of-that-name\"\n");
    let said = scene.run(&["agent", "--coordinator", "http://127.0.0.1:1", "--config", "agent.toml"]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(
        said.errors.contains("agent.toml:1:") && said.errors.contains("there is no such user"),
        "{said:?}"
    );
}

#[test]
fn a_redirect_to_a_metadata_service_ends_the_trial() {
    let url = redirecting_to("http://169.254.169.254/latest/");
    let house = House::new("", &[]);
    let job = get(&url, "duration = \"20s\"").replace("[load]", "redirects = 3\n[load]");
    assert_refused(&house.run(&job), "`targets.link_local`");
}

/// `/etc/hosts` of the agent's own mount namespace is a file of the test's.
#[test]
fn a_name_that_leads_elsewhere_after_preparing_is_refused() {
    let is_allowed = Command::new("unshare").args(["--mount", "true"]).status();
    assert!(
        is_allowed.as_ref().is_ok_and(std::process::ExitStatus::success),
        "this test gives an agent a table of hosts of its own: run it as root, with unshare and mount installed ({is_allowed:?})"
    );
    let scene = Scene::new();
    let target = Target::start(&scene, &[]);
    let hosts = scene.write("hosts", "127.0.0.1 rebound.test\n");
    let coordinator = Coordinator::start(&scene, "store");
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    let hosts = hosts.to_str().expect("a temporary folder's path is text");
    let under = ["unshare", "--mount", "sh", "-c", script, hosts];
    let _agent = Agent::start_under(&scene, &coordinator.url, "careful", &under, &[]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let url = target.url().replace("127.0.0.1", "rebound.test");
    let job = get(&url, "duration = \"30s\"\nnew_connection_every = 1\nthink = \"10ms\"")
        .replace("kind = \"http\"", "kind = \"http\"\nresolve = \"connect\"");
    scene.write("job.toml", &job);
    let run = Running::start(&scene, &["run", "job.toml", "--coordinator", &coordinator.url]);
    wait_for("a request", ENDS_WITHIN, || (target.count() > 0).then_some(()));
    std::fs::write(hosts, "169.254.169.254 rebound.test\n").expect("the table can be changed");
    assert_refused(&run.end(ENDS_WITHIN), "`targets.link_local`");
}
