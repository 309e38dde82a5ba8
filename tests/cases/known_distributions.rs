//! A server whose delays are drawn from a known distribution: what is measured has that distribution's quantiles.

use fleetmark_tests::cast::Scene;
use fleetmark_tests::goodness_of_fit::log_normal_quantile;
use fleetmark_tests::job;
use fleetmark_tests::machine::judge_when_quiet;
use fleetmark_tests::readings::{altogether, only_trial, whole};

const ATTEMPTS: u32 = 3;
const MEDIAN_MS: f64 = 5.0;
const SIGMA: f64 = 0.5;
/// Quantiles of the report, and where they lie on the standard normal distribution.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.0), ("p90", 1.281_552), ("p99", 2.326_348)];
/// How far a figure may lie from the distribution's: the sample's own spread at p99 is a quarter of it.
const TOLERANCE: f64 = 0.05;
/// What loopback and two processes add to a server's delay.
const AROUND_MS: f64 = 0.3;

#[test]
fn service_times_have_the_quantiles_of_the_servers_delays() {
    judge_when_quiet(ATTEMPTS, || {
        let scene = Scene::new();
        scene.write("job.toml", &lognormal_job());
        let said = scene.run(&["run", "job.toml", "--quiet", "--json", "report.json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let report = scene.json("report.json");
        let all = altogether(only_trial(&report));
        assert_eq!((whole(all, "count"), whole(all, "unsent")), (20_000, 0));
        let mut wrong = Vec::new();
        for (name, normal) in QUANTILES {
            let expected = log_normal_quantile(MEDIAN_MS, SIGMA, normal);
            let measured = all["service_time_ns"][name].as_f64().expect("the sample carries it") / 1e6;
            println!("{name}: {measured:.3} ms measured, {expected:.3} ms drawn");
            // Whatever else the machine does, it makes no answer come earlier.
            assert!(measured > expected * (1.0 - TOLERANCE), "{name} is {measured} ms, not {expected} ms");
            if measured > expected * (1.0 + TOLERANCE) + AROUND_MS {
                wrong.push(format!("{name} is {measured:.3} ms, not {expected:.3} ms"));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(", ")) }
    });
}

/// 1,000 a second for 20 s. The limits leave the judgement to the test.
fn lognormal_job() -> String {
    let delays = format!("lognormal({MEDIAN_MS}ms,{SIGMA})");
    let load = "model = \"open\"\nrate = 1000\nworkers = 100\nduration = \"20s\"\nseed = 7";
    let target = format!(
        "[target]\nstart = [\"fleetmark\", \"target\", \"--listen\", \"{{{{target.host}}}}:{{{{target.port}}}}\", \"--latency\", \"{delays}\"]\n\
         ready = \"http://{{{{target.host}}}}:{{{{target.port}}}}/health\"\n\
         [limits]\nsend_lag = \"100%\"\ngenerator_cpu = 1.0\nsteal = 1.0\nforeign_cpu = 1.0\n"
    );
    job::against("known", "http://{{target.host}}:{{target.port}}/", load, &target)
}
