//! Facts about calibrations.

use shared::host::Fingerprint;
use shared::ids::{AgentName, RunId};

use super::*;

fn run(number: u8) -> RunId {
    RunId::new(1_700_000_000_000, [number; 10])
}

fn read(part: CalibrationPart, says: Says) -> CalibrationReading {
    CalibrationReading {
        part,
        run: run(1),
        same_run: None,
        metric: "latency.p50".to_owned(),
        margin: 0.05,
        blocks: 20,
        ratio: Some(1.0),
        ci95: Some([0.99, 1.0 / 0.99]),
        says,
        invalid: None,
    }
}

fn of(same: Says, slower: Says) -> (CalibrationVerdict, String) {
    verdict(&read(CalibrationPart::Same, same), Some(&read(CalibrationPart::Slower, slower)))
}

#[test]
fn a_calibration_passes_when_both_runs_read_what_they_should() {
    let (verdict, reason) = of(Says::Same, Says::Slower);
    assert_eq!(verdict, CalibrationVerdict::Passed);
    assert_eq!(reason, "what is the same reads the same within 5 %, and what is slower by 10 % reads slower");
}

#[test]
fn a_set_up_that_tells_what_is_not_so_cannot_be_trusted() {
    for (same, slower) in [
        (Says::Slower, Says::Slower),
        (Says::Faster, Says::Slower),
        (Says::Same, Says::Same),
        (Says::Same, Says::Faster),
        (Says::Inconclusive, Says::Same),
        (Says::Slower, Says::Inconclusive),
    ] {
        let (verdict, reason) = of(same, slower);
        assert_eq!(verdict, CalibrationVerdict::Failed, "{same} {slower}");
        assert!(reason.contains("cannot be trusted"), "{reason}");
    }
    assert!(of(Says::Same, Says::Same).1.starts_with("the control"), "{:?}", of(Says::Same, Says::Same));
}

#[test]
fn what_cannot_be_told_is_no_pass_and_no_failure() {
    for (same, slower) in [(Says::Inconclusive, Says::Slower), (Says::Same, Says::Inconclusive)] {
        let (verdict, reason) = of(same, slower);
        assert_eq!(verdict, CalibrationVerdict::Inconclusive);
        assert!(reason.contains("over 20 blocks"), "{reason}");
    }
}

#[test]
fn fewer_blocks_pass_nothing_and_still_fail() {
    let few = |part, says| CalibrationReading { blocks: 19, ..read(part, says) };
    let of = |same, slower| {
        verdict(&few(CalibrationPart::Same, same), Some(&few(CalibrationPart::Slower, slower)))
    };
    let (verdict, reason) = of(Says::Same, Says::Slower);
    assert_eq!(verdict, CalibrationVerdict::Inconclusive);
    assert!(reason.contains("over 19 blocks, and a calibration takes 20"), "{reason}");
    assert_eq!(of(Says::Slower, Says::Slower).0, CalibrationVerdict::Failed);
}

#[test]
fn what_does_not_count_is_invalid_whatever_it_reads() {
    let invalid = |part| CalibrationReading {
        invalid: Some("trial 3: the hypervisor took 20 %".to_owned()),
        ..read(part, Says::Slower)
    };
    let same = read(CalibrationPart::Same, Says::Same);
    let (word, reason) = verdict(&same, Some(&invalid(CalibrationPart::Slower)));
    assert_eq!(word, CalibrationVerdict::Invalid);
    assert!(reason.contains("the control") && reason.contains("the hypervisor took 20 %"), "{reason}");
    assert_eq!(verdict(&invalid(CalibrationPart::Same), None).0, CalibrationVerdict::Invalid);
    assert_eq!(verdict(&same, None).0, CalibrationVerdict::Invalid);
}

#[test]
fn the_smallest_effect_follows_from_the_interval_of_what_is_the_same() {
    // t(.975, 19) = 2.093024 and t(.8, 19) = 0.860951: shown with 80 % is (2.093024 + 0.860951) / 2.093024 = 1.411343 half-widths.
    let same = CalibrationReading {
        ci95: Some([(-0.02_f64).exp(), 0.02_f64.exp()]),
        ..read(CalibrationPart::Same, Says::Same)
    };
    let found = smallest_effect(&same).unwrap();
    assert_eq!(found.blocks, 20);
    assert!((found.half_width - 0.02_f64.exp_m1()).abs() < 1e-12, "{found:?}");
    assert!((found.told_from_none - (0.02_f64 * 1.411_343).exp_m1()).abs() < 1e-7, "{found:?}");
    assert!((found.told_from_margin - (1.05 * (0.02_f64 * 1.411_343).exp() - 1.0)).abs() < 1e-7, "{found:?}");
}

#[test]
fn without_an_interval_there_is_no_smallest_effect() {
    let same = read(CalibrationPart::Same, Says::Same);
    for (blocks, ci95) in
        [(20, None), (1, Some([0.9, 1.1])), (20, Some([0.0, 1.0])), (20, Some([1.0, f64::INFINITY]))]
    {
        assert_eq!(smallest_effect(&CalibrationReading { blocks, ci95, ..same.clone() }), None);
    }
}

fn host(agent: &str, kernel: &str) -> HostReport {
    let fingerprint = Fingerprint { kernel: Some(kernel.to_owned()), ..Fingerprint::default() };
    HostReport {
        agent: AgentName::new(agent).unwrap(),
        fingerprint,
        labels: Default::default(),
        observer: false,
    }
}

#[test]
fn hosts_are_known_by_their_fingerprints_and_not_by_their_agents() {
    let calibrated = [host("a1", "6.1"), host("a2", "6.8")];
    assert!(covers(&calibrated, &[host("b1", "6.8"), host("b2", "6.1"), host("b3", "6.1")]));
    assert!(!covers(&calibrated, &[host("a1", "6.1")]), "half of the hosts are another set");
    assert!(!covers(&calibrated, &[host("a1", "6.1"), host("a2", "6.9")]), "a kernel was changed");
    assert!(!covers(&calibrated[..1], &calibrated), "one of them was never calibrated");
    let observer = HostReport { observer: true, ..host("o", "5.0") };
    assert!(covers(&calibrated[..1], &[host("a1", "6.1"), observer.clone()]));
    assert!(!covers(&[], &[]) && !covers(std::slice::from_ref(&observer), std::slice::from_ref(&observer)));
}

#[test]
fn a_calibration_is_about_times_and_rates_alone() {
    let mark = CalibrationMark { same_run: run(1), slower_run: run(2), calibrated_at_ms: 7 };
    assert_eq!((note(Some(&mark), "ns"), note(Some(&mark), "per_s")), (None, None));
    assert!(note(Some(&mark), "bytes").is_some_and(|note| note.contains("times and rates")));
    assert!(note(None, "ns").is_some_and(|note| note.contains("fleetmark calibrate")));
}
