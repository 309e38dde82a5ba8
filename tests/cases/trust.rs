//! Machines and people join a coordinator that encrypts: three commands, and nothing in plain text between them.

use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use fleetmark_tests::cast::Scene;
use fleetmark_tests::cast::{Coordinator, wait_for_agents};
use fleetmark_tests::eavesdropper::Eavesdropper;
use fleetmark_tests::job;
use fleetmark_tests::membership::{
    encrypted, joining_agent, log_in, printed_line, printed_token, record, token,
};
use fleetmark_tests::namespaces::Network;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::exists;
use fleetmark_tests::readings::{altogether, only_trial, whole};
use fleetmark_tests::running::Running;
use fleetmark_tests::target::Target;

const WITHIN: Duration = Duration::from_secs(60);

fn certificates(scene: &Scene, state: &str) -> usize {
    let said = scene.run(&["ca", "list", "--store", "store", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let listed = said.json();
    let certificates = listed["certificates"].as_array().expect("a list").clone();
    certificates.iter().filter(|given| given["state"] == state).count()
}

#[test]
fn machines_are_joined_by_what_the_coordinator_prints() {
    let network = Network::of(&["coordinator", "load", "desk"]);
    let scene = Scene::new();
    let listen = format!("{}:0", network.address("coordinator"));
    let coordinator = network.on("coordinator", || Coordinator::start_on(&scene, "store", &listen));
    assert!(coordinator.url.starts_with("https://10."), "nobody had to ask for it: {}", coordinator.url);
    let words_of = |who: &str| {
        let line = printed_line(&scene, who);
        line.split(' ').skip(1).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let words = words_of("an agent");
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--name", "one"]).collect();
    let _agent = network.on("load", || Running::start(&scene, &words));
    let target = network
        .on("load", || Target::start_on(&scene, IpAddr::V4(network.address("load")), &["--latency", "1ms"]));
    let words = words_of("a person");
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--name", "me"]).collect();
    let said = network.on("desk", || scene.run(&words));
    assert_eq!(said.code, 0, "{said:?}");
    scene.write("job.toml", &job::against("three", &target.url(), "iterations = 300", ""));
    let said = network.on("desk", || {
        scene.run(&["run", "job.toml", "--coordinator", &coordinator.url, "--json", "report.json"])
    });
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(whole(altogether(only_trial(&scene.json("report.json"))), "count"), 300);
}

#[test]
fn three_commands_make_a_fleet_that_nobody_between_can_read() {
    let scene = Scene::new();
    let target = Target::start(&scene, &["--latency", "1ms"]);
    scene.write("job.toml", &job::against("unheard-of", &target.url(), "iterations = 500", ""));
    let coordinator = encrypted(&scene, &[]);
    let between = Eavesdropper::start(coordinator.url.trim_start_matches("https://"));
    let url = format!("https://{}", between.address);

    let _agent = joining_agent(&scene, &url, "one", &printed_token(&scene, "an agent"), &[]);
    let person =
        ["login", "--join", &printed_token(&scene, "a person"), "--coordinator", &url, "--name", "me"];
    let said = scene.run(&[&person[..], &["--context", "me"]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    wait_for_agents(&scene, &url, 1);
    let said = scene.run(&["run", "job.toml", "--context", "me", "--json", "report.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    assert_eq!(whole(altogether(only_trial(&report)), "count"), target.count());

    let heard = between.heard();
    assert!(heard.len() > 5_000 && heard[0] == 22, "TLS was spoken: {} bytes", heard.len());
    for plain in ["fleetmark.v1", "unheard-of", "PRI * HTTP/2.0", "content-type", "\"one\""] {
        let is_there = heard.windows(plain.len()).any(|bytes| bytes == plain.as_bytes());
        assert!(!is_there, "{plain:?} was heard in plain text");
    }

    let deeds: Vec<String> =
        record(&scene).iter().map(|line| format!("{} {}", line["deed"], line["outcome"])).collect();
    for deed in ["\"enrol\" \"done\"", "\"attach\" \"done\"", "\"submit\" \"done\""] {
        assert!(deeds.iter().any(|known| known == deed), "{deed}: {deeds:?}");
    }
}

#[test]
fn an_agent_needs_its_token_once() {
    let scene = Scene::new();
    let coordinator = encrypted(&scene, &[]);
    let token = printed_token(&scene, "an agent");
    let agent = joining_agent(&scene, &coordinator.url, "one", &token, &["--data", "kept"]);
    wait_for("the agent to join", WITHIN, || {
        fs::metadata(scene.path().join("kept/identity/credentials.pem")).ok().map(|_| ())
    });
    drop(agent);
    // Neither it nor the coordinator has to be told anything again.
    let listens = coordinator.url.trim_start_matches("https://").to_owned();
    drop(coordinator);
    let coordinator = Coordinator::start_under(&scene, "store", &[], &["--listen", &listens, "--tls"]);
    let words = ["--data", "kept"];
    let _agent = fleetmark_tests::cast::Agent::start(&scene, &coordinator.url, "one", &words);
    wait_for("the agent to come back", WITHIN, || {
        let said = scene.run(&["agents", "--store", "store", "--json"]);
        (said.code == 0 && said.json().as_array().is_some_and(|agents| agents.len() == 1)).then_some(())
    });
    assert_eq!(certificates(&scene, "valid"), 2, "the agent's, and that of the machine's own user");
}

#[test]
fn a_run_goes_on_while_the_authority_is_changed() {
    let scene = Scene::new();
    let target = Target::start(&scene, &["--latency", "2ms"]);
    scene.write("job.toml", &job::against("moving", &target.url(), "workers = 4\niterations = 8000", ""));
    let coordinator = encrypted(&scene, &[]);
    let _agent = joining_agent(
        &scene,
        &coordinator.url,
        "one",
        &printed_token(&scene, "an agent"),
        &["--data", "kept"],
    );
    assert_eq!(log_in(&scene, &printed_token(&scene, "a person"), "me").code, 0);
    wait_for_agents(&scene, &coordinator.url, 1);
    let mut run = Running::start(&scene, &["run", "job.toml", "--context", "me", "--json", "report.json"]);
    run.wait_until_it_says("running: started");

    let before = scene.run(&["ca", "list", "--store", "store", "--json"]).json()["authority"].clone();
    let said = scene.run(&["ca", "rotate", "--store", "store"]);
    assert_eq!(said.code, 0, "{said:?}");
    wait_for("the agent to move", WITHIN, || {
        scene.run(&["agents", "--context", "me"]);
        (certificates(&scene, "of the former authority") == 0).then_some(())
    });
    let after = scene.run(&["ca", "list", "--store", "store", "--json"]).json()["authority"].clone();
    assert_ne!(before, after, "newcomers look for the new one");

    let said = run.end(WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), 8_000);
    let coverage = &trial["coverage"];
    assert_eq!(coverage["intervals_received"], coverage["intervals_planned"], "{coverage}");
    // All hold certificates of the new one: a second change is possible.
    assert_eq!(scene.run(&["ca", "rotate", "--store", "store"]).code, 0);
}

#[test]
fn whoever_is_revoked_is_out_within_a_second() {
    let scene = Scene::new();
    let coordinator = encrypted(&scene, &[]);
    let token = token(&scene, "agent", &["--uses", "2"]);
    let one = joining_agent(&scene, &coordinator.url, "one", &token, &["--data", "one"]);
    let _two = joining_agent(&scene, &coordinator.url, "two", &token, &["--data", "two"]);
    let attached = || {
        let said = scene.run(&["agents", "--store", "store", "--json"]);
        let agents = said.json();
        let names = agents.as_array().expect("a list").iter();
        names.filter(|agent| agent["state"] != "gone").map(|agent| agent["name"].clone()).collect::<Vec<_>>()
    };
    wait_for("both agents", WITHIN, || (attached().len() == 2).then_some(()));
    let pid = one.process.pid();
    let said = scene.run(&["ca", "revoke", "one", "--store", "store"]);
    let revoked_at = Instant::now();
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("1 connections closed"), "{said:?}");
    wait_for("the agent to see that it is out", WITHIN, || (!exists(pid)).then_some(()));
    println!("the agent ended {:?} after the command", revoked_at.elapsed());
    let log = fs::read_to_string(scene.path().join("one.log")).expect("the agent's log");
    assert!(log.contains("the certificate was revoked"), "{log}");
    wait_for("the other to stay alone", WITHIN, || (attached() == ["two"]).then_some(()));
}

#[test]
fn local_agents_of_a_person_join_by_themselves() {
    let scene = Scene::new();
    let target = Target::start(&scene, &[]);
    scene.write("job.toml", &job::against("local", &target.url(), "iterations = 100", ""));
    let _coordinator = encrypted(&scene, &[]);
    assert_eq!(log_in(&scene, &printed_token(&scene, "a person"), "me").code, 0);
    for _ in 0..2 {
        let said = scene.run(&["run", "job.toml", "--context", "me", "--local-agents", "2"]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    assert_eq!(certificates(&scene, "valid"), 4, "two agents, asked for once, and two people");
}
