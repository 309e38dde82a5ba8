//! Which agents a run gets: who matches, whose host has a free slot, and what to say when that is not enough.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::{AgentId, AgentName, RunId};
use shared::job::selector::Selector;

use super::{Fleet, Member};

/// Most agents named in a message about an unmet need: more would not be read.
const NAMED_MAX: usize = 10;

/// What a run needs of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    /// How many agents; `None`: every match.
    pub agents: Option<u32>,
    /// How many at least, when every match is taken.
    pub at_least: u32,
    /// Only agents with one of these names; `None`: any.
    pub named: Option<BTreeSet<AgentName>>,
    /// Which.
    pub selector: Selector,
    /// Which others are to observe, at least one of them, and so make no load; `None`: nobody is.
    pub observers: Option<Selector>,
    /// The workload kinds that they must be able to run.
    pub kinds: BTreeSet<String>,
    /// Whether targets or hooks are to be run.
    pub runs_programs: bool,
    /// Whether they are told secrets.
    pub takes_secrets: bool,
    /// Only agents with this word.
    pub reservation: Option<String>,
}

/// Why a need cannot be met now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// Too few agents match, idle or not: waiting is bounded by the job's `start_timeout`.
    Missing(String),
    /// Enough agents match but for what their own policies allow: waiting changes nothing.
    Refused(String),
    /// Enough agents match, but others measure on their hosts: the run keeps its place in the queue.
    Busy(String),
}

impl Unmet {
    /// The sentence for people.
    pub fn message(&self) -> &str {
        let (Unmet::Missing(message) | Unmet::Refused(message) | Unmet::Busy(message)) = self;
        message
    }
}

impl Fleet {
    /// The agents that a run would get now, by name.
    ///
    /// # Errors
    /// [`Unmet`] says what is missing and what there is, or who is in the way.
    pub fn candidates(&self, need: &Need) -> Result<Vec<AgentId>, Unmet> {
        let mut matching: Vec<&Member> =
            self.members.values().filter(|member| member.mismatch(need).is_none()).collect();
        matching.sort_by(|one, other| one.agent.name.cmp(&other.agent.name));
        let wanted = need.agents.map_or(matching.len().max(need.at_least as usize), |agents| agents as usize);
        if matching.len() < wanted {
            let refusals = self.refusals(need);
            if refusals.len() + matching.len() >= wanted {
                return Err(Unmet::Refused(refusals.join("; ")));
            }
            return Err(Unmet::Missing(self.missing_message(need, wanted, matching.len())));
        }
        if let Some(selector) = &need.observers
            && self.observers(selector, need.reservation.as_deref()).is_empty()
        {
            return Err(Unmet::Missing(self.no_observer_message(selector, need)));
        }
        let free: Vec<AgentId> = matching
            .iter()
            .filter(|member| self.has_free_slot(member))
            .map(|member| member.agent.id)
            .take(wanted)
            .collect();
        if free.len() < wanted {
            let busy: Vec<String> = matching
                .iter()
                .filter(|member| !self.has_free_slot(member))
                .take(NAMED_MAX)
                .map(|member| member.agent.name.to_string())
                .collect();
            return Err(Unmet::Busy(format!(
                "waits for a free slot: another run measures on the host of {}",
                busy.join(", ")
            )));
        }
        Ok(free)
    }

    /// Keeps the hosts that a run waits for from runs that come after it, up to [`Fleet::forget_claims`]: otherwise a run
    /// that needs many agents would wait for as long as runs come that need few.
    pub fn claim(&mut self, need: &Need) {
        let mut matching: Vec<&Member> =
            self.members.values().filter(|member| member.mismatch(need).is_none()).collect();
        // Those that are free are the run's already; of the others it waits for the first to become free.
        matching.sort_by_key(|member| (member.lease.is_some(), member.agent.name.clone()));
        let wanted = need.agents.map_or(matching.len(), |agents| agents as usize);
        self.claimed.extend(matching.into_iter().take(wanted).map(|member| member.host().to_owned()));
    }

    /// The agents that a run would have now if it took the free ones that it needs beside those that it has, by name.
    /// `wanted`: how many that must be.
    ///
    /// # Errors
    /// [`Unmet`], as for [`Fleet::candidates`].
    pub fn regrouped(&self, run: RunId, need: &Need, wanted: usize) -> Result<Vec<AgentId>, Unmet> {
        let is_free = |member: &Member| {
            let mut runs = self.runs_on(member.host());
            runs.insert(run);
            member.lease.is_none() && runs.len() <= self.slots_of(member.host())
        };
        let (mut kept, mut free): (Vec<&Member>, Vec<&Member>) = self
            .members
            .values()
            .filter(|member| {
                member.lease == Some(run) || (is_free(member) && member.mismatch(need).is_none())
            })
            .partition(|member| member.lease == Some(run));
        if kept.len() + free.len() < wanted {
            let found = kept.len() + free.len();
            return Err(Unmet::Missing(self.missing_message(need, wanted, found)));
        }
        free.sort_by(|one, other| one.agent.name.cmp(&other.agent.name));
        free.truncate(wanted.saturating_sub(kept.len()));
        kept.append(&mut free);
        kept.sort_by(|one, other| one.agent.name.cmp(&other.agent.name));
        Ok(kept.into_iter().map(|member| member.agent.id).collect())
    }

    /// The agents that could observe a run now, by name. They need no slot, and may be busy with anything.
    pub fn observers(&self, selector: &Selector, reservation: Option<&str>) -> Vec<AgentId> {
        let mut matching: Vec<&Member> =
            self.members.values().filter(|it| it.cannot_observe(selector, reservation).is_none()).collect();
        matching.sort_by(|one, other| one.agent.name.cmp(&other.agent.name));
        matching.into_iter().map(|member| member.agent.id).collect()
    }

    fn no_observer_message(&self, selector: &Selector, need: &Need) -> String {
        let reservation = need.reservation.as_deref();
        let reasons = self.reasons(need, |member| member.cannot_observe(selector, reservation));
        format!("waits for an agent to observe (fleet.observe) where {selector}{reasons}")
    }

    /// Why an agent is not what a selector asks for, with its name; `None`: it is.
    pub fn mismatch(&self, agent: AgentId, selector: &Selector) -> Option<String> {
        let Some(member) = self.members.get(&agent) else { return Some("it is not here".to_owned()) };
        member.unlike(selector).map(|reason| format!("{}: {reason}", member.agent.name))
    }

    fn has_free_slot(&self, member: &Member) -> bool {
        member.lease.is_none()
            && self.runs_on(member.host()).len() < self.slots_of(member.host())
            && !self.claimed.contains(member.host())
    }

    /// What the agents say that match but for their own policies.
    fn refusals(&self, need: &Need) -> Vec<String> {
        let mut refusing: Vec<&Member> =
            self.members.values().filter(|member| member.absence(need).is_none()).collect();
        refusing.sort_by(|one, other| one.agent.name.cmp(&other.agent.name));
        let refusal = |member: &&Member| {
            Some(format!("agent {} refuses: {}", member.agent.name, member.refusal(need)?))
        };
        refusing.iter().filter_map(refusal).collect()
    }

    fn missing_message(&self, need: &Need, wanted: usize, found: usize) -> String {
        let which =
            if need.selector.terms.is_empty() { String::new() } else { format!(" where {}", need.selector) };
        let mut message = format!(
            "waits for {wanted} agent{}{which}; {found} of them here",
            if wanted == 1 { "" } else { "s" }
        );
        message.push_str(&self.reasons(need, |member| member.mismatch(need)));
        message
    }

    /// Who is here and why each of them does not do, to follow a sentence that says who is waited for.
    fn reasons(&self, need: &Need, why: impl Fn(&Member) -> Option<String>) -> String {
        let others: Vec<String> = self
            .members
            .values()
            .filter(|member| member.agent.reservation == need.reservation)
            .filter_map(|member| {
                let labels = describe(&member.agent.labels);
                why(member).map(|reason| format!("{}{labels}: {reason}", member.agent.name))
            })
            .collect();
        if self.members.is_empty() {
            return "; no agents are attached".to_owned();
        }
        if others.is_empty() {
            return String::new();
        }
        let more = others.len().saturating_sub(NAMED_MAX);
        let named = others[..others.len().min(NAMED_MAX)].join("; ");
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("; does not match: {named}{more}")
    }
}

impl Member {
    /// Why the agent does not serve a need; `None`: it does.
    fn mismatch(&self, need: &Need) -> Option<String> {
        self.absence(need).or_else(|| self.refusal(need))
    }

    /// What its own policy says to a need that it could serve; `None`: nothing against it.
    fn refusal(&self, need: &Need) -> Option<String> {
        if let Some(kind) = need.kinds.iter().find(|kind| self.agent.refused_kinds.contains(kind)) {
            return Some(format!(
                "it does not run {kind:?} workloads (`kinds` of its configuration, or --allow {kind})"
            ));
        }
        if need.runs_programs && !self.agent.may_run_programs {
            return Some(
                "it does not run programs for [target] and [hooks] (`target` and `hooks` of its configuration, or --allow command)"
                    .to_owned(),
            );
        }
        (need.takes_secrets && !self.agent.is_private).then(|| {
            "it is told no secrets, since it calls from another machine without encryption (start the coordinator without --insecure)"
                .to_owned()
        })
    }

    /// Why the agent could not serve a need, whatever its policy says; `None`: it could.
    fn absence(&self, need: &Need) -> Option<String> {
        if self.gone_since.is_some() {
            return Some("its connection is broken".to_owned());
        }
        if self.is_draining {
            return Some("it is being drained: it takes no more runs".to_owned());
        }
        if self.agent.reservation != need.reservation {
            return Some("it belongs to another command".to_owned());
        }
        let is_unknown = |kind: &&String| {
            ![&self.agent.kinds, &self.agent.refused_kinds].iter().any(|kinds| kinds.contains(kind))
        };
        if let Some(kind) = need.kinds.iter().find(is_unknown) {
            return Some(format!("it does not know {kind:?} workloads"));
        }
        if need.named.as_ref().is_some_and(|names| !names.contains(&self.agent.name)) {
            return Some("the run measures other agents one by one, and none of that name".to_owned());
        }
        if need.observers.as_ref().is_some_and(|selector| self.unlike(selector).is_none()) {
            return Some("it only observes this run (fleet.observe)".to_owned());
        }
        self.unlike(&need.selector)
    }

    /// Why the agent cannot observe a run; `None`: it can.
    fn cannot_observe(&self, selector: &Selector, reservation: Option<&str>) -> Option<String> {
        if self.gone_since.is_some() {
            return Some("its connection is broken".to_owned());
        }
        if self.is_draining {
            return Some("it is being drained: it takes no more runs".to_owned());
        }
        if self.agent.reservation.as_deref() != reservation {
            return Some("it belongs to another command".to_owned());
        }
        self.unlike(selector)
    }

    /// Why its labels and facts are not what a selector asks for; `None`: they are. Labels come before facts, since people
    /// give them; `name` is its own.
    fn unlike(&self, selector: &Selector) -> Option<String> {
        let facts: BTreeMap<String, String> = self
            .agent
            .facts
            .iter()
            .chain(&self.agent.labels)
            .map(|(key, value)| (key.clone(), value.clone()))
            .chain([("name".to_owned(), self.agent.name.to_string())])
            .collect();
        selector.mismatch(&facts).map(|term| {
            let there =
                facts.get(&term.key).map_or_else(|| "is not set".to_owned(), |value| format!("is {value}"));
            format!("{} does not hold ({} {there})", term, term.key)
        })
    }
}

fn describe(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let pairs: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    format!(" ({})", pairs.join(" "))
}

#[cfg(test)]
mod tests {
    use shared::ids::RunId;

    use super::super::tests::agent;
    use super::super::{Introduction, Moment};
    use super::*;

    fn need(agents: Option<u32>, selector: &str) -> Need {
        Need {
            agents,
            at_least: 1,
            named: None,
            observers: None,
            selector: Selector::parse(selector).unwrap(),
            kinds: ["http".to_owned()].into(),
            runs_programs: false,
            takes_secrets: false,
            reservation: None,
        }
    }

    fn fleet(agents: impl IntoIterator<Item = Introduction>) -> Fleet {
        let mut fleet = Fleet::default();
        agents.into_iter().for_each(|agent| fleet.attach(Moment::ZERO, agent).unwrap());
        fleet
    }

    #[test]
    fn agents_that_match_but_for_their_policies_refuse_at_once() {
        let refusing = |number| Introduction {
            kinds: Vec::new(),
            refused_kinds: vec!["http".to_owned()],
            ..agent(number, "h1")
        };
        let told = fleet([refusing(1)]).candidates(&need(Some(1), "")).unwrap_err();
        assert!(
            matches!(&told, Unmet::Refused(message) if message.starts_with("agent a1 refuses: ")),
            "{told:?}"
        );
        assert!(fleet([refusing(1), agent(2, "h2")]).candidates(&need(Some(1), "")).is_ok());
        let another = fleet([refusing(1)]).candidates(&need(Some(2), "")).unwrap_err();
        assert!(matches!(another, Unmet::Missing(_)), "{another:?}");
    }

    #[test]
    fn secrets_are_told_to_nobody_whose_line_can_be_tapped() {
        let confiding = Need { takes_secrets: true, ..need(Some(1), "") };
        let tapped = Introduction { is_private: false, ..agent(1, "h1") };
        let told = fleet([tapped.clone()]).candidates(&confiding).unwrap_err();
        assert!(told.message().contains("told no secrets"), "{told:?}");
        assert_eq!(fleet([tapped, agent(2, "h2")]).candidates(&confiding), Ok(vec![agent(2, "h2").id]));
    }

    #[test]
    fn an_unmet_need_names_what_is_there_and_why_it_does_not_match() {
        let labelled =
            Introduction { labels: [("role".to_owned(), "target".to_owned())].into(), ..agent(1, "h1") };
        let unmet = fleet([labelled]).candidates(&need(Some(2), "role=load")).unwrap_err();
        let message = "waits for 2 agents where role=load; 0 of them here; does not match: a1 (role=target): role=load does not hold (role is target)";
        assert_eq!(unmet, Unmet::Missing(message.to_owned()));
    }

    #[test]
    fn leases_exclude() {
        let mut fleet = fleet([agent(1, "shared"), agent(2, "shared"), agent(3, "own")]);
        let first = fleet.candidates(&need(Some(1), "name=a1")).unwrap();
        fleet.lease(RunId::new(1, [0; 10]), &first);
        // Another agent of the same host has no slot left, since slots belong to the host.
        assert!(matches!(fleet.candidates(&need(Some(1), "name=a2")), Err(Unmet::Busy(_))));
        assert_eq!(fleet.candidates(&need(Some(1), "")).unwrap(), [AgentId::new([3; 16])]);
        fleet.release(RunId::new(1, [0; 10]));
        assert_eq!(fleet.candidates(&need(None, "")).unwrap().len(), 3);
    }

    #[test]
    fn reserved_agents_serve_their_own_run_only() {
        let reserved = Introduction { reservation: Some("mine".to_owned()), ..agent(1, "h") };
        let fleet = fleet([reserved]);
        assert!(fleet.candidates(&need(None, "")).is_err());
        assert!(fleet.candidates(&Need { reservation: Some("mine".to_owned()), ..need(None, "") }).is_ok());
    }
}
