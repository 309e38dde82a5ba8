//! How fast fleetmark is, beside its peers: programs that print ratios from interleaved rounds, never timed tests.
//!
//! Programs stand in `bin/`. Rooms: [`stage`] (processes that are never left behind), [`cpu`] (CPU time of processes),
//! [`ratio`] (median, least and most over rounds).
#![forbid(unsafe_code)]

pub mod cpu;
pub mod ratio;
pub mod stage;
