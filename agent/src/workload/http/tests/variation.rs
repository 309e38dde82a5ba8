//! Requests that vary, and what is taken out of answers, against real servers.

use shared::job::data::{DataColumn, DataOrder, DataSource};

use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn answer(head: &str, body: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// A workload of these operations, with a column `word`.
fn workload(operations: Vec<Value>, is_scenario: bool) -> Http {
    let words = ["one", "two three", "a\nb"].map(str::to_owned).to_vec();
    let column = DataColumn { source: DataSource::Values(words), order: DataOrder::Sequential };
    let base = crate::values::names::tests::assignment(json!({}));
    Http::new(&Assignment {
        operations: operations.into_iter().map(spec).collect(),
        data: BTreeMap::from([("word".to_owned(), column)]),
        is_scenario,
        ..base
    })
    .unwrap()
}

async fn step(worker: &mut HttpWorker, place: u16) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.clear(crate::engine::clock::now_ns(), true);
    worker.run(OperationIndex(place), &mut outcome).await;
    outcome
}

/// The requests that a server heard, each with its body.
fn requests(server: &Server) -> Vec<String> {
    let heard = server.heard();
    let mut requests: Vec<String> = Vec::new();
    for line in heard.split_inclusive('\n') {
        match requests.last_mut().filter(|_| !line.ends_with(" HTTP/1.1\r\n")) {
            Some(request) => request.push_str(line),
            None => requests.push(line.to_owned()),
        }
    }
    requests
}

#[tokio::test]
async fn each_request_has_values_of_its_own() {
    let server = Server::start(vec![Act::answer(OK), Act::answer(OK), Act::answer(OK), Act::Silence]);
    let operation = json!({
        "url": format!("{}{{{{word}}}}?n={{{{sequence}}}}", server.url()),
        "method": "POST",
        "headers": { "x-worker": "{{agent}}/{{worker}}" },
        "body": "[{{sequence}}, \"{{word}}\"]\n",
    });
    let mut worker = worker_of(&workload(vec![operation], false));
    for _ in 0..3 {
        let outcome = step(&mut worker, 0).await;
        assert_eq!(outcome.error, None, "{}", message(&outcome));
    }
    let heard = requests(&server);
    for (place, (path, body)) in [
        ("/one?n=0", "[0, \"one\"]\n"),
        ("/two%20three?n=1", "[1, \"two three\"]\n"),
        ("/a%0Ab?n=2", "b\"]\n"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(heard[place].starts_with(&format!("POST {path} HTTP/1.1\r\n")), "{heard:#?}");
        assert!(heard[place].contains("\r\nx-worker: a1/0\r\n"), "{heard:#?}");
        assert!(heard[place].ends_with(body), "{heard:#?}");
    }
    assert!(heard[1].contains("\r\ncontent-length: 17\r\n"), "{heard:#?}");
}

#[tokio::test]
async fn a_value_that_would_break_out_of_its_header_is_never_sent() {
    let server = Server::start(vec![Act::answer(OK), Act::answer(OK), Act::answer(OK)]);
    let operation = json!({ "url": server.url(), "headers": { "x": "{{word}}" } });
    let mut worker = worker_of(&workload(vec![operation], false));
    for expected in [None, None, Some(ErrorKind::Other)] {
        let outcome = step(&mut worker, 0).await;
        assert_eq!(outcome.error, expected, "{}", message(&outcome));
        assert!(expected.is_none() || message(&outcome).contains("line break"), "{}", message(&outcome));
    }
    assert_eq!(requests(&server).len(), 2);
}

#[tokio::test]
async fn an_answer_is_held_to_all_that_is_expected() {
    let reply = answer("200 OK\r\nx-cache: MISS", "{\"status\":\"ok\",\"n\":2}");
    for (expect, reason) in [
        (
            json!({ "json": { "/status": "ok", "/n": 2 }, "header": { "X-Cache": "MISS" }, "body_length": 21 }),
            "",
        ),
        (json!({ "json": { "/n": 3 } }), "/n is 2, not 3"),
        (json!({ "header": { "x-cache": "HIT" } }), "is \"MISS\", not \"HIT\""),
        (json!({ "body_equals": "{}" }), "not \"{}\""),
        (json!({ "body_length": 3 }), "21 bytes long, not 3"),
        (json!({ "body_contains": "{{word}}" }), "lacks \"one\""),
    ] {
        let server = Server::start(vec![reply.clone(), Act::Silence]);
        let operation = json!({ "url": server.url(), "expect": expect });
        let outcome = step(&mut worker_of(&workload(vec![operation], false)), 0).await;
        let expected = (!reason.is_empty()).then_some(ErrorKind::Body);
        assert_eq!(outcome.error, expected, "{expect}: {}", message(&outcome));
        assert!(message(&outcome).contains(reason), "{expect}: {}", message(&outcome));
    }
}

#[tokio::test]
async fn metrics_are_read_out_of_successes_only() {
    let metrics = json!({
        "hit": { "from": "header:X-Cache", "kind": "ratio", "equals": "HIT" },
        "took": { "from": "json:/took", "kind": "histogram", "unit": "ms" },
        "size": { "from": "json:/n" },
    });
    let server = Server::start(vec![
        answer("200 OK\r\nx-cache: HIT", "{\"took\":1.5,\"n\":\"many\"}"),
        answer("500 Broken\r\nx-cache: HIT", "{\"took\":1.5,\"n\":1}"),
        Act::Silence,
    ]);
    let http = workload(vec![json!({ "url": server.url(), "metrics": metrics })], false);
    let specs = http.metrics(OperationIndex(0));
    let names: Vec<_> = specs.iter().map(|spec| (spec.name.as_str(), spec.unit.as_str())).collect();
    assert_eq!(names, [("hit", ""), ("took", "ns"), ("size", "")]);
    let mut worker = worker_of(&http);
    let outcome = step(&mut worker, 0).await;
    assert_eq!((outcome.error, &outcome.metrics[..]), (None, &[(0, 1.0), (1, 1.5e6)][..]));
    let outcome = step(&mut worker, 0).await;
    assert_eq!((outcome.error, &outcome.metrics[..]), (Some(ErrorKind::Status), &[][..]));
}

#[tokio::test]
async fn a_scenario_takes_tokens_and_cookies_along_and_forgets_them() {
    let login = answer(
        "200 OK\r\nset-cookie: session=s1; Path=/; HttpOnly\r\nset-cookie: other=x; Path=/elsewhere",
        "{\"token\":\"t1\"}",
    );
    let server = Server::start(vec![login.clone(), Act::answer(OK), login, Act::answer(OK), Act::Silence]);
    let http = workload(
        vec![
            json!({ "url": format!("{}login", server.url()), "extract": { "token": "json:/token" } }),
            json!({ "url": format!("{}use", server.url()), "headers": { "authorization": "Bearer {{token}}" } }),
        ],
        true,
    );
    let mut worker = worker_of(&http);
    for place in [0, 1, 0, 1] {
        let outcome = step(&mut worker, place).await;
        assert_eq!(outcome.error, None, "{}", message(&outcome));
    }
    let heard = requests(&server);
    for (place, request) in heard.iter().enumerate() {
        let is_use = place % 2 == 1;
        assert_eq!(request.contains("\r\ncookie: session=s1\r\n"), is_use, "{request}");
        assert_eq!(request.contains("\r\nauthorization: Bearer t1\r\n"), is_use, "{request}");
    }
}

#[tokio::test]
async fn a_value_that_is_not_there_fails_what_takes_it_and_what_needs_it() {
    let server = Server::start(vec![answer("200 OK", "{}"), Act::answer(OK), Act::Silence]);
    let url = server.url();
    let http = workload(
        vec![
            json!({ "url": url, "extract": { "token": "json:/token" } }),
            json!({ "url": format!("{url}{{{{token}}}}") }),
        ],
        true,
    );
    let mut worker = worker_of(&http);
    let outcome = step(&mut worker, 0).await;
    assert_eq!(outcome.error, Some(ErrorKind::Body));
    assert!(message(&outcome).contains("nothing at json:/token"), "{}", message(&outcome));
    let outcome = step(&mut worker, 1).await;
    assert_eq!(outcome.error, Some(ErrorKind::Other));
    assert!(message(&outcome).contains("\"{{token}}\" has no value yet"), "{}", message(&outcome));
}

#[tokio::test]
async fn a_body_too_long_to_be_looked_into_is_said() {
    let long = answer("200 OK", &"x".repeat(answer::BODY_BYTES_MAX + 1));
    let server = Server::start(vec![long, Act::Silence]);
    let operation = json!({ "url": server.url(), "extract": { "token": "regex:y" } });
    let outcome = step(&mut worker_of(&workload(vec![operation], false)), 0).await;
    assert_eq!(outcome.error, Some(ErrorKind::Body));
    assert!(message(&outcome).contains("at most 1048576"), "{}", message(&outcome));
}

#[tokio::test]
async fn redirects_are_followed_as_often_as_wanted() {
    let away = "303 See Other\r\nlocation: b?c=1";
    let acts = vec![answer(away, "gone"), answer("200 OK", "here"), Act::Silence];
    let operation = |server: &Server, redirects: u32| {
        let url = format!("{}x/a", server.url());
        let expect =
            if redirects == 0 { json!({ "status": [303] }) } else { json!({ "body_equals": "here" }) };
        json!({ "url": url, "method": "POST", "body": "sent\n", "redirects": redirects, "expect": expect })
    };
    let server = Server::start(acts.clone());
    let outcome = step(&mut worker_of(&workload(vec![operation(&server, 0)], false)), 0).await;
    assert_eq!(outcome.error, None, "a redirect is the answer: {}", message(&outcome));

    let server = Server::start(acts);
    let outcome = step(&mut worker_of(&workload(vec![operation(&server, 1)], false)), 0).await;
    assert_eq!((outcome.error, outcome.connects), (None, 1), "{}", message(&outcome));
    let heard = requests(&server);
    assert!(heard[1].starts_with("GET /x/b?c=1 HTTP/1.1\r\n"), "{heard:#?}");
    assert!(!heard[1].contains("content-length"), "{heard:#?}");

    let server = Server::start(vec![answer(away, ""), answer(away, ""), Act::Silence]);
    let outcome = step(&mut worker_of(&workload(vec![operation(&server, 1)], false)), 0).await;
    assert_eq!(outcome.error, Some(ErrorKind::Status));
    assert!(message(&outcome).contains("more than 1 redirects"), "{}", message(&outcome));
}

#[tokio::test]
async fn another_host_gets_the_request_but_no_secrets() {
    let other = Server::start(vec![answer("200 OK", "here"), Act::Silence]);
    let away = format!("307 Temporary Redirect\r\nlocation: {}y", other.url());
    let server = Server::start(vec![answer(&away, ""), Act::Silence]);
    let operation = json!({
        "url": server.url(),
        "method": "PUT",
        "body": "sent\n",
        "redirects": 3,
        "headers": { "authorization": "secret", "cookie": "a=b", "x-kept": "1" },
        "expect": { "body_equals": "here" },
    });
    let outcome = step(&mut worker_of(&workload(vec![operation], false)), 0).await;
    assert_eq!((outcome.error, outcome.connects), (None, 2), "{}", message(&outcome));
    let heard = requests(&other);
    assert!(heard[0].starts_with("PUT /y HTTP/1.1\r\n") && heard[0].ends_with("\r\nsent\n"), "{heard:#?}");
    assert!(heard[0].contains("x-kept: 1\r\n") && heard[0].contains(&other.url()[7..20]), "{heard:#?}");
    assert!(!heard[0].contains("secret") && !heard[0].contains("a=b"), "{heard:#?}");
}

#[tokio::test]
async fn a_redirect_that_leads_nowhere_is_a_protocol_error() {
    for (location, reason) in [("ftp://a/", "no URL"), ("unix:/run/app.sock:/", "not followed")] {
        let server =
            Server::start(vec![answer(&format!("302 Found\r\nlocation: {location}"), ""), Act::Silence]);
        let operation = json!({ "url": server.url(), "redirects": 3 });
        let outcome = step(&mut worker_of(&workload(vec![operation], false)), 0).await;
        assert_eq!(outcome.error, Some(ErrorKind::Protocol));
        assert!(message(&outcome).contains(reason), "{}", message(&outcome));
    }
}

#[tokio::test]
async fn what_came_from_the_environment_is_not_told() {
    // Every process of this test has it, and nothing else can be set here without touching other tests.
    let server = Server::start(vec![answer("200 OK", "x"), Act::Silence]);
    let operation = json!({ "url": server.url(), "expect": { "body_contains": "{{env:PATH}}" } });
    let outcome = step(&mut worker_of(&workload(vec![operation], false)), 0).await;
    assert_eq!(outcome.error, Some(ErrorKind::Body));
    assert!(message(&outcome).starts_with("the body lacks \"{{env:PATH}}\""), "{}", message(&outcome));
}
