//! Secrets: used wherever a job can use one, and found nowhere afterwards. What a program's own arguments show to whoever
//! may look at the list of processes is no affair of fleetmark's.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use fleetmark_tests::cast::{Agent, Coordinator, Said, Scene, wait_for_agents};
use fleetmark_tests::namespaces::Network;

/// Values that would be noticed anywhere, with characters that every way of writing them down escapes in its own way.
const SECRET: &str = "zQ7#k/x\"Vw+93 m&Tb<8";
const VARIABLE: &str = "Jp2~r'Y%5d\\Ld=61?Gh>";
/// One that can be the name of a host.
const HOST: &str = "zq7kxvw93mtb8-canary";
/// So many bytes of a value in a row are a find: what masks leave of a cut one is shorter.
const FIND_BYTES: usize = 8;
const REFUSED: i32 = 77;
const JOB_IN_ERROR: i32 = 65;
const USAGE: i32 = 64;

/// A server that answers with what it was asked, each time in another way of getting it wrong; its thread ends with the test.
fn echoing() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for (turn, mut stream) in listener.incoming().flatten().enumerate() {
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).unwrap_or(0);
            let heard = String::from_utf8_lossy(&request[..read]).into_owned();
            let line = heard.replace(['\r', '\n'], " ");
            let answer = match turn % 4 {
                0 => with_body("500 Broken", &heard),
                1 => line,
                2 => format!("HTTP/1.1 503 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
                _ => with_body("404 Not Found", &serde_json::Value::from(heard).to_string()),
            };
            let _the_agent_may_be_gone = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn with_body(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Writes a file of secrets that only its owner may read.
fn secrets(scene: &Scene, text: &str) -> PathBuf {
    let path = scene.write("secrets.toml", text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    path
}

fn toml_of(name: &str, value: &str) -> String {
    format!("{name} = {}\n", serde_json::Value::from(value))
}

/// A job that does this, a few times.
fn job(name: &str, body: &str) -> String {
    format!("name = \"{name}\"\n[load]\niterations = 12\n[limits]\nerror_ratio = 1.0\n{body}")
}

/// Jobs that use both values in every place there is, each of which comes back in an error.
fn telling_jobs(server: &str) -> Vec<(&'static str, String)> {
    let request = format!(
        "[workload]\nkind = \"http\"\n[[workload.operations]]\nmethod = \"POST\"\n\
         url = \"{server}/{{{{secret:TOKEN}}}}?v={{{{env:CANARY}}}}\"\n\
         headers = {{ x-secret = \"{{{{secret:TOKEN}}}}\", x-variable = \"{{{{env:CANARY}}}}\" }}\n\
         body = \"{{{{secret:TOKEN}}}} {{{{env:CANARY}}}}\"\n"
    );
    let script = "cat; echo \"$0 $1 $V\" >&2; echo \"$0 $1\"; exit 3";
    let words = format!("[\"sh\", \"-c\", '{script}', \"{{{{secret:TOKEN}}}}\", \"{{{{env:CANARY}}}}\"]");
    let command = format!(
        "[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = {words}\n\
         stdin = \"{{{{secret:TOKEN}}}} {{{{env:CANARY}}}}\"\nenv = {{ V = \"{{{{secret:TOKEN}}}}\" }}\n"
    );
    let program = "[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = \"/nowhere/{{secret:TOKEN}}/{{env:CANARY}}\"\n";
    let host = "[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"http://{{secret:HOST}}:1/{{env:CANARY}}\"\n";
    let harmless = "[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = \"true\"\n";
    vec![
        ("request", job("request", &request)),
        ("command", job("command", &command)),
        ("program", job("program", program)),
        ("host", job("host", host)),
        (
            "target",
            job("target", &format!("{harmless}[target]\nstart = {words}\nready = \"tcp://127.0.0.1:1\"\n")),
        ),
        ("hook", job("hook", &format!("{harmless}[hooks]\nbefore_trial = [{words}]\n"))),
    ]
}

/// Every file below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read").flatten();
    let below = entries.flat_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files_below(&entry.path()),
        Ok(kind) if kind.is_file() => vec![entry.path()],
        _ => Vec::new(),
    });
    below.collect()
}

/// A part of a value that stands in some bytes, plainly or as URLs, JSON, Rust or HTML write it.
fn find_in(bytes: &[u8]) -> Option<String> {
    let unescaped = String::from_utf8_lossy(bytes)
        .replace("\\\"", "\"")
        .replace("\\'", "'")
        .replace("\\\\", "\\")
        .replace("%22", "\"")
        .replace("%20", " ")
        .replace("&quot;", "\"")
        .replace("&lt;", "<");
    [SECRET, VARIABLE, HOST].iter().find_map(|value| {
        let parts = value.as_bytes().windows(FIND_BYTES);
        let mut texts = parts.map(|part| String::from_utf8_lossy(part).into_owned());
        texts.find(|part| unescaped.contains(part.as_str()))
    })
}

fn assert_nothing_is_told(folder: &Path, known: &Path) {
    for file in files_below(folder).iter().filter(|file| *file != known) {
        let bytes = fs::read(file).unwrap_or_default();
        if let Some(found) = find_in(&bytes) {
            let text = String::from_utf8_lossy(&bytes);
            let around: Vec<&str> = text.lines().filter(|line| find_in(line.as_bytes()).is_some()).collect();
            panic!("{found:?} stands in {}: {around:#?}", file.display());
        }
    }
}

#[test]
fn a_canary_in_every_place_is_found_nowhere() {
    let scene = Scene::new();
    let known = secrets(&scene, &(toml_of("TOKEN", SECRET) + &toml_of("HOST", HOST)));
    scene.write(
        "agent.toml",
        "kinds = [\"http\", \"command\"]\ntarget = true\nhooks = true\nenv = [\"CANARY\"]\n",
    );
    let words = ["--listen", "127.0.0.1:0", "--secrets", "secrets.toml"];
    let coordinator = Coordinator::start_under(&scene, "store", &["env", "FLEETMARK_LOG=debug"], &words);
    let variable = format!("CANARY={VARIABLE}");
    let under = ["env", variable.as_str()];
    let _agent = Agent::start_under(&scene, &coordinator.url, "careful", &under, &["--config", "agent.toml"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let at = ["--coordinator", coordinator.url.as_str()];
    for (name, job) in telling_jobs(&echoing()) {
        scene.write(&format!("{name}.toml"), &job);
        let said = scene
            .run(&[&["run", &format!("{name}.toml"), "--json", &format!("{name}.json")], &at[..]].concat());
        let report = scene.json(&format!("{name}.json"));
        let trial = report["variants"][0]["trials"][0].to_string();
        assert!(trial.contains("{{secret:"), "{name}: nothing came back that was hidden: {trial} {said:?}");
    }
    for format in ["json", "csv", "hlog", "hgrm"] {
        scene.run(&[&["export", "latest", "--format", format], &at[..]].concat());
    }
    for question in [&["show", "latest"][..], &["runs"], &["agents"], &["audit"]] {
        scene.run(&[question, &["--json"], &at[..]].concat());
    }
    let kept = scene.run(&[&["store", "export", "kept.export"], &at[..]].concat());
    assert_eq!(kept.code, 0, "{kept:?}");
    drop(coordinator);
    assert_nothing_is_told(scene.path(), &known);
}

/// A server that is content with one header; its thread ends with the test.
fn wanting(value: &'static str) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = vec![0; 16 * 1024];
            let read = stream.read(&mut request).unwrap_or(0);
            let is_content =
                String::from_utf8_lossy(&request[..read]).contains(&format!("x-key: {value}\r\n"));
            let answer = with_body(if is_content { "200 OK" } else { "401 Unauthorized" }, "");
            let _the_agent_may_be_gone = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn with_key(name: &str, url: &str, secret: &str) -> String {
    format!(
        "name = \"{name}\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"{url}\"\n\
         headers = {{ x-key = \"{{{{secret:{secret}}}}}\" }}\n[load]\niterations = 2\n"
    )
}

fn run(scene: &Scene, job: &str, more: &[&str]) -> Said {
    scene.write("job.toml", job);
    scene.run(&[&["run", "job.toml"], more].concat())
}

#[test]
fn a_run_of_its_own_takes_secrets_from_a_file() {
    let scene = Scene::new();
    let path = secrets(&scene, "KEY = \"correct horse\"\n");
    let job = with_key("own", &wanting("correct horse"), "KEY");
    let said = run(&scene, &job, &["--secrets", "secrets.toml"]);
    assert_eq!(said.code, 0, "{said:?}");
    let without = run(&scene, &job, &[]);
    assert_eq!(without.code, JOB_IN_ERROR, "{without:?}");
    assert!(
        without.errors.contains("{{secret:KEY}}") && without.errors.contains("--secrets FILE"),
        "{without:?}"
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("the mode can be set");
    let open = run(&scene, &job, &["--secrets", "secrets.toml"]);
    assert_eq!(open.code, USAGE, "{open:?}");
    assert!(open.errors.contains("chmod 600"), "{open:?}");
}

#[test]
fn jobs_get_the_secrets_that_are_for_them() {
    let scene = Scene::new();
    secrets(&scene, "KEY = \"correct horse\"\nDB = { text = \"battery staple\", jobs = [\"nightly\"] }\n");
    scene.write("coordinator.toml", "secrets = \"secrets.toml\"\n");
    let folder = scene.path().join("credentials");
    fs::create_dir(&folder).expect("a folder for credentials");
    fs::write(folder.join("fleetmark.UNIT"), "handed over by systemd\n").expect("a credential");
    let directory = format!("CREDENTIALS_DIRECTORY={}", folder.display());
    let words = ["--listen", "127.0.0.1:0", "--config", "coordinator.toml"];
    let coordinator = Coordinator::start_under(&scene, "store", &["env", &directory], &words);
    let _agent = Agent::start(&scene, &coordinator.url, "a1", &[]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let at = ["--coordinator", coordinator.url.as_str()];
    for (job, code, told) in [
        (with_key("any", &wanting("correct horse"), "KEY"), 0, ""),
        (with_key("any", &wanting("handed over by systemd"), "UNIT"), 0, ""),
        (with_key("nightly", &wanting("battery staple"), "DB"), 0, ""),
        (with_key("any", &wanting("battery staple"), "DB"), REFUSED, "not for jobs of its name"),
        (with_key("any", "http://127.0.0.1:1/", "KEYS"), JOB_IN_ERROR, "it has KEY, UNIT"),
    ] {
        let said = run(&scene, &job, &at);
        assert_eq!(said.code, code, "{job}: {said:?}");
        assert!(said.errors.contains(told), "{told}: {said:?}");
    }
}

#[test]
fn an_agent_whose_line_can_be_tapped_is_told_no_secret() {
    let network = Network::of(&["coordinator", "one"]);
    let scene = Scene::new();
    secrets(&scene, "KEY = \"correct horse\"\n");
    let coordinator = network.on("coordinator", || {
        let words = ["--listen", "0.0.0.0:0", "--insecure", "--secrets", "secrets.toml"];
        Coordinator::start_under(&scene, "store", &[], &words)
    });
    let called = coordinator.url.replace("0.0.0.0", &network.address("coordinator").to_string());
    let here = coordinator.url.replace("0.0.0.0", "127.0.0.1");
    let _agent = network.on("one", || Agent::start(&scene, &called, "one", &["--insecure"]));
    network.on("coordinator", || wait_for_agents(&scene, &here, 1));
    let job = with_key("tapped", "http://127.0.0.1:1/", "KEY");
    let said = network.on("coordinator", || run(&scene, &job, &["--coordinator", &here]));
    assert_eq!(said.code, REFUSED, "{said:?}");
    let told = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("agent one refuses: it is told no secrets"), "{said:?}");
}
