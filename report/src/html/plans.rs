//! How a database meant to do the statements of operations.

use maud::{Markup, html};
use shared::run_report::RunReport;

use super::measured::visible;
use crate::plans;

pub(super) fn section(report: &RunReport) -> Markup {
    let told = plans::of(report);
    html! {
        @if !told.is_empty() {
            section {
                h2 { "Plans" }
                p.faint { "How the database meant to do each statement, asked before anything was measured." }
                @for (variant, plan) in &told {
                    h3 { (variant) " · " (plan.operation) }
                    div.scroll tabindex="0" role="region" aria-label={ "Plan of " (plan.operation) } { pre { (visible(&plan.plan)) } }
                }
            }
        }
    }
}
