//! The verdicts: for each claim its word, its value with the interval, and the reason.

use std::cmp::Reverse;

use shared::claim::ClaimSeverity;
use shared::run_report::{ClaimReport, RunReport, Verdict};

use super::Page;
use super::ink::{Weight, cut, printable, wrapped};
use crate::figures;

/// Blanks before a claim and its reason: as wide as the longest verdict and what stands around it.
const INDENT: usize = 14;
/// Most claims told one by one, the worst first; more make a screenful that nobody reads.
const LISTED_MAX: usize = 40;

/// Adds the verdict on every claim, the worst first.
pub(super) fn verdicts(page: &mut Page, report: &RunReport) {
    if report.claims.is_empty() {
        return;
    }
    page.title("Claims");
    let mut claims: Vec<&ClaimReport> = report.claims.iter().collect();
    claims.sort_by_key(|claim| (claim.severity == ClaimSeverity::Warn, Reverse(badness(claim.verdict))));
    for claim in claims.iter().take(LISTED_MAX) {
        verdict(page, report, claim);
    }
    super::more(page, claims.len(), LISTED_MAX, "claims");
}

fn verdict(page: &mut Page, report: &RunReport, claim: &ClaimReport) {
    let room = page.width.saturating_sub(INDENT).max(1);
    let value = figures::with_interval(claim.value, claim.ci95, &claim.unit);
    let mut title = printable(&figures::claim(report, claim));
    if claim.severity == ClaimSeverity::Warn {
        title.push_str(" (only warns)");
    }
    let word = claim.verdict.as_str();
    let blanks = " ".repeat(INDENT.saturating_sub(1 + word.len()));
    let word = page.ink.weighed(weight(claim.verdict), word);
    let first = format!("{title}: {value}");
    let title = page.ink.bold(&cut(&title, room));
    if first.chars().count() <= room {
        page.line(&format!(" {word}{blanks}{title}: {value}"));
    } else {
        page.line(&format!(" {word}{blanks}{title}"));
        page.line(&format!("{:INDENT$}{value}", ""));
    }
    for line in wrapped(&printable(&claim.reason), room) {
        page.line(&format!("{:INDENT$}{line}", ""));
    }
}

fn weight(verdict: Verdict) -> Weight {
    match verdict {
        Verdict::Supported => Weight::Good,
        Verdict::Inconclusive => Weight::Doubtful,
        Verdict::Refuted | Verdict::Invalid => Weight::Bad,
        Verdict::None => Weight::Aside,
    }
}

/// The order of the contract: 3 over 1 over 2 over 0.
fn badness(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Supported | Verdict::None => 0,
        Verdict::Inconclusive => 1,
        Verdict::Refuted => 2,
        Verdict::Invalid => 3,
    }
}
