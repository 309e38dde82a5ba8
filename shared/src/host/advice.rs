//! What to do about a host before it measures: advice from its fingerprint.

use serde_json::Value;

use super::Fingerprint;

/// Fewer open files do not suffice for many connections.
const OPEN_FILES_MIN: u64 = 10_000;

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Advice {
    /// Which field it is about.
    pub field: &'static str,
    /// What is the matter, and what to do about it.
    pub text: String,
}

/// One thing to look at; `None`: it is as it should be, or cannot be read.
type Check = fn(&Fingerprint) -> Option<Advice>;

/// Everything that is looked at, what weighs most first.
const CHECKS: &[Check] =
    &[build, hypervisor, governors, boost, cpu_limit, memory_limit, swap, open_files, clock, clocksource];

/// What there is to say about a host.
pub fn advice(fingerprint: &Fingerprint) -> Vec<Advice> {
    CHECKS.iter().filter_map(|check| check(fingerprint)).collect()
}

fn detail<'a>(host: &'a Fingerprint, field: &str) -> Option<&'a Value> {
    host.details.get(field).filter(|value| !value.is_null())
}

fn said(field: &'static str, text: impl Into<String>) -> Advice {
    Advice { field, text: text.into() }
}

fn build(host: &Fingerprint) -> Option<Advice> {
    let is_debug = detail(host, "build")? == "debug";
    is_debug.then(|| said("build", "fleetmark was built without optimisation: measure with a release build"))
}

fn hypervisor(host: &Fingerprint) -> Option<Advice> {
    let hypervisor = host.hypervisor.as_ref()?;
    Some(said(
        "hypervisor",
        format!(
            "this is a virtual machine ({hypervisor}): its neighbours show in its figures; compare what runs side by side, and watch host.cpu_steal"
        ),
    ))
}

fn governors(host: &Fingerprint) -> Option<Advice> {
    let others: Vec<&str> = host
        .governors
        .iter()
        .flatten()
        .map(String::as_str)
        .filter(|governor| *governor != "performance")
        .collect();
    (!others.is_empty()).then(|| {
        let governors = others.join(", ");
        said("governors", format!("the frequency governor is {governors}: `cpupower frequency-set -g performance` keeps cores at speed"))
    })
}

fn boost(host: &Fingerprint) -> Option<Advice> {
    (detail(host, "boost")? == true).then(|| {
        said("boost", "frequencies above the nominal one are allowed, and depend on heat: switch boost off where figures must repeat")
    })
}

fn cpu_limit(host: &Fingerprint) -> Option<Advice> {
    let cores = detail(host, "cpu_limit_cores")?.as_f64()?;
    Some(said(
        "cpu_limit_cores",
        format!("a control group allows {cores} cores: what goes beyond is held back (finding throttled)"),
    ))
}

fn memory_limit(host: &Fingerprint) -> Option<Advice> {
    let bytes = detail(host, "memory_limit_bytes")?.as_f64()?;
    let bytes = crate::units::human_bytes(bytes);
    Some(said(
        "memory_limit_bytes",
        format!("a control group allows {bytes} of memory: what needs more is killed"),
    ))
}

fn swap(host: &Fingerprint) -> Option<Advice> {
    let bytes = detail(host, "swap_total_bytes")?.as_u64().filter(|bytes| *bytes > 0)?;
    let bytes = crate::units::human_bytes(bytes as f64);
    Some(said(
        "swap_total_bytes",
        format!("there are {bytes} of swap space: `swapoff -a` keeps memory where it is"),
    ))
}

fn open_files(host: &Fingerprint) -> Option<Advice> {
    let files =
        detail(host, "user_limits")?.get("open_files")?.as_u64().filter(|files| *files < OPEN_FILES_MIN)?;
    Some(said(
        "user_limits",
        format!("{files} open files at once are allowed: `ulimit -n 65536` allows more connections"),
    ))
}

fn clock(host: &Fingerprint) -> Option<Advice> {
    (detail(host, "clock_synchronised")? == false)
        .then(|| said("clock_synchronised", "nothing keeps the wall clock right: times of different hosts cannot be laid side by side; run chrony or systemd-timesyncd"))
}

fn clocksource(host: &Fingerprint) -> Option<Advice> {
    const FAST: [&str; 4] = ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page"];
    let source = detail(host, "clocksource")?.as_str()?;
    (!FAST.contains(&source)).then(|| {
        said(
            "clocksource",
            format!(
                "the kernel reads the time from {source}, which takes a system call: tsc is faster by far"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn host(details: &[(&str, Value)]) -> Fingerprint {
        let details = details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Fingerprint { details, ..Fingerprint::default() }
    }

    #[test]
    fn a_host_that_is_fit_gets_no_advice() {
        let fit = host(&[
            ("build", json!("release")),
            ("boost", json!(false)),
            ("cpu_limit_cores", json!("none")),
            ("swap_total_bytes", json!(0)),
            ("user_limits", json!({ "open_files": 65_536 })),
            ("clock_synchronised", json!(true)),
            ("clocksource", json!("tsc")),
        ]);
        assert_eq!(advice(&Fingerprint { governors: Some(vec!["performance".to_owned()]), ..fit }), []);
        assert_eq!(advice(&Fingerprint::default()), [], "what cannot be read is no reason");
    }

    #[test]
    fn what_spoils_figures_is_named() {
        let unfit = host(&[
            ("build", json!("debug")),
            ("boost", json!(true)),
            ("cpu_limit_cores", json!(0.5)),
            ("memory_limit_bytes", json!(1_073_741_824_u64)),
            ("swap_total_bytes", json!(1024)),
            ("user_limits", json!({ "open_files": 1_024 })),
            ("clock_synchronised", json!(false)),
            ("clocksource", json!("hpet")),
        ]);
        let unfit = Fingerprint {
            governors: Some(vec!["powersave".to_owned()]),
            hypervisor: Some("KVM".to_owned()),
            ..unfit
        };
        assert_eq!(advice(&unfit).len(), CHECKS.len());
        assert!(advice(&unfit)[4].text.contains("allows 0.5 cores"));
    }
}
