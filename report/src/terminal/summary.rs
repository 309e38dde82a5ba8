//! What came out, in words, and where it is kept.

use std::collections::BTreeSet;

use jiff::Timestamp;
use shared::finding::Severity;
use shared::run_record::RunState;
use shared::run_report::{RunReport, SearchAnswer, TrialReport, Verdict};
use shared::units::human_ns;

use super::Page;
use super::apart::subject;
use super::ink::{Weight, printable};

/// Says which run it is, how it went, and what came out.
pub(super) fn header(page: &mut Page, report: &RunReport) {
    let (ink, run) = (page.ink, &report.run);
    page.sentence(&run.name, |name| ink.bold(name), &format!("  {}", how_it_ran(report)));
    page.aside(&format!("run {}, seed {}", run.id, run.seed));
    if let Some(skew) = start_skew(report) {
        page.aside(&skew);
    }
    page.line("");
    let (weight, word, sentence) = verdict(report);
    page.sentence(&format!("{word}:"), |word| ink.weighed(weight, word), &format!(" {sentence}"));
    if let Some(looks) = looks(report) {
        page.aside(&looks);
    }
    if let Some(reason) = &run.reason {
        page.sentence("Reason:", str::to_owned, &format!(" {}", printable(reason)));
    }
}

/// When the run was looked at before its plan was done, and what came of it.
fn looks(report: &RunReport) -> Option<String> {
    let looks = &report.run.looks;
    let last = looks.last()?;
    let times = counted(looks.len(), "look");
    Some(match report.run.blocks_not_needed {
        Some(left) => format!(
            "{times} before the plan was done; {} after {} blocks, {left} more were not needed",
            last.outcome, last.blocks
        ),
        None => format!("{times} before the plan was done; none of them ended it"),
    })
}

/// Says where the run is kept.
pub(super) fn footer(page: &mut Page, report: &RunReport) {
    page.line("");
    let hint = page.ink.faint(&format!("Stored; to see it again: fleetmark show {}", report.run.id));
    page.line(&hint);
}

fn how_it_ran(report: &RunReport) -> String {
    let state = match report.run.state {
        RunState::Queued => "waits for agents",
        RunState::Running => "is still running",
        RunState::Finished => "finished",
        RunState::Failed => "failed",
        RunState::Cancelled => "was cancelled",
    };
    let elapsed = elapsed_ns(report).map_or(String::new(), |elapsed| format!(" after {}", human_ns(elapsed)));
    let trials_planned = counted(planned(report), "trial");
    let most = trials(report).map(|trial| trial.agents.len()).max().unwrap_or(0);
    let names: BTreeSet<_> =
        trials(report).flat_map(|trial| &trial.agents).map(|agent| &agent.name).collect();
    let agents = if trials(report).any(|trial| trial.pair.is_some()) {
        format!("{} in pairs", counted(names.len(), "agent"))
    } else if trials(report).any(|trial| trial.agent.is_some()) {
        format!("{}, each by itself", counted(names.len(), "agent"))
    } else {
        counted(most, "agent")
    };
    if most == 0 {
        format!("{state}{elapsed}: {trials_planned}")
    } else {
        format!("{state}{elapsed}: {trials_planned}, {agents}")
    }
}

/// The verdict: how good it is, its word, and a sentence about it.
fn verdict(report: &RunReport) -> (Weight, &'static str, String) {
    let run = &report.run;
    if let (RunState::Finished, Some(found)) = (run.state, &report.search) {
        return of_search(run.verdict, &found.answer);
    }
    let (lost, planned) = (planned_without_a_valid_attempt(report), planned(report));
    let (weight, word, sentence) = match (run.state, run.verdict) {
        (RunState::Queued | RunState::Running, _) => {
            (Weight::Doubtful, "Not yet known", "the run is not over.")
        }
        (_, Verdict::None) if has_doubts(report) => {
            (Weight::Doubtful, "Valid, with doubts", "see the findings. The job makes no claims.")
        }
        (_, Verdict::None) => {
            (Weight::Good, "Valid", "all that was measured counts. The job makes no claims.")
        }
        (_, Verdict::Supported) => (Weight::Good, "Supported", "every claim that gates holds."),
        (_, Verdict::Refuted) => (Weight::Bad, "Refuted", "a claim that gates does not hold."),
        (_, Verdict::Inconclusive) => (Weight::Doubtful, "Inconclusive", "these trials cannot tell a claim."),
        (RunState::Failed, Verdict::Invalid) => {
            (Weight::Bad, "Failed", "what was measured until then is kept.")
        }
        (RunState::Cancelled, Verdict::Invalid) => {
            (Weight::Bad, "Cancelled", "what was measured until then is kept.")
        }
        (_, Verdict::Invalid) if lost > 0 => {
            let planned = counted(planned, "trial");
            let whose = whose_did_not_count(report);
            let sentence = format!("{lost} of {planned} did not count{whose}; the findings say why.");
            return (Weight::Bad, "Invalid", sentence);
        }
        (_, Verdict::Invalid) if report.claims.iter().any(|claim| claim.verdict == Verdict::Invalid) => {
            (Weight::Bad, "Invalid", "a claim lacks what it needs to be decided, which is never a pass.")
        }
        (_, Verdict::Invalid) => (Weight::Bad, "Invalid", "what is stored of the run is not whole."),
    };
    (weight, word, sentence.to_owned())
}

/// What a search found is what came out.
fn of_search(verdict: Verdict, answer: &SearchAnswer) -> (Weight, &'static str, String) {
    let (weight, word) = match verdict {
        Verdict::Supported => (Weight::Good, "Supported"),
        Verdict::Refuted => (Weight::Bad, "Refuted"),
        Verdict::Inconclusive | Verdict::None => (Weight::Doubtful, "Inconclusive"),
        Verdict::Invalid => (Weight::Bad, "Invalid"),
    };
    (weight, word, format!("{}.", printable(&answer.reason)))
}

fn has_doubts(report: &RunReport) -> bool {
    trials(report).flat_map(|trial| &trial.findings).any(|finding| finding.severity == Severity::Suspect)
}

fn planned(report: &RunReport) -> usize {
    report.variants.iter().map(|variant| cells(&variant.trials, |_| true)).sum()
}

fn planned_without_a_valid_attempt(report: &RunReport) -> usize {
    let valid: usize =
        report.variants.iter().map(|variant| cells(&variant.trials, |trial| trial.valid)).sum();
    planned(report) - valid
}

/// How many planned trials have an attempt of a kind.
fn cells(trials: &[TrialReport], is_meant: impl Fn(&TrialReport) -> bool) -> usize {
    let meant = trials.iter().filter(|trial| is_meant(trial));
    let cells = meant.map(|trial| (trial.block, trial.order, &trial.agent, &trial.pair));
    cells.collect::<BTreeSet<_>>().len()
}

/// Of whom there is a trial without a valid attempt, where agents stand apart.
fn whose_did_not_count(report: &RunReport) -> String {
    /// Most that are named: more are counted above.
    const NAMED_MAX: usize = 5;
    let place = |trial: &TrialReport| (trial.block, trial.order, subject(trial));
    let of_variant = |variant: &shared::run_report::VariantReport| {
        let valid: BTreeSet<_> = variant.trials.iter().filter(|trial| trial.valid).map(place).collect();
        let lost = variant.trials.iter().filter(|trial| !valid.contains(&place(trial)));
        lost.filter_map(subject).collect::<BTreeSet<String>>()
    };
    let lost: BTreeSet<String> = report.variants.iter().flat_map(of_variant).collect();
    if lost.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = lost.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = if lost.len() > NAMED_MAX { " and others" } else { "" };
    format!(" (of {}{more})", named.join(", "))
}

fn trials(report: &RunReport) -> impl Iterator<Item = &TrialReport> {
    report.variants.iter().flat_map(|variant| &variant.trials)
}

fn start_skew(report: &RunReport) -> Option<String> {
    if trials(report).all(|trial| trial.agents.len() < 2) {
        return None;
    }
    let highest = |read: fn(&TrialReport) -> Option<f64>| trials(report).filter_map(read).reduce(f64::max);
    let skew = human_ns(highest(|trial| trial.start_skew_us)? * 1e3);
    let error =
        highest(|trial| trial.start_skew_error_us).map(|error| format!(" (± {})", human_ns(error * 1e3)));
    Some(format!("all agents started within {skew}{} of the agreed moment", error.unwrap_or_default()))
}

fn elapsed_ns(report: &RunReport) -> Option<f64> {
    let started: Timestamp = report.run.started_at.parse().ok()?;
    let finished: Timestamp = report.run.finished_at.as_ref()?.parse().ok()?;
    Some((finished.as_nanosecond() - started.as_nanosecond()).max(0) as f64)
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
