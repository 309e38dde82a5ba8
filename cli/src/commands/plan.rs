//! `fleetmark plan`: what would run, and how long that takes. Rooms: `words` (how workers go about it), `variants` (what is compared).

mod variants;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use shared::ids::AgentName;
use shared::job::{Job, Placement, Warmup, Window};
use shared::plan::{Plan, PlannedTrial};
use shared::units::print_duration;

use super::check::{self, CheckedJob};
use crate::args::JobArgs;
use crate::exit_code::{DONE, Failure, JOB};
use crate::output;

/// Trials listed one by one; more are only counted.
const TRIALS_LISTED_MAX: usize = 20;

pub(super) fn run(args: &JobArgs, json: bool) -> anyhow::Result<u8> {
    let CheckedJob { job, files, .. } = check::read(&args.job, &args.set)?;
    let plan = placed(&job)?;
    let length = Length::of(&job, &plan);
    let text = if json {
        format!("{:#}\n", answer(&job, &plan, &length, &files))
    } else {
        page(&job, &plan, &length, &files)
    };
    output::print(&text)?;
    Ok(DONE)
}

/// How long trials take: warm-up and window.
struct Length {
    /// Each of them; `None` when they differ, or are counted in iterations.
    trial: Option<Duration>,
    /// All of them; `None` when that is not known, or how many there are.
    total: Option<Duration>,
    /// What their number hangs on; `None`: it is known.
    hangs_on: Option<&'static str>,
}

impl Length {
    fn of(job: &Job, plan: &Plan) -> Self {
        // Without their number it is not known how many rounds agents take that do not share the load.
        let is_placed = job.fleet.placement == Placement::Together || plan.is_placed();
        let hangs_on = match (&job.search, is_placed) {
            (Some(_), _) => Some("what is found"),
            (None, false) => Some("how many agents match"),
            (None, true) => None,
        };
        let of_trial = |trial: &PlannedTrial| trial_length(job.of_variant(trial.variant));
        let mut lengths = plan.trials.iter().map(of_trial);
        let total = plan
            .trials
            .iter()
            .chain(&plan.profiled)
            .try_fold(Duration::ZERO, |sum, trial| Some(sum.saturating_add(of_trial(trial)?)));
        let first = lengths.next().flatten();
        Self {
            trial: first.filter(|first| lengths.all(|length| length == Some(*first))),
            total: total.filter(|_| hangs_on.is_none()),
            hangs_on,
        }
    }

    fn in_words(&self) -> String {
        match (self.trial, self.total) {
            (Some(trial), None) => format!(
                "each takes {} (warm-up and window); how many there are depends on {}\n",
                print_duration(trial),
                self.hangs_on.unwrap_or("what is found")
            ),
            (Some(trial), Some(total)) => format!(
                "each takes {} (warm-up and window), all {}, and a little for preparing and collecting\n",
                print_duration(trial),
                print_duration(total)
            ),
            (None, Some(total)) => format!(
                "all take {} (warm-up and window), and a little for preparing and collecting\n",
                print_duration(total)
            ),
            (None, None) if self.hangs_on.is_some() => {
                format!("how long it takes depends on {}\n", self.hangs_on.unwrap_or_default())
            }
            (None, None) => "how long it takes is not known: it is counted in iterations\n".to_owned(),
        }
    }
}

fn answer(job: &Job, plan: &Plan, length: &Length, files: &BTreeMap<String, Vec<u8>>) -> serde_json::Value {
    let name = |trial: &PlannedTrial| &plan.variants[trial.variant.0 as usize].name;
    let trials: Vec<_> = plan
        .trials
        .iter()
        .map(|trial| serde_json::json!({ "variant": name(trial), "block": trial.block, "order": trial.order, "cells": trial.cells.len().max(1) }))
        .collect();
    serde_json::json!({
        "name": job.name,
        "agents": job.fleet.agents,
        "placement": job.fleet.placement,
        "observe": job.fleet.observers.as_ref().map(ToString::to_string),
        "scenario": job.workload.has_scenario(),
        "think": job.load.think.map(|think| think.to_string()),
        "pace_seconds": job.load.pace.map(|pace| pace.as_secs_f64()),
        "connect_rate": job.load.connect_rate,
        "connections_per_worker": job.load.connections_per_worker,
        "streams_per_connection": job.load.streams_per_connection,
        "new_connection_every": job.load.new_connection_every,
        "pin": job.load.pins_threads,
        "data": words::data_json(&job.data, files),
        "seed": job.load.seed,
        "variants": variants::answer(job, plan),
        "blocks": job.load.trials,
        "looks": variants::looks(job),
        "search": variants::search(job),
        "trials": trials,
        "profiled_trials": plan.profiled.len(),
        "trial_seconds": length.trial.map(|trial| trial.as_secs_f64()),
        "total_seconds": length.total.map(|total| total.as_secs_f64()),
    })
}

fn page(job: &Job, plan: &Plan, length: &Length, files: &BTreeMap<String, Vec<u8>>) -> String {
    let agents = job
        .fleet
        .agents
        .map_or_else(|| "every agent that matches".to_owned(), |agents| format!("{agents} agents"));
    let mut text = format!("{}: {} on {agents}", job.name, variants::trials(job, plan));
    if job.variants.is_empty() {
        text.push_str(&format!(" with {}", words::workers(job)));
    }
    text.push('\n');
    words::placement(job).iter().for_each(|sentence| line(&mut text, sentence));
    if job.variants.is_empty() {
        words::all(job, files).iter().for_each(|sentence| line(&mut text, sentence));
    } else {
        variants::page(job, files).iter().for_each(|sentence| line(&mut text, sentence));
    }
    for trial in plan.trials.iter().take(TRIALS_LISTED_MAX) {
        line(
            &mut text,
            &format!(
                "{:>4}  block {:>3}  {}{}",
                trial.index.0 + 1,
                trial.block + 1,
                plan.variants[trial.variant.0 as usize].name,
                words::cells(&trial.cells)
            ),
        );
    }
    if plan.trials.len() > TRIALS_LISTED_MAX {
        line(&mut text, &format!("and {} more", plan.trials.len() - TRIALS_LISTED_MAX));
    }
    if let (Some(profile), false) = (&job.profile, plan.profiled.is_empty()) {
        let (count, program) = (plan.profiled.len(), &profile.command[0]);
        let more = if count == 1 { "one more trial".to_owned() } else { format!("{count} more trials") };
        line(&mut text, &format!("then {more}, not measured, with {program} beside the load"));
    }
    for sentence in variants::looks_in_words(job).into_iter().chain(variants::search_in_words(job)) {
        line(&mut text, &sentence);
    }
    if plan.variants.len() > 1 && job.load.seed.is_none() {
        line(&mut text, "the order is one of many: load.seed is not set, so each run draws its own");
    }
    text + &length.in_words()
}

fn line(text: &mut String, sentence: &str) {
    let _writing_to_a_text_succeeds = writeln!(text, "  {sentence}");
}

/// The plan, with the rounds of a placement as far as the number of agents is known. The seed is chosen when a run is submitted,
/// where the job has none: the order shown is then only one of many.
fn placed(job: &Job) -> anyhow::Result<Plan> {
    let mut plan = Plan::of(job, job.load.seed.unwrap_or(0));
    if let Some(agents) = job.fleet.agents {
        let names: Result<Vec<AgentName>, _> =
            (1..=agents).map(|number| AgentName::new(number.to_string())).collect();
        plan.place(job, &names?).map_err(|problem| Failure::with_code(JOB, problem.to_string()))?;
    }
    Ok(plan)
}

/// Warm-up and window of one trial; `None` when they are counted in iterations.
fn trial_length(job: &Job) -> Option<Duration> {
    match (job.load.warmup, job.load.window) {
        (Warmup::For(warmup), Window::For(window)) => Some(warmup + window),
        _ => None,
    }
}
