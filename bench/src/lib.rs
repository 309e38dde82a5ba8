//! How fast fleetmark is, beside its peers: programs that print ratios from interleaved rounds, never timed tests.
//!
//! Programs stand in `bin/`. Rooms: [`stage`] (processes that are never left behind), [`cpu`] (CPU time of processes),
//! [`ratio`] (median, least and most over rounds), [`arrival_recorder`] (a server that writes down when requests came),
//! [`schedule_fit`] (arrivals against the schedule they were meant to keep), [`instructions`] (what a request takes).
#![forbid(unsafe_code)]

pub mod arrival_recorder;
pub mod cpu;
pub mod instructions;
pub mod ratio;
pub mod schedule_fit;
pub mod stage;
