//! The targets of a trial: each made ready once, for all operations whose routes are equal.

use std::sync::Arc;

use shared::job::OperationSpec;

use super::place::Place;
use super::target::{Resolve, Route, Target};
use super::tls::{SystemRoots, Tls};
use crate::policy::Warden;
use crate::workload::PrepareError;
use crate::workload::settings::wrong;

/// Targets as they are made ready, in the order in which operations name them first.
pub(in crate::workload) struct Targets<'a> {
    warden: &'a Arc<Warden>,
    resolve: Resolve,
    roots: SystemRoots,
    made: Vec<Target>,
}

impl<'a> Targets<'a> {
    /// None yet; each asks this warden before it is connected to.
    pub(in crate::workload) fn new(warden: &'a Arc<Warden>, resolve: Resolve) -> Self {
        Self { warden, resolve, roots: SystemRoots::default(), made: Vec::new() }
    }

    /// The place of a route's target, made ready if it is not.
    ///
    /// # Errors
    /// As [`Targets::add`].
    pub(in crate::workload) fn place_of(
        &mut self,
        spec: &OperationSpec,
        route: Route,
    ) -> Result<usize, PrepareError> {
        match self.made.iter().position(|target| target.route == route) {
            Some(place) => Ok(place),
            None => self.add(spec, route),
        }
    }

    /// Makes a target ready that shares no connections with those before it, and gives its place.
    ///
    /// # Errors
    /// When its host has no address, its certificates do not read, or the policy does not allow it.
    pub(in crate::workload) fn add(
        &mut self,
        spec: &OperationSpec,
        route: Route,
    ) -> Result<usize, PrepareError> {
        let unreachable = |error: &dyn std::fmt::Display| wrong(spec, "url", error);
        let tls = match (&route.tls, &route.place) {
            (Some(tls), Place::Host { host, .. }) => {
                let tls = Tls::new(tls, host, route.protocol, &mut self.roots);
                Some(tls.map_err(|error| unreachable(&error))?)
            }
            _ => None,
        };
        let target = Target::new(route, self.resolve, tls, Arc::clone(self.warden));
        let target = target.map_err(|error| unreachable(&error))?;
        target.check_before(self.resolve)?;
        self.made.push(target);
        Ok(self.made.len() - 1)
    }

    /// The target at a place.
    pub(in crate::workload) fn at(&self, place: usize) -> &Target {
        &self.made[place]
    }

    /// All of them.
    pub(in crate::workload) fn into_made(self) -> Vec<Target> {
        self.made
    }
}
