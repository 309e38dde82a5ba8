//! Several runs as one: what came out of each job of a suite, and of all of them.

use serde::Serialize;
use shared::claim::ClaimSeverity;
use shared::finding::Severity;
use shared::run_report::{RunReport, Verdict};

/// The schema of a suite's JSON.
pub const SCHEMA: &str = "fleetmark.suite/1";

/// What came out of several jobs, in the order in which they ran.
#[derive(Debug)]
pub struct SuiteReport {
    /// Each of them.
    pub runs: Vec<SuiteRun>,
    /// The contract's exit code: the worst of them.
    pub exit_code: u8,
}

/// What came out of one job.
#[derive(Debug)]
pub struct SuiteRun {
    /// The job file, as it was named.
    pub job: String,
    /// The contract's exit code.
    pub exit_code: u8,
    /// Its report, or why there is none.
    pub outcome: Result<RunReport, String>,
}

/// The JSON of a suite.
#[derive(Serialize)]
pub(crate) struct SuiteJson<'a> {
    schema: &'static str,
    exit_code: u8,
    runs: Vec<&'a RunReport>,
    /// Jobs that have no report.
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    job: &'a str,
    exit_code: u8,
    message: &'a str,
}

impl SuiteReport {
    /// As JSON has it.
    pub(crate) fn json(&self) -> SuiteJson<'_> {
        SuiteJson {
            schema: SCHEMA,
            exit_code: self.exit_code,
            runs: self.reports().collect(),
            problems: self.runs.iter().filter_map(SuiteRun::problem).collect(),
        }
    }

    /// The reports that there are.
    pub(crate) fn reports(&self) -> impl Iterator<Item = &RunReport> {
        self.runs.iter().filter_map(|run| run.outcome.as_ref().ok())
    }
}

impl SuiteRun {
    /// What came out, in a word: its verdict, or that it has none.
    pub(crate) fn word(&self) -> &'static str {
        match &self.outcome {
            Ok(report) => match report.run.verdict {
                Verdict::None => "valid",
                verdict => verdict.as_str(),
            },
            Err(_) => "not run",
        }
    }

    /// The name of its job, or of its file where it has no report.
    pub(crate) fn name(&self) -> &str {
        self.outcome.as_ref().map_or(&self.job, |report| &report.run.name)
    }

    /// How its gate claims came out: `3 of 4 supported`; empty without any.
    pub(crate) fn claims(&self) -> String {
        let Ok(report) = &self.outcome else { return String::new() };
        let gates = || report.claims.iter().filter(|claim| claim.severity == ClaimSeverity::Gate);
        let supported = gates().filter(|claim| claim.verdict == Verdict::Supported).count();
        match gates().count() {
            0 => String::new(),
            all => format!("{supported} of {all} supported"),
        }
    }

    /// Why it came out so, where that needs a word: the run's own reason, that of the claim that decided it, or what made a trial
    /// invalid.
    pub(crate) fn reason(&self) -> String {
        let report = match &self.outcome {
            Err(problem) => return problem.clone(),
            Ok(report) => report,
        };
        let verdict = report.run.verdict;
        if matches!(verdict, Verdict::Supported | Verdict::None) {
            return String::new();
        }
        let gates = report.claims.iter().filter(|claim| claim.severity == ClaimSeverity::Gate);
        let deciding = gates.clone().find(|claim| claim.verdict == verdict);
        let searched = report.search.as_ref().map(|search| &search.answer.reason);
        let trials = report.variants.iter().flat_map(|variant| &variant.trials);
        let mut findings = trials.flat_map(|trial| &trial.findings);
        let invalid = findings.find(|finding| finding.severity == Severity::Invalid);
        let reasons = [
            report.run.reason.as_ref(),
            searched,
            deciding.map(|claim| &claim.reason),
            invalid.map(|finding| &finding.message),
        ];
        reasons.into_iter().flatten().next().cloned().unwrap_or_default()
    }

    fn problem(&self) -> Option<Problem<'_>> {
        let message = self.outcome.as_ref().err()?;
        Some(Problem { job: &self.job, exit_code: self.exit_code, message })
    }
}
