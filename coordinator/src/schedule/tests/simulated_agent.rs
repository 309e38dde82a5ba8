//! An agent as its own machine answers: each order once, repeated orders with the same answer, everything it holds
//! spoken of again when its link stands anew.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use shared::ids::{LeaseEpoch, RunId, TrialKey};

use super::super::{Answer, Command};
use crate::fleet::{Introduction, Moment};

/// Intervals that an engine numbers which runs to its end.
pub(super) const INTERVALS: u64 = 4;
/// How long an engine measures once it is armed.
const MEASURES_FOR: Duration = Duration::from_secs(3);

/// What an agent can be made to fail at, or to say nothing about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Port,
    StartTarget,
    Prepare,
    Start,
    Measure,
    Store,
    StopTarget,
}

/// Something that an agent does.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    /// An order has come.
    Obey(Command),
    /// Its target answers.
    TargetUp(TrialKey),
    /// Its target has ended by itself.
    TargetDown(TrialKey),
    /// A hook's program has ended.
    HookEnded(TrialKey, u32, Option<String>),
    /// A profiler has ended, and what it wrote was sent; or what is to be said of that.
    ProfilerEnded(TrialKey, Option<String>),
    /// Its engine is ready.
    EngineReady(TrialKey),
    /// Its engine is done that was armed by this start.
    EngineDone(TrialKey, u32),
    /// Its engine cannot go on.
    EngineBroken(TrialKey, &'static str),
}

/// What comes of a deed.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) says: Vec<(TrialKey, Answer)>,
    pub(super) later: Vec<(Duration, Deed)>,
}

#[derive(Debug)]
pub(super) struct SimulatedAgent {
    pub(super) introduction: Introduction,
    /// How long its link and it itself take for anything.
    pub(super) delay: Duration,
    pub(super) says_everything_twice: bool,
    pub(super) fails_at: BTreeSet<Stage>,
    /// Whether it is its policy that makes it fail.
    pub(super) refuses: bool,
    pub(super) is_silent_at: BTreeSet<Stage>,
    pub(super) trials: BTreeMap<TrialKey, Held>,
    /// Targets by run: for which trial they were started, and whether they answer.
    pub(super) targets: BTreeMap<RunId, (TrialKey, bool)>,
    hooks: BTreeMap<(TrialKey, u32), Option<Answer>>,
    profilers: BTreeMap<TrialKey, Option<Answer>>,
}

#[derive(Debug)]
pub(super) struct Held {
    pub(super) epoch: LeaseEpoch,
    /// The start that it took: its number, and when it is.
    pub(super) armed_for: Option<(u32, Moment)>,
    said: Option<Answer>,
    pub(super) numbered: u64,
    is_over: bool,
}

impl SimulatedAgent {
    pub(super) fn new(introduction: Introduction) -> Self {
        Self {
            introduction,
            delay: Duration::from_millis(20),
            says_everything_twice: false,
            fails_at: BTreeSet::new(),
            refuses: false,
            is_silent_at: BTreeSet::new(),
            trials: BTreeMap::new(),
            targets: BTreeMap::new(),
            hooks: BTreeMap::new(),
            profilers: BTreeMap::new(),
        }
    }

    /// What it says when its link stands anew.
    pub(super) fn linked(&self) -> Vec<(TrialKey, Answer)> {
        let said = |(trial, held): (&TrialKey, &Held)| {
            let is_done = matches!(held.said, Some(Answer::Done { .. }));
            let armed = held.armed_for.filter(|_| is_done).map(|(arming, _)| armed(arming));
            armed.into_iter().chain(held.said.clone()).map(|answer| (*trial, answer)).collect::<Vec<_>>()
        };
        let ready = self.targets.values().filter(|(_, is_ready)| *is_ready);
        let targets = ready.map(|(trial, _)| (*trial, Answer::TargetReady));
        self.trials.iter().flat_map(said).chain(targets).collect()
    }

    pub(super) fn act(&mut self, now: Moment, deed: Deed) -> Outcome {
        let mut outcome = Outcome::default();
        match deed {
            Deed::Obey(command) => self.obey(now, command, &mut outcome),
            Deed::TargetUp(trial) => {
                if let Some((started, is_ready)) = self.targets.get_mut(&trial.run)
                    && *started == trial
                {
                    *is_ready = true;
                    outcome.says.push((trial, Answer::TargetReady));
                }
            }
            Deed::TargetDown(trial) => {
                if self.targets.get(&trial.run).is_some_and(|(started, _)| *started == trial) {
                    self.targets.remove(&trial.run);
                    outcome.says.push((trial, Answer::TargetFailed("it ended".to_owned())));
                }
            }
            Deed::HookEnded(trial, hook, failure) => {
                let answer = Answer::HookDone { hook, failure };
                self.hooks.insert((trial, hook), Some(answer.clone()));
                outcome.says.push((trial, answer));
            }
            // Of one that was told to end nothing is heard.
            Deed::ProfilerEnded(trial, problem) => {
                if let Some(said) = self.profilers.get_mut(&trial) {
                    *said = Some(Answer::Profiled(problem));
                    outcome.says.extend(said.clone().map(|said| (trial, said)));
                }
            }
            Deed::EngineReady(trial) => self.say(trial, Answer::Ready, &mut outcome),
            // Of an engine whose start was moved, or that is gone, nothing is heard.
            Deed::EngineDone(trial, arming) if self.armed(trial).is_none_or(|(last, _)| last != arming) => {}
            Deed::EngineDone(trial, _) => {
                self.number(trial, INTERVALS);
                self.end(trial, Answer::Done { intervals: INTERVALS }, &mut outcome);
            }
            Deed::EngineBroken(trial, reason) => self.fail(trial, reason.to_owned(), &mut outcome),
        }
        outcome
    }

    fn obey(&mut self, now: Moment, command: Command, outcome: &mut Outcome) {
        match command {
            Command::ReservePort(trial) => {
                let port = (!self.fails_at.contains(&Stage::Port)).then_some(4_000);
                if !self.is_silent_at.contains(&Stage::Port) {
                    outcome.says.push((trial, Answer::PortReserved(port)));
                }
            }
            Command::StartTarget { trial, command, timeout, .. } => {
                if !self.is_silent_at.contains(&Stage::StartTarget) {
                    self.start_target(trial, &command, timeout, outcome);
                }
            }
            Command::StopTarget(trial) => {
                if !self.is_silent_at.contains(&Stage::StopTarget) {
                    self.targets.remove(&trial.run);
                    outcome.says.push((trial, Answer::TargetStopped));
                }
            }
            Command::RunHook { trial, hook, command, .. } => self.run_hook(trial, hook, &command, outcome),
            Command::Profile { trial, command, delay, is_load_over, .. } => {
                self.profile(trial, &command, delay, is_load_over, outcome);
            }
            Command::Prepare(assignment) => {
                self.prepare(assignment.trial, assignment.epoch, outcome);
            }
            Command::Start { trial, epoch, arming, at } => {
                self.start(now, (trial, epoch), (arming, at), outcome);
            }
            Command::Abort { trial, reason } => {
                self.profilers.remove(&trial);
                if self.trials.contains_key(&trial) {
                    self.fail(trial, format!("stopped: {reason}"), outcome);
                } else {
                    outcome.says.push((trial, no_such_trial()));
                }
            }
            Command::Release(trial) => {
                self.trials.remove(&trial);
                self.profilers.remove(&trial);
                self.hooks.retain(|(asked, _), _| *asked != trial);
            }
        }
    }

    fn start_target(
        &mut self,
        trial: TrialKey,
        command: &[String],
        timeout: Duration,
        outcome: &mut Outcome,
    ) {
        match self.targets.get(&trial.run) {
            Some((started, true)) => outcome.says.push((*started, Answer::TargetReady)),
            Some((_, false)) => {}
            None => {
                self.targets.insert(trial.run, (trial, false));
                match command[0].as_str() {
                    "hang" => outcome.later.push((timeout, Deed::TargetDown(trial))),
                    "fail" => outcome.later.push((self.delay, Deed::TargetDown(trial))),
                    _ => outcome.later.push((self.delay, Deed::TargetUp(trial))),
                }
            }
        }
    }

    fn run_hook(&mut self, trial: TrialKey, hook: u32, command: &[String], outcome: &mut Outcome) {
        match self.hooks.get(&(trial, hook)) {
            Some(answer) => outcome.says.extend(answer.clone().map(|answer| (trial, answer))),
            None => {
                self.hooks.insert((trial, hook), None);
                let failure = (command[0] == "fail").then(|| "exit status 1".to_owned());
                if command[0] != "hang" {
                    outcome.later.push((self.delay, Deed::HookEnded(trial, hook, failure)));
                }
            }
        }
    }

    fn profile(
        &mut self,
        trial: TrialKey,
        command: &[String],
        delay: Duration,
        is_load_over: bool,
        outcome: &mut Outcome,
    ) {
        let is_own_over = self.trials.get(&trial).is_some_and(|held| held.is_over);
        match self.profilers.get(&trial) {
            Some(answer) => outcome.says.extend(answer.clone().map(|answer| (trial, answer))),
            None if is_load_over || is_own_over => {
                let late = Answer::Profiled(Some("it was not started while the load ran".to_owned()));
                self.profilers.insert(trial, Some(late.clone()));
                outcome.says.push((trial, late));
            }
            None => {
                self.profilers.insert(trial, None);
                let problem = (command[0] == "fail").then(|| "exit status 1".to_owned());
                if command[0] != "hang" {
                    outcome.later.push((delay + self.delay, Deed::ProfilerEnded(trial, problem)));
                }
            }
        }
    }

    fn prepare(&mut self, trial: TrialKey, epoch: LeaseEpoch, outcome: &mut Outcome) {
        if let Some(held) = self.trials.get(&trial) {
            outcome.says.extend(held.said.clone().map(|said| (trial, said)));
            return;
        }
        self.trials.retain(|key, held| key.run != trial.run || held.epoch >= epoch);
        let held = Held { epoch, armed_for: None, said: None, numbered: 0, is_over: false };
        self.trials.insert(trial, held);
        if self.fails_at.contains(&Stage::Prepare) {
            outcome.later.push((self.delay, Deed::EngineBroken(trial, "nobody answers there")));
        } else if !self.is_silent_at.contains(&Stage::Prepare) {
            outcome.later.push((self.delay, Deed::EngineReady(trial)));
        }
    }

    fn start(
        &mut self,
        now: Moment,
        (trial, epoch): (TrialKey, LeaseEpoch),
        (arming, at): (u32, Moment),
        outcome: &mut Outcome,
    ) {
        if self.is_silent_at.contains(&Stage::Start) {
            return;
        }
        let held = self.trials.get(&trial).filter(|held| held.epoch == epoch);
        match held.map(|held| (held.said.clone(), held.armed_for)) {
            Some((Some(Answer::Ready), _)) if self.fails_at.contains(&Stage::Start) => {
                self.fail(trial, "the start has passed".to_owned(), outcome);
            }
            Some((Some(Answer::Armed { arming: last, .. }), Some((_, begins))))
                if last < arming && begins <= now =>
            {
                self.fail(trial, "it had begun already".to_owned(), outcome);
            }
            Some((Some(Answer::Ready), _)) if at <= now => {
                outcome.says.push((trial, Answer::StartTooLate { arming, late: now - at }));
            }
            Some((Some(Answer::Armed { arming: last, .. }), _)) if last >= arming => {
                outcome.says.extend(held.and_then(|held| held.said.clone()).map(|said| (trial, said)));
            }
            Some((Some(Answer::Ready | Answer::Armed { .. }), _)) => {
                self.arm(now, trial, (arming, at), outcome)
            }
            Some((said, _)) => outcome.says.extend(said.map(|said| (trial, said))),
            None => outcome.says.push((trial, no_such_trial())),
        }
    }

    fn arm(&mut self, now: Moment, trial: TrialKey, (arming, at): (u32, Moment), outcome: &mut Outcome) {
        if let Some(held) = self.trials.get_mut(&trial) {
            held.armed_for = Some((arming, at));
        }
        self.say(trial, armed(arming), outcome);
        if self.fails_at.contains(&Stage::Measure) {
            outcome.later.push((at - now + MEASURES_FOR / 2, Deed::EngineBroken(trial, "out of sockets")));
        } else if !self.is_silent_at.contains(&Stage::Measure) {
            outcome.later.push((at - now + MEASURES_FOR, Deed::EngineDone(trial, arming)));
        }
    }

    fn armed(&self, trial: TrialKey) -> Option<(u32, Moment)> {
        self.trials.get(&trial).and_then(|held| held.armed_for)
    }

    fn number(&mut self, trial: TrialKey, intervals: u64) {
        if let Some(held) = self.trials.get_mut(&trial).filter(|held| !held.is_over) {
            held.numbered = intervals;
        }
    }

    fn say(&mut self, trial: TrialKey, answer: Answer, outcome: &mut Outcome) {
        if let Some(held) = self.trials.get_mut(&trial).filter(|held| !held.is_over) {
            held.said = Some(answer.clone());
            outcome.says.push((trial, answer));
        }
    }

    fn fail(&mut self, trial: TrialKey, reason: String, outcome: &mut Outcome) {
        let intervals = self.trials.get(&trial).map_or(0, |held| held.numbered);
        let failed = Answer::Failed { reason, intervals };
        let answer = if self.refuses { Answer::Refused(Box::new(failed)) } else { failed };
        self.end(trial, answer, outcome);
    }

    fn end(&mut self, trial: TrialKey, answer: Answer, outcome: &mut Outcome) {
        let Some(held) = self.trials.get_mut(&trial) else { return };
        if !held.is_over {
            held.is_over = true;
            held.said = Some(answer);
        }
        outcome.says.extend(held.said.clone().map(|said| (trial, said)));
    }
}

fn armed(arming: u32) -> Answer {
    Answer::Armed { arming, skew_us: Some((1.0, 2.0)) }
}

fn no_such_trial() -> Answer {
    Answer::Failed { reason: "the agent holds no such trial".to_owned(), intervals: 0 }
}
