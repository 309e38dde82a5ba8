//! How many agents one coordinator carries: simulated agents, a real connection and an interval each second of each.
//!
//! `cargo run --release -p fleetmark-bench --bin fleet` (build `fleetmark` in release first). Options: numbers of agents.
//! `fleet tls 500 9`: that number in so many rounds without and with TLS, and what it adds to the coordinator's CPU time.
//! `fleet strangers 100`: that number over TLS, beside 10,000 strangers who say nothing and 200 who greet slowly.
//! `fleet watched 200`: that number in rounds without and with fifty who look at the run's page, and what that does to acknowledgements.
//! Ends with 1 unless every interval of every run is on disk and was acknowledged.

use std::io;
use std::process::ExitCode;

use analysis::estimate::{Scale, mean_with_interval};
use fleetmark_bench::scale::{Conditions, Outcome, figures, measure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Numbers of agents when none are asked for.
const AGENTS: [u32; 5] = [100, 500, 1_000, 2_000, 5_000];
/// Seconds of load for each.
const SECONDS: u64 = 20;
/// Descriptors of a process beside one for each agent's connection.
const OTHER_DESCRIPTORS: u64 = 200;
/// Rounds of the comparison of TLS when none are asked for, and what it may add.
const ROUNDS: u32 = 3;
const TLS_RATIO_MAX: f64 = 1.10;
/// Those who look at a run's page, rounds of that comparison, and how much slower acknowledgements may become.
const WATCHERS: u32 = 50;
const WATCHED_ROUNDS: usize = 5;
const WATCHED_RATIO_MAX: f64 = 1.5;
/// Strangers who say nothing, and who say little.
const STRANGERS: (u32, u32) = (10_000, 200);

fn main() -> io::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first() {
        Some((word, rest)) if word == "tls" => return compare(rest),
        Some((word, rest)) if word == "strangers" => return beside_strangers(rest),
        Some((word, rest)) if word == "watched" => return watched(rest),
        _ => {}
    }
    let asked = words.iter().map(|word| number_of_agents(word)).collect::<io::Result<Vec<u32>>>()?;
    let numbers = if asked.is_empty() { AGENTS.to_vec() } else { asked };
    let mut outcomes = Vec::new();
    for agents in numbers {
        let outcome = carry(agents, Conditions::default())?;
        println!("{}", figures::ending(&outcome));
        outcomes.push(outcome);
    }
    println!("\n{}", figures::table(&outcomes));
    Ok(ending(&outcomes))
}

/// What TLS costs: rounds with and without it, by turns.
fn compare(words: &[String]) -> io::Result<ExitCode> {
    let agents = number_of_agents(words.first().map_or("500", String::as_str))?;
    let rounds = words.get(1).map_or(Ok(ROUNDS), |word| number_of_agents(word))?;
    let encrypted = Conditions { is_encrypted: true, ..Conditions::default() };
    let (mut outcomes, mut ratios) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let plain = carry(agents, Conditions::default())?;
        let over_tls = carry(agents, encrypted)?;
        ratios.extend(
            figures::cores(&over_tls).zip(figures::cores(&plain)).map(|(with, without)| with / without),
        );
        outcomes.extend([plain, over_tls]);
    }
    ratios.sort_by(f64::total_cmp);
    println!("\n{}", figures::table(&outcomes));
    println!("CPU time of the coordinator over TLS ÷ without, round by round, in order: {ratios:.3?}");
    if let (Some(mean), Some([low, high])) = mean_with_interval(&ratios, Scale::Logarithmic) {
        println!("geometric mean {mean:.3} [{low:.3}, {high:.3}]; under {TLS_RATIO_MAX} is promised");
    }
    Ok(ending(&outcomes))
}

/// What those cost who look at the run's page: rounds without and with them, by turns.
fn watched(words: &[String]) -> io::Result<ExitCode> {
    let agents = number_of_agents(words.first().map_or("200", String::as_str))?;
    let looked_at = Conditions { watchers: WATCHERS, ..Conditions::default() };
    let (mut outcomes, mut ratios, mut have_seen) = (Vec::new(), Vec::new(), true);
    for _ in 0..WATCHED_ROUNDS {
        let alone = carry(agents, Conditions::default())?;
        let watched = carry(agents, looked_at)?;
        let p99 = |outcome: &Outcome| outcome.account.ack_time(0.99).map(|time| time.as_secs_f64());
        ratios.extend(p99(&watched).zip(p99(&alone)).map(|(with, without)| with / without));
        println!(
            "{WATCHERS} watchers saw {} events and {} pages",
            watched.watched.events, watched.watched.pages
        );
        have_seen &= watched.watched.pages > 0;
        outcomes.extend([alone, watched]);
    }
    ratios.sort_by(f64::total_cmp);
    println!("\n{}", figures::table(&outcomes));
    println!(
        "p99 of acknowledgements with {WATCHERS} watchers ÷ without, round by round, in order: {ratios:.3?}"
    );
    let median = ratios.get(ratios.len() / 2).copied();
    println!("median {median:.3?}, at most {WATCHED_RATIO_MAX} is promised");
    let is_kept = have_seen && median.is_some_and(|median| median <= WATCHED_RATIO_MAX);
    Ok(if is_kept { ending(&outcomes) } else { ExitCode::FAILURE })
}

/// What strangers can do to a fleet.
fn beside_strangers(words: &[String]) -> io::Result<ExitCode> {
    let agents = number_of_agents(words.first().map_or("100", String::as_str))?;
    let (silent, slow) = STRANGERS;
    let outcome = carry(agents, Conditions { is_encrypted: true, silent, slow, watchers: 0 })?;
    println!("{}\n\n{}", figures::ending(&outcome), figures::table(std::slice::from_ref(&outcome)));
    Ok(ending(&[outcome]))
}

/// Has a coordinator carry so many agents, in a runtime of its own, so that none pays for what an earlier one left behind.
fn carry(agents: u32, conditions: Conditions) -> io::Result<Outcome> {
    let Conditions { silent, slow, watchers, .. } = conditions;
    allow_descriptors(u64::from(agents + silent + slow + 2 * watchers) + OTHER_DESCRIPTORS)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(agents, SECONDS, conditions))
}

fn ending(outcomes: &[Outcome]) -> ExitCode {
    if outcomes.iter().all(Outcome::is_whole) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number_of_agents(word: &str) -> io::Result<u32> {
    word.parse().ok().filter(|agents| *agents > 0).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("a number of agents is at least 1, not {word:?}"))
    })
}

/// Raises the bound on descriptors as far as it may be, for this process and the coordinator that it starts.
fn allow_descriptors(wanted: u64) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < wanted) {
        return Err(io::Error::other(format!(
            "{wanted} descriptors are needed and {} allowed: raise the hard limit (ulimit -Hn)",
            limit.maximum.unwrap_or_default()
        )));
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}
