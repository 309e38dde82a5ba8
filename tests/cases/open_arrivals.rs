//! The open model as the server sees it: requests come when the plan says, evenly or by chance, from however many agents.

use bench::arrival_recorder::{ArrivalRecorder, Arrivals};
use bench::schedule_fit::rate_per_s;
use fleetmark_tests::cast::Scene;
use fleetmark_tests::goodness_of_fit::{distance_at_one_in_a_thousand, exponential, kolmogorov_smirnov};
use fleetmark_tests::job;
use fleetmark_tests::machine::judge_when_quiet;
use fleetmark_tests::readings::{altogether, only_trial, whole};
use serde_json::{Value, json};

/// A busy machine may be late; what is tested here is what the server saw, which no finding excuses.
const LIMITS: &str = "[limits]\nsend_lag = \"100%\"\ngenerator_cpu = 1.0\nsteal = 1.0\nforeign_cpu = 1.0";

/// Gaps between Poisson arrivals that are looked at.
const GAPS: usize = 20_000;

/// Runs an open load against a recorder; gives the only trial and what the recorder saw. `more` ends the job.
fn recorded(load: &str, words: &[&str], more: &str) -> (Value, Arrivals) {
    let (scene, recorder) = (Scene::new(), ArrivalRecorder::start().expect("a recorder"));
    scene.write("job.toml", &job::against("recorded", &recorder.url(), load, &format!("{more}\n{LIMITS}")));
    let said = scene.run(&[&["run", "job.toml", "--quiet", "--json", "report.json"], words].concat());
    let report = scene.json("report.json");
    assert_eq!(said.code, 0, "{said:?} {:#}", only_trial(&report)["findings"]);
    (only_trial(&report).clone(), recorder.stop().expect("what the recorder saw"))
}

/// Distances between arrivals, in seconds.
fn gaps_s(arrivals: &Arrivals) -> Vec<f64> {
    arrivals.at_ns.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect()
}

/// The chance of each arrival to go to one of several servers thins a Poisson process into one for each of them.
///
/// At a single server a few gaps in a hundred would be shorter than what it takes to wake a sleeping generator, which
/// sends two that are due within that time at once. At one of eight that is a few in a thousand, and arrivals that are
/// not a Poisson process still stand out: even ones, dealt out by chance, would be a multiple of their spacing apart.
/// One worker makes the chance of every choice follow from the seed.
fn distance_of_poisson_arrivals() -> f64 {
    const SERVERS: usize = 8;
    const RATE_PER_S: f64 = 250.0;
    let scene = Scene::new();
    let recorders: Vec<ArrivalRecorder> =
        (0..SERVERS).map(|_| ArrivalRecorder::start().expect("a recorder")).collect();
    let operations: String = recorders
        .iter()
        .enumerate()
        .map(|(n, it)| job::operation(&format!("server-{n}"), &it.url()))
        .collect();
    let load = format!(
        "model = \"open\"\narrivals = \"poisson\"\nrate = {RATE_PER_S}\nworkers = 1\nduration = \"82s\"\nseed = 11"
    );
    scene.write("job.toml", &job::of_operations("recorded", &operations, &load, LIMITS));
    let said = scene.run(&["run", "job.toml", "--quiet", "--json", "report.json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let seen: Vec<Arrivals> = recorders.into_iter().map(|it| it.stop().expect("what it saw")).collect();
    let report = scene.json("report.json");
    let count = whole(altogether(only_trial(&report)), "count");
    assert_eq!(count, seen.iter().map(Arrivals::count).sum::<u64>());

    let gaps: Vec<f64> = seen.iter().flat_map(gaps_s).take(GAPS).collect();
    assert_eq!(gaps.len(), GAPS);
    kolmogorov_smirnov(&gaps, exponential(RATE_PER_S / SERVERS as f64))
}

#[test]
fn poisson_arrivals_have_exponential_gaps_at_the_server() {
    judge_when_quiet(2, || {
        let (distance, limit) = (distance_of_poisson_arrivals(), distance_at_one_in_a_thousand(GAPS));
        println!("distance {distance:.5}, limit {limit:.5}");
        // However busy the machine is, even arrivals do not begin to look like these.
        assert!(distance < 10.0 * limit, "distance {distance}");
        if distance < limit { Ok(()) } else { Err(format!("the distance is {distance}, above {limit}")) }
    });
}

#[test]
fn the_asked_rate_is_reached_to_a_thousandth() {
    let (trial, arrivals) =
        recorded("model = \"open\"\nrate = 1000\nworkers = 32\nduration = \"10s\"\nseed = 7", &[], "");
    assert_eq!((whole(altogether(&trial), "count"), arrivals.count()), (10_000, 10_000));
    let scheduled = altogether(&trial)["scheduled_per_s"].as_f64().expect("a rate");
    let seen = rate_per_s(&arrivals.at_ns).expect("many arrivals");
    for rate in [scheduled, seen] {
        assert!((rate / 1_000.0 - 1.0).abs() <= 0.001, "{rate} a second, asked for 1,000");
    }
}

#[test]
fn a_tenth_of_a_request_a_second_is_three_in_half_a_minute() {
    let (trial, arrivals) =
        recorded("model = \"open\"\nrate = 0.1\nworkers = 1\nduration = \"30s\"\nseed = 7", &[], "");
    assert_eq!((whole(altogether(&trial), "count"), arrivals.count()), (3, 3));
    for gap in gaps_s(&arrivals) {
        assert!((gap - 10.0).abs() < 0.1, "{gap} s between two that are due 10 s apart");
    }
}

#[test]
fn three_agents_take_turns_and_never_coincide() {
    judge_when_quiet(3, || {
        let spacings = spacings_of_three_agents();
        let quantile = |share: usize| spacings[spacings.len() * share / 100];
        println!(
            "gaps in spacings: p2 {:.3}, p20 {:.3}, median {:.3}",
            quantile(2),
            quantile(20),
            quantile(50)
        );
        // Agents that did not know of each other would send three at once and then nothing for 50 ms.
        assert!((0.8..1.2).contains(&quantile(50)), "the median gap is {} of the spacing", quantile(50));
        // Of agents that start apart, one in three would always come too soon after another.
        if quantile(2) > 0.5 && quantile(20) > 0.95 {
            return Ok(());
        }
        Err(format!("gaps of {} and {} of the spacing are not rare", quantile(2), quantile(20)))
    });
}

/// The gaps between the requests of three agents that share a rate, by length, in units of what they should be.
fn spacings_of_three_agents() -> Vec<f64> {
    // Slow enough that a request which the machine delays by some milliseconds does not meet the next one.
    const RATE_PER_S: f64 = 60.0;
    let (trial, arrivals) = recorded(
        "model = \"open\"\nrate = 60\nworkers = 30\nduration = \"10s\"\nseed = 7",
        &["--local-agents", "3"],
        "[fleet]\nagents = 3",
    );
    assert_eq!((whole(altogether(&trial), "count"), arrivals.count()), (600, 600));
    // They read one clock, the machine's.
    assert_eq!((&trial["start_skew_us"], &trial["start_skew_error_us"]), (&json!(0.0), &json!(0.0)));
    let mut spacings: Vec<f64> = gaps_s(&arrivals).iter().map(|gap| gap * RATE_PER_S).collect();
    spacings.sort_by(f64::total_cmp);
    spacings
}
