//! A trial's eye on its host: what it is before and after, and how it fares in between.

use shared::host::{Fingerprint, HostSample};
use shared::job::Observe;

use super::probe::HostProbe;
use crate::engine::Watch;

/// What an engine is told of the host that it runs on.
#[derive(Debug)]
pub struct HostWatch {
    before: Fingerprint,
    probe: HostProbe,
}

impl HostWatch {
    /// Looks at the host, and what a job observes on it, for the first time, before the trial.
    pub fn new(observe: &Observe) -> Self {
        Self { before: super::fingerprint(), probe: HostProbe::of(observe) }
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
}
