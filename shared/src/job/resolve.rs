//! A job with its templates filled in: what is sent to agents.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::builtin::BuiltIn;
use super::template::{IsDeferred, Lookup, TemplateError, fill_map, fill_text, render_text};
use super::{
    DataColumn, FleetNeed, HookSpec, Hooks, Job, Load, MixedWorkload, OperationSpec, ProfileSpec, TargetSpec,
    WorkloadSpec, names,
};

/// Most bytes that all names of a job may be replaced by: a short file can name a long param very often.
pub const RESOLVED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a job's templates cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// A text that is no template, or a name without a value.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// More text than this many bytes: [`RESOLVED_BYTES_MAX`], of which each variant of a job has its part.
    #[error("the job's names are replaced by more than {0} bytes: shorten a param or use it less")]
    TooLong(usize),
}

/// What of a job holds templates, filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedJob {
    /// What is done. Every text of its settings is still a template, in which only those names stand that the agents
    /// know: data, extracted values and built-ins.
    pub workload: WorkloadSpec,
    /// What is measured, when fleetmark starts it. Its words are still templates, in which only `env:` and `secret:` stand.
    pub target: Option<TargetSpec>,
    /// Programs that run around trials and the run; their words as the target's.
    pub hooks: Hooks,
    /// The profiler; in its words also those names stand that only it is told.
    pub profile: Option<ProfileSpec>,
}

/// Everything that two jobs must have in common to measure the same. Names, tags, claims and unused params are none of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement<'a> {
    load: &'a Load,
    data: &'a BTreeMap<String, DataColumn>,
    fleet: &'a FleetNeed,
    files: &'a [String],
    /// What holds templates, params filled in; `None`: it cannot be resolved.
    resolved: Option<ResolvedJob>,
}

impl Job {
    /// What it measures, to be compared with what another job does.
    pub fn measurement(&self) -> Measurement<'_> {
        let later = names::TRIAL_NAMES.map(|name| (name.to_owned(), format!("{{{{{name}}}}}"))).into();
        Measurement {
            load: &self.load,
            data: &self.data,
            fleet: &self.fleet,
            files: &self.files,
            // What is profiled is not measured.
            resolved: self.resolved(&later).ok().map(|resolved| ResolvedJob { profile: None, ..resolved }),
        }
    }

    /// The value of a param as templates show it; `None`: there is no such param.
    pub fn param(&self, name: &str) -> Option<String> {
        names::text_of(self.params.get(name)?)
    }

    /// Fills in params, and what is known by now beside them (`target.host`, `target.port`, `peer.host`).
    ///
    /// # Errors
    /// A name that has no value yet, or a result beyond [`RESOLVED_BYTES_MAX`].
    pub fn resolved(&self, extra: &BTreeMap<String, String>) -> Result<ResolvedJob, ResolveError> {
        let left = Cell::new(RESOLVED_BYTES_MAX);
        let is_too_long = Cell::new(false);
        let lookup = |name: &str| {
            let value = extra.get(name).cloned().or_else(|| self.param(name))?;
            let remaining = left.get().checked_sub(value.len());
            is_too_long.set(remaining.is_none());
            left.set(remaining?);
            Some(value)
        };
        self.filled_in(&lookup).map_err(|error| match error {
            TemplateError::NoValue(_) if is_too_long.get() => ResolveError::TooLong(RESOLVED_BYTES_MAX),
            error => error.into(),
        })
    }

    fn filled_in(&self, lookup: Lookup<'_>) -> Result<ResolvedJob, TemplateError> {
        let target = self.target.as_ref().map(|target| target.filled_in(lookup)).transpose()?;
        let extracted: BTreeSet<&str> = self.workload.extracted_names().collect();
        let is_deferred = |name: &str| {
            let is_known_to_agents =
                || matches!(BuiltIn::parse(name), Ok(Some(builtin)) if builtin.is_deferred());
            self.data.contains_key(name) || extracted.contains(name) || is_known_to_agents()
        };
        Ok(ResolvedJob {
            workload: self.workload.filled_in(lookup, &is_deferred)?,
            target,
            hooks: self.hooks.filled_in(lookup)?,
            profile: self.profile.as_ref().map(|profile| profile.filled_in(lookup)).transpose()?,
        })
    }
}

impl WorkloadSpec {
    /// Names that operations take out of answers: the keys of their `extract` tables.
    pub fn extracted_names(&self) -> impl Iterator<Item = &str> {
        let tables =
            self.operations.iter().filter_map(|operation| operation.settings.get("extract")?.as_object());
        tables.flat_map(|table| table.keys().map(String::as_str))
    }

    fn filled_in(&self, lookup: Lookup<'_>, is_deferred: IsDeferred<'_>) -> Result<Self, TemplateError> {
        let operation = |operation: &OperationSpec| -> Result<OperationSpec, TemplateError> {
            let settings = fill_map(&operation.settings, lookup, is_deferred)?;
            Ok(OperationSpec { settings, ..operation.clone() })
        };
        let mixed = |mixed: &MixedWorkload| -> Result<MixedWorkload, TemplateError> {
            let settings = fill_map(&mixed.settings, lookup, is_deferred)?;
            Ok(MixedWorkload { settings, ..mixed.clone() })
        };
        Ok(Self {
            kind: self.kind.clone(),
            settings: fill_map(&self.settings, lookup, is_deferred)?,
            operations: self.operations.iter().map(operation).collect::<Result<_, _>>()?,
            is_scenario: self.is_scenario,
            mix: self.mix.iter().map(mixed).collect::<Result<_, _>>()?,
        })
    }
}

impl TargetSpec {
    fn filled_in(&self, lookup: Lookup<'_>) -> Result<Self, TemplateError> {
        let ready = self.ready.as_ref().map(|ready| render_text(ready, lookup)).transpose()?;
        Ok(Self { start: fill_words(&self.start, lookup)?, ready, ..self.clone() })
    }
}

impl Hooks {
    fn filled_in(&self, lookup: Lookup<'_>) -> Result<Self, TemplateError> {
        let hooks = |hooks: &[HookSpec]| -> Result<Vec<HookSpec>, TemplateError> {
            let hook = |hook: &HookSpec| {
                Ok(HookSpec { command: fill_words(&hook.command, lookup)?, timeout: hook.timeout })
            };
            hooks.iter().map(hook).collect()
        };
        Ok(Self {
            before_run: hooks(&self.before_run)?,
            before_trial: hooks(&self.before_trial)?,
            after_trial: hooks(&self.after_trial)?,
            after_run: hooks(&self.after_run)?,
        })
    }
}

impl ProfileSpec {
    fn filled_in(&self, lookup: Lookup<'_>) -> Result<Self, TemplateError> {
        let is_left = |name: &str| {
            let builtin = BuiltIn::parse(name).ok().flatten();
            builtin.is_some_and(|builtin| builtin.is_confidential() || builtin.is_of_profiler())
        };
        let words = self.command.iter().map(|word| fill_text(word, lookup, &is_left));
        Ok(Self { command: words.collect::<Result<_, _>>()?, ..self.clone() })
    }
}

/// Words of a program: what must not be told is filled in where it runs.
fn fill_words(words: &[String], lookup: Lookup<'_>) -> Result<Vec<String>, TemplateError> {
    let is_confidential = |name: &str| matches!(BuiltIn::parse(name), Ok(Some(it)) if it.is_confidential());
    words.iter().map(|word| fill_text(word, lookup, &is_confidential)).collect()
}
