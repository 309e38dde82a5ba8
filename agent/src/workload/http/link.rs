//! A worker's ways to the servers: its own connections, and those that a redirect to another host needs once.

use std::sync::Arc;

use super::http2::Streams;
use super::inspection::Inspection;
use super::url::Url;
use super::wire::Wire;
use super::{HttpOperation, HttpPlan};
use crate::workload::Outcome;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::place::Place;
use crate::workload::connection::progress::Progress;
use crate::workload::connection::target::{Protocol, Resolve, Route, Target};
use crate::workload::connection::tls::{SystemRoots, Tls};

/// Most hosts beside the job's own that are remembered: redirects lead to few, and no server may make them many.
const OTHER_HOSTS_MAX: usize = 16;

/// A worker's ways to the servers.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) wire: Wire,
    pub(super) streams: Streams,
    /// Whether the answer at hand came over HTTP/2.
    is_http2: bool,
    /// Hosts that redirects led to.
    others: Vec<Target>,
    roots: SystemRoots,
}

impl Link {
    /// A worker that is not connected yet.
    pub(super) fn new(wire: Wire, streams: Streams) -> Self {
        Self { wire, streams, is_http2: false, others: Vec::new(), roots: SystemRoots::default() }
    }

    /// Sends an operation's request to its target and reads the answer.
    #[inline]
    pub(super) async fn exchange(
        &mut self,
        plan: &HttpPlan,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.is_http2 = operation.http2.is_some();
        match &operation.http2 {
            None => self.wire.exchange(plan, operation, outcome, progress).await,
            Some(request) => self.streams.exchange(plan, operation, request, outcome, progress).await,
        }
    }

    /// The same to another host, over HTTP/1.1, on a connection that is not kept. Of the operation's own TLS only
    /// whom it trusts goes along.
    pub(super) async fn exchange_elsewhere(
        &mut self,
        url: &Url,
        own: &Target,
        operation: &HttpOperation,
        outcome: &mut Outcome,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        self.is_http2 = false;
        let place = self.other_host(url, own)?;
        self.wire.exchange_once(&self.others[place], operation, outcome, progress).await
    }

    /// What is known of the answer at hand.
    #[inline]
    pub(super) fn inspection(&self) -> &Inspection {
        if self.is_http2 { &self.streams.inspection } else { &self.wire.inspection }
    }

    /// The place of a host that a redirect leads to.
    fn other_host(&mut self, url: &Url, own: &Target) -> Result<usize, Failure> {
        let trusted = own.route.tls.as_ref().or(own.route.tls_beyond.as_ref());
        let tls = url.is_tls.then(|| trusted.map(|tls| tls.for_another_host()).unwrap_or_default());
        let route = Route { place: url.place.clone(), protocol: Protocol::Http1, tls, tls_beyond: None };
        if let Some(place) = self.others.iter().position(|target| target.route == route) {
            return Ok(place);
        }
        let unreachable = |error: &dyn std::fmt::Display| {
            Failure::protocol(format!("the redirect to {} cannot be followed: {error}", url.base()))
        };
        let tls = match (&route.tls, &route.place) {
            (Some(tls), Place::Host { host, .. }) => {
                let tls = Tls::new(tls, host, Protocol::Http1, &mut self.roots);
                Some(tls.map_err(|error| unreachable(&error))?)
            }
            _ => None,
        };
        let target = Target::new(route, Resolve::Connect, tls, Arc::clone(&own.warden))
            .map_err(|error| unreachable(&error))?;
        if self.others.len() == OTHER_HOSTS_MAX {
            self.others.remove(0);
        }
        self.others.push(target);
        Ok(self.others.len() - 1)
    }
}
