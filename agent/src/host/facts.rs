//! What `where` selectors see of a fingerprint.

use std::collections::BTreeMap;

use shared::host::Fingerprint;

/// The facts of a host for `where` selectors: `arch`, `cores` (logical CPUs), `kernel`, `os`, `memory`
/// (bytes), `hostname` and `cpu`. What could not be read is left out, so that no selector but `!=` matches
/// it.
pub fn facts(fingerprint: &Fingerprint) -> BTreeMap<String, String> {
    let facts = [
        ("arch", fingerprint.architecture.clone()),
        ("cores", fingerprint.cpus_online.map(|cpus| cpus.to_string())),
        ("kernel", fingerprint.kernel.clone()),
        ("os", fingerprint.operating_system.clone()),
        ("memory", fingerprint.memory_total_bytes.map(|bytes| bytes.to_string())),
        ("hostname", fingerprint.hostname.clone()),
        ("cpu", fingerprint.cpu_model.clone()),
    ];
    facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?))).collect()
}

#[cfg(test)]
mod tests {
    use shared::job::selector::Selector;

    use super::*;

    #[test]
    fn selectors_find_a_host_by_its_facts() {
        let fingerprint = Fingerprint {
            architecture: Some("x86_64".to_owned()),
            cpus_online: Some(8),
            memory_total_bytes: Some(16 << 30),
            ..Fingerprint::default()
        };
        let selector = Selector::parse("arch=x86_64 cores>=4 memory>=16000000000").unwrap();
        assert_eq!(selector.mismatch(&facts(&fingerprint)), None);
    }

    #[test]
    fn an_unread_fact_is_no_fact() {
        assert!(facts(&Fingerprint::default()).is_empty());
    }
}
