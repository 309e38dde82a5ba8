//! What agents that stand apart say together: each host is one value, so that what is said holds for hosts like these, and not
//! for these alone.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::AgentName;
use shared::job::Job;
use shared::metric::MetricName;
use shared::run_report::{ComparisonReport, RunReport, Says};

use super::side_by_side::{Asked, SideBySide, p};
use super::{Compared, Sides};
use crate::assemble::subject::Subject;
use crate::estimate::Scale;
use crate::level::{Level, Margin};
use crate::paired::{self, Better, Differences, Rule};
use crate::student::{mean, mean_interval};

/// Fewer hosts say nothing of others: as with blocks, one odd one would be too large a part of what is known.
const HOSTS_MIN: usize = 5;

/// Compares two variants across hosts, in what was asked of each agent alone: the differences of each host's blocks are averaged,
/// and the averages are the sample, with H − 1 degrees of freedom (statistics.md, "Across hosts"). Agents of one host are one
/// host. With fewer than [`HOSTS_MIN`] there is nothing: what is said then is about these machines. Pairs share hosts, and what
/// can be zero has no scale that all hosts have in common, so neither is compared.
pub(super) fn compare(
    report: &RunReport,
    job: &Job,
    asked: &[Asked],
    repeated: &[usize],
    level: Level,
) -> Vec<Compared> {
    let hosts = hosts(report);
    if hosts.values().collect::<BTreeSet<_>>().len() < HOSTS_MIN {
        return Vec::new();
    }
    let mut questions: BTreeMap<(Sides, &MetricName), Vec<&Asked>> = BTreeMap::new();
    for asked in asked.iter().filter(|asked| matches!(asked.subject, Subject::Agent(_))) {
        questions.entry((asked.pair, &asked.metric)).or_default().push(asked);
    }
    let across = |asked: Vec<&Asked>| {
        let better = asked.first()?.better;
        let of_agents = asked.iter().map(|it| (it.subject.agent(), it.side_by_side(report, job, repeated)));
        across(of_agents.collect(), &hosts, better, job.limits.margin, level)
    };
    questions.into_values().filter_map(across).collect()
}

/// What is to be said of comparisons of agents that stand apart; `None`: they are enough to say something of others.
pub(super) fn scope(report: &RunReport) -> Option<String> {
    let hosts = hosts(report).into_values().collect::<BTreeSet<_>>().len();
    (hosts < HOSTS_MIN).then(|| {
        format!("each agent's comparison is about these machines: of hosts like them something is said from {HOSTS_MIN} hosts on")
    })
}

/// The host of each agent: its boot, or where that is not readable the agent itself.
fn hosts(report: &RunReport) -> BTreeMap<&AgentName, &str> {
    let hosts = report.hosts.iter().filter(|host| !host.observer);
    hosts
        .map(|host| (&host.agent, host.fingerprint.boot_id.as_deref().unwrap_or(host.agent.as_str())))
        .collect()
}

fn across(
    of_agents: Vec<(Option<AgentName>, SideBySide<'_>)>,
    hosts: &BTreeMap<&AgentName, &str>,
    better: Better,
    margin: f64,
    level: Level,
) -> Option<Compared> {
    let mut by_host: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut rounding_variance: f64 = 0.0;
    for (agent, blocks) in &of_agents {
        let differences = blocks.differences.as_ref().filter(|_| blocks.scale != Scale::Linear)?;
        rounding_variance = rounding_variance.max(differences.rounding_variance());
        let host = hosts.get(agent.as_ref()?)?;
        by_host.entry(host).or_default().push(mean(differences.values())?);
    }
    let averages: Vec<f64> = by_host.values().filter_map(|of_agents| mean(of_agents)).collect();
    if averages.len() < HOSTS_MIN {
        return None;
    }
    let named = of_agents.first()?.1.named();
    let is_sound = of_agents.iter().all(|(_, blocks)| blocks.is_sound);
    let differences = Differences::new(averages).ok()?.rounded_by(rounding_variance);
    let rule = Rule { margin: Margin::of_share(margin).unwrap_or(Margin::NONE), level };
    let found = paired::compare(&differences, rule);
    let says = if is_sound { found.says.into() } else { Says::Inconclusive };
    let shown = mean_interval(differences.values(), differences.rounding_variance(), Level::FIVE_PERCENT);
    let back = |worse: f64| if better == Better::Lower { worse.exp() } else { (-worse).exp() };
    let interval = shown.map(|shown| shown.interval.map(back));
    let report = ComparisonReport {
        agent: None,
        n: found.blocks as u64,
        ratio: found.mean.map(back),
        ci95: interval.map(|[one, other]| [one.min(other), one.max(other)]),
        says,
        notes: vec![format!("{} is compared across hosts as well: n is their number", named.metric)],
        ..named
    };
    let unit = of_agents.first()?.1.unit().to_owned();
    Some(Compared { p: p(&differences, rule, says), report, unit })
}

#[cfg(test)]
mod tests {
    use shared::host::Fingerprint;
    use shared::run_report::HostReport;

    use super::*;
    use crate::claims::tests::fixture::{job, of_latencies};
    use crate::comparisons::{self, Terms};

    /// What is said over all hosts together: of each the blocks of an old and a new side, in microseconds.
    fn over(hosts: &[[&[u64]; 2]], is_one_machine: bool) -> Vec<ComparisonReport> {
        let name = |place: usize| AgentName::new(format!("a{place}")).unwrap();
        let sides =
            [0, 1].map(|side| hosts.iter().flat_map(|host| host[side].to_vec()).collect::<Vec<u64>>());
        let variants: [(&str, &[u64]); 2] = [("old", &sides[0]), ("new", &sides[1])];
        let mut assembled = of_latencies(&variants);
        for variant in &mut assembled.report.variants {
            let whose = hosts.iter().enumerate();
            let whose = whose.flat_map(|(place, host)| (0..host[0].len()).map(move |block| (place, block)));
            for (trial, (place, block)) in variant.trials.iter_mut().zip(whose) {
                (trial.agent, trial.block) = (Some(name(place)), block as u32);
            }
        }
        let host = |place: usize| {
            let boot = if is_one_machine { 0 } else { place };
            let fingerprint = Fingerprint { boot_id: Some(boot.to_string()), ..Fingerprint::default() };
            HostReport { agent: name(place), fingerprint, labels: Default::default(), observer: false }
        };
        assembled.report.hosts = (0..hosts.len()).map(host).collect();
        let claim = "metric = \"read.latency.p50\"\nvariant = \"new\"\nthan = \"old\"\nat_most = 0.9\n";
        let job = job(claim, &variants);
        let compared = comparisons::compare(&assembled, &job, Terms::at(Level::FIVE_PERCENT));
        compared.into_iter().filter(|row| row.metric == "read.latency.p50").collect()
    }

    fn all_of(rows: &[ComparisonReport]) -> Option<&ComparisonReport> {
        rows.iter().find(|row| row.agent.is_none())
    }

    const OLD: &[u64] = &[5_000, 5_010, 4_990, 5_005, 4_995];
    const FASTER: &[u64] = &[4_000, 4_010, 3_990, 4_005, 3_995];
    const SLOWER: &[u64] = &[6_000, 6_010, 5_990, 6_005, 5_995];

    #[test]
    fn what_every_host_says_is_said_across_hosts() {
        let rows = over(&[[OLD, FASTER]; 6], false);
        let all = all_of(&rows).unwrap();
        assert_eq!((all.says, all.n, rows.len()), (Says::Faster, 6, 7), "{all:?}");
        assert!(all.ratio.is_some_and(|ratio| (ratio - 0.8).abs() < 0.01), "{all:?}");
        assert!(rows.iter().all(|row| !row.notes.iter().any(|note| note.contains("these machines"))));
    }

    #[test]
    fn hosts_that_disagree_decide_nothing_however_sure_each_of_them_is() {
        let hosts = [[OLD, FASTER], [OLD, FASTER], [OLD, FASTER], [OLD, SLOWER], [OLD, SLOWER]];
        let rows = over(&hosts, false);
        assert!(rows.iter().filter(|row| row.agent.is_some()).all(|row| row.says != Says::Inconclusive));
        assert_eq!(all_of(&rows).unwrap().says, Says::Inconclusive);
    }

    #[test]
    fn fewer_than_five_hosts_say_something_of_these_machines_alone() {
        for (hosts, is_one_machine) in [(4, false), (6, true)] {
            let rows = over(&vec![[OLD, FASTER]; hosts], is_one_machine);
            assert_eq!((rows.len(), all_of(&rows)), (hosts, None));
            assert!(rows.iter().all(|row| row.notes[0].contains("about these machines")), "{rows:?}");
        }
    }
}
