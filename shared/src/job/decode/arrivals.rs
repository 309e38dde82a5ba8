//! The arrival plan of an open model, from `rate` or `stages`.

use std::time::Duration;

use super::super::Window;
use super::super::error::Findings;
use super::super::grammar::load::STRETCHES_MAX;
use super::super::node::Node;
use crate::arrivals::{ArrivalPlan, Spread, Stretch};

/// The plan over the measured window; `None` under the closed model, or when it does not read.
pub(super) fn arrivals(root: &Node<'_>, window: Window, findings: &mut Findings) -> Option<ArrivalPlan> {
    let load = root.child("load")?;
    if load.child("model")?.text() != Some("open") {
        return None;
    }
    check_counted(&load, findings);
    let spread =
        match load.child("arrivals").and_then(|arrivals| arrivals.text().map(ToOwned::to_owned)).as_deref() {
            Some("poisson") => Spread::Poisson,
            _ => Spread::Uniform,
        };
    if let Some(stages) = load.child("stages") {
        return Some(ArrivalPlan { spread, stretches: stretches(&stages, findings)? });
    }
    let rate = load.child("rate")?;
    let rate_per_s = rate.number()?;
    if rate_per_s <= 0.0 {
        findings.push(rate.error("expected a rate above 0: nothing would ever be due"));
        return None;
    }
    let Window::For(length) = window else { return None };
    Some(ArrivalPlan::constant(rate_per_s, length, spread))
}

/// Under the open model time is what is planned, and operations follow from it.
fn check_counted(load: &Node<'_>, findings: &mut Findings) {
    if let Some(iterations) = load.child("iterations") {
        let error = iterations
            .key_error("\"iterations\" contradicts the open model, whose operations follow from its rate");
        findings.push(error.with_help("give a \"duration\""));
    }
    if let Some(warmup) = load.child("warmup").filter(|warmup| warmup.value().is_table()) {
        let error = warmup.error("a warm-up counted in iterations contradicts the open model");
        findings.push(error.with_help("give a time, as in warmup = \"5s\""));
    }
}

/// Linear ramps from the previous rate; the first from its own.
fn stretches(stages: &Node<'_>, findings: &mut Findings) -> Option<Vec<Stretch>> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for stage in stages.items() {
        let length = stage.child("for")?.duration()?;
        let to_per_s = stage.child("rate")?.number()?;
        if length == Duration::ZERO {
            findings.push(stage.error("expected a stage longer than 0s"));
            return None;
        }
        let from_per_s = stretches.last().map_or(to_per_s, |previous| previous.to_per_s);
        stretches.push(Stretch { length, from_per_s, to_per_s });
    }
    if stretches.is_empty() || stretches.len() > STRETCHES_MAX {
        findings
            .push(stages.error(format!("expected 1 to {STRETCHES_MAX} stages, found {}", stretches.len())));
        return None;
    }
    if stretches.iter().all(|stretch| stretch.to_per_s <= 0.0) {
        findings.push(stages.error("expected a stage with a rate above 0: nothing would ever be due"));
        return None;
    }
    Some(stretches)
}
