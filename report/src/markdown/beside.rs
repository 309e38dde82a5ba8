//! What was taken down beside the measuring: profiles, and plans of statements.

use shared::run_report::{PlanReport, ProfileReport, RunReport};

use super::{Page, escaped};
use crate::figures::{self, ABSENT};
use crate::plans;

/// What profilers wrote in trials that were not measured.
pub(super) fn profiles(page: &mut Page, report: &RunReport) {
    let row = |profile: &ProfileReport| {
        let host = profile.agent.as_ref().map_or(ABSENT, |agent| agent.as_str());
        vec![
            escaped(&profile.variant),
            escaped(host),
            escaped(&figures::profile(profile)),
            escaped(profile.problem.as_deref().unwrap_or(ABSENT)),
        ]
    };
    let rows: Vec<Vec<String>> = report.profiles.iter().map(row).collect();
    if !rows.is_empty() {
        page.folded("Profiles, of trials that were not measured", |page| {
            page.table(&["variant", "host", "file", "what is to be said"], &rows);
        });
    }
}

/// The plans of statements that were asked for.
pub(super) fn statement_plans(page: &mut Page, report: &RunReport) {
    let row = |(variant, plan): &(&str, &PlanReport)| {
        // A line of a table: what is indented stays so.
        let lines = plan.plan.lines().map(|line| format!("<code>{}</code>", escaped(line)));
        vec![escaped(variant), escaped(&plan.operation), lines.collect::<Vec<_>>().join("<br>")]
    };
    let rows: Vec<Vec<String>> = plans::of(report).iter().map(row).collect();
    if !rows.is_empty() {
        page.folded("Plans", |page| {
            page.table(&["variant", "operation", "statements and their plans"], &rows)
        });
    }
}
