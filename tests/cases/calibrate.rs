//! Calibrating with real processes: a whole calibration on this machine, what it vouches for, and what it does not.

use std::time::Duration;

use fleetmark_tests::cast::{Said, Scene};
use fleetmark_tests::contract::departures;
use fleetmark_tests::readings::{list, text, whole};
use serde_json::{Value, json};

/// Eighty trials of half a second, each with a target of its own, on a machine that others use as well.
const ENDS_WITHIN: Duration = Duration::from_secs(400);
/// By what a comparison says that nothing vouches for its hosts.
const UNVOUCHED: &str = "no passed calibration vouched";

/// A job whose answers take so long that what else the machine does hardly shows in them.
fn job(variants: &str) -> String {
    format!(
        r#"
name = "calibrated"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{{{target.host}}}}:{{{{target.port}}}}/"
[params]
latency = "20ms"
[load]
workers = 4
iterations = 100
trials = 5
[target]
start = ["fleetmark", "target", "--listen", "{{{{target.host}}}}:{{{{target.port}}}}", "--latency", "{{{{latency}}}}"]
ready = "http://{{{{target.host}}}}:{{{{target.port}}}}/health"
[limits]
steal = 1.0
margin = 0.1
{variants}
"#
    )
}

const VARIANTS: &str = "[[variants]]\nname = \"old\"\n[[variants]]\nname = \"new\"\nset = { \"params.latency\" = \"30ms\" }\n[[claims]]\nmetric = \"read.latency.p50\"\nvariant = \"new\"\nthan = \"old\"\nno_regression = \"5%\"\n";

fn calibrated(said: &Said) -> Value {
    let calibration = said.json();
    assert_eq!(calibration["schema"], "fleetmark.calibration/1");
    assert_eq!(calibration["exit_code"], json!(said.code), "{said:?}");
    calibration
}

/// The notes of a run's comparisons and of comparing its variants later: whether both say that nothing vouches for the hosts.
fn is_unvouched(scene: &Scene) -> bool {
    let said = scene.run(&["run", "job.toml", "--json", "report.json", "--markdown", "report.md"]);
    assert_eq!(said.code, 1, "that the slower side is no slower is refuted: {said:?}");
    let report = scene.json("report.json");
    assert_eq!(departures(&report), [""; 0], "{said:?}");
    let in_json = report["comparisons"].to_string().contains(UNVOUCHED);
    let compared = scene.run(&["compare", "latest:old", "latest:new", "--json"]);
    let later = compared.json()["notes"].to_string().contains(UNVOUCHED);
    let markdown = std::fs::read_to_string(scene.path().join("report.md")).expect("the report is there");
    let people = [said.out, markdown].map(|page| page.replace('\n', " ").contains(UNVOUCHED));
    assert_eq!([later, people[0], people[1]], [in_json; 3], "all of them say the same");
    in_json
}

#[test]
fn a_passed_calibration_vouches_for_what_is_measured_on_its_hosts_from_then_on() {
    let scene = Scene::new();
    scene.write("job.toml", &job(VARIANTS));
    assert!(is_unvouched(&scene));
    let said = scene.run_within(ENDS_WITHIN, &["calibrate", "job.toml", "--margin", "10%", "--json"]);
    let calibration = calibrated(&said);
    assert_eq!((said.code, &calibration["verdict"]), (0, &json!("passed")), "{said:?}");
    assert_eq!(
        (&calibration["same"]["says"], &calibration["slower"]["says"]),
        (&json!("same"), &json!("slower"))
    );
    assert_eq!((whole(&calibration["same"], "blocks"), &calibration["control_target"]), (20, &json!("job")));
    let effect = &calibration["smallest_effect"];
    let share = |key: &str| effect[key].as_f64().unwrap_or(f64::NAN);
    assert!(0.0 < share("half_width") && share("half_width") < share("told_from_none"), "{effect}");
    assert!(share("told_from_margin") > 0.1 && whole(effect, "blocks") == 20, "{effect}");
    assert_eq!(text(&list(&calibration["hosts"])[0]["fingerprint_sha256"]).len(), 64);
    assert!(!is_unvouched(&scene));
    // Both runs are stored like any other: shown, and decided again by their own job.
    let runs = scene.run(&["runs", "--json"]).json();
    let tags = |run: &Value| run["tags"]["calibration"].as_str().map(str::to_owned);
    let tagged: Vec<String> = list(&runs).iter().filter_map(tags).collect();
    assert_eq!(tagged, ["slower", "same"]);
    let same = text(&calibration["same"]["run"]);
    let report = scene.run(&["show", same, "--json"]).json();
    scene.write("same.toml", text(&report["run"]["job"]));
    let verified = scene.run(&["verify", "same.toml", "--run", same, "--json"]);
    assert_eq!((verified.code, verified.json()), (0, report), "{verified:?}");
    // Who removes one of the two removes the calibration.
    assert_eq!(scene.run(&["runs", "rm", same]).code, 0);
    assert!(is_unvouched(&scene));
}

#[test]
fn a_short_calibration_says_what_it_read_and_passes_nothing() {
    let scene = Scene::new();
    let words = [
        "calibrate",
        "--blocks",
        "5",
        "--margin",
        "30%",
        "--set",
        "load.duration=300ms",
        "--set",
        "limits.steal=1.0",
    ];
    let said = scene.run_within(ENDS_WITHIN, &words);
    assert_eq!(said.code, 2, "{said:?}");
    let page = said.out.replace('\n', " ");
    assert!(page.contains("over 5 blocks, and a calibration takes 20") && page.contains("A/A"), "{said:?}");
    scene.write("job.toml", &job(VARIANTS));
    assert!(is_unvouched(&scene));
}

#[test]
fn what_cannot_be_slowed_down_by_a_known_amount_is_said_to_have_another_control() {
    let scene = Scene::new();
    scene.write("job.toml", "name = \"sleep\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\nname = \"nap\"\ncommand = \"sleep 0.02\"\n[load]\niterations = 4\n[limits]\nsteal = 1.0\n");
    let words = ["calibrate", "job.toml", "--blocks", "5", "--margin", "50%", "--json"];
    let said = scene.run_within(ENDS_WITHIN, &words);
    let calibration = calibrated(&said);
    assert_eq!((said.code, &calibration["control_target"]), (2, &json!("default")), "{said:?}");
    assert!(
        calibration["notes"].to_string().contains("fleetmark's own target under the job's load"),
        "{said:?}"
    );
    assert_eq!(calibration["same"]["metric"], "latency.mean");
}

#[test]
fn a_job_in_error_is_told_before_anything_runs() {
    let scene = Scene::new();
    scene.write("job.toml", "name = \"x\"\n[workload]\nkind = \"nothing\"\n");
    let said = scene.run(&["calibrate", "job.toml"]);
    assert!(said.code == 65 && said.errors.contains("job.toml"), "{said:?}");
    let few = scene.run(&["calibrate", "--blocks", "4"]);
    assert!(few.code == 64 && few.errors.contains("4 is not in 5..="), "{few:?}");
}
