//! Strangers on the stream of intervals: each breach of the protocol has its own clear error, and a run that is under
//! way meanwhile loses nothing, even when its agent's own id is used.

use std::time::Duration;

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::job;
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::readings::{altogether, only_trial, text, whole};
use fleetmark_tests::running::Running;
use prost::Message;
use proto::agent_service_client::AgentServiceClient;
use proto::report_down::Message as Down;
use proto::report_up::Message as Up;
use tonic::{Code, Status};

const WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// Four connections against a target of 2 ms need about three seconds for them.
const ITERATIONS: u64 = 6_000;
/// More than a batch may have, and a message.
const TOO_MANY: usize = 65;
const TOO_LONG_BYTES: usize = 17 * 1024 * 1024;

/// Says these on a stream of its own, and hears what comes until it ends or something else than credit does.
fn report(coordinator: &str, said: Vec<Up>) -> Result<Option<Down>, Status> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client =
            AgentServiceClient::connect(coordinator.to_owned()).await.expect("the coordinator answers");
        let messages = said.into_iter().map(|message| proto::ReportUp { message: Some(message) });
        let mut heard = client.clone().report(tokio_stream::iter(messages)).await?.into_inner();
        while let Some(message) = heard.message().await? {
            match message.message {
                Some(Down::Credit(credit)) => assert!(credit.intervals_in_flight_max >= 1),
                other => return Ok(other),
            }
        }
        Ok(None)
    })
}

fn hello(agent: &[u8]) -> Up {
    Up::Hello(proto::ReportHello { agent_id: agent.to_vec() })
}

fn batch(intervals: Vec<proto::NumberedInterval>) -> Up {
    Up::Batch(proto::IntervalBatch { intervals })
}

fn numbered(trial: &proto::TrialKey, sequence: u64, interval: Vec<u8>) -> proto::NumberedInterval {
    proto::NumberedInterval { trial: Some(trial.clone()), sequence, interval, epoch: 0 }
}

/// A whole interval in which nothing happened.
fn empty(trial: &proto::TrialKey, agent: &[u8], sequence: u64) -> proto::NumberedInterval {
    let interval = proto::Interval {
        trial: Some(trial.clone()),
        agent_id: agent.to_vec(),
        sequence,
        phase: proto::Phase::Measured.into(),
        engine: Some(proto::EngineSample::default()),
        ..proto::Interval::default()
    };
    numbered(trial, sequence, interval.encode_to_vec())
}

fn id_bytes(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| {
        u8::from_str_radix(&pair.iter().collect::<String>(), 16)
            .expect("an id is written in hexadecimal digits")
    };
    digits.chunks(2).map(byte).collect()
}

#[test]
fn what_breaks_the_protocol_is_refused_by_name_and_harms_no_run() {
    let scene = Scene::new();
    let load = format!("workers = 4\niterations = {ITERATIONS}");
    scene.write("job.toml", &job::with_target("unharmed", &load, 7, ""));
    let coordinator = Coordinator::start(&scene, "store");
    let url = &coordinator.url;
    let _agent = Agent::start(&scene, url, "one", &["--allow", "command"]);
    wait_for_agents(&scene, url, 1);
    let mut running =
        Running::start(&scene, &["run", "job.toml", "--coordinator", url, "--json", "report.json"]);
    running.wait_until_it_says("running: started");
    let ask = |what: &str| scene.run(&[what, "--coordinator", url, "--json"]).json();
    let agent = id_bytes(text(&ask("agents")[0]["id"]));
    let run_id = wait_for("the run to be listed", WITHIN, || {
        ask("runs").as_array()?.first().map(|run| id_bytes(text(&run["id"])))
    });
    let trial = proto::TrialKey { run_id, trial: 0, attempt: 0 };
    let other = proto::TrialKey { attempt: 9, ..trial.clone() };
    let says = |more: Vec<Up>| [vec![hello(&agent)], more].concat();
    let garbage = || numbered(&trial, 0, b"garbage".to_vec());
    let breaches = [
        (Vec::new(), "ended before its hello"),
        (vec![batch(vec![garbage()])], "must be a hello"),
        (vec![hello(b"abc")], "agent"),
        (says(vec![hello(&agent)]), "expected a batch"),
        (says(vec![batch(Vec::new())]), "0 intervals is not 1 to 64"),
        (says(vec![batch(vec![garbage(); TOO_MANY])]), "65 intervals is not 1 to 64"),
        (says(vec![batch(vec![proto::NumberedInterval { trial: None, ..garbage() }])]), "trial"),
        (says(vec![batch(vec![garbage()])]), "interval"),
        (says(vec![batch(vec![numbered(&trial, 0, vec![0; 5 * 1024 * 1024])])]), "bytes are more than"),
        (
            says(vec![batch(vec![numbered(&trial, 0, empty(&trial, &agent, 1).interval)])]),
            "says it is another",
        ),
        (says(vec![batch(vec![empty(&trial, &[9; 16], 0)])]), "says it is another"),
        (says(vec![batch(vec![empty(&trial, &agent, 1_000_000)])]), "interval 1000000 of trial"),
    ];
    for (said, expected) in breaches {
        let refused = report(url, said).expect_err(expected);
        assert_eq!(refused.code(), Code::InvalidArgument, "{expected}: {refused}");
        assert!(refused.message().contains(expected), "{expected}: {refused}");
    }
    let giant = report(url, says(vec![batch(vec![numbered(&trial, 0, vec![0; TOO_LONG_BYTES])])]));
    assert_eq!(giant.expect_err("a message has a bound").code(), Code::OutOfRange);
    let unwanted = report(url, says(vec![batch(vec![empty(&other, &agent, 0)])]));
    assert!(
        matches!(&unwanted, Ok(Some(Down::Rejection(rejection))) if rejection.reason.contains("unknown")),
        "{unwanted:?}"
    );

    let said = running.end(ENDS_WITHIN);
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    let trial = only_trial(&report);
    assert_eq!(whole(altogether(trial), "count"), ITERATIONS);
    assert_eq!(trial["coverage"]["intervals_received"], trial["coverage"]["intervals_planned"]);
}
