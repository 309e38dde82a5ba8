//! Jobs of all kinds that matter to who schedules them.

use std::collections::BTreeMap;
use std::sync::Arc;

use coordinator::schedule::Submission;
use shared::ids::RunId;
use shared::job::{Job, Kinds};
use shared::plan::Plan;
use shared::run_record::{RunRecord, RunState};

use super::dice::Dice;

/// How long a run waits for agents, seconds.
pub const START_TIMEOUT_SECONDS: u64 = 20;

/// A job that is to be submitted.
#[derive(Debug, Clone)]
pub struct DrawnJob {
    /// Its run's id.
    pub run: RunId,
    /// As a person would write it.
    pub text: String,
    priority: i32,
    job: Arc<Job>,
}

impl DrawnJob {
    /// Some job; `number` tells runs apart. It asks for at most so many agents.
    ///
    /// # Panics
    /// When what is drawn is no job.
    pub fn any(number: u8, agents_max: u64, dice: &mut Dice) -> Self {
        let mut text = format!(
            "name = \"job-{number}\"\nworkload = {{ kind = \"http\" }}\nload.duration = \"{}s\"\nload.warmup = \"{}s\"\n\
             fleet.start_timeout = \"{START_TIMEOUT_SECONDS}s\"\nfleet.retries = {}\n\
             fleet.on_agent_loss = \"{}\"\n",
            dice.between(1..=6),
            dice.between(0..=1),
            dice.one_of(&[0, 0, 1, 2]),
            dice.one_of(&["fail", "continue"]),
        );
        text.push_str(&trials(dice));
        if dice.one_in(2) {
            text.push_str(&format!("fleet.agents = {}\n", dice.between(1..=agents_max)));
        }
        let restart = if dice.one_in(5) { dice.one_of(&["trial", "run"]) } else { "" };
        if !restart.is_empty() {
            text.push_str(&format!("target = {{ start = [\"target\"], restart = \"{restart}\" }}\n"));
        }
        if dice.one_in(5) {
            text.push_str("hooks = { before_run = [[\"a\"]], before_trial = [[\"b\"], [\"c\"]], after_trial = [[\"d\"]], after_run = [[\"e\"]] }\n");
        }
        if dice.one_in(3) {
            text.push_str(&variants(restart == "trial", dice));
        }
        let job =
            shared::job::parse(&text, Kinds::Unchecked).unwrap_or_else(|errors| panic!("{text}\n{errors}"));
        let priority = dice.one_of(&[-1, 0, 0, 1]);
        Self { run: RunId::new(u64::from(number), [number; 10]), text, priority, job: Arc::new(job) }
    }

    /// How many attempts at trials its run has at most.
    pub fn attempts_max(&self) -> u64 {
        let trials = self.job.each_variant().count() as u64 * u64::from(self.job.load.trials);
        trials * u64::from(self.job.fleet.retries + 1)
    }

    /// What a client submits.
    pub fn submission(&self, unix_ms: u64) -> Submission {
        let record = RunRecord {
            id: self.run,
            name: self.job.name.clone(),
            job_toml: self.text.clone(),
            files: BTreeMap::new(),
            tags: BTreeMap::new(),
            plan: Plan::of(&self.job, 7),
            state: RunState::Queued,
            reason: None,
            submitted_at_ms: unix_ms,
            started_at_ms: None,
            finished_at_ms: None,
            fleetmark_version: String::new(),
            trials: Vec::new(),
            looks: Vec::new(),
            found_no_agents: false,
            was_refused: false,
            bookmark: None,
            priority: self.priority,
            baselines: BTreeMap::new(),
            reservation: None,
        };
        Submission { record, job: self.job.clone(), files: Arc::default(), confidential: Arc::default() }
    }
}

/// A few trials, or so many that the run is looked at: every operation takes a millisecond here.
fn trials(dice: &mut Dice) -> String {
    if dice.one_in(12) {
        "load.trials = 7\nclaims = [{ metric = \"latency.mean\", above = \"1s\", abort = true }]\n".to_owned()
    } else if dice.one_in(12) {
        let metric = dice.one_of(&["latency.mean", "latency.p99"]);
        format!(
            "load.trials = {{ until = \"settled\", at_most = 12 }}\nclaims = [{{ metric = \"{metric}\", below = \"1s\" }}]\n"
        )
    } else {
        format!("load.trials = {}\n", dice.between(1..=3))
    }
}

/// Two or three variants that measure for differing times; with a target that is started for every trial, each another one.
fn variants(has_targets: bool, dice: &mut Dice) -> String {
    let variant = |number: u64, dice: &mut Dice| {
        let target =
            if has_targets { format!(", \"target.start\" = [\"target-{number}\"]") } else { String::new() };
        let seconds = dice.between(1..=4);
        format!("{{ name = \"v{number}\", set = {{ \"load.duration\" = \"{seconds}s\"{target} }} }}")
    };
    let count = dice.between(2..=3);
    let variants: Vec<String> = (0..count).map(|number| variant(number, dice)).collect();
    format!("variants = [{}]\n", variants.join(", "))
}
