//! Gates over what hosts tell: what came between the load and the machine.

use shared::finding::{Finding, FindingCode};
use shared::host::{HostMetric, HostSample};
use shared::job::{Limits, Window};

use super::super::*;
use super::fixture::*;

/// The report of a trial of ten seconds, whose agents' hosts fared like this.
fn report(record: &RunRecord, limits: Limits, hosts: &[HostSample]) -> RunReport {
    let mut job = job(&["read"], 1);
    job.limits = limits;
    job.load.window = Window::For(std::time::Duration::from_secs(10));
    let told = hosts.iter().enumerate().map(|(agent, host)| Interval {
        host: Some(host.clone()),
        is_last: true,
        duration_ns: 10 * SECOND_NS,
        ..interval(0, agent, 0, vec![operation(0, &[100 + agent as u64; 300], 0)])
    });
    assemble(record, &job, told, NOW_MS).report
}

fn found(report: &RunReport, code: FindingCode) -> Option<&Finding> {
    report.variants[0].trials[0].findings.iter().find(|finding| finding.code == code)
}

#[test]
fn a_quota_that_was_used_up_is_told_unless_it_is_tolerated() {
    let held = [HostSample::of([(HostMetric::Throttled, 4.0), (HostMetric::ThrottledTime, 0.25)])];
    let told = report(&record(1, 1, 1), Limits::default(), &held);
    let throttled = found(&told, FindingCode::Throttled).unwrap();
    assert!(
        throttled
            .message
            .contains("used up 4 times a second, which held its tasks back for 0.250 s in each second"),
        "{throttled:?}"
    );
    let tolerated = Limits { throttled: true, ..Limits::default() };
    assert_eq!(found(&report(&record(1, 1, 1), tolerated, &held), FindingCode::Throttled), None);
    let free = [HostSample::of([(HostMetric::Throttled, 0.0)])];
    assert_eq!(found(&report(&record(1, 1, 1), Limits::default(), &free), FindingCode::Throttled), None);
}

#[test]
fn heat_is_told_like_a_quota() {
    let hot = [HostSample::of([(HostMetric::ThermalThrottles, 2.0)])];
    let told = report(&record(1, 1, 1), Limits::default(), &hot);
    assert!(
        found(&told, FindingCode::Throttled).unwrap().message.contains("heat slowed its cores down 2 times")
    );
}

#[test]
fn foreign_programs_are_told_when_they_take_more_than_chance() {
    let of = |foreign: f64| {
        let host = [HostSample::of([(HostMetric::CpuBusy, 0.5), (HostMetric::ForeignCpu, foreign)])];
        found(&report(&record(1, 1, 1), Limits::default(), &host), FindingCode::ForeignCpu).is_some()
    };
    assert_eq!([0.05, 0.08, 0.12].map(of), [false, false, true], "counted in hundredths of a second");
}

#[test]
fn agents_of_one_host_are_no_strangers_to_each_other() {
    let mut record = record(1, 2, 1);
    for part in &mut record.trials[0].agents {
        part.fingerprint.boot_id = Some("one".to_owned());
        part.fingerprint.cpus_online = Some(4);
    }
    let host = HostSample::of([
        (HostMetric::CpuBusy, 0.6),
        (HostMetric::AgentCpu, 1.0),
        (HostMetric::WorkloadCpu, 0.2),
        (HostMetric::ForeignCpu, 0.3),
    ]);
    let together = report(&record, Limits::default(), &[host.clone(), host.clone()]);
    assert_eq!(found(&together, FindingCode::ForeignCpu), None);
    let figures = &together.variants[0].trials[0].agents[0].host["foreign_cpu"];
    assert!(figures.mean.abs() < 1e-9 && figures.max.abs() < 1e-9, "{figures:?}");
    record.trials[0].agents[1].fingerprint.boot_id = Some("another".to_owned());
    let apart = report(&record, Limits::default(), &[host.clone(), host]);
    assert!(found(&apart, FindingCode::ForeignCpu).is_some());
}

#[test]
fn a_process_that_neighbours_observe_is_counted_once() {
    let mut record = record(1, 2, 1);
    for part in &mut record.trials[0].agents {
        part.fingerprint.boot_id = Some("one".to_owned());
        part.fingerprint.cpus_online = Some(4);
    }
    // Of four cores three are busy: half a core of each agent, one of the observed process, and one of a stranger.
    let host = |foreign: f64, workload: f64, apart: f64| {
        HostSample::of([
            (HostMetric::CpuBusy, 0.75),
            (HostMetric::AgentCpu, 0.5),
            (HostMetric::WorkloadCpu, workload),
            (HostMetric::ProcessApart, apart),
            (HostMetric::ForeignCpu, foreign),
        ])
    };
    let foreign = |hosts: &[HostSample]| {
        let told = report(&record, Limits::default(), hosts);
        told.variants[0].trials[0]
            .agents
            .iter()
            .map(|agent| agent.host["foreign_cpu"].mean)
            .collect::<Vec<_>>()
    };
    let near = |told: Vec<f64>| told.iter().all(|share| (share - 0.25).abs() < 1e-9);
    let started_by_none = [host(0.375, 1.0, 1.0), host(0.375, 1.0, 1.0)];
    assert!(near(foreign(&started_by_none)), "{:?}", foreign(&started_by_none));
    let started_by_one = [host(0.375, 1.0, 0.0), host(0.375, 1.0, 1.0)];
    assert!(near(foreign(&started_by_one)), "{:?}", foreign(&started_by_one));
}

#[test]
fn each_core_is_told_behind_their_sum() {
    let mut host = HostSample::of([(HostMetric::CpuBusy, 0.5)]);
    host.set_cores([1.0, 0.0]);
    let report = report(&record(1, 1, 1), Limits::default(), &[host]);
    let told = &report.variants[0].trials[0].agents[0].host;
    assert_eq!((told["cpu_busy.core0"].mean, told["cpu_busy.core1"].mean, told.len()), (1.0, 0.0, 3));
}
