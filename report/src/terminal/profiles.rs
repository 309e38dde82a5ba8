//! What profilers wrote in trials that were not measured, and how to get it.

use shared::run_report::RunReport;

use super::Page;
use super::ink::{cut, printable};
use crate::figures;

/// Most that are listed one by one.
const SHOWN_MAX: usize = 20;

/// Adds the profiles of a run.
pub(super) fn section(page: &mut Page, report: &RunReport) {
    if report.profiles.is_empty() {
        return;
    }
    page.title("Profiles, of trials that were not measured");
    for profile in report.profiles.iter().take(SHOWN_MAX) {
        let host = profile.agent.as_ref().map(|agent| format!(" on {agent}")).unwrap_or_default();
        let line = format!(" {}  {}{host}: {}", profile.number, profile.variant, figures::profile(profile));
        let line = cut(&printable(&line), page.width);
        page.line(&line);
        if let Some(problem) = &profile.problem {
            page.sentence("    ", str::to_owned, &printable(problem));
        }
    }
    super::more(page, report.profiles.len(), SHOWN_MAX, "profiles");
    if let Some(first) = report.profiles.iter().find(|profile| profile.size_bytes.is_some()) {
        page.aside(&format!(" {}", figures::profile_command(report, first)));
    }
}
