//! Pages and the JSON API of a coordinator: who gets what, for how long, and what for.

use std::time::{Duration, Instant};

use fleetmark_tests::browser::Browser;
use fleetmark_tests::cast::{Coordinator, Scene};
use fleetmark_tests::job;
use fleetmark_tests::membership::{encrypted, record, wait_until_refused};
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::site::{OPERATOR, PAGES, STORE, Site, VIEWER, assert_sealed};

const WITHIN: Duration = Duration::from_secs(30);

/// What there is: how, where, and what is answered to nobody, a viewer and an operator.
const ROUTES: [(&str, &str, [u16; 3]); 28] = [
    ("GET", "/", [200, 200, 200]),
    ("GET", "/style.css", [200, 200, 200]),
    ("GET", "/icon.svg", [200, 200, 200]),
    ("GET", "/script.js", [200, 200, 200]),
    ("GET", "/runs", [401, 200, 200]),
    ("GET", "/runs/latest", [401, 404, 404]),
    ("GET", "/runs/latest/live", [401, 404, 404]),
    ("POST", "/runs/latest/cancel", [401, 403, 404]),
    ("GET", "/fleet", [401, 200, 200]),
    ("GET", "/compare", [401, 200, 200]),
    ("GET", "/trends", [401, 200, 200]),
    ("GET", "/submit", [401, 403, 200]),
    ("POST", "/submit", [401, 403, 400]),
    ("GET", "/login", [200, 200, 200]),
    ("GET", "/login/x", [404, 404, 404]),
    ("POST", "/login", [401, 401, 401]),
    ("POST", "/logout", [303, 303, 303]),
    ("GET", "/metrics", [401, 200, 200]),
    ("GET", "/api/v1/runs", [401, 200, 200]),
    ("POST", "/api/v1/runs", [401, 403, 422]),
    ("GET", "/api/v1/runs/latest", [401, 404, 404]),
    ("POST", "/api/v1/runs/latest/cancel", [401, 403, 404]),
    ("GET", "/api/v1/runs/latest/profiles/0", [401, 404, 404]),
    ("GET", "/api/v1/agents", [401, 200, 200]),
    ("GET", "/api/v1/runs/latest/events", [401, 404, 404]),
    ("GET", "/api/v1/compare", [401, 400, 400]),
    ("GET", "/api/v1/trend", [401, 400, 400]),
    ("GET", "/api/v1/openapi.json", [401, 200, 200]),
];

#[test]
fn everybody_gets_what_their_role_may_have_and_nothing_else() {
    let stage = Site::encrypted();
    stage.join("viewer");
    stage.join("operator");
    let programs = [stage.browser.clone(), stage.program(&VIEWER), stage.program(&OPERATOR)];
    for (method, path, wanted) in ROUTES {
        let answered = programs.each_ref().map(|program| program.ask(method, path, "").status);
        assert_eq!(answered, wanted, "{method} {path} by programs");
        // Each with a session of its own: one of the routes ends it.
        let people = [&VIEWER, &OPERATOR].map(|place| {
            let person = stage.signed_in(place).with("sec-fetch-site", "same-origin");
            person.ask(method, path, "")
        });
        for (answer, wanted) in people.iter().zip(&wanted[1..]) {
            assert_eq!(answer.status, *wanted, "{method} {path} by a person: {answer:?}");
            assert_sealed(answer);
        }
    }
    let nothing = programs[2].get("/api/v2/runs");
    assert_eq!((nothing.status, nothing.json()["error"]["code"].as_str()), (404, Some("not_found")));
    assert_eq!(programs[2].ask("DELETE", "/api/v1/runs/latest", "").status, 405);
    wait_until_refused(&stage.scene, "viewer may not do this: it needs the role operator");
}

#[test]
fn a_link_signs_one_browser_in_once() {
    let stage = Site::encrypted();
    let token = stage.link(&STORE);
    // What follows links by itself uses none up.
    let page = stage.browser.get(&format!("/login/{token}"));
    assert!(page.status == 200 && page.body.contains(&format!("value=\"{token}\"")), "{page:?}");
    let answer = stage.sign_in(&token);
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("__Host-fleetmark=fmw1-"), "{set}");
    for attribute in ["; Secure", "; HttpOnly", "; SameSite=Strict", "; Path=/"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains(&token) && !set.contains("Domain"), "{set}");
    let person = stage.browser.clone().with("cookie", &answer.cookie());
    assert!(person.get("/").body.contains("as local, operator"));
    assert_eq!(stage.sign_in(&token).status, 401);
    assert_eq!(stage.sign_in("fmw1-torn").status, 401);

    let out = person.clone().with("sec-fetch-site", "same-origin").post("/logout", "");
    assert!(out.header("set-cookie").is_some_and(|set| set.contains("Max-Age=0")), "{out:?}");
    assert!(person.get("/").body.contains("You are not signed in"));
    let deeds: Vec<_> = record(&stage.scene).iter().map(|line| line["deed"].clone()).collect();
    assert!(
        ["token", "login", "logout"].iter().all(|deed| deeds.iter().any(|known| known == deed)),
        "{deeds:?}"
    );
}

#[test]
fn loopback_asks_too_when_it_is_told_to() {
    let stage = Site::plain(&["--require-login"]);
    assert!(stage.browser.url.starts_with("http://127.0.0.1:"), "{}", stage.browser.url);
    assert_eq!(stage.browser.get("/api/v1/runs").status, 401);
    let answer = stage.sign_in(&stage.link(&STORE));
    let set = answer.header("set-cookie").expect("a cookie");
    assert!(set.starts_with("fleetmark=") && !set.contains("Secure") && set.contains("HttpOnly"), "{set}");
    let person = stage.browser.clone().with("cookie", &answer.cookie());
    assert_eq!(person.get("/api/v1/runs").status, 200);
}

#[test]
fn whoever_is_revoked_is_out_of_the_pages_within_a_second() {
    let stage = Site::encrypted();
    stage.join("viewer");
    stage.join("operator");
    let theirs = [stage.signed_in(&VIEWER), stage.program(&VIEWER)];
    let others = [stage.signed_in(&OPERATOR), stage.program(&OPERATOR)];
    let waiting = stage.link(&VIEWER);
    assert!(theirs.iter().chain(&others).all(|who| who.get("/api/v1/runs").status == 200));
    let said = stage.scene.run(&["ca", "revoke", "viewer", "--store", "store"]);
    let revoked_at = Instant::now();
    assert!(said.out.contains("1 certificates and 1 tokens revoked"), "{said:?}");
    let answered = theirs.each_ref().map(|who| who.get("/api/v1/runs").status);
    assert_eq!((answered, revoked_at.elapsed() < Duration::from_secs(1)), ([401, 401], true));
    assert_eq!(stage.sign_in(&waiting).status, 401, "a link that was given before");
    assert!(others.iter().all(|who| who.get("/api/v1/runs").status == 200));
    let listed = stage.scene.run(&["ca", "list", "--store", "store", "--json"]).json();
    let tokens = listed["tokens"].as_array().expect("a list").iter();
    let states: Vec<_> = tokens.map(|given| (given["name"].clone(), given["state"].clone())).collect();
    assert_eq!(states, [("viewer".into(), "revoked".into()), ("operator".into(), "valid".into())]);
}

#[test]
fn a_token_outlives_the_coordinator_and_a_session_does_not() {
    let scene = Scene::new();
    let coordinator = encrypted(&scene, &PAGES);
    let stage = Site { browser: Browser::of(&scene, "store"), scene, coordinator };
    let (person, program) = (stage.signed_in(&STORE), stage.program(&STORE));
    let Site { scene, coordinator, browser } = stage;
    drop(coordinator);
    let words = ["--listen", "127.0.0.1:0", "--tls", "--http", browser.address()];
    let _again = Coordinator::start_under(&scene, "store", &[], &words);
    assert_eq!((person.get("/metrics").status, program.get("/metrics").status), (401, 200));
}

#[test]
fn jobs_are_submitted_watched_and_cancelled_over_the_api() {
    let stage = Site::plain(&[]);
    let (open, job) = (&stage.browser, job::against("by-api", "http://127.0.0.1:1/", "iterations = 1", ""));
    for _ in 0..3 {
        let answer = open.post("/api/v1/runs?tag=team%3Dapi", &job);
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let first = open.get("/api/v1/runs?limit=2&name=by-api&tag=team=api").json();
    let next = first["next"].as_str().expect("another page");
    let second = open.get(&format!("/api/v1/runs?limit=2&before={next}")).json();
    let count = |page: &serde_json::Value| page["runs"].as_array().map(Vec::len);
    assert_eq!(
        (count(&first), count(&second), &second["next"]),
        (Some(2), Some(1), &serde_json::Value::Null)
    );
    let run = first["runs"][0]["id"].as_str().expect("an id").to_owned();
    let shown = open.get("/api/v1/runs/latest").json();
    assert_eq!(
        (shown["schema"].as_str(), shown["run"]["id"].as_str()),
        (Some("fleetmark.run/1"), Some(run.as_str()))
    );
    assert_eq!(open.post(&format!("/api/v1/runs/{run}/cancel"), "").json()["run"], run.as_str());
    wait_for("the run to be over", WITHIN, || {
        let again = open.post(&format!("/api/v1/runs/{run}/cancel"), "");
        (again.status == 409 && again.json()["error"]["code"] == "over").then_some(())
    });
    let same = stage.scene.run(&["runs", "--store", "store", "--json"]).json();
    assert_eq!(same.as_array().map(Vec::len), Some(3));

    let broken = job.replace("[load]", "[load]\ndration = \"5s\"\n");
    let answer = open.post("/api/v1/runs", &broken);
    let error = answer.json()["error"].clone();
    assert_eq!((answer.status, error["code"].as_str()), (422, Some("job_in_error")), "{error}");
    let place = broken.lines().position(|line| line.starts_with("dration")).expect("the line") + 1;
    let listed = &error["errors"][0];
    assert_eq!(
        (listed["line"].as_u64(), listed["column"].as_u64()),
        (Some(place as u64), Some(1)),
        "{error}"
    );
    assert_eq!(listed["help"], "did you mean \"duration\"?");
    for path in ["/api/v1/runs?limt=1", "/api/v1/runs?limit=0", "/api/v1/runs?tag=x"] {
        let answer = open.get(path);
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (400, Some("malformed")),
            "{path}"
        );
    }
    assert_eq!(open.get("/api/v1/runs/ffffffff").json()["error"]["code"], "unknown_run");
}
