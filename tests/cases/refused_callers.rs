//! Whoever may not come in, or may not ask what it asks: refused with a reason, and written down.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use fleetmark_tests::cast::{Coordinator, Said, Scene};
use fleetmark_tests::job;
use fleetmark_tests::membership::{encrypted, joining_agent, log_in, record, token, wait_until_refused};
use fleetmark_tests::patience::wait_for;
use proto::channel::{self, ChannelError};
use proto::control_service_client::ControlServiceClient;
use proto::enrolment;
use tokio_rustls::rustls::ClientConfig;
use tonic::{Code, Status};
use trust::authority::{Authority, Subject};
use trust::certificate::HolderName;
use trust::credentials::{Credentials, Draft};
use trust::join_token::JoinToken;
use trust::role::Role;
use trust::{DAY_S, tls};

const WITHIN: Duration = Duration::from_secs(20);
const REFUSED: i32 = 77;

struct Stage {
    scene: Scene,
    coordinator: Coordinator,
}

impl Stage {
    fn new() -> Self {
        let scene = Scene::new();
        let coordinator = encrypted(&scene, &[]);
        Self { scene, coordinator }
    }

    fn address(&self) -> &str {
        self.coordinator.url.trim_start_matches("https://")
    }

    /// Credentials that the coordinator's own authority signed, as one who has stolen its key would.
    fn signed(&self, role: Role, from_s: u64) -> Credentials {
        let file = |name: &str| std::fs::read_to_string(self.scene.path().join("store/ca").join(name));
        let certificate = file("authority.pem").expect("the authority");
        let key = file("authority-key.pem").expect("its key");
        let authority = Authority::from_pem(&certificate, &key).expect("they read");
        by(&authority, role, from_s)
    }

    /// Lists runs, which needs a viewer.
    fn list(&self, config: ClientConfig) -> Result<(), Denial> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let endpoint = enrolment::endpoint(&self.coordinator.url).expect("a URL");
            let channel =
                channel::connect(&endpoint, Some(Arc::new(config))).await.map_err(Denial::Channel)?;
            let mut client = ControlServiceClient::new(channel);
            client.list_runs(proto::ListRunsRequest { limit: 0 }).await.map(drop).map_err(Denial::Call)
        })
    }

    /// What the port answers to these bytes, until it closes.
    fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address()).expect("it listens");
        stream.set_read_timeout(Some(WITHIN)).expect("a timeout");
        stream.write_all(bytes).expect("it reads");
        let mut answer = Vec::new();
        let _it_may_reset = stream.read_to_end(&mut answer);
        answer
    }
}

#[derive(Debug)]
enum Denial {
    Channel(ChannelError),
    Call(Status),
}

fn by(authority: &Authority, role: Role, from_s: u64) -> Credentials {
    let draft = Draft::new().expect("a key");
    let name = HolderName::new("stranger").expect("a name");
    let subject = Subject { name, role, from_s, until_s: from_s + 30 * DAY_S, hosts: Vec::new() };
    let (certificate, _) = authority.sign(draft.request(), &subject).expect("a certificate");
    let authorities = vec![authority.certificate().to_vec()];
    draft.complete(certificate.to_vec(), authorities).expect("credentials")
}

fn now_s() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).expect("it is after 1970")
}

fn told_by_channel(denied: Result<(), Denial>) -> String {
    match denied {
        Err(Denial::Channel(ChannelError::Refused(reason))) => reason,
        other => panic!("expected a connection that is refused, found {other:?}"),
    }
}

fn agent_says(stage: &Stage, token: &str, more: &[&str]) -> Said {
    let url = &stage.coordinator.url;
    let words = ["agent", "--coordinator", url, "--name", "late", "--data", "late", "--join", token];
    stage.scene.run(&[&words[..], more].concat())
}

#[test]
fn without_a_certificate_nothing_is_served() {
    let stage = Stage::new();
    let token: JoinToken = token(&stage.scene, "viewer", &[]).parse().expect("a token");
    let config = tls::newcomer(token.authority).expect("a newcomer");
    let Err(Denial::Call(status)) = stage.list(config) else { panic!("it was served") };
    assert_eq!(status.code(), Code::Unauthenticated, "{status}");
    wait_until_refused(&stage.scene, "this needs a certificate");
}

#[test]
fn foreign_expired_and_unknown_certificates_are_refused() {
    let stage = Stage::new();
    let authority = Authority::generate(now_s()).expect("another authority");
    // It believes ours, but is not of it.
    let ours = stage.signed(Role::Viewer, now_s());
    let foreign = by(&authority, Role::Viewer, now_s());
    let pem = std::fs::read_to_string(stage.scene.path().join("store/ca/authority.pem")).expect("ours");
    let folder = stage.scene.path().join("foreign");
    foreign.save(&folder).expect("a folder");
    let path = folder.join("credentials.pem");
    let text = std::fs::read_to_string(&path).expect("saved");
    std::fs::write(&path, format!("{text}{pem}")).expect("a file");
    let foreign = Credentials::load(&folder).expect("they read").expect("they are there");

    let told = told_by_channel(stage.list(tls::client(&foreign).expect("a client")));
    assert_eq!(told, "the certificate is of another authority");
    wait_until_refused(&stage.scene, "its certificate is of another authority");

    let expired = stage.signed(Role::Viewer, now_s() - 40 * DAY_S);
    let told = told_by_channel(stage.list(tls::client(&expired).expect("a client")));
    assert_eq!(told, "the certificate has run out");
    wait_until_refused(&stage.scene, "its certificate has run out");

    // Signed by the right key, and in no ledger: given to nobody.
    let told = told_by_channel(stage.list(tls::client(&ours).expect("a client")));
    assert_eq!(told, "the certificate was revoked, or is not known there");
    wait_until_refused(&stage.scene, "its certificate was revoked, or is not known here");
}

#[test]
fn each_role_does_what_it_may() {
    let stage = Stage::new();
    let scene = &stage.scene;
    scene.write("job.toml", &job::against("no", "http://127.0.0.1:1/", "iterations = 1", ""));
    assert_eq!(log_in(scene, &token(scene, "viewer", &[]), "looker").code, 0);
    assert_eq!(scene.run(&["runs", "--context", "looker"]).code, 0);
    for words in [&["run", "job.toml"][..], &["ca", "list"], &["ca", "token"], &["store", "compact"]] {
        let said = scene.run(&[words, &["--context", "looker"]].concat());
        assert_eq!(said.code, REFUSED, "{said:?}");
        assert!(said.errors.contains("viewer may not do this: it needs the role operator"), "{said:?}");
    }
    wait_until_refused(scene, "viewer may not do this");

    let agent =
        joining_agent(scene, &stage.coordinator.url, "one", &token(scene, "agent", &[]), &["--data", "kept"]);
    let folder = scene.path().join("kept/identity");
    let credentials = wait_for("the agent to join", WITHIN, || Credentials::load(&folder).ok().flatten());
    let Err(Denial::Call(status)) = stage.list(tls::client(&credentials).expect("a client")) else {
        panic!("it was served")
    };
    assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    wait_until_refused(scene, "agent may not do this");
    drop(agent);

    // Its certificate lets it speak under its own name alone.
    let words = ["agent", "--coordinator", &stage.coordinator.url, "--name", "two", "--data", "kept"];
    let said = scene.run(&words);
    assert_eq!(said.code, REFUSED, "{said:?}");
    assert!(said.errors.contains("the certificate is that of one"), "{said:?}");
}

#[test]
fn used_expired_forged_and_misdirected_tokens_are_refused() {
    let stage = Stage::new();
    let scene = &stage.scene;
    let used = token(scene, "viewer", &[]);
    assert_eq!(log_in(scene, &used, "first").code, 0);
    let said = log_in(scene, &used, "second");
    assert_eq!(said.code, REFUSED, "{said:?}");
    assert!(said.errors.contains("used as often as it may be"), "{said:?}");

    let short = token(scene, "agent", &["--ttl", "1s"]);
    let until_s = short.parse::<JoinToken>().expect("a token").until_s;
    wait_for("the token to run out", WITHIN, || (now_s() > until_s).then_some(()));
    let said = agent_says(&stage, &short, &[]);
    assert_eq!(said.code, REFUSED, "{said:?}");
    assert!(said.errors.contains("it has run out"), "{said:?}");

    let mut forged: JoinToken = token(scene, "agent", &[]).parse().expect("a token");
    forged.secret = trust::join_token::Secret::from_bytes(&[7; 16]).expect("a secret");
    let said = agent_says(&stage, &forged.to_string(), &[]);
    assert_eq!(said.code, REFUSED, "{said:?}");
    assert!(said.errors.contains("was never given here"), "{said:?}");
    for reason in ["used as often as it may be", "it has run out", "was never given here"] {
        wait_until_refused(scene, reason);
    }

    // An impostor's coordinator is told nothing: the agent goes before it says a word.
    let known = record(scene).len();
    let mut misdirected: JoinToken = token(scene, "agent", &[]).parse().expect("a token");
    misdirected.authority = [9; 32].into();
    let said = agent_says(&stage, &misdirected.to_string(), &[]);
    assert_eq!(said.code, REFUSED, "{said:?}");
    assert!(said.errors.contains("of another authority than expected"), "{said:?}");
    wait_until_refused(scene, "it did not want to go on: UnknownCA");
    let since = &record(scene)[known..];
    assert!(since.iter().all(|line| line["deed"] != "enrol"), "{since:?}");

    let said = agent_says(&stage, "fm1-torn", &[]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.errors.contains("it is not whole"), "{said:?}");
}

/// A greeting of TLS 1.1 (RFC 4346, 7.4.1.2), with one cipher suite of that time.
fn tls_1_1_hello() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend_from_slice(&[7; 32]);
    body.extend_from_slice(&[0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = body.len() as u8;
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend_from_slice(&body);
    record
}

#[test]
fn what_is_not_tls_1_3_is_turned_away_with_a_reason() {
    let stage = Stage::new();
    let alert = stage.answer(&tls_1_1_hello());
    // A fatal alert (RFC 8446, 6).
    assert!(alert.len() >= 7 && alert[0] == 21 && alert[5] == 2, "{alert:?}");
    wait_until_refused(&stage.scene, "it speaks no TLS 1.3");
    let answer = stage.answer(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(answer.is_empty(), "{answer:?}");
    wait_until_refused(&stage.scene, "it did not speak TLS");
    let plain = stage.coordinator.url.replace("https://", "http://");
    let said = stage.scene.run(&["runs", "--coordinator", &plain]);
    assert_eq!(said.code, 69, "{said:?}");
    assert!(said.errors.contains("call it by https://"), "{said:?}");
}

#[test]
fn tls_on_a_plain_port_is_turned_away_with_a_reason() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let encrypted = coordinator.url.replace("http://", "https://");
    let other = Authority::generate(now_s()).expect("an authority");
    let credentials = by(&other, Role::Operator, now_s());
    let folder = scene.path().join("config/fleetmark/contexts/x");
    credentials.save(&folder).expect("a folder");
    std::fs::write(folder.join("url"), &encrypted).expect("a file");
    let said = scene.run(&["runs", "--context", "x"]);
    assert_eq!(said.code, 69, "{said:?}");
    wait_until_refused(&scene, "it spoke TLS, and this coordinator does not");
    let said = scene.run(&["ca", "list", "--store", "store"]);
    assert!(said.errors.contains("this coordinator has no authority"), "{said:?}");
}

#[test]
fn strangers_who_say_nothing_hold_nobody_up() {
    let stage = Stage::new();
    let scene = &stage.scene;
    let mut silent = Vec::new();
    for number in 0..2_000 {
        let mut stream = TcpStream::connect(stage.address()).expect("it accepts");
        if number % 10 == 0 {
            // Half a greeting, and then nothing.
            stream.write_all(&tls_1_1_hello()[..9]).expect("it reads");
        }
        silent.push(stream);
    }
    assert_eq!(log_in(scene, &token(scene, "operator", &[]), "me").code, 0);
    assert_eq!(scene.run(&["agents", "--context", "me"]).code, 0);
    wait_until_refused(scene, "it had waited longest");
}
