//! What an agent holds and what it says: a pure machine. Orders and happenings in, actions out.
//!
//! ```text
//!  Prepare ─► Preparing ─► Ready ─► Armed ─► Done ─┐
//!                 │          │        │            ├─► Release ─► forgotten
//!                 └──────────┴────────┴─► Failed ──┘
//! ```
//!
//! A start that has passed when it comes leaves a trial ready, for a later one; and one that is armed may still be
//! moved to a later start, until it begins.
//!
//! Every order may come twice, since a coordinator repeats after a reconnect what was not answered; the answer is
//! then repeated and nothing is done again.
//!
//! Rooms: `happening`, what happens and what is to be done; `engine`, what engines tell, as events; `leases`, under which trials are held;
//! `programs`, what is told of targets, hooks and profilers.

mod engine;
mod happening;
mod leases;
mod programs;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use shared::ids::{LeaseEpoch, RunId, TrialKey};
use shared::plan::Assignment;

use super::outbox::{Bounds, Lost, Numbered, Outbox};
use super::{Order, Statement};
pub use happening::{Action, Event};
use refusal::{no_such_trial, refused};

/// Intervals that may be under way before the coordinator has said how many.
const CREDIT_AT_FIRST: u32 = 1;

/// What an agent holds.
#[derive(Debug)]
pub struct Machine {
    trials: BTreeMap<TrialKey, Held>,
    outbox: Outbox,
    credit: u32,
    /// Answers about targets and hooks, by what was asked.
    answers: BTreeMap<Question, Option<Statement>>,
    may_run_programs: bool,
}

/// What was asked about a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    Target(RunId),
    Hook(TrialKey, u32),
    Profile(TrialKey),
}

#[derive(Debug)]
struct Held {
    epoch: LeaseEpoch,
    /// What was said last, to be repeated after a reconnect; `None` while preparing or measuring.
    said: Option<Statement>,
    /// That it was armed, to be repeated before the word that it is done: which start it followed counts.
    armed: Option<Statement>,
    numbered: u64,
    is_over: bool,
}

impl Machine {
    /// An agent that holds nothing.
    pub fn new(may_run_programs: bool) -> Self {
        Self {
            trials: BTreeMap::new(),
            outbox: Outbox::default(),
            credit: CREDIT_AT_FIRST,
            answers: BTreeMap::new(),
            may_run_programs,
        }
    }

    /// The same with other bounds of what is kept for the coordinator.
    pub fn bounded(self, bounds: Bounds) -> Self {
        Self { outbox: Outbox::new(bounds), ..self }
    }

    /// Takes in one event and says what is to be done.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Linked => {
                self.credit = CREDIT_AT_FIRST;
                self.outbox.rewind();
                let said = self.trials.values().flat_map(Held::to_repeat);
                // A coordinator that was restarted does not know the target of a run that it ended, and has it stopped;
                // one that was away may have missed that a target failed.
                let targets = self.answers.values().flatten().filter(|answer| {
                    let answer = if let Statement::Refused(failure) = answer { failure } else { *answer };
                    matches!(answer, Statement::TargetReady(_) | Statement::TargetFailed(..))
                });
                actions.extend(said.chain(targets.cloned()).map(Action::Say));
            }
            Event::Credit(credit) => self.credit = credit.max(1),
            Event::Acknowledged(trial, through_sequence) => self.outbox.acknowledge(trial, through_sequence),
            Event::Rejected(trial) => self.forget(trial, &mut actions),
            Event::Ordered(order) => self.obey(order, &mut actions),
            Event::EngineReady(trial) => self.say(trial, Statement::Ready(trial), &mut actions),
            Event::EngineArmed(trial, arming, at_ns) => {
                let armed = Statement::Armed { trial, arming, at_ns };
                if let Some(held) = self.trials.get_mut(&trial) {
                    held.armed = Some(armed.clone());
                }
                self.say(trial, armed, &mut actions)
            }
            // Not what was said last: it is as ready as before.
            Event::EngineLate(trial, arming, late_ns) => {
                actions.push(Action::Say(Statement::StartTooLate { trial, arming, late_ns }));
            }
            Event::EngineInterval(interval) => self.keep(interval, &mut actions),
            Event::EngineDone(trial, intervals) => {
                self.end(trial, Statement::Done(trial, intervals), &mut actions)
            }
            Event::EngineFailed(trial, reason) => {
                // It may still run: one that had begun when its start was moved would go on loading what is measured.
                actions.push(Action::DropEngine(trial));
                self.fail(trial, reason, &mut actions);
            }
            Event::EngineRefused(trial, reason) => self.refuse(trial, reason, &mut actions),
            Event::Program(statement) => self.answer(statement, &mut actions),
            Event::Spilled(report) => {
                if let Some(lost) = self.outbox.hear(report) {
                    self.lose(lost, &mut actions);
                }
            }
        }
        actions.extend(self.outbox.take_orders().into_iter().map(Action::Spill));
        let batch = self.outbox.next_batch(self.credit);
        if !batch.is_empty() {
            actions.push(Action::Report(self.leased(batch)));
        }
        actions
    }

    /// Whether a trial's engine is still wanted under this lease and not yet there.
    pub fn is_preparing(&self, trial: TrialKey, epoch: LeaseEpoch) -> bool {
        let is_awaited = |held: &Held| held.epoch == epoch && !held.is_over && held.said.is_none();
        self.trials.get(&trial).is_some_and(is_awaited)
    }

    /// Whether further intervals should wait in their engine.
    pub fn is_full(&self) -> bool {
        self.outbox.is_full()
    }

    /// What is kept for the coordinator.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    fn obey(&mut self, order: Order, actions: &mut Vec<Action>) {
        match order {
            Order::Prepare(assignment) => self.prepare(assignment, actions),
            Order::Start { trial, epoch, arming, at_ns } => match self.trials.get(&trial) {
                Some(held) if held.epoch == epoch => match &held.said {
                    Some(Statement::Ready(_)) => actions.push(Action::Arm(trial, arming, at_ns)),
                    Some(Statement::Armed { arming: last, .. }) if *last < arming => {
                        actions.push(Action::Arm(trial, arming, at_ns));
                    }
                    Some(said) => actions.push(Action::Say(said.clone())),
                    None => {}
                },
                _ => actions.push(Action::Say(no_such_trial(trial))),
            },
            Order::Abort { trial, reason } => {
                actions.push(Action::DropEngine(trial));
                self.end_profiler(trial, actions);
                if self.trials.contains_key(&trial) {
                    self.fail(trial, format!("stopped: {reason}"), actions);
                } else {
                    actions.push(Action::Say(no_such_trial(trial)));
                }
            }
            Order::Release(trial) => self.forget(trial, actions),
            Order::ReservePort(_)
            | Order::StartTarget { .. }
            | Order::StopTarget(_)
            | Order::RunHook { .. }
            | Order::Profile { .. } => {
                self.run_program(order, actions);
            }
        }
    }

    fn prepare(&mut self, assignment: Box<Assignment>, actions: &mut Vec<Action>) {
        let (trial, epoch) = (assignment.trial, assignment.epoch);
        if let Some(held) = self.trials.get(&trial) {
            if let Some(said) = held.said.clone() {
                actions.push(Action::Say(said));
            }
            return;
        }
        // A coordinator that leases anew has given up what it leased before under an older epoch of the same run.
        let outdated =
            |(key, held): (&TrialKey, &Held)| (key.run == trial.run && held.epoch < epoch).then_some(*key);
        let outdated: Vec<TrialKey> = self.trials.iter().filter_map(outdated).collect();
        outdated.into_iter().for_each(|key| self.forget(key, actions));
        self.trials.insert(trial, Held { epoch, said: None, armed: None, numbered: 0, is_over: false });
        actions.push(Action::Prepare(assignment));
    }

    /// Intervals with their leases: what is forgotten of a trial goes with its lease.
    fn leased(&self, batch: Vec<Numbered>) -> Vec<(LeaseEpoch, Numbered)> {
        let lease = |interval: &Numbered| self.trials.get(&interval.trial).map(|held| held.epoch);
        batch.into_iter().filter_map(|interval| Some((lease(&interval)?, interval))).collect()
    }

    /// Takes in what the engine numbered; a trial for which there is no room any more ends here.
    fn keep(&mut self, interval: Numbered, actions: &mut Vec<Action>) {
        let (trial, sequence) = (interval.trial, interval.sequence);
        let Some(held) = self.trials.get_mut(&trial).filter(|held| !held.is_over) else {
            return;
        };
        match self.outbox.push(interval) {
            Ok(()) => held.numbered = sequence + 1,
            Err(refused) => {
                actions.push(Action::DropEngine(trial));
                self.fail(trial, refused.to_string(), actions);
            }
        }
    }

    /// A trial of which intervals cannot be delivered has failed, even if it had been done.
    fn lose(&mut self, lost: Lost, actions: &mut Vec<Action>) {
        let Lost { trial, from_sequence, reason } = lost;
        let Some(held) = self.trials.get_mut(&trial) else {
            return;
        };
        held.numbered = held.numbered.min(from_sequence);
        held.is_over = true;
        let failed = match held.said.take() {
            Some(Statement::Failed(_, first, _)) => Statement::Failed(trial, first, held.numbered),
            Some(Statement::Refused(first)) => match *first {
                Statement::Failed(_, first, _) => refused(Statement::Failed(trial, first, held.numbered)),
                other => refused(other),
            },
            _ => Statement::Failed(trial, reason, held.numbered),
        };
        held.said = Some(failed.clone());
        actions.extend([Action::DropEngine(trial), Action::Say(failed)]);
    }

    fn say(&mut self, trial: TrialKey, statement: Statement, actions: &mut Vec<Action>) {
        if let Some(held) = self.trials.get_mut(&trial).filter(|held| !held.is_over) {
            held.said = Some(statement.clone());
            actions.push(Action::Say(statement));
        }
    }

    fn fail(&mut self, trial: TrialKey, reason: String, actions: &mut Vec<Action>) {
        let numbered = self.trials.get(&trial).map_or(0, |held| held.numbered);
        self.end(trial, Statement::Failed(trial, reason, numbered), actions);
    }

    /// Ends a trial that the agent's own policy does not allow; what was measured before is still reported.
    fn refuse(&mut self, trial: TrialKey, reason: String, actions: &mut Vec<Action>) {
        let numbered = self.trials.get(&trial).map_or(0, |held| held.numbered);
        actions.push(Action::DropEngine(trial));
        self.end(trial, refused(Statement::Failed(trial, reason, numbered)), actions);
    }

    /// What is said last of a trial; a second ending only repeats the first.
    fn end(&mut self, trial: TrialKey, statement: Statement, actions: &mut Vec<Action>) {
        let Some(held) = self.trials.get_mut(&trial) else {
            return;
        };
        if !held.is_over {
            held.is_over = true;
            held.said = Some(statement);
        }
        actions.extend(held.said.clone().map(Action::Say));
    }

    fn forget(&mut self, trial: TrialKey, actions: &mut Vec<Action>) {
        self.outbox.forget(trial);
        self.end_profiler(trial, actions);
        self.answers.retain(|question, _| !matches!(question, Question::Hook(asked, _) if *asked == trial));
        if self.trials.remove(&trial).is_some() {
            actions.push(Action::DropEngine(trial));
        }
    }
}

impl Held {
    /// What a coordinator may have missed that was away.
    fn to_repeat(&self) -> Vec<Statement> {
        let is_done = matches!(self.said, Some(Statement::Done(..)));
        self.armed.iter().filter(|_| is_done).chain(&self.said).cloned().collect()
    }
}
