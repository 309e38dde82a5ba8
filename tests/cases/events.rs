//! Events of runs, forms of pages and what guards both: from where one left off, to the end, and for our own pages alone.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use fleetmark_tests::browser::Browser;
use fleetmark_tests::cast::{Agent, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::site::{OPERATOR, Site, assert_sealed};
use serde_json::Value;

const WITHIN: Duration = Duration::from_secs(60);

/// Somebody who watches a run.
struct Watcher(BufReader<TcpStream>);

impl Watcher {
    fn of(browser: &Browser, run: &str, last: Option<u64>) -> Self {
        let mut stream = TcpStream::connect(browser.address()).expect("it accepts");
        stream.set_read_timeout(Some(WITHIN)).expect("a timeout");
        let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
        let asked = format!(
            "GET /api/v1/runs/{run}/events HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{last}\r\n",
            browser.address()
        );
        stream.write_all(asked.as_bytes()).expect("it is asked");
        Self(BufReader::new(stream))
    }

    /// The next frame, with its number; `None`: the stream ended.
    fn next(&mut self) -> Option<(u64, Value)> {
        let mut id = None;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("it can be read") == 0 {
                return None;
            }
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.trim().parse().ok();
            } else if let Some(data) = line.strip_prefix("data: ") {
                let frame = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {line}"));
                return Some((id.expect("a number stands before"), frame));
            }
        }
    }
}

#[test]
fn a_dropped_stream_resumes_and_ends_with_the_run() {
    let site = Site::plain(&[]);
    let _agent = Agent::start(&site.scene, &site.coordinator.url, "load", &["--allow", "command"]);
    wait_for_agents(&site.scene, &site.coordinator.url, 1);
    let text = job::with_target(
        "watched",
        "workers = 2\nduration = \"6s\"",
        4_711,
        "[limits]\nsteal = 0.9\nforeign_cpu = 1",
    );
    let accepted = site.browser.post("/api/v1/runs", &text);
    let run = accepted.json()["run"].as_str().unwrap_or_else(|| panic!("{accepted:?}")).to_owned();
    let mut watcher = Watcher::of(&site.browser, &run, None);
    let (number, seen) = loop {
        let (number, frame) = watcher.next().expect("it goes on");
        if frame["progress"]["count"].as_u64() > Some(0) {
            break (number, frame);
        }
    };
    assert_eq!(
        (seen["sequence"].as_u64(), seen["state"].as_str()),
        (Some(number), Some("running")),
        "{seen}"
    );
    drop(watcher);

    let mut again = Watcher::of(&site.browser, &run, Some(number));
    let mut last = (number, seen);
    while let Some((number, frame)) = again.next() {
        assert_eq!(number, last.0 + 1, "nothing is missing, and nothing comes twice");
        last = (number, frame);
    }
    assert_eq!(
        (last.1["state"].as_str(), last.1["exit_code"].as_u64()),
        (Some("finished"), Some(0)),
        "{}",
        last.1
    );

    let (number, frame) = Watcher::of(&site.browser, &run, None).next().expect("the end is told again");
    assert_eq!((number, frame["verdict"].as_str()), (1, Some("none")));
    let page = site.browser.get(&format!("/runs/{run}"));
    assert!(
        page.body.contains("The run over time") && page.body.contains("<svg"),
        "the page works without a script"
    );
    assert_sealed(&page);
}

#[test]
fn whoever_does_not_follow_is_told_how_it_stands_and_let_go() {
    let site = Site::plain(&[]);
    let text = job::against("asked-once", "http://127.0.0.1:1/", "iterations = 1", "");
    let accepted = site.browser.post("/api/v1/runs", &text);
    assert_eq!(accepted.status, 201, "{accepted:?}");
    let once = site.browser.get("/api/v1/runs/latest/events?follow=false");
    assert_eq!(once.status, 200, "{once:?}");
    let frames: Vec<&str> = once.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let frame: Value = serde_json::from_str(frames.last().expect("there is one")).expect("JSON");
    assert_eq!(
        (frame["name"].as_str(), frame["state"].as_str()),
        (Some("asked-once"), Some("queued")),
        "{frame}"
    );
    let refused = site.browser.get("/api/v1/runs/latest/events?follow=no");
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (400, Some("malformed")),
        "{refused:?}"
    );
}

#[test]
fn forms_of_other_sites_do_nothing() {
    let site = Site::encrypted();
    site.join("operator");
    let person = site.signed_in(&OPERATOR);
    let form = "job=name+%3D+%22theirs%22";
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("x-unsaid", "nothing"),
    ] {
        let them = person.clone().with(name, value);
        assert_eq!(them.post("/submit", form).status, 403, "{name}: {value}");
        assert_eq!(them.post("/runs/latest/cancel", "").status, 403, "{name}: {value}");
    }
    let ours = person.clone().with("sec-fetch-site", "same-origin");
    assert_eq!(ours.post("/submit", form).status, 422);
    assert_eq!(ours.post("/runs/latest/cancel", "").status, 404);
    assert_eq!(ours.get("/api/v1/runs").json()["runs"].as_array().map(Vec::len), Some(0));
    assert_eq!(site.browser.get("/runs").status, 401);
    assert!(site.browser.get("/runs").body.contains("fleetmark web-login"), "strangers read how to sign in");
}

#[test]
fn what_others_wrote_is_text_on_every_page() {
    let site = Site::plain(&[]);
    let evil = "<script>alert(1)</script>\\\"'&";
    let text = job::against("evil", "http://127.0.0.1:1/", "iterations = 1", "").replacen(
        "[workload]",
        &format!("description = \"{evil}\"\ntags = {{ \"{evil}\" = \"{evil}\" }}\n[workload]"),
        1,
    );
    let accepted = site.browser.post("/api/v1/runs", &text);
    assert_eq!(accepted.status, 201, "{accepted:?}");
    let run = accepted.json()["run"].as_str().expect("an id").to_owned();
    let written = "%3Cscript%3Ealert(1)%3C/script%3E";
    let asked = [
        format!("/runs/{run}"),
        "/runs".to_owned(),
        format!("/runs?name={written}"),
        format!("/runs?tag={written}"),
        format!("/runs?before={written}"),
        format!("/runs?{written}=1"),
        format!("/runs/{written}"),
        format!("/compare?a={written}&b={written}"),
        format!("/trends?metric={written}&job={written}"),
    ];
    let look = |path: &str| {
        let page = site.browser.get(path);
        assert!(!page.body.contains("<script>"), "{path}: {}", page.body);
        assert_sealed(&page);
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("connect-src 'self'"), "{policy}");
        for inline in [" style=", " onclick=", "<style", "javascript:"] {
            assert!(!page.body.contains(inline), "{path} holds {inline}");
        }
    };
    asked.iter().for_each(|path| look(path));
    assert!(!site.browser.post("/submit", &format!("job={written}")).body.contains("<script>"));
    assert_eq!(site.browser.post(&format!("/runs/{run}/cancel"), "").status, 303);
    wait_for("the run to be over", WITHIN, || {
        (site.browser.get("/api/v1/runs").json()["runs"][0]["state"] == "cancelled").then_some(())
    });
    asked.iter().for_each(|path| look(path));
}
