//! What came of profilers, which nothing is measured by: told beside what is.

use shared::finding::{Finding, Severity};
use shared::ids::AgentId;
use shared::job::Job;
use shared::profile::{ProfileName, ProfileOutput, ProfiledTrial};
use shared::run_record::RunRecord;
use shared::run_report::ProfileReport;

/// Every profile of a run, in the order in which the profilers ran.
pub(super) fn told(record: &RunRecord, job: &Job) -> Vec<ProfileReport> {
    let name = job.profile.as_ref().map(|profile| profile.output.clone()).unwrap_or_default();
    let numbered = (0..).zip(record.profile_entries());
    numbered.map(|(number, (trial, output))| profile(record, number, trial, output, &name)).collect()
}

fn profile(
    record: &RunRecord,
    number: u32,
    profiled: &ProfiledTrial,
    output: Option<&ProfileOutput>,
    name: &ProfileName,
) -> ProfileReport {
    let variant = record.plan.variants.get(profiled.variant.0 as usize);
    let file = output.and_then(|output| output.file.as_ref());
    let of_trial = || trouble(profiled, output).map(|finding| finding.message.clone());
    ProfileReport {
        number,
        variant: variant.map(|variant| variant.name.clone()).unwrap_or_default(),
        attempt: profiled.trial.attempt,
        agent: output.map(|output| output.name.clone()),
        name: name.clone(),
        size_bytes: file.map(|file| file.size_bytes),
        sha256: file.map(|file| file.sha256.clone()),
        problem: output.and_then(|output| output.problem.clone()).or_else(of_trial),
    }
}

/// What went wrong with the trial beside which a profile was taken, as far as that is this profile's trouble: nothing where there is a
/// file of a trial that went to its end, and never what another agent said, or what only deserves a note.
fn trouble<'a>(profiled: &'a ProfiledTrial, output: Option<&ProfileOutput>) -> Option<&'a Finding> {
    if profiled.trial.is_complete && output.is_some_and(|output| output.file.is_some()) {
        return None;
    }
    let concerns = |agent: AgentId| output.is_none_or(|output| output.agent == agent);
    let mut findings = profiled.trial.findings.iter();
    findings.find(|finding| finding.severity != Severity::Note && finding.agent.is_none_or(concerns))
}

#[cfg(test)]
mod tests {
    use shared::finding::FindingCode;
    use shared::ids::{AgentName, Name, RunId, TrialIndex, VariantIndex};
    use shared::job::{Kinds, parse};
    use shared::plan::Plan;
    use shared::run_record::{AttachedFile, TrialRecord};

    use super::*;

    fn attempt(findings: Vec<Finding>) -> TrialRecord {
        TrialRecord {
            trial: TrialIndex(1),
            attempt: 0,
            agents: Vec::new(),
            cells: Vec::new(),
            observers: Vec::new(),
            agents_planned: None,
            started_at_ms: None,
            is_complete: findings.is_empty(),
            start_skew_us: None,
            start_skew_error_us: None,
            findings,
        }
    }

    #[test]
    fn what_is_stored_and_what_is_not_stand_side_by_side() {
        let text = "name = \"j\"\nworkload = { kind = \"http\" }\n[profile]\ncommand = [\"perf\"]\noutput = \"perf.data\"\n";
        let job = parse(text, Kinds::Unchecked).unwrap();
        let run = RunId::new(1, [1; 10]);
        let name = Name::new("j").unwrap();
        let mut record = RunRecord::submitted(run, name, text.to_owned(), Plan::of(&job, 1), 0);
        let file = AttachedFile { sha256: "ab".to_owned(), size_bytes: 7 };
        let agent = AgentName::new("a1").unwrap();
        let output =
            ProfileOutput { agent: AgentId::new([1; 16]), name: agent, file: Some(file), problem: None };
        let broken = Finding::of_trial(FindingCode::TargetFailed, "no port".to_owned());
        record.profiles = vec![
            ProfiledTrial { variant: VariantIndex(0), trial: attempt(vec![broken]), outputs: Vec::new() },
            ProfiledTrial { variant: VariantIndex(0), trial: attempt(Vec::new()), outputs: vec![output] },
        ];
        let told = told(&record, &job);
        assert_eq!(
            (told[0].number, told[0].agent.as_ref(), told[0].problem.as_deref()),
            (0, None, Some("no port"))
        );
        assert_eq!((told[1].number, told[1].size_bytes, told[1].problem.as_deref()), (1, Some(7), None));
        assert_eq!((told[1].variant.as_str(), told[1].name.as_str()), ("default", "perf.data"));
    }
    #[test]
    fn what_another_agent_said_is_no_trouble_of_this_profile() {
        let agent = |number| AgentId::new([number; 16]);
        let of = |number, severity| Finding {
            severity,
            agent: Some(agent(number)),
            ..Finding::of_trial(FindingCode::TargetFailed, number.to_string())
        };
        let findings = vec![of(2, Severity::Invalid), of(1, Severity::Note), of(1, Severity::Suspect)];
        let profiled =
            ProfiledTrial { variant: VariantIndex(0), trial: attempt(findings), outputs: Vec::new() };
        let output =
            ProfileOutput { agent: agent(1), name: AgentName::new("a1").unwrap(), file: None, problem: None };
        let told = trouble(&profiled, Some(&output)).expect("one is its own");
        assert_eq!((told.agent, told.severity), (Some(agent(1)), Severity::Suspect));
    }
}
