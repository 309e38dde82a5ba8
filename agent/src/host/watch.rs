//! A trial's eye on its host: what it is before and after, and how it fares in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::host::{Fingerprint, HostSample};
use shared::interval::MetricInterval;
use shared::job::Observe;

use super::probe::HostProbe;
use super::scrape::Scraper;
use crate::engine::Watch;
use crate::policy::Warden;

/// What an engine is told of the host that it runs on.
#[derive(Debug)]
pub struct HostWatch {
    before: Fingerprint,
    probe: HostProbe,
    scraper: Option<Scraper>,
}

impl HostWatch {
    /// Looks at the host, and what a job observes on it, for the first time, before the trial.
    ///
    /// `warden` says whether the target's own figures may be fetched.
    pub fn new(observe: &Observe, warden: &Arc<Warden>) -> Self {
        let scraper =
            observe.prometheus.clone().and_then(|scrape| Scraper::start(scrape, Arc::clone(warden)));
        Self { before: super::fingerprint(), probe: HostProbe::of(observe), scraper }
    }
}

impl Watch for HostWatch {
    fn sample(&mut self) -> Option<HostSample> {
        self.probe.sample()
    }

    fn before(&mut self) -> Option<Box<Fingerprint>> {
        Some(Box::new(self.before.clone()))
    }

    fn after(&mut self) -> Option<Box<Fingerprint>> {
        let after = super::fingerprint();
        (!self.before.differing(&after).is_empty()).then(|| Box::new(after))
    }

    fn observed(&mut self) -> BTreeMap<String, MetricInterval> {
        self.scraper.as_ref().map(Scraper::take).unwrap_or_default()
    }
}
