//! The job as it was submitted, and how to run it again.

use maud::{Markup, html};
use shared::run_report::RunReport;

pub(super) fn section(report: &RunReport) -> Markup {
    let run = &report.run;
    html! {
        section {
            h2 { "The job as submitted" }
            pre.job { code { (run.job) } }
            h2 { "How to run it again" }
            p { "Save the job above as " code { (run.name) ".toml" } ", beside the files that it names, and type" }
            pre { code { "fleetmark run " (run.name) ".toml --set load.seed=" (run.seed) } }
            p { "To decide its claims again from what is stored, without measuring:" }
            pre { code { "fleetmark verify " (run.name) ".toml --run " (run.id) } }
        }
    }
}
