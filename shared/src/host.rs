//! What a host is (its fingerprint) and how it fares while a trial runs (a sample each second).
//!
//! Rooms: [`mod@advice`] (what to do about it), [`mod@reference`] (the tables as Markdown), [`mod@field`] (the table of a fingerprint's details), [`metric`] (the table of what is read each second), [`sample`] (its
//! values over one interval).

pub mod advice;
pub mod field;
pub mod metric;
pub mod reference;
pub mod sample;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use metric::HostMetric;
pub use sample::HostSample;

/// What a host is, as far as it can be read. `None` means it could not be read; [`Fingerprint::unreadable`]
/// says why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Host name.
    pub hostname: Option<String>,
    /// Operating system's name and version, as in os-release's `PRETTY_NAME`.
    pub operating_system: Option<String>,
    /// Kernel release, as `uname -r`.
    pub kernel: Option<String>,
    /// Machine architecture, as `uname -m`.
    pub architecture: Option<String>,
    /// CPU model name.
    pub cpu_model: Option<String>,
    /// CPU vendor.
    pub cpu_vendor: Option<String>,
    /// Logical CPUs that are online.
    pub cpus_online: Option<u32>,
    /// Memory in all, bytes.
    pub memory_total_bytes: Option<u64>,
    /// Frequency governors in use, without repetition.
    pub governors: Option<Vec<String>>,
    /// Hypervisor flag or vendor, when the CPU says that it runs under one.
    pub hypervisor: Option<String>,
    /// The kernel's boot id: agents with the same one share a host.
    pub boot_id: Option<String>,
    /// fleetmark's version on the host.
    pub fleetmark_version: Option<String>,
    /// The details, by the names of [`field::FIELDS`]; `null`: it could not be read. Empty where only the host's identity is told.
    #[serde(flatten)]
    pub details: BTreeMap<String, serde_json::Value>,
    /// For each field that is `None`: why it could not be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreadable: BTreeMap<String, String>,
}

impl Fingerprint {
    /// The fields, details included, that could be read in both and differ; those that may change while the host stays the same
    /// are left out.
    pub fn differing(&self, later: &Self) -> Vec<String> {
        fn is_other<T: PartialEq>(before: &Option<T>, now: &Option<T>) -> bool {
            matches!((before, now), (Some(before), Some(now)) if before != now)
        }
        let identity = [
            ("its name", is_other(&self.hostname, &later.hostname)),
            ("the operating system", is_other(&self.operating_system, &later.operating_system)),
            ("the kernel", is_other(&self.kernel, &later.kernel)),
            ("the architecture", is_other(&self.architecture, &later.architecture)),
            (
                "the CPU",
                is_other(&self.cpu_model, &later.cpu_model) || is_other(&self.cpu_vendor, &later.cpu_vendor),
            ),
            ("the number of CPUs", is_other(&self.cpus_online, &later.cpus_online)),
            ("the memory", is_other(&self.memory_total_bytes, &later.memory_total_bytes)),
            ("the CPUs' governors", is_other(&self.governors, &later.governors)),
            ("the hypervisor", is_other(&self.hypervisor, &later.hypervisor)),
            ("the boot", is_other(&self.boot_id, &later.boot_id)),
            ("fleetmark's version", is_other(&self.fleetmark_version, &later.fleetmark_version)),
        ];
        let named = identity.into_iter().filter(|(_, is_other)| *is_other).map(|(field, _)| field.to_owned());
        let details = field::FIELDS.iter().filter(|field| !field.may_change).filter(|field| {
            let (before, now) = (self.details.get(field.name), later.details.get(field.name));
            matches!((before, now), (Some(before), Some(now)) if !before.is_null() && !now.is_null() && before != now)
        });
        named.chain(details.map(|field| field.name.to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_stand_among_the_fields_and_survive() {
        let details =
            BTreeMap::from([("smt".to_owned(), json!("on")), ("microcode".to_owned(), json!(null))]);
        let fingerprint = Fingerprint { kernel: Some("6.1".to_owned()), details, ..Fingerprint::default() };
        let text = serde_json::to_string(&fingerprint).unwrap();
        assert!(text.contains("\"smt\":\"on\"") && !text.contains("details"), "{text}");
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), fingerprint);
        assert_eq!(
            serde_json::from_str::<Fingerprint>("{}").unwrap(),
            Fingerprint::default(),
            "as it was once stored"
        );
    }

    #[test]
    fn only_what_was_read_twice_and_must_stay_can_differ() {
        let of = |smt: serde_json::Value, synchronised: bool| Fingerprint {
            details: [("smt".to_owned(), smt), ("clock_synchronised".to_owned(), json!(synchronised))].into(),
            ..Fingerprint::default()
        };
        assert_eq!(of(json!("on"), true).differing(&of(json!("off"), false)), ["smt"]);
        assert_eq!(of(json!("on"), true).differing(&of(json!(null), true)), [""; 0]);
        assert_eq!(of(json!("on"), true).differing(&Fingerprint::default()), [""; 0]);
    }
}
