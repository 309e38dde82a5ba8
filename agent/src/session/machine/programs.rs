//! What an agent is told and says of programs: each order is carried out once, however often it comes.

use shared::ids::TrialKey;

use super::refusal::refusal;
use super::{Action, Machine, Order, Question, Statement};

/// Answers about hooks and targets that are remembered for repetition, each a few words.
const ANSWERS_MAX: usize = 4_096;

/// What is said of a profiler whose order came when the load was over.
const NOT_STARTED: &str = "it was not started while the load ran";

impl Machine {
    /// Has a program started, stopped or found a port for, unless that was done before: the answer is then repeated.
    pub(super) fn run_program(&mut self, order: Order, actions: &mut Vec<Action>) {
        // What its own workloads left, every agent undoes.
        let is_no_program = matches!(&order, Order::RunHook { command, .. } if command.is_empty());
        if !self.may_run_programs && !is_no_program && !matches!(order, Order::StopTarget(_)) {
            return actions.extend(refusal(&order).map(Action::Say));
        }
        let question = match &order {
            Order::StartTarget { trial, .. } => Some(Question::Target(trial.run)),
            Order::RunHook { trial, hook, .. } => Some(Question::Hook(*trial, *hook)),
            Order::Profile { trial, .. } => Some(Question::Profile(*trial)),
            _ => None,
        };
        let over = match &order {
            Order::Profile { trial, order, .. } if order.is_load_over || self.is_load_over(*trial) => {
                Some(*trial)
            }
            _ => None,
        };
        match question.and_then(|question| self.answers.get(&question)) {
            Some(Some(answer)) => actions.push(Action::Say(answer.clone())),
            // It is being done: the answer will come.
            Some(None) => actions.extend(over.map(Action::TellLoadEnd)),
            None => {
                // What it would see is a target that nobody asks anything.
                if let Some(trial) = over {
                    return self.answer(Statement::Profiled(trial, Some(NOT_STARTED.to_owned())), actions);
                }
                if let Order::StopTarget(trial) = &order {
                    self.answers.remove(&Question::Target(trial.run));
                }
                if let Some(question) = question {
                    self.answers.insert(question, None);
                }
                if self.answers.len() > ANSWERS_MAX {
                    self.answers.pop_first();
                }
                actions.push(Action::Program(order));
            }
        }
    }

    /// Says what came of a program, and remembers it.
    pub(super) fn answer(&mut self, statement: Statement, actions: &mut Vec<Action>) {
        let told = if let Statement::Refused(failure) = &statement { failure } else { &statement };
        match told {
            // Until the target is stopped, which the coordinator orders in either case.
            Statement::TargetReady(trial) | Statement::TargetFailed(trial, _) => {
                self.answers.insert(Question::Target(trial.run), Some(statement.clone()));
            }
            Statement::TargetStopped(trial) => {
                self.answers.remove(&Question::Target(trial.run));
            }
            Statement::HookDone(trial, hook, _) => {
                self.answers.insert(Question::Hook(*trial, *hook), Some(statement.clone()));
            }
            Statement::Profiled(trial, _) => {
                self.answers.insert(Question::Profile(*trial), Some(statement.clone()));
            }
            _ => {}
        }
        actions.push(Action::Say(statement));
    }

    /// Whether this agent's own load of a trial is over.
    fn is_load_over(&self, trial: TrialKey) -> bool {
        self.trials.get(&trial).is_some_and(|held| held.is_over)
    }

    /// Ends what runs of a trial's profiler, and forgets what came of it.
    pub(super) fn end_profiler(&mut self, trial: TrialKey, actions: &mut Vec<Action>) {
        if self.answers.remove(&Question::Profile(trial)).is_some() {
            actions.push(Action::EndProfiler(trial));
        }
    }
}
