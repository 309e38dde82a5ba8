//! `fleetmark verify`: decides the claims of a job again, from what is stored of a run and nothing else.
//!
//! The same version of the analysis gives the same answer byte for byte; where the coordinator decided by another one, what
//! came out differently is told.

use analysis::assemble::assemble;
use shared::job::differences::differences;
use shared::run_record::RunRecord;
use shared::run_report::{ClaimReport, RunReport};

use super::{check, report, show};
use crate::args::VerifyArgs;
use crate::exit_code::{Failure, JOB, USAGE};
use crate::output;

pub(super) async fn run(options: VerifyArgs) -> anyhow::Result<u8> {
    let job = check::read(&options.job.job, &options.job.set)?;
    report::check(&options.formats, None)?;
    let mut client = show::existing(&options.ask.place, &options.run).await?;
    let (record, intervals) = client.export(&options.run).await?;
    if !record.state.is_over() {
        let message =
            format!("run {} is not over yet; decide it when it is (fleetmark watch {0})", record.id);
        return Err(Failure::with_code(USAGE, message));
    }
    check_is_its_own(&record, &job.toml)?;
    let now_ms = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let decided = assemble(&record, &job.job.as_planned(&record.plan), intervals, now_ms).report;
    let stored = show::report(&mut client, &options.run).await?;
    told(&stored, &decided).iter().for_each(|line| eprintln!("{line}"));
    report::write(&options.formats, &decided)?;
    if options.ask.json {
        show::write_json(std::path::Path::new("-"), &decided)?;
    } else if !options.formats.is_on_stdout() {
        output::print(&output::page(&decided)?)?;
    }
    Ok(decided.run.exit_code)
}

/// Other claims may be decided by what was measured, but nothing else may differ: it was not measured.
fn check_is_its_own(record: &RunRecord, toml: &str) -> anyhow::Result<()> {
    let differences = differences(&record.job_toml, toml);
    if differences.is_empty() {
        return Ok(());
    }
    let message = format!(
        "run {} was not of this job: they differ at {}; only [[claims]], [expect] and [limits] may be others (changes that were made by --set are given again here)",
        record.id,
        differences.join(", ")
    );
    Err(Failure::with_code(JOB, message))
}

/// What the coordinator's own report says differently about the same claims, and by which analysis.
fn told(stored: &RunReport, decided: &RunReport) -> Vec<String> {
    if stored.run.analysis_version == decided.run.analysis_version {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "the coordinator decided by analysis {}, this is analysis {}",
        stored.run.analysis_version, decided.run.analysis_version
    )];
    let is_same_claim = |one: &ClaimReport, other: &ClaimReport| {
        (&one.metric, &one.rule, &one.variant, &one.agent, &one.pair)
            == (&other.metric, &other.rule, &other.variant, &other.agent, &other.pair)
    };
    for claim in &decided.claims {
        let Some(then) = stored.claims.iter().find(|then| is_same_claim(then, claim)) else { continue };
        if then.verdict != claim.verdict {
            lines.push(format!(
                "{} {} ({}): it said {}, this says {}",
                claim.metric,
                claim.rule,
                claim.variant,
                then.verdict.as_str(),
                claim.verdict.as_str()
            ));
        }
    }
    if lines.len() == 1 {
        lines.push("both say the same of every claim that both know".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use shared::claim::ClaimSeverity;
    use shared::ids::RunId;
    use shared::run_record::RunState;
    use shared::run_report::{RunSection, SCHEMA, Verdict};

    use super::*;

    /// A report by a version of the analysis, with a claim on each metric.
    fn report(analysis_version: &str, claims: &[(&str, Verdict)]) -> RunReport {
        let claim = |(metric, verdict): &(&str, Verdict)| ClaimReport {
            text: None,
            metric: (*metric).to_owned(),
            unit: "ns".to_owned(),
            rule: "below 4.00 ms".to_owned(),
            variant: "default".to_owned(),
            than: None,
            baseline: None,
            agent: None,
            pair: None,
            n: 10,
            value: None,
            ci95: None,
            verdict: *verdict,
            reason: String::new(),
            more_trials_needed: None,
            severity: ClaimSeverity::Gate,
        };
        let run = RunSection {
            id: RunId::new(1, [7; 10]),
            name: "j".to_owned(),
            state: RunState::Finished,
            verdict: Verdict::None,
            exit_code: 0,
            reason: None,
            started_at: String::new(),
            finished_at: None,
            seed: 1,
            looks: Vec::new(),
            blocks_not_needed: None,
            tags: Default::default(),
            fleetmark_version: String::new(),
            analysis_version: analysis_version.to_owned(),
            job: String::new(),
        };
        RunReport {
            schema: SCHEMA.to_owned(),
            run,
            variants: Vec::new(),
            claims: claims.iter().map(claim).collect(),
            comparisons: Vec::new(),
            sweeps: Vec::new(),
            search: None,
            profiles: Vec::new(),
            hosts: Vec::new(),
        }
    }

    #[test]
    fn another_analysis_that_says_otherwise_is_told_claim_by_claim() {
        let stored = report("7", &[("latency.p50", Verdict::Supported), ("latency.p95", Verdict::Supported)]);
        let decided = report(
            "9",
            &[
                ("latency.p50", Verdict::Supported),
                ("latency.p95", Verdict::Inconclusive),
                ("latency.p99", Verdict::Refuted),
            ],
        );
        assert_eq!(
            told(&stored, &decided),
            [
                "the coordinator decided by analysis 7, this is analysis 9",
                "latency.p95 below 4.00 ms (default): it said supported, this says inconclusive"
            ]
        );
    }

    #[test]
    fn another_analysis_that_says_the_same_is_told_too() {
        let by = |version| report(version, &[("latency.p50", Verdict::Supported)]);
        assert_eq!(told(&by("7"), &by("9"))[1], "both say the same of every claim that both know");
        assert!(told(&by("9"), &report("9", &[("latency.p50", Verdict::Refuted)])).is_empty());
    }
}
