//! From checked sections to types. What does not read has been told by the walk, and falls back to its default
//! here: nothing decoded from a file with errors is ever used. Rooms: [`surroundings`], [`arrivals`], [`data`], [`claims`].

mod arrivals;
pub(super) mod claims;
pub(super) mod data;
pub mod surroundings;

use std::time::Duration;

use super::error::Findings;
use super::node::Node;
use super::{Limits, Load, LoadModel, Warmup, Window, variants};
use crate::delay::Delay;
use crate::plan;

/// Default length of the measured window.
pub const DURATION_DEFAULT: Duration = Duration::from_secs(10);
/// Default time that operations may still begin and are awaited after the window.
pub const DRAIN_DEFAULT: Duration = Duration::from_secs(5);
/// Default number of trials where nothing is compared.
pub const TRIALS_DEFAULT: u32 = 1;
/// The same where variants, or sides of a claim, are: enough to see a difference of twice the spread between trials.
pub const TRIALS_COMPARED_DEFAULT: u32 = 10;

/// Most trials where they go on until every claim is decided, unless the job says otherwise: the last of the looks.
pub const TRIALS_UNTIL_SETTLED_DEFAULT: u32 = 30;

/// Rules of claims that compare.
const COMPARING: [&str; 4] = ["at_least", "at_most", "no_regression", "scales_over"];

/// Decodes `[load]`.
pub(super) fn load(root: &Node<'_>, findings: &mut Findings) -> Load {
    let child = |key: &str| root.descendant(&["load", key]);
    let duration = |key: &str| child(key).and_then(|node| node.duration());
    let per_worker = |key: &str| child(key).and_then(|count| count.whole()).unwrap_or(1);
    let (trials, until_settled) = trials(root, findings);
    let window = window(root, findings);
    let arrivals = arrivals::arrivals(root, window, findings);
    Load {
        model: if arrivals.is_some() { LoadModel::Open } else { LoadModel::Closed },
        workers: child("workers").and_then(|workers| workers.whole()),
        warmup: child("warmup").map_or(Warmup::For(Duration::ZERO), |warmup| warmup_of(&warmup)),
        // Stages have a length of their own.
        window: arrivals.as_ref().map_or(window, |arrivals| Window::For(arrivals.length())),
        arrivals,
        trials,
        until_settled,
        seed: child("seed").and_then(|seed| seed.integer()).and_then(|seed| u64::try_from(seed).ok()),
        drain: duration("drain").unwrap_or(DRAIN_DEFAULT),
        threads: child("threads").and_then(|threads| threads.whole()),
        pins_threads: child("pin").and_then(|pin| pin.boolean()).unwrap_or(false),
        think: child("think")
            .and_then(|think| Delay::parse(think.text()?).ok())
            .filter(|think| *think != Delay::ZERO),
        pace: duration("pace").filter(|pace| !pace.is_zero()),
        connect_rate: child("connect_rate").and_then(|rate| rate.number()),
        connections_per_worker: per_worker("connections_per_worker"),
        streams_per_connection: per_worker("streams_per_connection"),
        new_connection_every: child("new_connection_every").and_then(|operations| operations.whole()),
    }
}

/// How many trials of each variant there are, and whether there are no more than it takes to decide every claim.
fn trials(root: &Node<'_>, findings: &mut Findings) -> (u32, bool) {
    let Some(node) = root.descendant(&["load", "trials"]) else { return (trials_default(root), false) };
    if !node.value().is_table() {
        return (node.whole().unwrap_or(TRIALS_DEFAULT), false);
    }
    // A search says so itself.
    if root.child("search").is_none()
        && root.child("claims").is_none_or(|claims| claims.items().next().is_none())
    {
        let error = node.error("nothing can be settled: there are no claims");
        findings.push(error.with_help("add [[claims]], or give a number of trials"));
    }
    let at_most = node.child("at_most").and_then(|at_most| at_most.whole());
    (at_most.unwrap_or(TRIALS_UNTIL_SETTLED_DEFAULT), true)
}

/// How many trials of each variant there are where the job does not say.
fn trials_default(root: &Node<'_>) -> u32 {
    if root.child("search").is_some() {
        return plan::search::TRIALS_DEFAULT;
    }
    let claims = root.child("claims");
    let compares = |claim: Node<'_>| COMPARING.iter().any(|rule| claim.child(rule).is_some());
    let is_compared = variants::count(root) > 1 || claims.iter().flat_map(Node::items).any(compares);
    if is_compared { TRIALS_COMPARED_DEFAULT } else { TRIALS_DEFAULT }
}

/// Decodes `[limits]`.
pub(super) fn limits(root: &Node<'_>) -> Limits {
    let child = |key: &str| root.descendant(&["limits", key]);
    let share = |key: &str, default: f64| child(key).and_then(|node| node.share()).unwrap_or(default);
    let boolean = |key: &str, default: bool| child(key).and_then(|node| node.boolean()).unwrap_or(default);
    let default = Limits::default();
    Limits {
        error_ratio: share("error_ratio", default.error_ratio),
        send_lag: share("send_lag", default.send_lag),
        generator_cpu: share("generator_cpu", default.generator_cpu),
        steal: share("steal", default.steal),
        foreign_cpu: share("foreign_cpu", default.foreign_cpu),
        throttled: boolean("throttled", default.throttled),
        frequency_drop: share("frequency_drop", default.frequency_drop),
        swapping: boolean("swapping", default.swapping),
        margin: share("margin", default.margin),
        across_machines: boolean("across_machines", default.across_machines),
        aa: boolean("aa", default.aa),
    }
}

fn warmup_of(node: &Node<'_>) -> Warmup {
    let iterations = node.child("iterations").and_then(|iterations| iterations.whole());
    match iterations {
        Some(iterations) => Warmup::Iterations(iterations),
        None => Warmup::For(node.duration().unwrap_or_default()),
    }
}

fn window(root: &Node<'_>, findings: &mut Findings) -> Window {
    let duration = root.descendant(&["load", "duration"]);
    if let Some(zero) = duration.as_ref().filter(|node| node.duration() == Some(Duration::ZERO)) {
        findings.push(zero.error("expected a duration above zero: nothing can be measured in none"));
    }
    let iterations = root.descendant(&["load", "iterations"]).and_then(|iterations| iterations.whole());
    match iterations {
        Some(iterations) => Window::Iterations(iterations),
        None => Window::For(duration.and_then(|node| node.duration()).unwrap_or(DURATION_DEFAULT)),
    }
}
