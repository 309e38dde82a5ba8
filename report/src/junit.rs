//! JUnit XML for CI systems: a case for each claim or for what is searched, and one for the run as a whole.
//!
//! Refuted is a failure, invalid an error, inconclusive is skipped, each with its reason. Claims that only warn never fail: they
//! are skipped with their reason. Written by hand: it is four elements, and text is made safe in one place.

use std::fmt::Write;

use shared::claim::ClaimSeverity;
use shared::run_report::{ClaimReport, RunReport, SearchReport, Verdict};

use crate::suite::{SuiteReport, SuiteRun};
use crate::{ReportError, ReportFormat, Reporter, figures};

/// Its line in the table.
pub const FORMAT: ReportFormat =
    ReportFormat { name: "junit", doc: "JUnit XML with a case for each claim", reporter: &Junit };

/// JUnit XML.
#[derive(Debug, Clone, Copy, Default)]
pub struct Junit;

/// One case: what it is called, and what came out.
struct Case {
    name: String,
    outcome: Outcome,
}

/// What a CI system makes of a case.
#[derive(PartialEq)]
enum Outcome {
    Passed,
    Failed(String),
    Broken(String),
    Skipped(String),
}

impl Reporter for Junit {
    fn render(&self, report: &RunReport) -> Result<String, ReportError> {
        Ok(document(&[TestSuite::of(report)]))
    }

    fn render_suite(&self, suite: &SuiteReport) -> Result<String, ReportError> {
        let of_run = |run: &SuiteRun| match &run.outcome {
            Ok(report) => TestSuite::of(report),
            Err(problem) => TestSuite {
                name: escaped(&run.job),
                timestamp: None,
                cases: vec![Case { name: "run".to_owned(), outcome: Outcome::Broken(problem.clone()) }],
            },
        };
        Ok(document(&suite.runs.iter().map(of_run).collect::<Vec<_>>()))
    }
}

/// The cases of one run.
struct TestSuite {
    /// Its job, safe to stand in an attribute.
    name: String,
    timestamp: Option<String>,
    cases: Vec<Case>,
}

impl TestSuite {
    fn of(report: &RunReport) -> Self {
        let mut cases = vec![run(report)];
        cases.extend(report.claims.iter().map(|claim| case(report, claim)));
        cases.extend(report.search.as_ref().map(search));
        let timestamp = Some(escaped(&report.run.started_at));
        Self { name: escaped(&report.run.name), timestamp, cases }
    }
}

fn document(suites: &[TestSuite]) -> String {
    let counts_of_all = counts(suites.iter().flat_map(|suite| &suite.cases));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"fleetmark\" {counts_of_all}>\n"
    );
    for TestSuite { name, timestamp, cases } in suites {
        let timestamp = timestamp.as_ref().map_or_else(String::new, |it| format!(" timestamp=\"{it}\""));
        text.push_str(&format!("  <testsuite name=\"{name}\" {}{timestamp}>\n", counts(cases.iter())));
        cases.iter().for_each(|case| write_case(&mut text, name, case));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// How many cases there are, and what became of them, as attributes.
fn counts<'a>(cases: impl Iterator<Item = &'a Case> + Clone) -> String {
    let count = |is_meant: fn(&Outcome) -> bool| cases.clone().filter(|case| is_meant(&case.outcome)).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        cases.clone().count(),
        count(|outcome| matches!(outcome, Outcome::Failed(_))),
        count(|outcome| matches!(outcome, Outcome::Broken(_))),
        count(|outcome| matches!(outcome, Outcome::Skipped(_))),
    )
}

/// The run as a whole: what is invalid must not pass because no claim happens to look at it.
fn run(report: &RunReport) -> Case {
    let run = &report.run;
    let outcome = if run.verdict == Verdict::Invalid {
        let reason = run.reason.clone();
        Outcome::Broken(
            reason.unwrap_or_else(|| "what was measured does not count: see the findings".to_owned()),
        )
    } else {
        Outcome::Passed
    };
    Case { name: format!("run {}", run.id), outcome }
}

fn case(report: &RunReport, claim: &ClaimReport) -> Case {
    let reason = claim.reason.clone();
    let outcome = match (claim.verdict, claim.severity) {
        (Verdict::Supported, _) => Outcome::Passed,
        (_, ClaimSeverity::Warn) => {
            Outcome::Skipped(format!("warning, {}: {reason}", claim.verdict.as_str()))
        }
        (Verdict::Refuted, _) => Outcome::Failed(reason),
        (Verdict::Invalid, _) => Outcome::Broken(reason),
        (Verdict::Inconclusive | Verdict::None, _) => Outcome::Skipped(reason),
    };
    Case { name: figures::claim(report, claim), outcome }
}

fn search(search: &SearchReport) -> Case {
    let answer = &search.answer;
    let outcome = match answer.verdict {
        Verdict::Supported => Outcome::Passed,
        Verdict::Refuted => Outcome::Failed(answer.reason.clone()),
        Verdict::Invalid => Outcome::Broken(answer.reason.clone()),
        Verdict::Inconclusive | Verdict::None => Outcome::Skipped(answer.reason.clone()),
    };
    Case { name: format!("search over {} for {}", search.vary, search.keep), outcome }
}

fn write_case(text: &mut String, suite: &str, case: &Case) {
    let (element, reason) = match &case.outcome {
        Outcome::Passed => {
            let _writing_to_a_text_succeeds =
                writeln!(text, "    <testcase classname=\"{suite}\" name=\"{}\"/>", escaped(&case.name));
            return;
        }
        Outcome::Failed(reason) => ("failure", reason),
        Outcome::Broken(reason) => ("error", reason),
        Outcome::Skipped(reason) => ("skipped", reason),
    };
    let _writing_to_a_text_succeeds = writeln!(
        text,
        "    <testcase classname=\"{suite}\" name=\"{}\">\n      <{element} message=\"{}\"/>\n    </testcase>",
        escaped(&case.name),
        escaped(reason)
    );
}

/// A text of strangers inside an attribute. What XML 1.0 cannot hold at all becomes a replacement character.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {
                safe.push('\u{fffd}')
            }
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn each_verdict_is_what_a_ci_system_makes_of_it() {
        insta::assert_snapshot!(Junit.render(&fixture::claims::with_claims().report).unwrap(), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="fleetmark" tests="6" failures="1" errors="2" skipped="2">
          <testsuite name="session-status" tests="6" failures="1" errors="2" skipped="2" timestamp="2023-11-14T22:13:20.5Z">
            <testcase classname="session-status" name="run 018bcfe5-6800-7707-8707-070707070707">
              <error message="what was measured does not count: see the findings"/>
            </testcase>
            <testcase classname="session-status" name="reads stay under &lt;4 ms&gt; | always">
              <failure message="read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms over 10 trials), above 4.00 ms"/>
            </testcase>
            <testcase classname="session-status" name="read.latency.p95 below 9.00 ms"/>
            <testcase classname="session-status" name="latency.p50 at most 0.9 × load.workers=1">
              <skipped message="comparing takes at least 5 blocks: 4 more trials of each side needed"/>
            </testcase>
            <testcase classname="session-status" name="read.latency.p95 no regression above 5 % against the baseline main">
              <error message="there is no baseline named &quot;main&quot; to compare with�[31m"/>
            </testcase>
            <testcase classname="session-status" name="read.latency.p95 below 4.00 ms">
              <skipped message="warning, refuted: read.latency.p95 is 8.14 ms (7.90 ms to 8.40 ms over 10 trials), above 4.00 ms"/>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn an_invalid_run_without_claims_is_an_error_and_no_pass() {
        let text = Junit.render(&fixture::assembled().report).unwrap();
        assert!(text.contains("tests=\"1\" failures=\"0\" errors=\"1\""), "{text}");
    }

    #[test]
    fn what_a_search_found_is_a_case_of_its_own() {
        let mut report = fixture::search::with_search();
        let passed = Junit.render(&report).unwrap();
        let name = "name=\"search over load.rate for read.latency.p99 &lt; 50ms\"";
        assert!(passed.contains(&format!("{name}/>")), "{passed}");
        let Some(search) = &mut report.search else { panic!("a search") };
        search.answer.verdict = Verdict::Refuted;
        let failed = Junit.render(&report).unwrap();
        assert!(failed.contains("<failure message=\"read.latency.p99 &lt; 50ms holds"), "{failed}");
    }

    #[test]
    fn a_suite_has_a_testsuite_for_each_job_also_for_one_that_did_not_run() {
        let text = Junit.render_suite(&fixture::suite()).unwrap();
        assert!(
            text.contains(
                "<testsuites name=\"fleetmark\" tests=\"2\" failures=\"0\" errors=\"2\" skipped=\"0\">"
            ),
            "{text}"
        );
        assert_eq!(text.matches("<testsuite ").count(), 2, "{text}");
        assert!(text.contains("<error message=\"no agent &lt;came&gt;\"/>"), "{text}");
    }

    #[test]
    fn hostile_text_stays_inside_its_attribute() {
        let hostile = "a\"/><script>&'\u{1b}[31m\u{0}\nb\u{ffff}";
        assert_eq!(escaped(hostile), "a&quot;/&gt;&lt;script&gt;&amp;&apos;\u{fffd}[31m\u{fffd} b\u{fffd}");
    }
}
