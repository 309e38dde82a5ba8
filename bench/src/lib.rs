//! How fast fleetmark is, beside its peers: programs that print ratios from interleaved rounds, never timed tests.
//!
//! Programs stand in `bin/`. Rooms: [`stage`] (processes that are never left behind), [`server`], [`postgres`] and [`peer`] (servers and
//! load generators that others wrote), [`reading`] (figures of a report), [`cpu`] and [`memory`] (of processes), [`ratio`] and
//! [`table`] (median, least and most over rounds), [`options`] (the command line), [`arrival_recorder`] (a server that writes
//! down when requests came), [`schedule_fit`] (arrivals against the schedule they were meant to keep), [`instructions`]
//! (what a request takes), [`crowd`] (many simulated agents), [`realistic_interval`] (what they send),
//! [`rpc`] (how they say it), [`usage`] (what a process uses over time), [`scale`] (a coordinator under a crowd),
//! [`made_up_runs`] (a store that is full), [`plain_grpc`] (a client of gRPC as others write it).
#![forbid(unsafe_code)]

pub mod arrival_recorder;
pub mod cpu;
pub mod crowd;
pub mod instructions;
pub mod made_up_runs;
pub mod memory;
pub mod options;
pub mod peer;
pub mod plain_grpc;
pub mod postgres;
pub mod ratio;
pub mod reading;
pub mod realistic_interval;
pub mod rpc;
pub mod scale;
pub mod schedule_fit;
pub mod server;
pub mod stage;
pub mod table;
pub mod usage;
