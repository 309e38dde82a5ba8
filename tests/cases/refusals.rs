//! What is refused, and how that is said: addresses beyond this machine, names that are taken, protocols that do not fit.

use std::time::Duration;

use fleetmark_tests::cast::{Agent, Coordinator, Scene, wait_for_agents};
use fleetmark_tests::running::Running;
use proto::agent_service_client::AgentServiceClient;
use proto::attach_up::Message;
use proto::control_service_client::ControlServiceClient;
use tonic::{Code, Status};

/// An address of documentation (RFC 5737): nobody is there, and no test may ever try.
const ELSEWHERE: &str = "http://192.0.2.1:7411";

#[test]
fn addresses_beyond_this_machine_are_refused_unless_so_typed() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "name = \"far\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"http://127.0.0.1:1/\"\n",
    );
    let calls: [&[&str]; 11] = [
        &["run", "job.toml", "--coordinator", ELSEWHERE],
        &["agents", "--coordinator", ELSEWHERE],
        &["runs", "--coordinator", ELSEWHERE],
        &["runs", "rm", "latest", "--coordinator", ELSEWHERE],
        &["show", "latest", "--coordinator", ELSEWHERE],
        &["watch", "latest", "--coordinator", ELSEWHERE],
        &["cancel", "latest", "--coordinator", ELSEWHERE],
        &["export", "latest", "--format", "json", "--coordinator", ELSEWHERE],
        &["store", "check", "--coordinator", ELSEWHERE],
        &["agent", "--coordinator", ELSEWHERE],
        &["agents", "--coordinator", "http://somewhere.invalid:7411"],
    ];
    for words in &calls {
        let said = scene.run(words);
        assert_eq!((said.code, said.out.as_str()), (77, ""), "{words:?}: {said:?}");
        assert!(said.errors.contains("--insecure"), "{words:?}: {said:?}");
    }
}

#[test]
fn a_second_agent_of_a_name_is_refused_and_the_first_stays() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let mut first = Agent::start(&scene, &coordinator.url, "twin", &["--label", "order=first"]);
    wait_for_agents(&scene, &coordinator.url, 1);
    let words = ["agent", "--coordinator", &coordinator.url, "--name", "twin", "--label", "order=second"];
    let said = Running::start(&scene, &words).end(Duration::from_secs(60));
    assert_eq!(said.code, 77, "{said:?}");
    assert!(said.errors.contains("twin") && said.errors.contains("--name"), "{said:?}");
    let agents = scene.run(&["agents", "--coordinator", &coordinator.url, "--json"]).json();
    assert_eq!(agents.as_array().unwrap().len(), 1);
    assert_eq!(agents[0]["labels"]["order"], "first");
    assert!(first.process.is_running());
}

/// Does something over gRPC and returns the refusal.
fn refusal<T>(call: impl Future<Output = Result<T, Status>>) -> Status {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(call).err().expect("it is refused")
}

fn hello(protocol_version: u32) -> proto::Hello {
    proto::Hello {
        protocol_version,
        agent_id: vec![7; 16],
        name: "stranger".to_owned(),
        fingerprint_json: "{}".to_owned(),
        slots: 1,
        ..proto::Hello::default()
    }
}

/// Attaches as an agent would; waits for the first answer.
async fn attach(url: String, first: Message) -> Result<proto::AttachDown, Status> {
    let mut client = AgentServiceClient::connect(url).await.expect("the coordinator answers");
    let messages = tokio_stream::iter([proto::AttachUp { message: Some(first) }]);
    let mut answers = client.attach(messages).await?.into_inner();
    answers.message().await?.ok_or_else(|| Status::unknown("the stream ended without a word"))
}

#[test]
fn an_agent_of_another_protocol_is_told_so() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    for version in [0, proto::PROTOCOL_VERSION + 1] {
        let status = refusal(attach(coordinator.url.clone(), Message::Hello(hello(version))));
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        for word in [format!("{version}"), format!("{}", proto::PROTOCOL_VERSION), "protocol".to_owned()] {
            assert!(status.message().contains(&word), "{word:?} is expected in {:?}", status.message());
        }
    }
    assert_eq!(
        scene.run(&["agents", "--coordinator", &coordinator.url, "--json"]).json(),
        serde_json::json!([])
    );
}

#[test]
fn an_agent_that_does_not_introduce_itself_is_told_so() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let firsts = [
        Message::Heartbeat(proto::Heartbeat {}),
        Message::Hello(proto::Hello { agent_id: vec![1, 2, 3], ..hello(proto::PROTOCOL_VERSION) }),
        Message::Hello(proto::Hello { name: "no name".to_owned(), ..hello(proto::PROTOCOL_VERSION) }),
        Message::Hello(proto::Hello { fingerprint_json: "{".to_owned(), ..hello(proto::PROTOCOL_VERSION) }),
        Message::Hello(proto::Hello { slots: 65, ..hello(proto::PROTOCOL_VERSION) }),
    ];
    for first in firsts {
        let status = refusal(attach(coordinator.url.clone(), first.clone()));
        assert_eq!(status.code(), Code::InvalidArgument, "{first:?}: {status:?}");
        assert!(!status.message().is_empty(), "{first:?}");
    }
}

#[test]
fn a_client_of_another_protocol_is_told_so() {
    let scene = Scene::new();
    let coordinator = Coordinator::start(&scene, "store");
    let protocol_version = proto::PROTOCOL_VERSION + 1;
    let url = coordinator.url.clone();
    let described = refusal(async {
        let mut client = ControlServiceClient::connect(url.clone()).await.unwrap();
        client.describe(proto::DescribeRequest { protocol_version }).await
    });
    let submitted = refusal(async {
        let mut client = ControlServiceClient::connect(url.clone()).await.unwrap();
        client.submit(proto::SubmitRequest { protocol_version, ..proto::SubmitRequest::default() }).await
    });
    for status in [described, submitted] {
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert!(status.message().contains(&protocol_version.to_string()), "{status:?}");
    }
}
