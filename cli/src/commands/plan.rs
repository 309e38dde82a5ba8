//! `fleetmark plan`: what would run, and how long that takes. Room: `words`, how workers go about it.

mod words;

use std::time::Duration;

use shared::job::{Warmup, Window};
use shared::plan::Plan;
use shared::units::print_duration;

use super::check::{self, CheckedJob};
use crate::args::JobArgs;
use crate::exit_code::DONE;
use crate::output;

/// Trials listed one by one; more are only counted.
const TRIALS_LISTED_MAX: usize = 20;

pub(super) fn run(args: &JobArgs, json: bool) -> anyhow::Result<u8> {
    let CheckedJob { job, files, .. } = check::read(&args.job, &args.set)?;
    // The seed is chosen when a run is submitted; the order shown holds for any, since there is one variant a block.
    let plan = Plan::of(&job, job.load.seed.unwrap_or(0));
    let trial = trial_length(job.load.warmup, job.load.window);
    let total = trial.map(|trial| trial * u32::try_from(plan.trials.len()).unwrap_or(u32::MAX));
    if json {
        let trials: Vec<_> = plan
            .trials
            .iter()
            .map(|trial| serde_json::json!({ "variant": plan.variants[trial.variant.0 as usize].name, "block": trial.block, "order": trial.order }))
            .collect();
        let answer = serde_json::json!({
            "name": job.name,
            "agents": job.fleet.agents,
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
    let workers = job
        .load
        .workers
        .map_or_else(|| "one worker for each".to_owned(), |workers| format!("{workers} workers"));
    let mut text = format!(
        "{}: {} trial{} on {agents} with {workers}\n",
        job.name,
        plan.trials.len(),
        if plan.trials.len() == 1 { "" } else { "s" }
    );
    for sentence in words::ways(&job.load, &job.workload).iter().chain(&words::data(&job.data, &files)) {
        text.push_str(&format!("  {sentence}\n"));
    }
    for trial in plan.trials.iter().take(TRIALS_LISTED_MAX) {
        text.push_str(&format!(
            "  {:>4}  block {:>3}  {}\n",
            trial.index.0 + 1,
            trial.block + 1,
            plan.variants[trial.variant.0 as usize].name
        ));
    }
    if plan.trials.len() > TRIALS_LISTED_MAX {
        text.push_str(&format!("  and {} more\n", plan.trials.len() - TRIALS_LISTED_MAX));
    }
    text.push_str(&match (trial, total) {
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

/// Warm-up and window of one trial; `None` when they are counted in iterations.
fn trial_length(warmup: Warmup, window: Window) -> Option<Duration> {
    match (warmup, window) {
        (Warmup::For(warmup), Window::For(window)) => Some(warmup + window),
        _ => None,
    }
}
