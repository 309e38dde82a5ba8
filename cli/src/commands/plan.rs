//! `fleetmark plan`: what would run, and how long that takes. Room: `words`, how workers go about it.

mod words;

use std::time::Duration;

use shared::ids::AgentName;
use shared::job::{Job, Placement, Warmup, Window};
use shared::plan::Plan;
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
    // Without their number it is not known how many rounds agents take that do not share the load.
    let is_whole = job.fleet.placement == Placement::Together || plan.is_placed();
    let trial = trial_length(job.load.warmup, job.load.window);
    let trials = u32::try_from(plan.trials.len()).unwrap_or(u32::MAX);
    let total = trial.filter(|_| is_whole).map(|trial| trial.saturating_mul(trials));
    if json {
        let trials: Vec<_> = plan
            .trials
            .iter()
            .map(|trial| serde_json::json!({ "variant": plan.variants[trial.variant.0 as usize].name, "block": trial.block, "order": trial.order, "cells": trial.cells.len().max(1) }))
            .collect();
        let answer = serde_json::json!({
            "name": job.name,
            "agents": job.fleet.agents,
            "placement": job.fleet.placement,
            "observe": job.fleet.observers.as_ref().map(ToString::to_string),
            "scenario": job.workload.is_scenario,
            "think": job.load.think.map(|think| think.to_string()),
            "pace_seconds": job.load.pace.map(|pace| pace.as_secs_f64()),
            "connect_rate": job.load.connect_rate,
            "connections_per_worker": job.load.connections_per_worker,
            "streams_per_connection": job.load.streams_per_connection,
            "new_connection_every": job.load.new_connection_every,
            "pin": job.load.pins_threads,
            "data": words::data_json(&job.data, &files),
            "trials": trials,
            "trial_seconds": trial.map(|trial| trial.as_secs_f64()),
            "total_seconds": total.map(|total| total.as_secs_f64()),
        });
        output::print(&format!("{answer:#}\n"))?;
        return Ok(DONE);
    }
    let agents = job
        .fleet
        .agents
        .map_or_else(|| "every agent that matches".to_owned(), |agents| format!("{agents} agents"));
    let of_each = if job.fleet.placement == Placement::Together { "" } else { " each" };
    let workers = job
        .load
        .workers
        .map_or_else(|| "one worker for each".to_owned(), |workers| format!("{workers} workers{of_each}"));
    let mut text = format!(
        "{}: {} trial{} on {agents} with {workers}\n",
        job.name,
        plan.trials.len(),
        if plan.trials.len() == 1 { "" } else { "s" }
    );
    let placement = words::placement(&job);
    let ways = words::ways(&job.load, &job.workload);
    for sentence in placement.iter().chain(&ways).chain(&words::data(&job.data, &files)) {
        text.push_str(&format!("  {sentence}\n"));
    }
    for trial in plan.trials.iter().take(TRIALS_LISTED_MAX) {
        text.push_str(&format!(
            "  {:>4}  block {:>3}  {}{}\n",
            trial.index.0 + 1,
            trial.block + 1,
            plan.variants[trial.variant.0 as usize].name,
            words::cells(&trial.cells)
        ));
    }
    if plan.trials.len() > TRIALS_LISTED_MAX {
        text.push_str(&format!("  and {} more\n", plan.trials.len() - TRIALS_LISTED_MAX));
    }
    text.push_str(&match (trial, total) {
        (Some(trial), None) => format!(
            "each takes {} (warm-up and window); how many there are depends on how many agents match\n",
            print_duration(trial)
        ),
        (Some(trial), Some(total)) => format!(
            "each takes {} (warm-up and window), all {}, and a little for preparing and collecting\n",
            print_duration(trial),
            print_duration(total)
        ),
        _ => "how long it takes is not known: it is counted in iterations\n".to_owned(),
    });
    output::print(&text)?;
    Ok(DONE)
}

/// The plan, with the rounds of a placement as far as the number of agents is known. The seed is chosen when a run is submitted;
/// the order shown holds for any, since there is one variant a block.
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
fn trial_length(warmup: Warmup, window: Window) -> Option<Duration> {
    match (warmup, window) {
        (Warmup::For(warmup), Window::For(window)) => Some(warmup + window),
        _ => None,
    }
}
