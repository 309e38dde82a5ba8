//! The names that templates use: each must be defined once, or be one of fleetmark's own, and must have its value
//! where its text is read. Rooms: [`definitions`], where names come from; `apart`, what only one of several workloads knows.

mod apart;
pub(super) mod definitions;

use std::collections::BTreeSet;
use std::ops::Range;

use super::builtin::BuiltIn;
use super::error::{Findings, JobError, proposal, quoted};
use super::node::Node;
use super::template::Template;
pub(super) use definitions::Definitions;

/// Names that have a value only while a trial is set up: its target's, and the other agent's of a pair.
pub(super) const TRIAL_NAMES: [&str; 3] = ["target.host", "target.port", "peer.host"];

/// A scalar as templates show it.
pub(super) fn text_of(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(_) | serde_json::Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// When a text is read, which decides what can stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// When the job is submitted: params only.
    AtSubmission,
    /// Around the run, when no target answers.
    AroundTheRun,
    /// By the coordinator, before a trial or around it.
    BeforeATrial,
    /// By the agents.
    ByAgents,
    /// By the agents, for a profiler.
    ByProfilers,
}

/// The names of a job file and its text, to check texts against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) definitions: &'a Definitions<'a>,
    /// The job file, to find the place of a name within a text.
    pub(super) source: &'a str,
}

impl Names<'_> {
    /// Checks every name in every text of workload, target and hooks.
    pub(super) fn check(&self, root: &Node<'_>, findings: &mut Findings) {
        self.definitions.check(root, findings);
        apart::check(root, findings);
        for section in ["workload", "workloads"] {
            if let Some(node) = root.child(section) {
                self.check_texts(&node, Reading::ByAgents, findings);
            }
        }
        if let Some(target) = root.child("target") {
            self.check_texts(&target, Reading::BeforeATrial, findings);
            if let Some(ready) = target.child("ready") {
                self.check_is_known_early(&ready, findings);
            }
        }
        if let Some(profile) = root.child("profile") {
            self.check_texts(&profile, Reading::ByProfilers, findings);
        }
        let hooks = root.child("hooks");
        for (key, programs) in hooks.iter().flat_map(Node::entries) {
            let is_around_the_run = matches!(key, "before_run" | "after_run");
            let reading = if is_around_the_run { Reading::AroundTheRun } else { Reading::BeforeATrial };
            self.check_texts(&programs, reading, findings);
        }
    }

    /// Checks every name in every text within a value.
    pub(super) fn check_texts(&self, node: &Node<'_>, reading: Reading, findings: &mut Findings) {
        node.entries().for_each(|(_, entry)| self.check_texts(&entry, reading, findings));
        node.items().for_each(|item| self.check_texts(&item, reading, findings));
        let Some(text) = node.text() else { return };
        match Template::parse(text) {
            Ok(template) => {
                // Each once: a hostile text repeats a name very often.
                for name in template.names().collect::<BTreeSet<_>>() {
                    self.check_name(name, node, reading, findings);
                }
            }
            Err(error) => findings.push(node.error(error.to_string())),
        }
    }

    /// Says so when a text that must be known before a trial uses a name that only the agents know.
    pub(super) fn check_is_known_early(&self, node: &Node<'_>, findings: &mut Findings) {
        let Some(Ok(template)) = node.text().filter(|text| text.contains("{{")).map(Template::parse) else {
            return;
        };
        for name in template.names().collect::<BTreeSet<_>>() {
            let is_builtin =
                || BuiltIn::parse(name).is_ok_and(|builtin| builtin.is_some_and(|it| it.is_deferred()));
            if self.definitions.is_deferred(name) || is_builtin() {
                let message = format!(
                    "{} gets its values while operations run, and this must be known before",
                    quoted(name)
                );
                findings.push(self.error(name, node, message, findings).with_help("use a param"));
            }
        }
    }

    fn check_name(&self, name: &str, node: &Node<'_>, reading: Reading, findings: &mut Findings) {
        let found = match BuiltIn::parse(name) {
            Err(error) => Err((error.to_string(), None)),
            Ok(Some(builtin)) => self.check_builtin(name, &builtin, reading),
            Ok(None) if self.definitions.has_param(name) => Ok(()),
            Ok(None) if self.definitions.is_deferred(name) => check_deferred(name, reading),
            Ok(None) => {
                let known = self.definitions.all().chain(BuiltIn::names());
                let help = if findings.is_full() { None } else { proposal(name, known) };
                Err((format!("unknown name {}", quoted(name)), help))
            }
        };
        if let Err((message, help)) = found {
            findings.push(JobError { help, ..self.error(name, node, message, findings) });
        }
    }

    fn check_builtin(
        &self,
        name: &str,
        builtin: &BuiltIn,
        reading: Reading,
    ) -> Result<(), (String, Option<String>)> {
        match builtin {
            BuiltIn::PeerHost if !self.definitions.has_peers() => {
                let message = format!("{} has no value: agents do not meet in pairs", quoted(name));
                Err((message, Some("write placement = \"pairs\" in [fleet]".to_owned())))
            }
            BuiltIn::PeerHost => match reading {
                Reading::AtSubmission | Reading::AroundTheRun => {
                    let message = format!("{} has no value here: agents meet in trials", quoted(name));
                    Err((message, None))
                }
                Reading::BeforeATrial | Reading::ByAgents | Reading::ByProfilers => Ok(()),
            },
            BuiltIn::TargetHost | BuiltIn::TargetPort if !self.definitions.has_target() => {
                let message = format!("{} has no value: there is no [target]", quoted(name));
                Err((message, Some("add [target] with what to start".to_owned())))
            }
            BuiltIn::TargetHost | BuiltIn::TargetPort => match reading {
                Reading::AtSubmission | Reading::AroundTheRun => {
                    let message = format!("{} has no value here: no target has been started", quoted(name));
                    Err((message, None))
                }
                Reading::BeforeATrial | Reading::ByAgents | Reading::ByProfilers => Ok(()),
            },
            BuiltIn::TargetPid if !self.definitions.has_target() => {
                let message = format!("{} has no value: there is no [target]", quoted(name));
                Err((message, Some("add [target] with what to start".to_owned())))
            }
            _ if builtin.is_of_profiler() && reading == Reading::ByProfilers => Ok(()),
            _ if builtin.is_of_profiler() => {
                let message = format!("{} has no value here: only a profiler is told it", quoted(name));
                Err((message, Some("use it in the command of [profile]".to_owned())))
            }
            // Programs are given these too, wherever they run.
            _ if builtin.is_confidential() && reading != Reading::AtSubmission => Ok(()),
            _ => check_deferred(name, reading),
        }
    }

    fn error(&self, name: &str, node: &Node<'_>, message: String, findings: &Findings) -> JobError {
        // Looking for a place takes a walk over the text, which is wasted on an error that is only counted.
        let span = if findings.is_full() { node.span() } else { span_of(name, node, self.source) };
        JobError::new(span, node.path(), message)
    }
}

/// What only the agents know, while operations run, has no value before.
fn check_deferred(name: &str, reading: Reading) -> Result<(), (String, Option<String>)> {
    if reading == Reading::ByAgents {
        return Ok(());
    }
    let message = format!("{} has no value here: it gets one only while operations run", quoted(name));
    Err((message, Some("use a param".to_owned())))
}

/// Where a name stands inside its text; the whole text when it is written with escapes.
fn span_of(name: &str, node: &Node<'_>, source: &str) -> Option<Range<usize>> {
    let whole = node.span()?;
    let found = source.get(whole.clone()).and_then(|raw| {
        let opened = raw.match_indices(name).find(|(at, _)| raw[..*at].trim_end().ends_with("{{"));
        opened.map(|(at, _)| whole.start + at..whole.start + at + name.len())
    });
    Some(found.unwrap_or(whole))
}
