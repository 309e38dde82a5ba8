//! The slowest few operations, with what they asked for.

use shared::run_report::RunReport;

use super::Page;
use super::ink::{cut, printable};
use crate::slowest;

/// So many are shown; Markdown, the page and the JSON report have more.
const SHOWN_MAX: usize = 3;

/// Adds the slowest operations of the trials that count.
pub(super) fn section(page: &mut Page, report: &RunReport) {
    let slowest = slowest::of(report, SHOWN_MAX);
    if slowest.is_empty() {
        return;
    }
    page.title("Slowest");
    for slow in slowest {
        let request = slow.first_line();
        let what = if request.is_empty() { slow.operation.operation.as_str() } else { request };
        let line = format!(" {}  {what}  ({}; {})", slow.latency(), slow.who(), slow.when());
        let line = cut(&printable(&line), page.width);
        page.line(&line);
    }
}
