//! How far an operation has come: its stage, for the sample of a timeout, and when its phases began, if the job wants
//! them told (`phases = true`). Without that no clock is read.

use std::fmt;

use crate::engine::clock::now_ns;
use crate::workload::Outcome;

/// The measures of phases, in the order of the kind's schema.
pub(in crate::workload) const MEASURES: &[(&str, &str)] =
    &[("dns", "ns"), ("connect", "ns"), ("tls", "ns"), ("first_byte", "ns"), ("body", "ns")];

/// Those of connecting alone, for kinds whose answers have no parts.
pub(in crate::workload) const CONNECTING_MEASURES: &[(&str, &str)] =
    &[("dns", "ns"), ("connect", "ns"), ("tls", "ns")];

/// What a worker is doing, for the sample of a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::workload) enum Stage {
    /// The host's name is being looked up.
    Resolving,
    /// No connection yet.
    Connecting,
    /// Connected, and the TLS handshake is under way.
    ShakingHands,
    /// All connections of the pool are in use.
    AwaitingConnection,
    /// Connected, and the server has yet to let us in.
    Greeting,
    /// The request is not all written.
    Sending,
    /// The head is sent, and the server has yet to ask for the body.
    AwaitingContinue,
    /// Nothing of the answer was read.
    Waiting,
    /// Some of the answer's head was read.
    ReadingHead,
    /// Some of the answer's body may have been read.
    ReadingBody,
}

/// How far the operation at hand has come.
#[derive(Debug)]
pub(in crate::workload) struct Progress {
    /// What is being done.
    pub(in crate::workload) stage: Stage,
    has_phases: bool,
    dns_ns: Option<u64>,
    connect_ns: Option<u64>,
    tls_ns: Option<u64>,
    sent_ns: u64,
    first_byte_ns: Option<u64>,
}

impl Progress {
    /// Nothing done yet.
    pub(in crate::workload) fn new() -> Self {
        Self {
            stage: Stage::Connecting,
            has_phases: false,
            dns_ns: None,
            connect_ns: None,
            tls_ns: None,
            sent_ns: 0,
            first_byte_ns: None,
        }
    }

    /// Begins anew with the next operation.
    #[inline]
    pub(in crate::workload) fn begin(&mut self, has_phases: bool) {
        if has_phases || self.has_phases {
            *self = Self { has_phases, ..Self::new() };
        }
    }

    /// The beginning of something that may be told; 0 when nothing is.
    pub(in crate::workload) fn mark(&self) -> u64 {
        if self.has_phases { now_ns() } else { 0 }
    }

    /// The name was looked up.
    pub(in crate::workload) fn resolved(&mut self, since: u64) {
        self.dns_ns = self.since(since);
    }

    /// A connection was made.
    pub(in crate::workload) fn connected(&mut self, since: u64) {
        self.connect_ns = self.since(since);
    }

    /// The TLS handshake is over.
    pub(in crate::workload) fn shaken(&mut self, since: u64) {
        self.tls_ns = self.since(since);
    }

    /// The request is sent.
    #[inline]
    pub(in crate::workload) fn sent(&mut self) {
        if self.has_phases {
            self.sent_ns = now_ns();
            self.first_byte_ns = None;
        }
    }

    /// Something of the answer came.
    #[inline]
    pub(in crate::workload) fn received(&mut self) {
        if self.has_phases && self.first_byte_ns.is_none() {
            self.first_byte_ns = Some(now_ns());
        }
    }

    /// Tells the phases, in the order of [`MEASURES`]: what connecting took if the operation connected, and how
    /// the time was spent after that if it is a success.
    #[inline]
    pub(in crate::workload) fn tell(&self, outcome: &mut Outcome) {
        if !self.has_phases {
            return;
        }
        self.tell_connecting(outcome);
        if let (Some(first_ns), None) = (self.first_byte_ns, outcome.error) {
            outcome.measures.note(3, Some(first_ns.saturating_sub(self.sent_ns)));
            outcome.measures.note(4, Some(outcome.ended_ns.saturating_sub(first_ns)));
        }
    }

    /// Tells what connecting took, in the order of [`CONNECTING_MEASURES`], if the operation connected.
    #[inline]
    pub(in crate::workload) fn tell_connecting(&self, outcome: &mut Outcome) {
        for (place, phase_ns) in [self.dns_ns, self.connect_ns, self.tls_ns].into_iter().enumerate() {
            if phase_ns.is_some() {
                outcome.measures.note(place, phase_ns);
            }
        }
    }

    fn since(&self, begun: u64) -> Option<u64> {
        self.has_phases.then(|| now_ns().saturating_sub(begun))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Stage::Resolving => "looking the host's name up",
            Stage::Connecting => "connecting",
            Stage::ShakingHands => "in the TLS handshake",
            Stage::AwaitingConnection => "waiting for a connection of the pool",
            Stage::Greeting => "waiting to be let in",
            Stage::Sending => "sending the request",
            Stage::AwaitingContinue => "waiting for the server to ask for the body",
            Stage::Waiting => "waiting for the first byte",
            Stage::ReadingHead => "reading the answer's head",
            Stage::ReadingBody => "reading the answer's body",
        })
    }
}
