//! Calls of gRPC, from end to end: the example with streams, calls that do not fit, reflection that is off, and a server that
//! knows no such method.

use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{only_trial, operation, text, whole};
use fleetmark_tests::suites::scene_with;
use serde_json::json;

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
