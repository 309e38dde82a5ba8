//! What strangers, other sites' pages and slow or greedy callers get of a coordinator's pages: nothing, and nobody's secrets.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fleetmark_tests::browser::Browser;
use fleetmark_tests::cast::{Coordinator, Scene};
use fleetmark_tests::job;
use fleetmark_tests::membership::{record, wait_until_refused};
use fleetmark_tests::namespaces::Network;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::site::{OPERATOR, STORE, Site, assert_sealed};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const WITHIN: Duration = Duration::from_secs(30);

#[test]
fn whoever_tries_tokens_is_told_to_wait_and_fills_no_record() {
    let stage = Site::encrypted();
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
    let stage = Site::encrypted();
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
    let stage = Site::plain(&[]);
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
fn what_is_too_large_or_too_slow_is_turned_away() {
    let stage = Site::plain(&[]);
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
fn both_versions_of_http_are_spoken_over_tls() {
    let stage = Site::encrypted();
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_version} %{http_code}",
            option,
        ]);
        curl.arg("--cacert").arg(stage.scene.path().join("store/ca/authority.pem")).arg(&stage.browser.url);
        let said = curl.output().expect("curl is there");
        assert_eq!(String::from_utf8_lossy(&said.stdout), format!("{version} 200"), "{said:?}");
    }
}

#[test]
fn ten_thousand_connections_hold_nobody_up() {
    let allowed = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed }).expect("descriptors");
    let stage = Site::encrypted();
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
    let stage = Site { browser: Browser::of(&scene, "store"), scene, coordinator };
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
    let stage = Site { browser: Browser::of(&scene, "store"), scene, coordinator };
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
