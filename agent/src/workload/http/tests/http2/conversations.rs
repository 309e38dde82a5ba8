//! Values, cookies, redirects, checks and metrics over HTTP/2.

use super::*;

/// A workload of these operations against a server, each with its path added to the server's URL.
fn workload(address: SocketAddr, operations: Vec<Value>, is_scenario: bool) -> Http {
    let base = crate::values::names::tests::assignment(json!({}));
    let operations = operations.into_iter().map(|mut settings| {
        let path = settings["url"].as_str().unwrap_or("/").to_owned();
        (settings["url"], settings["version"]) = (json!(format!("http://{address}{path}")), json!("2"));
        spec(settings)
    });
    Http::new(&Assignment { operations: operations.collect(), is_scenario, ..base }).unwrap()
}

async fn step(worker: &mut HttpWorker, place: u16) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.clear(crate::engine::clock::now_ns(), true);
    worker.run(OperationIndex(place), &mut outcome).await;
    outcome
}

#[tokio::test]
async fn each_request_has_values_of_its_own() {
    LocalSet::new()
        .run_until(async {
            let (address, seen) = serve(&[Act::Answer(2)], None, None).await;
            let operation = json!({
                "url": "/{{sequence}}", "method": "POST", "headers": { "X-Number": "n{{sequence}}" }, "body": "<{{sequence}}>",
            });
            let mut worker = worker_of(&workload(address, vec![operation], false));
            for _ in 0..3 {
                let outcome = step(&mut worker, 0).await;
                assert_eq!(outcome.error, None, "{}", message(&outcome));
            }
            for (number, (head, body)) in seen.lock().unwrap().requests.iter().enumerate() {
                assert_eq!(head.uri().path(), format!("/{number}"));
                assert_eq!(head.headers()["x-number"], format!("n{number}"));
                assert_eq!(body[..], *format!("<{number}>").as_bytes());
            }
        })
        .await;
}

#[tokio::test]
async fn a_scenario_takes_tokens_and_cookies_along() {
    let login = Act::Say(200, &[("set-cookie", "session=s1; Path=/")], "{\"token\":\"t1\"}");
    LocalSet::new()
        .run_until(async {
            let (address, seen) = serve(&[login, Act::Answer(0)], None, None).await;
            let steps = vec![
                json!({ "url": "/login", "extract": { "token": "json:/token" } }),
                json!({ "url": "/use", "headers": { "authorization": "Bearer {{token}}" } }),
            ];
            let mut worker = worker_of(&workload(address, steps, true));
            for place in [0, 1] {
                let outcome = step(&mut worker, place).await;
                assert_eq!(outcome.error, None, "{}", message(&outcome));
            }
            let seen = seen.lock().unwrap();
            assert_eq!((seen.connections, seen.requests[0].0.headers().get("cookie")), (1, None));
            let headers = seen.requests[1].0.headers();
            assert_eq!(
                (&headers["cookie"], &headers["authorization"]),
                (&"session=s1".parse().unwrap(), &"Bearer t1".parse().unwrap())
            );
        })
        .await;
}

#[tokio::test]
async fn redirects_are_followed_on_the_same_connection() {
    let away = Act::Say(303, &[("location", "b?c=1")], "gone");
    LocalSet::new()
        .run_until(async {
            let (address, seen) = serve(&[away, Act::Say(200, &[], "here")], None, None).await;
            let operation = json!({
                "url": "/x/a", "method": "POST", "body": "sent", "redirects": 1, "expect": { "body_equals": "here" },
            });
            let outcome = step(&mut worker_of(&workload(address, vec![operation], false)), 0).await;
            assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
            let (head, body) = &seen.lock().unwrap().requests[1];
            assert_eq!((head.method().as_str(), head.uri().path(), head.uri().query()), ("GET", "/x/b", Some("c=1")));
            assert!(body.is_empty());
        })
        .await;
}

#[tokio::test]
async fn metrics_are_read_out_of_headers() {
    let answers = [("HIT", 1.0), ("MISS", 0.0), ("HIT", 1.0)];
    let say = |value| {
        Act::Say(200, if value == "HIT" { &[("x-cache", "HIT")] } else { &[("x-cache", "MISS")] }, "")
    };
    LocalSet::new()
        .run_until(async {
            let (address, _) = serve(&answers.map(|(value, _)| say(value)), None, None).await;
            let metrics = json!({ "hit": { "from": "header:X-Cache", "kind": "ratio", "equals": "HIT" } });
            let mut worker = worker_of(&workload(address, vec![json!({ "metrics": metrics })], false));
            for (_, metric) in answers {
                let outcome = step(&mut worker, 0).await;
                assert_eq!((outcome.error, &outcome.metrics[..]), (None, &[(0, metric)][..]));
            }
        })
        .await;
}

#[tokio::test]
async fn answers_without_a_body_end_with_their_head() {
    const LENGTH: &[(&str, &str)] = &[("content-length", "5")];
    for (method, answer) in [
        ("HEAD", Act::Say(200, LENGTH, "")),
        ("GET", Act::Say(204, &[], "")),
        ("GET", Act::Say(304, LENGTH, "")),
    ] {
        let (outcome, _) =
            LocalSet::new().run_until(once(&[answer], None, json!({ "method": method }))).await;
        assert_eq!(outcome.error, None, "{method} {answer:?}: {}", message(&outcome));
    }
}

#[tokio::test]
async fn a_body_larger_than_every_window_is_sent() {
    const LENGTH: usize = 1024 * 1024;
    let settings = json!({ "method": "POST", "body": "x".repeat(LENGTH), "phases": true });
    let (outcome, seen) = LocalSet::new().run_until(once(&[Act::Answer(2)], None, settings)).await;
    assert_eq!(outcome.error, None, "{}", message(&outcome));
    assert_eq!(seen.lock().unwrap().requests[0].1.len(), LENGTH);
    assert!(outcome.bytes_sent > LENGTH as u64);
}
