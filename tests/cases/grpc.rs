//! Calls of gRPC, from end to end: the example with streams, calls that do not fit, reflection that is on or off, deadlines, TLS, and a
//! server that knows no such method.

use std::time::{Duration, Instant};

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::grpc_server::{GrpcServer, Reflection};
use fleetmark_tests::readings::{only_trial, operation, text, whole};
use fleetmark_tests::suites::scene_with;
use fleetmark_tests::tls_front::TlsFront;
use serde_json::{Value, json};

/// What is measured beside others on a busy machine is judged by its counts alone.
const LENIENT: [&str; 6] =
    ["--set", "limits.steal=1.0", "--set", "limits.foreign_cpu=1.0", "--set", "load.duration=1s"];

#[test]
fn calls_and_streams_are_measured_and_messages_timed_one_by_one() {
    let scene = scene_with("grpc");
    let said = scene.run(&[&["run", "grpc.toml", "--json", "report.json"], &LENIENT[..]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    let trial = only_trial(&report);
    let (say, chat) = (operation(trial, "say"), operation(trial, "chat"));
    assert_eq!((&say["errors"], &chat["errors"]), (&json!({}), &json!({})), "{said:?}");
    assert!(whole(say, "count") > 0 && whole(chat, "count") > 0);
    let messages = chat["metrics"]["message_latency"]["count"].as_u64();
    assert_eq!(messages, Some(whole(chat, "count") * 10), "{:#}", chat["metrics"]);
}

#[test]
fn what_does_not_fit_is_refused_when_the_job_is_checked() {
    let scene = scene_with("grpc");
    for (change, reason) in [
        (
            "workload.operations.say.message={ txt = \"x\" }",
            "does not fit fleetmark.echo.Note: unrecognized field name 'txt'",
        ),
        ("workload.operations.say.message={ number = \"many\" }", "does not fit fleetmark.echo.Note"),
        (
            "workload.operations.say.method=fleetmark.echo.Echo/Shout",
            "has no method \"Shout\"; it has: Say, Collect",
        ),
        ("workload.operations.say.messages=2", "takes one message"),
    ] {
        let said = scene.run(&["check", "grpc.toml", "--set", change]);
        assert_eq!(said.code, 65, "{change}: {said:?}");
        assert!(said.errors.contains(reason), "{change}: {said:?}");
    }
}

#[test]
fn reflection_that_is_off_is_told_with_what_to_give() {
    let scene = scene_with("grpc");
    let job = std::fs::read_to_string(scene.path().join("grpc.toml")).expect("the example is there");
    let without = job.lines().filter(|line| !line.starts_with("proto = ")).collect::<Vec<_>>().join("\n");
    scene.write("grpc.toml", &without);
    let said = scene.run(&[&["run", "grpc.toml"], &LENIENT[..]].concat());
    assert_eq!(said.code, 3, "{said:?}");
    let told = format!("{}{}", said.out, said.errors).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("the server has no reflection"), "{said:?}");
}

#[test]
fn a_method_that_the_server_does_not_have_is_its_own_status() {
    let scene = scene_with("grpc");
    let proto = std::fs::read_to_string(scene.path().join("echo.proto")).expect("the example is there");
    scene.write("echo.proto", &proto.replace("rpc Say(", "rpc Sing("));
    let method = "workload.operations.say.method=fleetmark.echo.Echo/Sing";
    let words = ["run", "grpc.toml", "--json", "report.json", "--set", method];
    let said = scene.run(&[&words[..], &LENIENT[..]].concat());
    assert_eq!(said.code, 3, "{said:?}");
    let report = scene.json("report.json");
    let say = operation(only_trial(&report), "say");
    assert_eq!(say["errors"].as_object().expect("errors by kind").keys().collect::<Vec<_>>(), ["status"]);
    assert_eq!(text(&say["error_samples"][0]["message"]), "UNIMPLEMENTED");
}

/// A job of one call against a server that is there already; `more` are further keys of the operation.
fn against(url: &str, more: &str) -> String {
    format!(
        "name = \"calls\"\n[workload]\nkind = \"grpc\"\n[[workload.operations]]\nname = \"say\"\nurl = \"{url}\"\n\
         method = \"fleetmark.echo.Echo/Say\"\n{more}\n[load]\nworkers = 2\niterations = 20\n\
         [limits]\nsteal = 1.0\nforeign_cpu = 1.0\n"
    )
}

fn called(scene: &Scene, job: &str) -> (Said, Value) {
    scene.write("job.toml", job);
    let said = scene.run(&["run", "job.toml", "--json", "report.json"]);
    let report = scene.json("report.json");
    (said, report)
}

#[test]
fn methods_are_found_by_reflection_of_either_version() {
    for reflection in [Reflection::V1, Reflection::V1Alpha] {
        let server = GrpcServer::start(reflection);
        let scene = Scene::new();
        let url = format!("http://{}", server.address);
        let (said, report) =
            called(&scene, &against(&url, "message = { text = \"hello\", number = \"{{sequence}}\" }"));
        assert_eq!(said.code, 0, "{reflection:?}: {said:?}");
        let say = operation(only_trial(&report), "say");
        assert_eq!((whole(say, "count"), &say["errors"]), (20, &json!({})), "{reflection:?}");
        assert_eq!(server.calls(), 20, "each call once, and none besides");
        let unknown = against(&url, "").replace("echo.Echo/Say", "echo.Echo/Sing");
        let (said, _) = called(&scene, &unknown);
        let told = format!("{}{}", said.out, said.errors);
        assert!(said.code == 3 && told.contains("no method \"Sing\""), "{reflection:?}: {said:?}");
        let misfit = against(&url, "message = { txt = \"x\" }");
        let (said, _) = called(&scene, &misfit);
        let told = format!("{}{}", said.out, said.errors);
        assert!(said.code == 3 && told.contains("unrecognized field name 'txt'"), "{reflection:?}: {said:?}");
    }
}

#[test]
fn a_call_that_is_never_answered_ends_at_its_deadline() {
    let server = GrpcServer::start(Reflection::V1);
    let scene = Scene::new();
    let more = "message = { text = \"never\" }\ntimeout = \"200ms\"";
    let began = Instant::now();
    let (said, report) = called(&scene, &against(&format!("http://{}", server.address), more));
    assert_eq!(said.code, 3, "{said:?}");
    let say = operation(only_trial(&report), "say");
    // The server is told the deadline too, and may be the first to say so.
    assert_eq!((whole(say, "count"), &say["errors"]), (20, &json!({ "timeout": 20 })), "{said:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "20 calls of 0.2 s, two at once");
}

#[test]
fn a_status_that_is_expected_is_a_success_and_any_other_none() {
    let server = GrpcServer::start(Reflection::V1);
    let scene = Scene::new();
    let url = format!("http://{}", server.address);
    let refused = "message = { text = \"refuse\" }";
    let (said, report) = called(&scene, &against(&url, refused));
    let say = operation(only_trial(&report), "say");
    assert_eq!((said.code, &say["errors"]), (3, &json!({ "status": 20 })), "{said:?}");
    assert_eq!(text(&say["error_samples"][0]["message"]), "PERMISSION_DENIED: not you");
    let meant = format!("{refused}\nexpect = {{ code = \"PERMISSION_DENIED\" }}");
    let (said, _) = called(&scene, &against(&url, &meant));
    assert_eq!(said.code, 0, "{said:?}");
}

#[test]
fn calls_are_encrypted_for_whoever_believes_the_authority() {
    let server = GrpcServer::start(Reflection::V1);
    let scene = Scene::new();
    let front = TlsFront::start(server.address, &scene.path().join("authority.pem"));
    let url = format!("https://localhost:{}", front.address.port());
    let message = "message = { text = \"hello\" }\ntimeout = \"2s\"";
    let believing = format!("{message}\ntls = {{ ca_file = \"authority.pem\" }}");
    let (said, report) = called(&scene, &against(&url, &believing));
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(operation(only_trial(&report), "say")["errors"], json!({}));
    let (said, _) = called(&scene, &against(&url, message));
    let told = format!("{}{}", said.out, said.errors);
    assert!(said.code == 3 && told.contains("certificate"), "{said:?}");
}
