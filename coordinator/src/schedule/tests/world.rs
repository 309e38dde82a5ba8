//! The model world: agents behind links that break, in virtual time. At every moment it asserts what must always hold.

mod assertions;
mod deeds;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use shared::event::RunEvent;
use shared::finding::{Finding, FindingCode};
use shared::ids::{AgentId, LeaseEpoch, RunId, TrialKey};
use shared::job::Job;
use shared::run_record::{LookOutcome, RunRecord};

use super::super::{Adoption, Answer, Command, Event, Schedule, Submission, trial_under_way};
use super::simulated_agent::{Deed, SimulatedAgent};
use super::{agent_id, run_id, submission};
use crate::fleet::tests::agent as introduction;
use crate::fleet::{Introduction, Moment};

/// How often time is told to the schedule.
const TICK: Duration = Duration::from_secs(1);
/// How long judging takes.
const JUDGING: Duration = Duration::from_millis(50);

#[derive(Debug)]
enum Happening {
    Tick,
    Deed(AgentId, Deed),
    Arrives(AgentId, u64, Command),
    Heard(AgentId, u64, TrialKey, Answer),
    Stored(AgentId, u64, TrialKey, u64),
    /// The last number is that of the saves that were asked for before.
    Judged(TrialKey, bool, u64, usize),
    Looked(RunId, u32, u64),
}

pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) now: Moment,
    pub(super) agents: BTreeMap<AgentId, SimulatedAgent>,
    /// Every command, on which connection it was sent; `None`: there was none to send it on.
    pub(super) sent: Vec<(AgentId, Option<u64>, Command)>,
    pub(super) told: Vec<(RunId, RunEvent)>,
    pub(super) finished: BTreeMap<RunId, RunRecord>,
    /// When each run was over.
    pub(super) finished_at: BTreeMap<RunId, Moment>,
    /// Whether the store answers who asks for a judgement.
    pub(super) judges: bool,
    /// What every judgement finds.
    pub(super) finds: Option<FindingCode>,
    /// After how many blocks a look says what; it says nothing at any other.
    pub(super) looks: BTreeMap<u32, LookOutcome>,
    /// Whether the store answers who asks for a look, and how often it was asked.
    pub(super) answers_looks: bool,
    pub(super) looks_asked: u32,
    /// Every record that was saved, oldest first, those of submissions among them.
    saves: Vec<RunRecord>,
    /// Of these so many are on disk: what was stored after them came after them.
    durable_saves: usize,
    /// The lowest number of each agent's intervals that is not stored.
    stored: BTreeMap<(TrialKey, AgentId), u64>,
    jobs: BTreeMap<RunId, Arc<Job>>,
    /// How often the coordinator was restarted.
    incarnation: u64,
    connections: BTreeMap<AgentId, u64>,
    open: BTreeSet<TrialKey>,
    /// Lost agents, of which nothing more is stored.
    excluded: BTreeSet<(TrialKey, AgentId)>,
    judged: BTreeSet<TrialKey>,
    queue: BTreeMap<(Moment, u64), Happening>,
    count: u64,
}

impl World {
    /// A world with these agents attached: number and host of each. Every host has one slot.
    pub(super) fn new(agents: &[(u8, &str)]) -> Self {
        Self::with_slots(agents, &BTreeMap::new())
    }

    /// The same where some hosts have more slots.
    pub(super) fn with_slots(agents: &[(u8, &str)], slots: &BTreeMap<&str, u32>) -> Self {
        let mut world = Self {
            schedule: Schedule::new(1_700_000_000_000),
            now: Moment::ZERO,
            agents: BTreeMap::new(),
            sent: Vec::new(),
            told: Vec::new(),
            finished: BTreeMap::new(),
            finished_at: BTreeMap::new(),
            judges: true,
            finds: None,
            looks: BTreeMap::new(),
            answers_looks: true,
            looks_asked: 0,
            saves: Vec::new(),
            durable_saves: 0,
            stored: BTreeMap::new(),
            jobs: BTreeMap::new(),
            incarnation: 0,
            connections: BTreeMap::new(),
            open: BTreeSet::new(),
            excluded: BTreeSet::new(),
            judged: BTreeSet::new(),
            queue: BTreeMap::new(),
            count: 0,
        };
        world.later(TICK, Happening::Tick);
        for (number, host) in agents {
            let slots = slots.get(host).copied().unwrap_or(1);
            let introduction = Introduction { slots, ..introduction(*number, host) };
            world.agents.insert(agent_id(*number), SimulatedAgent::new(introduction));
            world.attach(*number);
        }
        world
    }

    pub(super) fn agent(&mut self, number: u8) -> &mut SimulatedAgent {
        self.agents.get_mut(&agent_id(number)).expect("the world was made with this agent")
    }

    pub(super) fn submit(&mut self, number: u8, job: &Arc<Job>) {
        self.submit_with_priority(number, job, 0);
    }

    pub(super) fn submit_with_priority(&mut self, number: u8, job: &Arc<Job>, priority: i32) {
        let mut submission = submission(number, job);
        submission.record.priority = priority;
        self.jobs.insert(submission.record.id, job.clone());
        self.saves.push(submission.record.clone());
        self.durable_saves = self.saves.len();
        self.step(Event::Submitted(Box::new(submission)));
    }

    /// The coordinator dies, with up to so many saves that were not on disk yet, and another takes its place. All links
    /// are broken then.
    pub(super) fn restart(&mut self, lost_saves: usize) {
        self.saves.truncate(self.saves.len().saturating_sub(lost_saves).max(self.durable_saves));
        self.durable_saves = self.saves.len();
        (self.incarnation, self.connections) = (self.incarnation + 1, BTreeMap::new());
        (self.open, self.judged) = (BTreeSet::new(), BTreeSet::new());
        self.excluded.clear();
        self.schedule = Schedule::new(1_700_000_000_000 + self.now.as_millis() as u64);
        let newest: BTreeMap<RunId, RunRecord> =
            self.saves.iter().map(|record| (record.id, record.clone())).collect();
        for (run, record) in newest {
            if self.finished.contains_key(&run) {
                continue;
            }
            let under_way = trial_under_way(&record).expect("a bookmark of our own");
            let of_trial = |((trial, _), _): &(&(TrialKey, AgentId), &u64)| Some(*trial) == under_way;
            let stored =
                self.stored.iter().filter(of_trial).map(|((_, agent), next)| (*agent, *next)).collect();
            let submission = Submission {
                record,
                job: self.jobs[&run].clone(),
                files: Arc::default(),
                confidential: Arc::default(),
            };
            let actions = self.schedule.adopt(self.now, Adoption { submission, stored });
            let actions = actions.expect("a bookmark of our own");
            actions.into_iter().for_each(|action| self.carry_out(action));
        }
    }

    pub(super) fn cancel(&mut self, number: u8) {
        self.step(Event::Cancelled { run: run_id(number), reason: "enough".to_owned() });
    }

    /// An agent's link stands, perhaps in place of one that still stood.
    pub(super) fn attach(&mut self, number: u8) {
        let id = agent_id(number);
        // Dead agents do not come back.
        let Some(agent) = self.agents.get(&id) else { return };
        let held = agent.trials.iter().map(|(trial, held)| (*trial, held.epoch)).collect();
        let holds: Vec<TrialKey> = agent.trials.keys().copied().collect();
        let introduction = Introduction { holds: held, ..agent.introduction.clone() };
        let says = agent.linked();
        self.schedule.fleet.attach(self.now, introduction).expect("its name is its own");
        self.count += 1;
        self.connections.insert(id, self.count);
        self.measure_round_trips();
        self.step(Event::AgentAttached(id));
        says.into_iter().for_each(|(trial, answer)| self.say(id, trial, answer));
        holds.into_iter().for_each(|trial| self.report(id, trial));
    }

    /// Its link breaks, and what is on its way with it.
    pub(super) fn detach(&mut self, number: u8) {
        let id = agent_id(number);
        if self.connections.remove(&id).is_some() {
            self.schedule.fleet.detach(self.now, id);
            self.step(Event::AgentDetached(id));
        }
    }

    /// It dies for good, with its engines and targets.
    pub(super) fn kill(&mut self, number: u8) {
        self.detach(number);
        self.agents.remove(&agent_id(number));
    }

    /// It dies, and is started anew under its old name: `new` is the number of the new process.
    pub(super) fn start_anew(&mut self, number: u8, new: u8) {
        let old = self.agent(number).introduction.clone();
        self.kill(number);
        let introduction = Introduction { id: agent_id(new), holds: Vec::new(), ..old };
        self.agents.insert(agent_id(new), SimulatedAgent::new(introduction));
        self.attach(new);
    }

    /// Something happens to it by itself.
    pub(super) fn befall(&mut self, number: u8, deed: Deed) {
        self.later(Duration::ZERO, Happening::Deed(agent_id(number), deed));
        self.pass(Duration::ZERO);
    }

    /// It says something, whatever it holds.
    pub(super) fn hear(&mut self, number: u8, trial: TrialKey, answer: Answer) {
        self.hear_under(number, trial, None, answer);
    }

    /// It says something under a lease.
    pub(super) fn hear_under(
        &mut self,
        number: u8,
        trial: TrialKey,
        lease: Option<LeaseEpoch>,
        answer: Answer,
    ) {
        self.step(Event::AgentSaid { agent: agent_id(number), trial, lease, answer });
    }

    /// Probes have told how slow the links are.
    pub(super) fn measure_round_trips(&mut self) {
        let fleet = &mut self.schedule.fleet;
        self.agents.iter().for_each(|(id, agent)| fleet.note_round_trip(*id, agent.delay * 2));
    }

    /// Tells the schedule the time, as it is told more often than a tick's distance here.
    pub(super) fn tick(&mut self) {
        self.step(Event::Tick);
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= end) {
            self.turn();
        }
        self.now = end;
    }

    /// Lets time pass until something is so.
    pub(super) fn pass_until(&mut self, within: Duration, is_so: impl Fn(&World) -> bool) {
        let end = self.now + within;
        while !is_so(self) {
            assert!(self.now <= end, "not so within {within:?}; runs: {:#?}", self.schedule);
            self.turn();
        }
    }

    /// Lets time pass until a command of this kind was sent.
    pub(super) fn pass_until_sent(&mut self, is_meant: impl Fn(&Command) -> bool) {
        self.pass_until(Duration::from_secs(600), |world| world.has_sent(&is_meant));
    }

    /// Lets time pass until all runs are over.
    pub(super) fn settle(&mut self, within: Duration) {
        self.pass_until(within, |world| world.schedule.active_runs() == 0);
    }

    pub(super) fn has_sent(&self, is_meant: impl Fn(&Command) -> bool) -> bool {
        self.sent.iter().any(|(_, _, command)| is_meant(command))
    }

    /// Lets time pass until a trial is judged.
    pub(super) fn pass_until_judging(&mut self) {
        self.pass_until(Duration::from_secs(600), |world| !world.judged.is_empty());
    }

    /// How many commands of this kind reached an agent's link.
    pub(super) fn sent_to(&self, number: u8, is_meant: impl Fn(&Command) -> bool) -> usize {
        let of_agent =
            self.sent.iter().filter(|(agent, link, _)| *agent == agent_id(number) && link.is_some());
        of_agent.filter(|(_, _, command)| is_meant(command)).count()
    }

    /// Asserts that no agent that lives holds a trial or runs a target.
    pub(super) fn assert_nothing_is_held(&self) {
        for agent in self.agents.values() {
            let name = &agent.introduction.name;
            assert!(agent.trials.is_empty(), "{name} still holds {:?}", agent.trials);
            assert!(agent.targets.is_empty(), "{name} still runs {:?}", agent.targets);
        }
        assert!(self.open.is_empty(), "intervals are still taken in of {:?}", self.open);
    }

    fn turn(&mut self) {
        let ((at, _), happening) = self.queue.pop_first().expect("there is always a next tick");
        self.now = self.now.max(at);
        match happening {
            Happening::Tick => {
                self.later(TICK, Happening::Tick);
                self.step(Event::Tick);
            }
            Happening::Deed(agent, deed) => self.act(agent, deed),
            Happening::Arrives(agent, link, command) if self.stands(agent, link) => {
                self.act(agent, Deed::Obey(command));
            }
            Happening::Heard(agent, link, trial, answer) if self.stands(agent, link) => {
                self.step(Event::AgentSaid { agent, trial, lease: None, answer });
            }
            Happening::Stored(agent, _, trial, _) if self.excluded.contains(&(trial, agent)) => {}
            Happening::Stored(agent, link, trial, next_sequence) if self.stands(agent, link) => {
                let stored = self.stored.entry((trial, agent)).or_default();
                *stored = next_sequence.max(*stored);
                self.durable_saves = self.saves.len();
                self.step(Event::IntervalsStored { agent, trial, next_sequence });
            }
            // Whoever asked for the judgement may be gone.
            Happening::Judged(_, _, incarnation, _) if incarnation != self.incarnation => {}
            Happening::Judged(trial, is_valid, _, saves) => {
                self.durable_saves = self.durable_saves.max(saves);
                let findings: Vec<Finding> =
                    self.finds.map(|code| Finding::of_trial(code, "seen")).into_iter().collect();
                self.step(Event::Judged { trial, is_valid: is_valid && findings.is_empty(), findings });
            }
            Happening::Looked(_, _, incarnation) if incarnation != self.incarnation => {}
            Happening::Looked(run, blocks, _) => {
                let outcome = self.looks.get(&blocks).cloned().unwrap_or(LookOutcome::GoOn);
                self.step(Event::Looked { run, blocks, outcome });
            }
            // The link that it was on its way by is broken.
            Happening::Arrives(..) | Happening::Heard(..) | Happening::Stored(..) => {}
        }
    }

    fn act(&mut self, id: AgentId, deed: Deed) {
        let Some(agent) = self.agents.get_mut(&id) else { return };
        let outcome = agent.act(self.now, deed);
        outcome.later.into_iter().for_each(|(after, deed)| self.later(after, Happening::Deed(id, deed)));
        for (trial, answer) in outcome.says {
            let ends = matches!(answer, Answer::Done { .. } | Answer::Failed { .. });
            self.say(id, trial, answer);
            if ends {
                self.report(id, trial);
            }
        }
    }

    fn say(&mut self, id: AgentId, trial: TrialKey, answer: Answer) {
        let (Some(link), Some(agent)) = (self.connections.get(&id).copied(), self.agents.get(&id)) else {
            return;
        };
        let (delay, times) = (agent.delay, if agent.says_everything_twice { 2 } else { 1 });
        for _ in 0..times {
            self.later(delay, Happening::Heard(id, link, trial, answer.clone()));
        }
    }

    /// Sends what it numbered; the coordinator stores it in two parts.
    fn report(&mut self, id: AgentId, trial: TrialKey) {
        use super::simulated_agent::Stage;
        let (Some(link), Some(agent)) = (self.connections.get(&id).copied(), self.agents.get(&id)) else {
            return;
        };
        let numbered = agent.trials.get(&trial).map_or(0, |held| held.numbered);
        let delay = agent.delay;
        if numbered > 0 && !agent.is_silent_at.contains(&Stage::Store) {
            self.later(delay, Happening::Stored(id, link, trial, numbered / 2));
            self.later(delay * 2, Happening::Stored(id, link, trial, numbered));
        }
    }

    fn stands(&self, agent: AgentId, link: u64) -> bool {
        self.connections.get(&agent) == Some(&link)
    }

    fn later(&mut self, after: Duration, happening: Happening) {
        self.count += 1;
        self.queue.insert((self.now + after, self.count), happening);
    }

    fn step(&mut self, event: Event) {
        let actions = self.schedule.step(self.now, event);
        actions.into_iter().for_each(|action| self.carry_out(action));
        self.assert_leases_exclude();
    }
}
