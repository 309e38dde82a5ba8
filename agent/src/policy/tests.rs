//! Rules against assignments and addresses.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use shared::arrivals::{ArrivalPlan, Spread};
use shared::job::Window;

use super::*;
use crate::values::names::tests::assignment;

fn policy(text: &str) -> Policy {
    Policy::read(text).unwrap_or_else(|errors| panic!("{errors}"))
}

fn http(settings: serde_json::Value) -> Assignment {
    Assignment { kind: "http".to_owned(), ..assignment(settings) }
}

fn check(rules: &Policy, host: &str, address: &str) -> Result<(), Refusal> {
    rules.targets.check(host, address.parse::<SocketAddr>().unwrap())
}

#[test]
fn an_agent_without_a_configuration_runs_no_programs_and_tells_no_variables() {
    let default = policy("");
    assert_eq!(default.check(&http(json!({}))), Ok(()));
    let command = Assignment { kind: COMMAND.to_owned(), ..http(json!({})) };
    assert_eq!(default.check(&command), Err(Refusal::Kind(COMMAND.to_owned())));
    let reading = http(json!({ "headers": { "x": ["{{env:API_TOKEN}}"] } }));
    assert_eq!(default.check(&reading), Err(Refusal::Variable("API_TOKEN".to_owned())));
    assert!(!default.allows_programs());
    assert_eq!(Policy::unrestricted().check(&command), Ok(()));
    assert_eq!(Policy::unrestricted().check(&reading), Ok(()));
}

#[test]
fn allowing_commands_allows_targets_and_hooks() {
    let mut allowing = policy("");
    allowing.allow(COMMAND);
    assert!(allowing.allows_kind(COMMAND) && allowing.allows_target && allowing.allows_hooks);
    assert!(!policy("kinds = [\"command\"]").allows_programs());
}

#[test]
fn variables_are_read_that_are_listed() {
    let listing = policy("env = [\"API_TOKEN\", \"BENCH_*\"]");
    for (name, is_listed) in [
        ("API_TOKEN", true),
        ("BENCH_KEY", true),
        ("BENCH_", true),
        ("API_TOKENS", false),
        ("MY_BENCH_", false),
    ] {
        let reading = http(json!({ "body": format!("{{{{env:{name}}}}}") }));
        assert_eq!(listing.check(&reading).is_ok(), is_listed, "{name}");
    }
}

#[test]
fn link_local_addresses_are_denied_in_every_form_unless_they_are_wanted() {
    let (default, lenient) =
        (policy("targets.allow = [\"*\", \"169.254.0.0/16\"]"), policy("targets.link_local = true"));
    for address in [
        "169.254.169.254:80",
        "[::ffff:169.254.169.254]:80",
        "[64:ff9b::a9fe:a9fe]:80",
        "[fe80::1]:80",
        "[fd00:ec2::254]:80",
    ] {
        assert!(
            matches!(check(&default, "innocent.example", address), Err(Refusal::Denied { .. })),
            "{address}"
        );
        assert_eq!(check(&lenient, "innocent.example", address), Ok(()), "{address}");
    }
    assert_eq!(check(&default, "here", "127.0.0.1:80"), Ok(()));
}

#[test]
fn what_denies_wins_over_what_allows() {
    let rules = policy(
        "[targets]\nallow = [\"10.0.0.0/8\", \"*.example.org:8000-8999\", \"API.test\"]\ndeny = [\"10.1.0.0/16:22\", \"bad.example.org\", \"127.0.0.1\"]\n",
    );
    for (host, address, is_allowed) in [
        ("10.0.0.1", "10.0.0.1:80", true),
        ("10.1.0.1", "10.1.0.1:22", false),
        ("10.1.0.1", "10.1.0.1:23", true),
        ("mapped", "[::ffff:10.0.0.1]:80", true),
        ("a.example.org", "192.0.2.1:8000", true),
        ("A.Example.org.", "192.0.2.1:8999", true),
        ("a.example.org", "192.0.2.1:9000", false),
        ("example.org", "192.0.2.1:8000", false),
        ("evilexample.org", "192.0.2.1:8000", false),
        ("bad.example.org", "192.0.2.1:8000", false),
        ("api.test", "192.0.2.1:1", true),
        ("api.test", "127.0.0.1:1", false),
        ("api.test", "0.0.0.0:1", false),
        ("api.test", "169.254.169.254:80", false),
        ("192.0.2.1", "192.0.2.1:80", false),
    ] {
        assert_eq!(check(&rules, host, address).is_ok(), is_allowed, "{host} {address}");
    }
}

#[test]
fn sockets_are_reached_that_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let listing = policy(&format!("targets.allow = [\"unix:{}/*.sock\"]", folder.path().display()));
    assert_eq!(listing.targets.check_socket(&path), Ok(()));
    std::os::unix::fs::symlink("/run/docker.sock", folder.path().join("link.sock")).unwrap();
    std::fs::write(folder.path().join("secret"), "").unwrap();
    std::os::unix::fs::symlink("secret", folder.path().join("trick.sock")).unwrap();
    assert!(listing.targets.check_socket(&folder.path().join("trick.sock")).is_err());
    assert!(policy("").targets.check_socket(&path).is_err());
    assert_eq!(Policy::unrestricted().targets.check_socket(Path::new("/run/app.sock")), Ok(()));
}

#[test]
fn databases_are_opened_that_are_listed_by_where_they_really_are() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().canonicalize().unwrap();
    let bench = real.join("bench");
    std::fs::create_dir(&bench).unwrap();
    for (file, link) in [("there.db", "here.db"), ("secret", "trick.db")] {
        std::fs::write(real.join(file), "").unwrap();
        std::os::unix::fs::symlink(real.join(file), bench.join(link)).unwrap();
    }
    std::os::unix::fs::symlink(&bench, real.join("link")).unwrap();
    let rules = policy(&format!("databases = [\"{0}/bench/*.db\", \"{0}/there.db\"]", real.display()));
    for (path, place) in [
        ("bench/new.db", Some("bench/new.db")),
        ("link/new.db", Some("bench/new.db")),
        ("bench/../bench/new.db", Some("bench/new.db")),
        ("bench/here.db", Some("there.db")),
        ("bench/trick.db", None),
        ("bench/new", None),
        ("bench/../new.db", None),
        ("absent/../bench/new.db", None),
        ("bench/absent/new.db", None),
        ("bench/..", None),
    ] {
        let permitted = rules.databases.permitted(&real.join(path)).ok().flatten();
        assert_eq!(permitted, place.map(|place| real.join(place)), "{path}");
    }
}

#[test]
fn commands_reach_every_file_unless_the_owner_bounds_them() {
    let path = Path::new("/srv/bench/shop.db");
    let allows_all = |mut rules: Policy| {
        rules.allow(COMMAND);
        rules.databases.permitted(path) == Ok(None)
    };
    assert!(allows_all(policy("")) && allows_all(Policy::unrestricted()));
    assert!(!allows_all(policy("programs.allow = [\"/bin/true\"]")));
    assert!(policy("").databases.permitted(path).is_err());
}

#[test]
fn a_share_of_the_load_counts_against_the_limits() {
    let limited = policy("[limits]\nrate = 10\nworkers = 4\nduration = \"1m\"");
    let mut trial = http(json!({}));
    trial.load.window = Window::For(Duration::from_secs(60));
    (trial.load.workers, trial.load.workers_max) = (1, 4);
    assert_eq!(limited.check(&trial), Err(Refusal::NoRate(10.0)));
    trial.load.arrivals = Some(ArrivalPlan::constant(20.0, Duration::from_secs(60), Spread::Uniform));
    trial.agent_count = 2;
    assert_eq!(limited.check(&trial), Ok(()));
    trial.agent_count = 1;
    assert_eq!(limited.check(&trial), Err(Refusal::Rate { wanted: 20.0, most: 10.0 }));
    trial.agent_count = 2;
    trial.load.workers_max = 5;
    assert_eq!(limited.check(&trial), Err(Refusal::Workers { wanted: 5, most: 4 }));
    trial.load.workers_max = 4;
    trial.load.window = Window::For(Duration::from_secs(61));
    assert!(matches!(limited.check(&trial), Err(Refusal::Duration { .. })));
}

#[test]
fn a_hook_takes_no_longer_than_a_trial_may() {
    let limits = policy("limits.duration = \"3s\"").limits;
    let within = |seconds| limits.hook_within(Duration::from_secs(seconds));
    assert_eq!(within(2), (Duration::from_secs(2), None), "the job's own time is shorter");
    let most = Duration::from_secs(3);
    assert_eq!(within(60), (most, Some(Refusal::HookOverdue(most))));
    assert_eq!(policy("").limits.hook_within(most), (most, None));
}
