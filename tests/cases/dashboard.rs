//! The dashboard as a person meets it: every page in a real browser while a run goes on, by mouse and keyboard.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::Locator;
use fleetmark_tests::cast::{Agent, wait_for_agents};
use fleetmark_tests::chromium::{Chromium, Driver, Scheme};
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::site::Site;

const WITHIN: Duration = Duration::from_secs(60);
/// Widths at which a person may want to judge the pages, pixels.
const WIDTHS: [u32; 3] = [400, 1024, 1600];
/// A path of a chart: it is another one when the chart has moved.
const FIRST_LINE: &str =
    "document.querySelector('figure.chart svg.wide path.line')?.getAttribute('d') ?? null";

fn job(name: &str, duration: &str) -> String {
    format!(
        r#"name = "{name}"
tags = {{ "<b>team</b>" = "<script>alert(1)</script>" }}

[workload]
kind = "http"

[[workload.operations]]
name = "read"
url = "http://{{{{target.host}}}}:{{{{target.port}}}}/"

[load]
workers = 4
duration = "{duration}"

[fleet]
agents = 2

[target]
start = ["fleetmark", "target", "--listen", "{{{{target.host}}}}:{{{{target.port}}}}", "--latency", "3ms"]
ready = "http://{{{{target.host}}}}:{{{{target.port}}}}/health"

[limits]
steal = 0.9
foreign_cpu = 1
"#
    )
}

/// The folder for a person who wants to look.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    fs::create_dir_all(&folder).expect("a folder for pictures");
    folder
}

struct Stage {
    site: Site,
    driver: Driver,
    _agents: Vec<Agent>,
}

impl Stage {
    fn new() -> Self {
        let site = Site::plain(&[]);
        let agent = |name| Agent::start(&site.scene, &site.coordinator.url, name, &["--allow", "command"]);
        let agents = ["load-1", "load-2"].map(agent).into();
        wait_for_agents(&site.scene, &site.coordinator.url, 2);
        let driver = Driver::start(&site.scene);
        Self { site, driver, _agents: agents }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.site.browser.url)
    }

    /// Runs a short job to its end.
    fn finished(&self, name: &str) -> String {
        let accepted = self.site.browser.post("/api/v1/runs", &job(name, "1s"));
        assert_eq!(accepted.status, 201, "{accepted:?}");
        let run = accepted.json()["run"].as_str().expect("an id").to_owned();
        wait_for("the run to be over", WITHIN, || {
            let shown = self.site.browser.get("/api/v1/runs?limit=1").json();
            (shown["runs"][0]["state"] == "finished").then_some(())
        });
        run
    }

    /// Closes a browser. Nothing was complained of, and no other host was asked.
    async fn close(&self, browser: Chromium) {
        let foreign: Vec<String> = browser
            .asked()
            .await
            .into_iter()
            .filter(|url| !url.starts_with(&format!("{}/", self.site.browser.url)))
            .collect();
        assert!(foreign.is_empty(), "these were asked: {foreign:?}");
        let complaints = browser.close().await;
        // That a form was refused, as it was meant to be, is told there too.
        let complaints: Vec<_> = complaints.iter().filter(|line| !line.contains("422")).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

async fn click(browser: &Chromium, css: &str) {
    let found = browser.client.wait().at_most(WITHIN).for_element(Locator::Css(css)).await;
    found.unwrap_or_else(|error| panic!("{css}: {error}")).click().await.expect("it can be clicked");
}

/// Types a job into the form and sends it.
async fn submit(browser: &Chromium, text: &str) {
    let script = "document.querySelector('#job').value = arguments[0]";
    browser.client.execute(script, vec![text.into()]).await.expect("it is typed");
    click(browser, "main form button").await;
}

#[tokio::test]
async fn a_job_is_submitted_watched_and_cancelled_by_mouse() {
    let stage = Stage::new();
    let browser = stage.driver.open(Scheme::Light, 1_024).await;
    browser.goto(&stage.url("/submit")).await;

    let broken = job("clicked", "60s").replace("workers = 4", "wrkers = 4");
    submit(&browser, &broken).await;
    let told = browser
        .wait_until("document.querySelector('.errors')?.textContent", WITHIN, |it| it.is_string())
        .await;
    let told = told.as_str().expect("a text");
    stage.site.scene.write("job.toml", &broken);
    let said = stage.site.scene.run(&["check", "job.toml"]);
    assert!(told.contains("^^^^^^") && told.contains("\"workers\""), "{told}");
    assert!(said.errors.contains(told), "the command line says {}\nthe page says {told}", said.errors);

    submit(&browser, &job("clicked", "60s")).await;
    browser
        .wait_until("location.pathname", WITHIN, |it| {
            it.as_str().is_some_and(|path| path.starts_with("/runs/"))
        })
        .await;
    let first = browser.wait_until(FIRST_LINE, WITHIN, |it| it.is_string()).await;
    let second = browser.wait_until(FIRST_LINE, WITHIN, |it| it.is_string() && *it != first).await;
    browser.wait_until(FIRST_LINE, WITHIN, |it| it.is_string() && *it != second).await;
    let html = browser.client.source().await.expect("the page");
    assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"), "tags are escaped");

    click(&browser, "button.danger").await;
    let state = "document.querySelector('.head')?.textContent ?? ''";
    browser.wait_until(state, WITHIN, |it| it.as_str().is_some_and(|text| text.contains("cancelled"))).await;
    stage.close(browser).await;
}

#[tokio::test]
async fn two_runs_are_picked_and_compared() {
    let stage = Stage::new();
    let (first, second) = (stage.finished("picked"), stage.finished("picked"));
    let browser = stage.driver.open(Scheme::Light, 1_024).await;
    browser.goto(&stage.url("/runs?name=picked&state=finished")).await;
    for run in [&second, &first] {
        click(&browser, &format!("input[value='{run}']")).await;
    }
    click(&browser, "#list button").await;
    let title = browser
        .wait_until("document.querySelector('section h2')?.textContent", WITHIN, |it| it.is_string())
        .await;
    let title = title.as_str().expect("a text");
    assert!(title.starts_with(&second) && title.contains(&format!("against {first}")), "{title}");
    let text = browser.value("document.querySelector('main').textContent").await;
    let text = text.as_str().expect("a text");
    assert!(text.contains("throughput") && text.contains("Ratios with their intervals"), "{text}");
    browser.goto(&stage.url("/trends?metric=throughput&job=picked")).await;
    let rows = browser.value("document.querySelectorAll('tbody tr th a').length").await;
    assert_eq!(rows, 2, "both runs stand in the trend");
    stage.close(browser).await;
}

#[tokio::test]
async fn every_page_fits_every_width_light_and_dark() {
    let stage = Stage::new();
    let over = stage.finished("pictured");
    let accepted = stage.site.browser.post("/api/v1/runs", &job("pictured", "600s"));
    let live = accepted.json()["run"].as_str().expect("an id").to_owned();
    let pages = [
        ("runs", "/runs".to_owned()),
        ("live", format!("/runs/{live}")),
        ("over", format!("/runs/{over}")),
        ("fleet", "/fleet".to_owned()),
        ("compare", format!("/compare?a={over}&b={over}")),
        ("trends", "/trends?metric=throughput".to_owned()),
        ("submit", "/submit".to_owned()),
        ("front", "/".to_owned()),
    ];
    for scheme in Scheme::ALL {
        for width in WIDTHS {
            let browser = stage.driver.open(scheme, width).await;
            for (name, path) in &pages {
                browser.goto(&stage.url(path)).await;
                if *name == "live" {
                    let charts = "document.querySelectorAll('figure.chart svg path.line').length";
                    browser.wait_until(charts, WITHIN, |it| it.as_u64() > Some(0)).await;
                }
                let beyond = browser.value("document.documentElement.scrollWidth - innerWidth").await;
                assert!(beyond.as_i64() <= Some(0), "{name} is {beyond} px too wide at {width}");
                browser.picture(&pictures().join(format!("{name}-{width}-{}.png", scheme.name()))).await;
            }
            stage.close(browser).await;
        }
    }
    assert_eq!(stage.site.browser.post(&format!("/api/v1/runs/{live}/cancel"), "").status, 200);
}
