//! Pages and the JSON API of a coordinator: who gets what, who does not, and what strangers can do.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fleetmark_tests::browser::{Answer, Browser};
use fleetmark_tests::cast::{Coordinator, Scene};
use fleetmark_tests::job;
use fleetmark_tests::membership::{encrypted, log_in, record, token, wait_until_refused};
use fleetmark_tests::namespaces::Network;
use fleetmark_tests::patience::wait_for;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const WITHIN: Duration = Duration::from_secs(30);
/// An address of this machine that is asked over TLS.
const PAGES: [&str; 2] = ["--http", "127.0.0.2:0"];

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
    browser: Browser,
}

impl Stage {
    /// Everything over TLS.
    fn encrypted() -> Self {
        let scene = Scene::new();
        let coordinator = encrypted(&scene, &PAGES);
        let browser = Browser::of(&scene, "store");
        Self { scene, coordinator, browser }
    }

    /// On loopback, in plain text.
    fn plain(more: &[&str]) -> Self {
        let scene = Scene::new();
        let words = [&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], more].concat();
        let coordinator = Coordinator::start_under(&scene, "store", &[], &words);
        let browser = Browser::of(&scene, "store");
        Self { scene, coordinator, browser }
    }

    fn join(&self, role: &str) {
        assert_eq!(log_in(&self.scene, &token(&self.scene, role, &[]), role).code, 0);
    }

    fn web_login(&self, place: &[&str], more: &[&str]) -> serde_json::Value {
        let said = self.scene.run(&[&["web-login", "--json"], place, more].concat());
        assert_eq!(said.code, 0, "{said:?}");
        said.json()
    }

    /// A program that shows a token.
    fn program(&self, place: &[&str]) -> Browser {
        let given = self.web_login(place, &["--bearer"]);
        let token = given["token"].as_str().expect("a token");
        self.browser.clone().with("authorization", &format!("Bearer {token}"))
    }

    /// The token of a link.
    fn link(&self, place: &[&str]) -> String {
        let given = self.web_login(place, &[]);
        let link = given["link"].as_str().expect("a link");
        assert!(link.starts_with(&format!("{}/login/", self.browser.url)), "{link}");
        link.rsplit('/').next().expect("a token").to_owned()
    }

    /// A browser that has signed in.
    fn signed_in(&self, place: &[&str]) -> Browser {
        let answer = self.sign_in(&self.link(place));
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
        self.browser.clone().with("cookie", &answer.cookie())
    }

    fn sign_in(&self, token: &str) -> Answer {
        self.browser.clone().with("sec-fetch-site", "same-origin").post("/login", &format!("token={token}"))
    }
}

const STORE: [&str; 2] = ["--store", "store"];
const VIEWER: [&str; 2] = ["--context", "viewer"];
const OPERATOR: [&str; 2] = ["--context", "operator"];

/// What there is: how, where, and what is answered to nobody, a viewer and an operator.
const ROUTES: [(&str, &str, [u16; 3]); 13] = [
    ("GET", "/", [200, 200, 200]),
    ("GET", "/style.css", [200, 200, 200]),
    ("GET", "/icon.svg", [200, 200, 200]),
    ("GET", "/login", [200, 200, 200]),
    ("GET", "/login/x", [404, 404, 404]),
    ("POST", "/login", [401, 401, 401]),
    ("POST", "/logout", [303, 303, 303]),
    ("GET", "/metrics", [401, 200, 200]),
    ("GET", "/api/v1/runs", [401, 200, 200]),
    ("POST", "/api/v1/runs", [401, 403, 422]),
    ("GET", "/api/v1/runs/latest", [401, 404, 404]),
    ("POST", "/api/v1/runs/latest/cancel", [401, 403, 404]),
    ("GET", "/api/v1/agents", [401, 200, 200]),
];

#[test]
fn everybody_gets_what_their_role_may_have_and_nothing_else() {
    let stage = Stage::encrypted();
    stage.join("viewer");
    stage.join("operator");
    let programs = [stage.browser.clone(), stage.program(&VIEWER), stage.program(&OPERATOR)];
    for (method, path, wanted) in ROUTES {
        let answered = programs.each_ref().map(|program| program.ask(method, path, "").status);
        assert_eq!(answered, wanted, "{method} {path} by programs");
        // Each with a session of its own: one of the routes ends it.
        let people = [&VIEWER, &OPERATOR].map(|place| {
            let person = stage.signed_in(place).with("sec-fetch-site", "same-origin");
            person.ask(method, path, "")
        });
        for (answer, wanted) in people.iter().zip(&wanted[1..]) {
            assert_eq!(answer.status, *wanted, "{method} {path} by a person: {answer:?}");
            assert_sealed(answer);
        }
    }
    let nothing = programs[2].get("/api/v2/runs");
    assert_eq!((nothing.status, nothing.json()["error"]["code"].as_str()), (404, Some("not_found")));
    assert_eq!(programs[2].ask("DELETE", "/api/v1/runs/latest", "").status, 405);
    wait_until_refused(&stage.scene, "viewer may not do this: it needs the role operator");
}

fn assert_sealed(answer: &Answer) {
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    let is_file =
        answer.header("content-type").is_some_and(|kind| kind.contains("css") || kind.contains("svg"));
    assert_eq!(answer.header("cache-control") == Some("no-store"), !is_file, "{answer:?}");
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[test]
fn a_link_signs_one_browser_in_once() {
    let stage = Stage::encrypted();
    let token = stage.link(&STORE);
    // What follows links by itself uses none up.
    let page = stage.browser.get(&format!("/login/{token}"));
    assert!(page.status == 200 && page.body.contains(&format!("value=\"{token}\"")), "{page:?}");
    let answer = stage.sign_in(&token);
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-fleetmark=fmw1-"), "{set}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains(&token) && !set.contains("Domain"), "{set}");
    let person = stage.browser.clone().with("cookie", &answer.cookie());
    assert!(person.get("/").body.contains("as local, operator"));
    assert_eq!(stage.sign_in(&token).status, 401);
    assert_eq!(stage.sign_in("fmw1-torn").status, 401);

    let out = person.clone().with("sec-fetch-site", "same-origin").post("/logout", "");
    assert!(out.header("set-cookie").is_some_and(|set| set.contains("Max-Age=0")), "{out:?}");
    assert!(person.get("/").body.contains("You are not signed in"));
    let deeds: Vec<_> = record(&stage.scene).iter().map(|line| line["deed"].clone()).collect();
    assert!(
        ["token", "login", "logout"].iter().all(|deed| deeds.iter().any(|known| known == deed)),
        "{deeds:?}"
    );
}

#[test]
fn whoever_tries_tokens_is_told_to_wait_and_fills_no_record() {
    let stage = Stage::encrypted();
    let program = stage.program(&STORE);
    let guess = stage.browser.clone().with("authorization", &format!("Bearer fmw1-{}", "A".repeat(43)));
    let statuses: Vec<u16> = (0..20).map(|_| guess.get("/metrics").status).collect();
    assert_eq!((statuses[..10].to_vec(), statuses[10..].to_vec()), (vec![401; 10], vec![429; 10]));
    assert_eq!(program.get("/metrics").status, 200, "the right one counts all the same");
    wait_until_refused(&stage.scene, "it was never given here");
    let written = record(&stage.scene).iter().filter(|line| line["what"] == "a bearer token").count();
    assert_eq!(written, 10);
}

#[test]
fn pages_of_others_get_nothing_done() {
    let stage = Stage::encrypted();
    stage.join("operator");
    let person = stage.signed_in(&OPERATOR);
    let job = job::against("theirs", "http://127.0.0.1:1/", "iterations = 1", "");
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("x-unsaid", "nothing"),
    ] {
        let answer = person.clone().with(name, value).post("/api/v1/runs", &job);
        assert_eq!(answer.status, 403, "{name}: {value}: {answer:?}");
    }
    let foreign = stage.browser.clone().with("origin", "https://evil.example");
    assert_eq!(foreign.post("/login", &format!("token={}", stage.link(&OPERATOR))).status, 403);
    let ours = person.clone().with("origin", &stage.browser.url);
    assert_eq!(ours.post("/api/v1/runs", &job).status, 201);
    assert_eq!(person.get("/api/v1/runs").json()["runs"].as_array().map(Vec::len), Some(1));

    for host in ["evil.example", "127.0.0.2.evil.example:80", "localhost.evil.example"] {
        let answer = person.clone().with("host", host).get("/api/v1/runs");
        assert_eq!(answer.status, 421, "{host}: {answer:?}");
        assert_sealed(&answer);
    }
}

#[test]
fn loopback_is_open_to_its_own_programs_and_to_no_page() {
    let stage = Stage::plain(&[]);
    let open = &stage.browser;
    assert!(open.get("/").body.contains("not needed here"));
    let job = job::against("mine", "http://127.0.0.1:1/", "iterations = 1", "");
    assert_eq!(open.post("/api/v1/runs", &job).status, 201);
    let page = open.clone().with("origin", "http://evil.example");
    assert_eq!(page.post("/api/v1/runs/latest/cancel", "").status, 403);
    assert_eq!(open.clone().with("host", "evil.example").get("/api/v1/runs").status, 421);
    assert_eq!(open.clone().with("host", "localhost:1").get("/api/v1/runs").status, 200);
    let said = stage.scene.run(&["web-login", "--store", "store"]);
    assert_eq!((said.code, said.out.trim()), (0, format!("{}/", open.url).as_str()), "{said:?}");
    assert_eq!(stage.scene.run(&["web-login", "--bearer", "--store", "store"]).code, 64);
}

#[test]
fn loopback_asks_too_when_it_is_told_to() {
    let stage = Stage::plain(&["--require-login"]);
    assert!(stage.browser.url.starts_with("http://127.0.0.1:"), "{}", stage.browser.url);
    assert_eq!(stage.browser.get("/api/v1/runs").status, 401);
    let answer = stage.sign_in(&stage.link(&STORE));
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("fleetmark=") && !set.contains("Secure") && set.contains("HttpOnly"), "{set}");
    let person = stage.browser.clone().with("cookie", &answer.cookie());
    assert_eq!(person.get("/api/v1/runs").status, 200);
}

#[test]
fn whoever_is_revoked_is_out_of_the_pages_within_a_second() {
    let stage = Stage::encrypted();
    stage.join("viewer");
    stage.join("operator");
    let theirs = [stage.signed_in(&VIEWER), stage.program(&VIEWER)];
    let others = [stage.signed_in(&OPERATOR), stage.program(&OPERATOR)];
    let waiting = stage.link(&VIEWER);
    assert!(theirs.iter().chain(&others).all(|who| who.get("/api/v1/runs").status == 200));
    let said = stage.scene.run(&["ca", "revoke", "viewer", "--store", "store"]);
    let revoked_at = Instant::now();
    assert!(said.out.contains("1 certificates and 1 tokens revoked"), "{said:?}");
    let answered = theirs.each_ref().map(|who| who.get("/api/v1/runs").status);
    assert_eq!((answered, revoked_at.elapsed() < Duration::from_secs(1)), ([401, 401], true));
    assert_eq!(stage.sign_in(&waiting).status, 401, "a link that was given before");
    assert!(others.iter().all(|who| who.get("/api/v1/runs").status == 200));
    let listed = stage.scene.run(&["ca", "list", "--store", "store", "--json"]).json();
    let tokens = listed["tokens"].as_array().expect("a list").iter();
    let states: Vec<_> = tokens.map(|given| (given["name"].clone(), given["state"].clone())).collect();
    assert_eq!(states, [("viewer".into(), "revoked".into()), ("operator".into(), "valid".into())]);
}

#[test]
fn a_token_outlives_the_coordinator_and_a_session_does_not() {
    let scene = Scene::new();
    let coordinator = encrypted(&scene, &PAGES);
    let stage = Stage { browser: Browser::of(&scene, "store"), scene, coordinator };
    let (person, program) = (stage.signed_in(&STORE), stage.program(&STORE));
    let Stage { scene, coordinator, browser } = stage;
    drop(coordinator);
    let words = ["--listen", "127.0.0.1:0", "--tls", "--http", browser.address()];
    let _again = Coordinator::start_under(&scene, "store", &[], &words);
    assert_eq!((person.get("/metrics").status, program.get("/metrics").status), (401, 200));
}

#[test]
fn jobs_are_submitted_watched_and_cancelled_over_the_api() {
    let stage = Stage::plain(&[]);
    let (open, job) = (&stage.browser, job::against("by-api", "http://127.0.0.1:1/", "iterations = 1", ""));
    for _ in 0..3 {
        let answer = open.post("/api/v1/runs?tag=team%3Dapi", &job);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let first = open.get("/api/v1/runs?limit=2&name=by-api&tag=team=api").json();
    let next = first["next"].as_str().expect("another page");
    let second = open.get(&format!("/api/v1/runs?limit=2&before={next}")).json();
    let count = |page: &serde_json::Value| page["runs"].as_array().map(Vec::len);
    assert_eq!(
        (count(&first), count(&second), &second["next"]),
        (Some(2), Some(1), &serde_json::Value::Null)
    );
    let run = first["runs"][0]["id"].as_str().expect("an id").to_owned();
    let shown = open.get("/api/v1/runs/latest").json();
    assert_eq!(
        (shown["schema"].as_str(), shown["run"]["id"].as_str()),
        (Some("fleetmark.run/1"), Some(run.as_str()))
    );
    assert_eq!(open.post(&format!("/api/v1/runs/{run}/cancel"), "").json()["run"], run.as_str());
    wait_for("the run to be over", WITHIN, || {
        let again = open.post(&format!("/api/v1/runs/{run}/cancel"), "");
        (again.status == 409 && again.json()["error"]["code"] == "over").then_some(())
    });
    let same = stage.scene.run(&["runs", "--store", "store", "--json"]).json();
    assert_eq!(same.as_array().map(Vec::len), Some(3));

    let broken = job.replace("[load]", "[load]\ndration = \"5s\"\n");
    let answer = open.post("/api/v1/runs", &broken);
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["code"].as_str()), (422, Some("job_in_error")), "{error}");
    let place = broken.lines().position(|line| line.starts_with("dration")).expect("the line") + 1;
    let listed = &error["errors"][0];
    assert_eq!(
        (listed["line"].as_u64(), listed["column"].as_u64()),
        (Some(place as u64), Some(1)),
        "{error}"
    );
    assert_eq!(listed["help"], "did you mean \"duration\"?");
    for path in ["/api/v1/runs?limt=1", "/api/v1/runs?limit=0", "/api/v1/runs?tag=x"] {
        let answer = open.get(path);
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (400, Some("malformed")),
            "{path}"
        );
    }
    assert_eq!(open.get("/api/v1/runs/ffffffff").json()["error"]["code"], "unknown_run");
}

#[test]
fn what_is_too_large_or_too_slow_is_turned_away() {
    let stage = Stage::plain(&[]);
    let long = stage.browser.clone().with("x-long", &"x".repeat(40_000)).get("/");
    assert_eq!(long.status, 431);
    let many =
        (0..100).fold(stage.browser.clone(), |browser, number| browser.with(&format!("x-{number}"), "1"));
    assert_eq!(many.get("/").status, 431);
    let announced = format!(
        "POST /api/v1/runs HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 999999999\r\n\r\n",
        stage.browser.address()
    );
    assert_eq!(stage.browser.say(announced.as_bytes()).expect("an answer").status, 413);
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let unannounced = format!(
        "POST /login HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{chunk}0\r\n\r\n",
        stage.browser.address()
    );
    assert!(stage.browser.say(unannounced.as_bytes()).is_ok_and(|answer| answer.status == 413));

    // A head that never ends: a letter each half second.
    let mut slow = TcpStream::connect(stage.browser.address()).expect("it accepts");
    slow.set_read_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    let began = Instant::now();
    wait_for("the slow one to be cut off", WITHIN, || {
        let _it_may_be_cut = slow.write_all(b"G");
        let ended = slow.read(&mut [0; 1_024]);
        let is_waiting = |error: &std::io::Error| error.kind() == ErrorKind::WouldBlock;
        (!ended.as_ref().is_err_and(is_waiting)).then_some(())
    });
    assert!(began.elapsed() > Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn ten_thousand_connections_hold_nobody_up() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed }).expect("descriptors");
    let stage = Stage::encrypted();
    let program = stage.program(&STORE);
    let pid = stage.coordinator.process.pid();
    let idle: Vec<TcpStream> =
        (0..10_000).map(|_| TcpStream::connect(stage.browser.address()).expect("it accepts")).collect();
    let began = Instant::now();
    assert_eq!(program.get("/api/v1/agents").status, 200);
    println!("answered {:?} after ten thousand had come", began.elapsed());
    wait_for("most to be let go", WITHIN, || {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("its descriptors").count();
        (open < 1_200).then_some(())
    });
    drop(idle);
}

#[test]
fn nothing_that_signs_in_is_written_anywhere() {
    let scene = Scene::new();
    let words = ["--listen", "127.0.0.1:0", "--tls", "--http", "127.0.0.2:0"];
    let loud = ["env", "FLEETMARK_LOG=trace"];
    let coordinator = Coordinator::start_under(&scene, "store", &loud, &words);
    let stage = Stage { browser: Browser::of(&scene, "store"), scene, coordinator };
    let link = stage.link(&STORE);
    stage.browser.get(&format!("/login/{link}"));
    let cookie = stage.sign_in(&link).cookie();
    assert_eq!(stage.sign_in(&link).status, 401);
    let session = cookie.split_once('=').expect("a value").1;
    let person = stage.browser.clone().with("cookie", &cookie);
    assert_eq!(person.get("/metrics").status, 200);
    let given = stage.web_login(&STORE, &["--bearer"]);
    let bearer = given["token"].as_str().expect("a token");
    let program = stage.browser.clone().with("authorization", &format!("Bearer {bearer}"));
    assert_eq!(program.get("/metrics").status, 200);
    assert!(!program.get("/metrics").body.contains(bearer));
    wait_until_refused(&stage.scene, "was used");

    let (folder, secrets) = (stage.scene.path().to_owned(), [link.as_str(), session, bearer]);
    let log = fs::read_to_string(folder.join("coordinator.log")).expect("its log");
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "it said all that it could");
    let files = files_below(&folder);
    assert!(files.iter().any(|file| file.ends_with("audit.log")));
    // What web-login itself printed is kept by the test.
    let is_printed =
        |file: &Path| file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"out-"));
    for file in files.iter().filter(|file| !is_printed(file)) {
        let bytes = fs::read(file).unwrap_or_default();
        for secret in secrets {
            let is_there = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!is_there, "{} holds a secret", file.display());
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .flat_map(|entry| if entry.path().is_dir() { files_below(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

#[test]
fn other_machines_are_served_over_tls_that_they_can_check() {
    let network = Network::of(&["coordinator", "desk"]);
    let scene = Scene::new();
    let address = network.address("coordinator");
    let words = ["--listen", &format!("{address}:0"), "--http", &format!("{address}:0")];
    let coordinator = network.on("coordinator", || Coordinator::start_under(&scene, "store", &[], &words));
    let stage = Stage { browser: Browser::of(&scene, "store"), scene, coordinator };
    assert!(stage.browser.url.starts_with(&format!("https://{address}:")), "{}", stage.browser.url);
    let person = network.on("coordinator", || stage.link(&STORE));
    network.on("desk", || {
        assert_eq!(stage.browser.get("/api/v1/runs").status, 401);
        let cookie = stage.sign_in(&person).cookie();
        assert_eq!(stage.browser.clone().with("cookie", &cookie).get("/api/v1/runs").status, 200);
        assert_eq!(stage.scene.run(&["ca", "init", "--store", "other"]).code, 0);
        let other = fs::read_to_string(stage.scene.path().join("other/ca/authority.pem")).expect("another");
        let misled =
            stage.browser.clone().who_believes(&other).try_ask("GET", "/", "").expect_err("no trust");
        assert!(misled.to_string().contains("UnknownIssuer"), "{misled}");
        let plain = TcpStream::connect(stage.browser.address()).and_then(|mut stream| {
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
            let mut told = String::new();
            stream.read_to_string(&mut told).map(|_| told)
        });
        assert!(plain.expect("an answer").contains("ask it by https://"));
    });
}
