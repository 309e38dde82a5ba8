//! `[fleet]`, `[target]` and `[hooks]` as types.

use std::time::Duration;

use crate::job::error::Findings;
use crate::job::node::Node;
use crate::job::selector::{Selector, SelectorError};
use crate::job::{FleetNeed, HookSpec, Hooks, LossPolicy, Placement, TargetRestart, TargetSpec};

/// Default time to wait for agents.
pub const START_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Default time that a hook's program may take: long enough to restart a service, short enough to notice a hang.
pub const HOOK_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// Decodes `[fleet]`.
pub(in crate::job) fn fleet(root: &Node<'_>, source: &str, findings: &mut Findings) -> FleetNeed {
    let child = |key: &str| root.descendant(&["fleet", key]);
    FleetNeed {
        placement: match child("placement").as_ref().and_then(Node::text) {
            Some("each") => Placement::Each,
            Some("pairs") => Placement::Pairs,
            _ => Placement::Together,
        },
        agents: child("agents").and_then(|agents| agents.whole()),
        selector: selector(child("where").as_ref(), source, findings),
        observers: child("observe").map(|observe| selector(Some(&observe), source, findings)),
        on_agent_loss: match child("on_agent_loss").as_ref().and_then(Node::text) {
            Some("continue") => LossPolicy::Continue,
            _ => LossPolicy::Fail,
        },
        start_timeout: child("start_timeout")
            .and_then(|node| node.duration())
            .unwrap_or(START_TIMEOUT_DEFAULT),
        retries: child("retries").and_then(|retries| retries.whole()).unwrap_or(0),
    }
}

/// Decodes `[target]`; `None` when there is none.
pub(in crate::job) fn target(root: &Node<'_>, source: &str, findings: &mut Findings) -> Option<TargetSpec> {
    let node = root.child("target")?;
    let start = node.child("start").map(|start| words(&start, findings)).unwrap_or_default();
    let is_per_run = node.child("restart").is_some_and(|restart| restart.text() == Some("run"));
    Some(TargetSpec {
        start,
        ready: node.child("ready").and_then(|ready| ready.text()).map(str::to_owned),
        restart: if is_per_run { TargetRestart::Run } else { TargetRestart::Trial },
        selector: selector(node.child("where").as_ref(), source, findings),
    })
}

/// Decodes `[hooks]`.
pub(in crate::job) fn hooks(root: &Node<'_>, findings: &mut Findings) -> Hooks {
    let mut programs = |key: &str| -> Vec<HookSpec> {
        let list = root.descendant(&["hooks", key]);
        list.iter().flat_map(Node::items).map(|item| hook(&item, findings)).collect()
    };
    Hooks {
        before_run: programs("before_run"),
        before_trial: programs("before_trial"),
        after_trial: programs("after_trial"),
        after_run: programs("after_run"),
    }
}

fn hook(item: &Node<'_>, findings: &mut Findings) -> HookSpec {
    let command = item.child("command").unwrap_or_else(|| item.clone());
    let timeout = item.child("timeout").and_then(|node| node.duration());
    // A table without its command has been told already.
    let is_readable = !command.value().is_table();
    HookSpec {
        command: if is_readable { words(&command, findings) } else { Vec::new() },
        timeout: timeout.unwrap_or(HOOK_TIMEOUT_DEFAULT),
    }
}

/// A program and its arguments: a list as it is, a text split as a shell would, without a shell.
fn words(node: &Node<'_>, findings: &mut Findings) -> Vec<String> {
    let words = match node.text() {
        Some(text) => shlex::split(text),
        None => Some(node.items().filter_map(|item| item.text()).map(str::to_owned).collect()),
    };
    match &words {
        None => findings.push(
            node.error("expected a program and its arguments, found a quotation mark that is never closed"),
        ),
        Some(words) if words.first().is_none_or(String::is_empty) => {
            findings.push(node.error("expected a program and its arguments, found none"));
        }
        Some(words) if words.iter().any(|word| word.contains('\0')) => {
            findings.push(node.error("expected a program and its arguments, found a zero byte in one"));
        }
        Some(_) => {}
    }
    words.unwrap_or_default()
}

fn selector(node: Option<&Node<'_>>, source: &str, findings: &mut Findings) -> Selector {
    let Some((node, text)) = node.and_then(|node| Some((node, node.text()?))) else {
        return Selector::default();
    };
    Selector::parse(text).unwrap_or_else(|error| {
        let (SelectorError::NoComparison(term)
        | SelectorError::Incomplete(term)
        | SelectorError::NotANumber(term)) = &error;
        let mut told = node.error(error.to_string());
        // Where the term stands inside the text, unless it is written with escapes.
        told.span =
            told.span.map(|whole| match source.get(whole.clone()).and_then(|raw| raw.find(term.as_str())) {
                Some(at) => whole.start + at..whole.start + at + term.len(),
                None => whole,
            });
        findings.push(told);
        Selector::default()
    })
}
