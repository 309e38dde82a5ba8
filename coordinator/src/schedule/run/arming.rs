//! Telling all agents one moment to start at; and a later one, when it does not reach all of them in time.

use std::time::Duration;

use shared::finding::FindingCode;
use shared::ids::AgentId;

use super::super::step::Step;
use super::super::{Action, Command};
use super::ActiveRun;
use crate::fleet::{Fleet, Moment};

/// From the moment all agents are ready to the common start T at least: room for the tick by which an answer that is
/// missing is noticed, and for agents that are busy.
const LEAD_MIN: Duration = Duration::from_millis(300);
/// The same at most, however slow a link seems: bounds what one stranger's delays do to a trial.
const LEAD_MAX: Duration = Duration::from_secs(5);
/// Round trips for which there is room besides: in the first quarter all should confirm, up to the middle the start may be
/// moved, and what is left then is for the new one to reach those that have confirmed.
const ROUND_TRIPS: u32 = 4;
/// How often a trial's agents are told a start, each time with twice the room, before the trial is given up.
pub(in crate::schedule) const ARMINGS_MAX: u32 = 5;

/// The start that the agents were told last.
#[derive(Debug, Clone, Default)]
pub(super) struct Arming {
    /// Its number, from 0.
    pub(super) number: u32,
    /// From when it was told to T.
    lead: Duration,
    /// When all agents should have confirmed it.
    confirm_by: Moment,
    /// Until when another one would still reach those that have.
    move_by: Moment,
    /// The longest round trip that refusals of earlier starts told of.
    round_trip: Duration,
    /// An agent to which it came too late, and by how much.
    refused_by: Option<(AgentId, Duration)>,
    /// Whether it was told by this coordinator, and not by one that ended.
    is_ours: bool,
    /// Which start agents followed that were told it by one that ended.
    followed: Option<u32>,
}

impl ActiveRun {
    /// Tells all agents to start, far enough ahead for the slowest of them.
    pub(super) fn arm(&mut self, now: Moment, fleet: &Fleet, actions: &mut Vec<Action>) {
        let Arming { number: arming, round_trip, .. } = self.trial.arming;
        let agents = self.measuring();
        let longest = fleet.round_trip_max(&agents).max(round_trip);
        let lead = lead(longest, arming);
        let at = now + lead;
        self.trial.arming = Arming {
            number: arming,
            lead,
            confirm_by: now + (lead / 4).max(longest * 5 / 4),
            move_by: now + lead * 7 / 12,
            round_trip,
            refused_by: None,
            is_ours: true,
            followed: None,
        };
        let started_at_ms = self.unix_ms(at);
        if let Some(record) = self.trial_record() {
            record.started_at_ms = Some(started_at_ms);
            // What was said of an earlier start is of no account.
            (record.start_skew_us, record.start_skew_error_us) = (None, None);
        }
        let (trial, epoch) = (self.key(), self.trial.epoch);
        for agent in agents {
            self.ask(agent, Command::Start { trial, epoch, arming, at }, actions);
        }
        self.start_observers(arming, at, actions);
    }

    /// An agent is armed, by one of the trial's starts.
    pub(super) fn hear_armed(
        &mut self,
        step: Step,
        agent: AgentId,
        arming: u32,
        skew_us: Option<(f64, f64)>,
    ) {
        let Arming { is_ours, number, .. } = self.trial.arming;
        // Said in any step: the last ones of a coordinator that ended may not have been noted.
        if !is_ours {
            self.trial.is_prepared = true;
            self.follow(agent, arming);
        }
        match step {
            // By a start that an earlier coordinator gave and could not note before it ended.
            Step::Prepare => {
                self.trial.was_started = true;
                self.answered(agent);
            }
            // One that answers an earlier start than the last is no answer.
            Step::Arm if arming == number || !is_ours => {
                self.note_skew(skew_us);
                self.answered(agent);
            }
            _ => {}
        }
    }

    /// A start came too late to an agent.
    pub(super) fn refuse_start(&mut self, agent: AgentId, arming: u32, late: Duration) {
        let last = &mut self.trial.arming;
        if last.number == arming {
            last.refused_by = Some((agent, late));
            // It was on its way for so long, and its answer may have been too.
            last.round_trip =
                last.round_trip.max(last.lead.saturating_add(late).saturating_mul(2)).min(LEAD_MAX);
        }
    }

    /// Whether an agent that is done has begun at a start that was moved: one that followed the last said so before.
    pub(super) fn began_too_early(&self, agent: AgentId) -> bool {
        self.trial.arming.number > 0 && self.awaited.contains(&agent)
    }

    /// An agent has begun at a start that was moved.
    pub(super) fn break_early_start(&mut self, agent: AgentId) {
        let message = "it had begun when its start was moved: another agent had not confirmed it in time";
        self.break_trial(FindingCode::AgentFailed, Some(agent), message.to_owned());
        self.answered(agent);
    }

    /// Moves the start when it came too late to an agent, or when somebody has not confirmed it while there is still
    /// time to tell the others. Those whom the new one does not reach in time have begun, and say that they failed.
    pub(super) fn arm_again_if_late(&mut self, now: Moment, fleet: &Fleet, actions: &mut Vec<Action>) {
        let arming = &self.trial.arming;
        // One whose link broke may have it or not: it says so when it comes back.
        let is_unconfirmed = (arming.confirm_by..arming.move_by).contains(&now)
            && self.awaited.iter().any(|agent| fleet.is_here(*agent));
        let is_last = arming.number + 1 >= ARMINGS_MAX;
        match arming.refused_by {
            Some((agent, late)) if is_last => {
                let message = format!(
                    "the start came {late:?} too late to be followed, {ARMINGS_MAX} times in a row: the link or the host is too slow"
                );
                self.break_trial(FindingCode::AgentFailed, Some(agent), message);
            }
            None if is_last || !is_unconfirmed => {}
            _ => {
                self.trial.arming.number += 1;
                self.arm(now, fleet, actions);
            }
        }
    }

    /// An agent was told its start by a coordinator that ended, perhaps while it moved it.
    fn follow(&mut self, agent: AgentId, arming: u32) {
        if *self.trial.arming.followed.get_or_insert(arming) != arming {
            let message = "it followed another start than the others when the coordinator ended".to_owned();
            self.break_trial(FindingCode::AgentFailed, Some(agent), message);
        }
    }

    fn note_skew(&mut self, skew_us: Option<(f64, f64)>) {
        if let (Some((skew, error)), Some(record)) = (skew_us, self.trial_record()) {
            record.start_skew_us =
                Some(record.start_skew_us.map_or(skew.abs(), |worst| worst.max(skew.abs())));
            record.start_skew_error_us =
                Some(record.start_skew_error_us.map_or(error, |worst| worst.max(error)));
        }
    }
}

/// From now to T, given the longest round trip to any of the agents; doubled with every further try.
fn lead(round_trip_max: Duration, arming: u32) -> Duration {
    let first = round_trip_max.saturating_mul(ROUND_TRIPS).saturating_add(LEAD_MIN);
    first.saturating_mul(1 << arming.min(ARMINGS_MAX)).min(LEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lead_follows_the_slowest_link_within_bounds() {
        let ms = Duration::from_millis;
        assert_eq!(lead(Duration::ZERO, 0), LEAD_MIN);
        assert_eq!(lead(ms(40), 0), ms(460));
        assert_eq!(lead(ms(40), 2), ms(1_840));
        assert_eq!(lead(Duration::MAX, u32::MAX), LEAD_MAX);
    }
}
