//! Seeds that no editor writes: made anew with `FLEETMARK_REWRITE_SEEDS=1`, and otherwise read as they lie in `fuzz/seeds`.

use std::fs;
use std::path::Path;

use coordinator::store::envelope;
use coordinator::store::ledger::line::{self, Birth, Event};
use prost::Message;
use proto::{attach_down, attach_up, report_down, run_event};
use shared::histogram::{EncodedHistogram, Histogram};
use shared::ids::{Name, RunId};
use trust::certificate::HolderName;
use trust::credentials::Draft;
use trust::registry::Registry;
use trust::role::Role;

/// Set to write seeds anew.
const REWRITE: &str = "FLEETMARK_REWRITE_SEEDS";
/// When certificates of seeds are given, seconds since 1970.
const NOW_S: u64 = 1_800_000_000;

/// Seeds, by the names of their files.
pub type Seeds = Vec<(&'static str, Vec<u8>)>;

/// Writes the seeds of a target anew, if that is asked for. Others in its folder stay.
pub fn rewrite_if_asked(target: &str, seeds: &dyn Fn() -> Seeds) {
    if std::env::var_os(REWRITE).is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (name, seed) in seeds() {
        fs::write(folder.join(name), seed).expect("a seed can be written");
    }
}

fn trial() -> Option<proto::TrialKey> {
    Some(proto::TrialKey { run_id: run().as_bytes().to_vec(), trial: 2, attempt: 1 })
}

fn run() -> RunId {
    RunId::new(1, [7; 10])
}

/// A message behind the number of its reader in `fuzz/properties/wire.rs`.
fn numbered(reader: u8, message: &impl Message) -> Vec<u8> {
    let mut bytes = vec![reader];
    message.encode(&mut bytes).expect("a vector has room");
    bytes
}

/// A message of each kind.
pub fn wire() -> Seeds {
    let down = |message| numbered(0, &proto::AttachDown { message: Some(message) });
    let up = |message| numbered(2, &proto::AttachUp { message: Some(message) });
    let heard = |message| numbered(1, &proto::ReportDown { message: Some(message) });
    let told = |event| numbered(6, &proto::RunEvent { event: Some(event) });
    let confidential = proto::Confidential {
        secrets: [("API_KEY".to_owned(), "correct horse".to_owned())].into(),
        variables: vec!["HOME".to_owned()],
    };
    let words = ["sh", "-c", "echo {{secret:API_KEY}}"].map(str::to_owned).to_vec();
    let program = Some(proto::Program { command: words, confidential: Some(confidential.clone()) });
    let hook = proto::RunHook { trial: trial(), hook: 3, program: program.clone(), timeout_ms: 1_000 };
    let target = proto::StartTarget {
        trial: trial(),
        program,
        ready: "tcp://127.0.0.1:80".to_owned(),
        ready_timeout_ms: 1_000,
    };
    let failed = proto::TrialFailed { trial: trial(), reason: "why".to_owned(), ..Default::default() };
    let acknowledged = proto::Acknowledgement { trial: trial(), through_sequence: 7 };
    let interval = interval();
    let batch = proto::IntervalBatch {
        intervals: vec![proto::NumberedInterval {
            trial: trial(),
            sequence: 4,
            interval: interval.encode_to_vec(),
            epoch: 9,
        }],
    };
    let finding = proto::Finding {
        code: "agent_failed".to_owned(),
        severity: "invalid".to_owned(),
        message: "why".to_owned(),
        ..Default::default()
    };
    let preparing = proto::TrialPreparing { trial: 1, agents: vec!["a1".to_owned()], ..Default::default() };
    let submitted = proto::SubmitRequest { secrets: confidential.secrets.clone(), ..Default::default() };
    vec![
        ("start_target", down(attach_down::Message::StartTarget(target))),
        ("run_hook", down(attach_down::Message::RunHook(hook))),
        ("prepare", numbered(4, &assignment(confidential))),
        ("acknowledgement", heard(report_down::Message::Acknowledgement(acknowledged))),
        ("trial_failed", up(attach_up::Message::TrialFailed(failed))),
        ("hello", numbered(3, &hello())),
        ("interval", numbered(5, &interval)),
        ("batch", numbered(11, &batch)),
        ("trial_preparing", told(run_event::Event::TrialPreparing(preparing))),
        ("finding", numbered(9, &finding)),
        ("submit", numbered(10, &submitted)),
    ]
}

fn hello() -> proto::Hello {
    proto::Hello {
        protocol_version: proto::PROTOCOL_VERSION,
        agent_id: vec![7; 16],
        name: "a1".to_owned(),
        labels: [("role".to_owned(), "load".to_owned())].into(),
        fingerprint_json: "{}".to_owned(),
        slots: 1,
        leases: vec![proto::Lease { trial: trial(), epoch: 3 }],
        advertise: "db-1.example".to_owned(),
        ..Default::default()
    }
}

fn assignment(confidential: proto::Confidential) -> proto::Prepare {
    let operation = proto::Operation {
        name: "read".to_owned(),
        weight: 1.0,
        settings_json: "{\"url\":\"http://h/{{id}}\"}".to_owned(),
    };
    let range = proto::data_column::Source::Range(proto::DataRange { first: -1, last: 9 });
    let column = proto::DataColumn { source: Some(range), is_random: true, zipf_exponent: 0.0 };
    proto::Prepare {
        trial: trial(),
        epoch: 4,
        kind: "http".to_owned(),
        settings_json: "{}".to_owned(),
        operations: vec![operation],
        load: Some(proto::LoadShare { workers: 4, workers_max: 4, ..Default::default() }),
        agent_count: 1,
        agent_name: "a1".to_owned(),
        data: [("id".to_owned(), column)].into(),
        confidential: Some(confidential),
        ..Default::default()
    }
}

fn interval() -> proto::Interval {
    let mut latency: Histogram = Histogram::new();
    [1_000, 2_000, 3_000_000].into_iter().for_each(|value| latency.record(value));
    let operation = proto::OperationInterval {
        operation: 3,
        scheduled: 3,
        sent: 3,
        latency: Some(EncodedHistogram::encode(&latency).as_bytes().to_vec()),
        ..Default::default()
    };
    proto::Interval {
        trial: trial(),
        agent_id: vec![9; 16],
        sequence: 4,
        duration_ns: 1_000_000_000,
        operations: vec![operation],
        ..Default::default()
    }
}

/// What lies in a store. A whole export lies beside these: one that a coordinator wrote.
pub fn store() -> Seeds {
    let key = [7; 16];
    let sealed = |payload: &[u8]| [&key[..], &envelope::seal(&key, payload)].concat();
    let birth = || Birth { name: Name::new("nightly").expect("a name"), submitted_at_ms: 3_000 };
    let events = [Event::Creating(birth()), Event::Created(birth()), Event::Removing, Event::Removed];
    let ledger: String = events.iter().map(|event| line::write(run(), event)).collect();
    vec![
        ("envelope", sealed(b"payload")),
        ("envelope_compressed", sealed(&[b'x'; 4_096])),
        ("ledger", ledger.into_bytes()),
    ]
}

/// A token of each role.
pub fn token() -> Seeds {
    let (_folder, mut registry) = registry();
    let mut token = |role| {
        let token = registry.give_token(role, 1, 3_600, "https://192.0.2.1:7411", NOW_S);
        token.expect("a token is given").to_string().into_bytes()
    };
    vec![("agent", token(Role::Agent)), ("operator", token(Role::Operator))]
}

/// Credentials as they are kept, and their certificate alone. Their authority is gone.
pub fn credentials() -> Seeds {
    let (folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 1, 3_600, "", NOW_S).expect("a token is given");
    let draft = Draft::new().expect("a key is made");
    let name = HolderName::new("a1").expect("a name");
    let enrolled =
        registry.enrol(&token.secret, name, draft.request(), NOW_S).expect("a certificate is given");
    let authorities = registry.trusted().iter().map(|it| it.to_vec()).collect();
    let credentials = draft.complete(enrolled.certificate.to_vec(), authorities).expect("they fit");
    let own = folder.path().join("own");
    credentials.save(&own).expect("they can be written");
    let text = fs::read(own.join("credentials.pem")).expect("they can be read");
    vec![("credentials.pem", text), ("certificate.der", credentials.certificate().to_vec())]
}

fn registry() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().expect("a folder");
    let (registry, _is_new) = Registry::open(&folder.path().join("ca"), NOW_S).expect("an authority is made");
    (folder, registry)
}
