//! How a run looks on small, usual and large terminals.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use shared::event::RunEvent;
use shared::event::progress::{AgentProgress, OperationProgress};
use shared::finding::{Finding, FindingCode};
use shared::ids::{AgentName, TrialIndex};

use super::*;
use crate::screen::model::Claim;
use shared::run_report::Verdict;

const MS: u64 = 1_000_000;

fn operation(name: &str, count: u64) -> OperationProgress {
    OperationProgress {
        name: name.to_owned(),
        count,
        errors: count / 1_000,
        recent_per_s: count as f64 / 20.0,
        p50_ns: Some(2 * MS),
        p99_ns: Some(9 * MS),
    }
}

fn agent(name: &str, recent_per_s: f64) -> AgentProgress {
    let name = AgentName::new(name).unwrap();
    AgentProgress { name, recent_per_s, generator_cpu: Some(0.42), workers: 8 }
}

/// The 20th second of the second of ten trials.
fn progress(second: u64) -> Progress {
    Progress {
        trial: TrialIndex(1),
        elapsed: Duration::from_secs(second),
        count: second * 2_000,
        errors: second,
        recent_per_s: 2_000.0 + 400.0 * ((second % 5) as f64 - 2.0),
        p50_ns: Some(2 * MS),
        p99_ns: Some(9 * MS),
        agents_reporting: 2,
        recent_p50_ns: Some(2 * MS),
        recent_p99_ns: Some((8 + second % 4) * MS),
        quantiles_ns: vec![2 * MS, 3 * MS, 5 * MS, 7 * MS, 9 * MS, 15 * MS],
        max_ns: Some(31 * MS),
        operations: vec![operation("read", 32_000), operation("write", 8_000)],
        agents: vec![agent("load-1", 1_200.0), agent("load-2", 800.0)],
        ..Progress::default()
    }
}

fn model() -> Model {
    let mut model = Model::of("019b2f6c-1c52-7e03-9c4b-6d4c1a2b3c4d");
    model.name = "session-status".to_owned();
    model.take(&RunEvent::TrialFinished {
        trial: TrialIndex(0),
        attempt: 0,
        is_valid: false,
        findings: vec![Finding::of_trial(
            FindingCode::GeneratorSaturated,
            "load-1's busiest load thread used 93 % of its core",
        )],
    });
    model.take(&RunEvent::TrialStarted {
        trial: TrialIndex(1),
        trials_planned: 10,
        variant: "new".to_owned(),
        warmup: Some(Duration::from_secs(5)),
        duration: Some(Duration::from_secs(30)),
        iterations: None,
    });
    (1..=20).for_each(|second| model.take(&RunEvent::Progress(progress(second))));
    model.claims = vec![
        Claim {
            title: "status reads stay under 100 ms".to_owned(),
            value: "9.0 ms (8.8 ms to 9.3 ms)".to_owned(),
            verdict: Verdict::Supported,
        },
        Claim {
            title: "read.throughput at least 1.30 × old".to_owned(),
            value: "1.05 (0.98 to 1.12)".to_owned(),
            verdict: Verdict::Inconclusive,
        },
    ];
    (model.claims_after, model.invalid) = (1, 1);
    model
}

fn drawn(model: &Model, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, model, Ink { is_coloured: false })).unwrap();
    let lines = terminal.backend().to_string();
    // The backend's own text puts each line in quotes.
    lines.lines().map(|line| format!("{}\n", line.trim_matches('"').trim_end())).collect()
}

#[test]
fn a_run_fits_terminals_of_three_sizes() {
    let model = model();
    for (width, height) in [(40, 10), (80, 24), (200, 50)] {
        insta::assert_snapshot!(format!("{width}x{height}"), drawn(&model, width, height));
    }
}

#[test]
fn quitting_asks_over_the_charts() {
    let mut model = model();
    model.ask(Some(Question::LeaveOrCancel));
    insta::assert_snapshot!("question", drawn(&model, 80, 24));
}

#[test]
fn nothing_measured_yet_is_said_and_not_drawn_as_zero() {
    let text = drawn(&Model::of("019b2f6c"), 80, 24);
    assert!(text.contains("nothing measured yet"), "{text}");
}

#[test]
fn every_size_is_drawn_without_a_panic() {
    let mut model = model();
    model.ask(Some(Question::Cancel));
    for width in (1..=130).step_by(9) {
        for height in (1..=40).step_by(3) {
            drawn(&model, width, height);
        }
    }
}
