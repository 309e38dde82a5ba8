//! Fingerprints against each other: in what the hosts of two runs differ.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::host::Fingerprint;
use crate::host::field::FIELDS;
use crate::run_report::HostReport;

/// Memory may differ by so much before it counts: kernels keep different amounts of the same memory for themselves.
const MEMORY_TOLERANCE: f64 = 0.02;

/// One difference between the hosts of two runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FingerprintDifference {
    /// The agent whose host differs; empty: their number.
    pub agent: String,
    /// What differs: a field of the fingerprint, or `hosts`.
    pub field: String,
    /// In the first run; `null`: not readable there.
    pub a: Option<String>,
    /// In the second run; `null`: not readable there.
    pub b: Option<String>,
}

impl std::fmt::Display for FingerprintDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "not readable".to_owned());
        if !self.agent.is_empty() {
            write!(formatter, "{}: ", self.agent)?;
        }
        write!(formatter, "{}: {} and {}", self.field, value(&self.a), value(&self.b))
    }
}

/// In what the hosts of two runs differ, host by host in the order of their agents' names. A boot is no difference, and
/// neither is fleetmark's own version; a field that only one side could read is one.
pub fn differences(a: &[HostReport], b: &[HostReport]) -> Vec<FingerprintDifference> {
    if a.len() != b.len() {
        let hosts = |hosts: &[HostReport]| Some(hosts.len().to_string());
        let (agent, field) = (String::new(), "hosts".to_owned());
        return vec![FingerprintDifference { agent, field, a: hosts(a), b: hosts(b) }];
    }
    let sorted = |hosts: &[HostReport]| {
        let mut hosts: Vec<HostReport> = hosts.to_vec();
        hosts.sort_by(|one, other| one.agent.cmp(&other.agent));
        hosts
    };
    let of_host = |(a, b): (&HostReport, &HostReport)| {
        let agent = a.agent.to_string();
        let fields = differing(&a.fingerprint, &b.fingerprint).into_iter();
        fields.map(move |(field, a, b)| FingerprintDifference { agent: agent.clone(), field, a, b }).collect()
    };
    let pairs = (sorted(a), sorted(b));
    let told: Vec<Vec<FingerprintDifference>> = pairs.0.iter().zip(&pairs.1).map(of_host).collect();
    told.concat()
}

/// In what another host differs from one. Their names always do, and are left out.
pub fn of_hosts(one: &HostReport, other: &HostReport) -> Vec<FingerprintDifference> {
    let told = |(field, a, b)| FingerprintDifference { agent: other.agent.to_string(), field, a, b };
    let fields = differing(&one.fingerprint, &other.fingerprint).into_iter();
    fields.filter(|(field, ..)| field != "hostname").map(told).collect()
}

fn differing(a: &Fingerprint, b: &Fingerprint) -> Vec<(String, Option<String>, Option<String>)> {
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let list = |list: &Option<Vec<String>>| list.as_ref().map(|list| list.join(", "));
    let mut fields = vec![
        ("hostname", a.hostname.clone(), b.hostname.clone()),
        ("operating_system", a.operating_system.clone(), b.operating_system.clone()),
        ("kernel", a.kernel.clone(), b.kernel.clone()),
        ("architecture", a.architecture.clone(), b.architecture.clone()),
        ("cpu_model", a.cpu_model.clone(), b.cpu_model.clone()),
        ("cpu_vendor", a.cpu_vendor.clone(), b.cpu_vendor.clone()),
        ("cpus_online", number(a.cpus_online), number(b.cpus_online)),
        ("governors", list(&a.governors), list(&b.governors)),
        ("hypervisor", a.hypervisor.clone(), b.hypervisor.clone()),
    ];
    fields.retain(|(_, a, b)| a != b);
    if !is_about_the_same(a.memory_total_bytes, b.memory_total_bytes) {
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| crate::units::human_bytes(bytes as f64));
        fields.push(("memory_total", bytes(a.memory_total_bytes), bytes(b.memory_total_bytes)));
    }
    let identity = fields.into_iter().map(|(field, a, b)| (field.to_owned(), a, b));
    identity.chain(differing_details(a, b)).collect()
}

/// Details that differ, where both sides tell any: runs of earlier versions did not.
fn differing_details(a: &Fingerprint, b: &Fingerprint) -> Vec<(String, Option<String>, Option<String>)> {
    if a.details.is_empty() || b.details.is_empty() {
        return Vec::new();
    }
    let shown = |host: &Fingerprint, field: &str| match host.details.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let both = FIELDS.iter().filter(|field| !field.may_change);
    let both = both.map(|field| (field.name.to_owned(), shown(a, field.name), shown(b, field.name)));
    both.filter(|(_, a, b)| a != b).collect()
}

fn is_about_the_same(a: Option<u64>, b: Option<u64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.abs_diff(b) as f64 <= MEMORY_TOLERANCE * a.max(b) as f64,
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AgentName;

    fn host(agent: &str, fingerprint: Fingerprint) -> HostReport {
        HostReport {
            agent: AgentName::new(agent).unwrap(),
            fingerprint,
            labels: Default::default(),
            observer: false,
        }
    }

    fn plain() -> Fingerprint {
        Fingerprint {
            hostname: Some("a1".to_owned()),
            kernel: Some("6.1".to_owned()),
            cpus_online: Some(8),
            memory_total_bytes: Some(16_000_000_000),
            boot_id: Some("one".to_owned()),
            ..Fingerprint::default()
        }
    }

    #[test]
    fn another_boot_and_a_little_less_memory_are_no_difference() {
        let memory_total_bytes = Some(15_900_000_000);
        let later = Fingerprint { boot_id: Some("two".to_owned()), memory_total_bytes, ..plain() };
        assert_eq!(differences(&[host("a1", plain())], &[host("a1", later)]), []);
    }

    #[test]
    fn what_differs_is_told_host_by_host() {
        let other = Fingerprint { kernel: Some("6.8".to_owned()), cpus_online: None, ..plain() };
        let (a, b) = ([host("a1", plain()), host("a2", plain())], [host("a2", plain()), host("a1", other)]);
        let told: Vec<String> = differences(&a, &b).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["a1: kernel: 6.1 and 6.8", "a1: cpus_online: 8 and not readable"]);
    }

    #[test]
    fn details_differ_where_both_sides_tell_them() {
        let with = |limit: Value| {
            let details =
                [("cpu_limit_cores".to_owned(), limit), ("clock_synchronised".to_owned(), Value::Null)];
            Fingerprint { details: details.into(), ..plain() }
        };
        let free = with(Value::from("none"));
        assert_eq!(
            differences(&[host("a1", plain())], &[host("a1", free.clone())]),
            [],
            "one is of an earlier version"
        );
        let told = differences(&[host("a1", free)], &[host("a1", with(Value::from(0.5)))]);
        assert_eq!(
            told.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["a1: cpu_limit_cores: none and 0.5"]
        );
    }

    #[test]
    fn another_number_of_hosts_is_a_difference_of_its_own() {
        let one = [host("a1", plain())];
        let told: Vec<String> = differences(&one, &[]).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["hosts: 1 and 0"]);
    }
}
