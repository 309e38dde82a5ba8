//! What this agent may be told to do: its owner's own rules, which no coordinator can change.
//!
//! Rooms: [`keys`] (the file they come from), `targets`, `programs`, `databases`, `variables`, `limits` (one family of rules
//! each), `paths` (patterns of files), [`refusal`] (what is said when a rule forbids something), [`warden`] (the rules asked on
//! behalf of one trial).

mod databases;
pub mod keys;
mod limits;
mod paths;
mod programs;
pub mod refusal;
mod targets;
mod variables;
pub mod warden;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use shared::plan::Assignment;

pub use self::databases::DatabaseRules;
pub use self::limits::Limits;
pub use self::programs::ProgramRules;
pub use self::refusal::Refusal;
pub use self::targets::TargetRules;
pub use self::variables::{VariablePattern, VariablePatternError};
pub use self::warden::Warden;
use crate::child::launch::{Confinement, Launch};
use crate::values::names::variables_of;
use crate::workload::{TABLE, WorkloadKind};

/// The kind that `--allow` takes to stand for targets, hooks and profilers too.
const COMMAND: &str = "command";

/// The rules of one agent.
#[derive(Debug, Clone)]
pub struct Policy {
    kinds: BTreeSet<String>,
    /// Whether it may start targets.
    pub allows_target: bool,
    /// Whether it may run hooks.
    pub allows_hooks: bool,
    /// Whether it may run profilers.
    pub allows_profile: bool,
    /// Which programs workloads, targets, hooks and profilers may start.
    pub programs: ProgramRules,
    /// Which files SQLite may open.
    pub databases: DatabaseRules,
    /// Where it may connect to.
    pub targets: TargetRules,
    /// How much it may do.
    pub limits: Limits,
    /// How programs are started.
    pub launch: Launch,
    variables: Vec<VariablePattern>,
}

/// The rules of an agent whose owner says nothing: no programs, no variables, no databases' files, no metadata services.
impl Default for Policy {
    fn default() -> Self {
        let harmless = TABLE.iter().filter(|kind| !kind.needs_permission);
        Self {
            kinds: harmless.map(|kind| kind.schema.kind.to_owned()).collect(),
            allows_target: false,
            allows_hooks: false,
            allows_profile: false,
            programs: ProgramRules::default(),
            databases: DatabaseRules::default(),
            targets: TargetRules::default(),
            limits: Limits::default(),
            launch: Launch {
                environment: Some(Vec::new()),
                confinement: Confinement { dumps_nothing: true, ..Confinement::default() },
            },
            variables: Vec::new(),
        }
    }
}

impl Policy {
    /// No rules: for an agent that works for nobody but the person who started it.
    pub fn unrestricted() -> Self {
        Self {
            kinds: TABLE.iter().map(|kind| kind.schema.kind.to_owned()).collect(),
            allows_target: true,
            allows_hooks: true,
            allows_profile: true,
            databases: DatabaseRules::unrestricted(),
            targets: TargetRules::unrestricted(),
            launch: Launch::default(),
            variables: vec![VariablePattern::any()],
            ..Self::default()
        }
    }

    /// Allows a kind beside the others; `command` also allows targets, hooks and profilers, and every database's file where
    /// programs reach them anyway.
    pub fn allow(&mut self, kind: &str) {
        self.kinds.insert(kind.to_owned());
        if kind == COMMAND {
            (self.allows_target, self.allows_hooks, self.allows_profile) = (true, true, true);
            // SQLite works within the agent: which programs, and as whom they run, does not bind it.
            if self.programs.allowed.is_none() && self.launch.confinement.account.is_none() {
                self.databases = DatabaseRules::unrestricted();
            }
        }
    }

    /// Lets jobs, and the programs that they start, read further environment variables.
    pub fn allow_variables(&mut self, patterns: impl IntoIterator<Item = VariablePattern>) {
        self.variables.extend(patterns);
        self.launch.environment = Some(self.variables.clone());
    }

    /// Whether it may run workloads of a kind.
    pub fn allows_kind(&self, kind: &str) -> bool {
        self.kinds.contains(kind)
    }

    /// Whether it may start targets, or run hooks or profilers.
    pub fn allows_programs(&self) -> bool {
        self.allows_target || self.allows_hooks || self.allows_profile
    }

    /// The kinds of the table that it may run, or may not.
    pub fn kinds(&self, are_allowed: bool) -> impl Iterator<Item = &'static WorkloadKind> {
        TABLE.iter().filter(move |kind| self.allows_kind(kind.schema.kind) == are_allowed)
    }

    /// Whether it may do its part in a trial, as far as that can be told before anything is looked up. Addresses and
    /// programs are checked when they are known ([`Warden`]).
    ///
    /// # Errors
    /// The first rule that forbids it.
    pub fn check(&self, assignment: &Assignment) -> Result<(), Refusal> {
        if let Some(kind) = assignment.kinds().find(|kind| !self.allows_kind(kind)) {
            return Err(Refusal::Kind(kind.to_owned()));
        }
        self.limits.check(assignment)?;
        // Texts that cannot be read are told by whoever reads them next.
        self.check_variables(variables_of(assignment).unwrap_or_default())
    }

    /// Whether jobs may read some environment variables.
    ///
    /// # Errors
    /// The first that they may not.
    pub fn check_variables(&self, names: BTreeSet<String>) -> Result<(), Refusal> {
        match names.into_iter().find(|name| !self.variables.iter().any(|rule| rule.matches(name))) {
            Some(name) => Err(Refusal::Variable(name)),
            None => Ok(()),
        }
    }
}
