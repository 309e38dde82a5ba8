//! fleetmark's coordinator: who is here, what runs when, what was measured.
//!
//! Rooms: [`server`] (listens and puts everything together), [`director`] (the one task that owns what changes),
//! [`fleet`] (who is here), [`schedule`] (what runs when; a pure machine), [`secrets`] (what jobs may use and nobody is told), [`clock`] (whose clock shows what),
//! [`ingest`] (intervals in, acknowledgements out), [`live`] (how a running trial fares), [`store`] (what is kept),
//! [`reporting`] (reports from what is kept), [`export`] (figures of runs, sent to others), [`figures`], [`history`] and [`baselines`] (what later runs are held
//! against), [`calibrations`] (what vouches for hosts), [`profiles`] (what profilers wrote),
//! `admission` (who is let in, and what each may ask), `control` (what clients ask, whichever way), the gRPC services in [`rpc`],
//! and pages and API in [`web`].
#![forbid(unsafe_code)]

mod admission;
pub mod baselines;
pub mod calibrations;
pub mod clock;
mod control;
pub mod director;
pub mod export;
pub mod figures;
pub mod fleet;
pub mod history;
pub mod ingest;
pub mod live;
mod monotonic;
pub mod profiles;
pub mod reporting;
pub mod rpc;
pub mod schedule;
pub mod secrets;
pub mod server;
pub mod store;
pub mod web;

use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, milliseconds since 1970 UTC.
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
