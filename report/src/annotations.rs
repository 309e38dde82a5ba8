//! Verdicts as GitHub's workflow commands, which it shows beside a pull request: an error for each gate claim that did not hold, a
//! warning for those that only warn or cannot be decided.

use std::fmt::Write as _;

use shared::claim::ClaimSeverity;
use shared::run_report::{ClaimReport, RunReport, Verdict};

use crate::figures;

/// Annotations that are written: GitHub shows ten of each kind for a step.
const ANNOTATIONS_MAX: usize = 10;

/// One line for each claim that is not supported, and one for a run that failed; empty when there is nothing to say.
pub fn annotations(report: &RunReport) -> String {
    let mut text = String::new();
    if let Some(reason) = &report.run.reason {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "::error title={}::{}", property(&report.run.name), message(reason));
    }
    if let Some(answer) =
        report.search.as_ref().map(|search| &search.answer).filter(|it| it.verdict != Verdict::Supported)
    {
        let level = if answer.verdict == Verdict::Inconclusive { "warning" } else { "error" };
        let _ = writeln!(text, "::{level} title={}::{}", property(&report.run.name), message(&answer.reason));
    } else if report.run.verdict == Verdict::Invalid
        && report.claims.is_empty()
        && report.run.reason.is_none()
    {
        let _ =
            writeln!(text, "::error title={}::not all of its trials are valid", property(&report.run.name));
    }
    let open = || report.claims.iter().filter(|claim| claim.verdict != Verdict::Supported);
    let of_level =
        |wanted: &'static str| open().filter(move |claim| level(claim) == wanted).take(ANNOTATIONS_MAX);
    for claim in of_level("error").chain(of_level("warning")) {
        let title = format!("{}: {}", claim.verdict.as_str(), figures::claim(report, claim));
        let _ = writeln!(text, "::{} title={}::{}", level(claim), property(&title), message(&claim.reason));
    }
    text
}

fn level(claim: &ClaimReport) -> &'static str {
    match (claim.severity, claim.verdict) {
        (ClaimSeverity::Gate, Verdict::Refuted | Verdict::Invalid) => "error",
        _ => "warning",
    }
}

/// A message with what would end it written as GitHub reads it back.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property, in which separators end it too.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_run_whose_claims_hold_says_nothing() {
        let mut report = fixture::assembled().report;
        report.run.verdict = Verdict::None;
        assert_eq!(annotations(&report), "");
        report.run.verdict = Verdict::Invalid;
        assert_eq!(annotations(&report), "::error title=session-status::not all of its trials are valid\n");
    }

    #[test]
    fn gates_that_did_not_hold_are_errors_and_the_rest_warn() {
        let mut report = fixture::claims::with_claims().report;
        report.run.reason = Some("50 % lost\nat once".to_owned());
        let text = annotations(&report);
        let first = text.lines().next().unwrap();
        assert_eq!(first, "::error title=session-status::50 %25 lost%0Aat once");
        let mut open: Vec<_> = report.claims.iter().filter(|it| it.verdict != Verdict::Supported).collect();
        open.sort_by_key(|claim| level(claim) != "error");
        for (claim, line) in open.into_iter().zip(text.lines().skip(1)) {
            let is_error = matches!(claim.verdict, Verdict::Refuted | Verdict::Invalid)
                && claim.severity == ClaimSeverity::Gate;
            assert_eq!(line.starts_with("::error"), is_error, "{line}");
        }
        assert!(text.lines().count() > 1, "{text}");
    }
}
