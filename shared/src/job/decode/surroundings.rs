//! `[fleet]`, `[target]`, `[hooks]` and `[profile]` as types.

use std::time::Duration;

use crate::job::error::Findings;
use crate::job::node::Node;
use crate::job::selector::{Selector, SelectorError};
use crate::job::{
    FleetNeed, HookSpec, Hooks, LossPolicy, Placement, ProfileSpec, TargetRestart, TargetSpec, Window,
};
use crate::profile::{PROFILE_BYTES_MAX, ProfileName};
use crate::units::{human_bytes, parse_size};

/// Default time to wait for agents.
pub const START_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);
/// Default time that a hook's program may take: long enough to restart a service, short enough to notice a hang.
pub const HOOK_TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// How long a profiler runs unless the job says otherwise: time for most to see something, and bounded.
pub const PROFILE_DURATION_DEFAULT: Duration = Duration::from_secs(30);
/// Most that a profiler writes unless the job says otherwise, in bytes: some ten seconds of stacks.
pub const PROFILE_BYTES_DEFAULT: u64 = 16 * 1024 * 1024;
/// Longest that a profiler may be waited for, before it starts or while it runs: who mistypes a unit does not wait for days.
pub const PROFILE_DURATION_MAX: Duration = Duration::from_secs(3_600);

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

/// Decodes `[profile]` beside a load whose window is this; `None` when there is none.
pub(in crate::job) fn profile(
    root: &Node<'_>,
    window: Window,
    findings: &mut Findings,
) -> Option<ProfileSpec> {
    let node = root.child("profile")?;
    let mut duration = |key: &str, default: Duration| {
        let Some(child) = node.child(key) else { return default };
        let duration = child.duration().unwrap_or(default);
        if duration > PROFILE_DURATION_MAX {
            findings.push(child.error("expected at most 1h: it is waited for"));
        }
        duration
    };
    let delay = duration("delay", Duration::ZERO);
    let length = duration("duration", PROFILE_DURATION_DEFAULT);
    if let (Some(late), Window::For(window)) = (node.child("delay"), window)
        && delay >= window
    {
        let message = format!("expected less than the load's {window:?}: there is nothing to see afterwards");
        findings.push(late.error(message).with_help("shorten it, or raise load.duration"));
    }
    if let Some(zero) = node.child("duration").filter(|_| length.is_zero()) {
        findings.push(zero.error("expected a duration above zero: nothing can be seen in none"));
    }
    let size = node.child("size");
    let size_bytes_max = size.as_ref().and_then(size_of).unwrap_or(PROFILE_BYTES_DEFAULT);
    if let Some(size) = size.filter(|_| !(1..=PROFILE_BYTES_MAX).contains(&size_bytes_max)) {
        let most = human_bytes(PROFILE_BYTES_MAX as f64);
        findings.push(size.error(format!("expected a size above zero and at most {most}")));
    }
    let output = node.child("output").and_then(|output| ProfileName::new(output.text()?).ok());
    Some(ProfileSpec {
        command: node.child("command").map(|command| words(&command, findings)).unwrap_or_default(),
        output: output.unwrap_or_default(),
        delay,
        duration: length,
        size_bytes_max,
    })
}

fn size_of(node: &Node<'_>) -> Option<u64> {
    match node.text() {
        Some(text) => parse_size(text).ok(),
        None => node.whole(),
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
