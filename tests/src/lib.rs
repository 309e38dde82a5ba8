//! The stage on which the tests of the whole system play: real processes on loopback, each ended by id.
//!
//! Tests stand in `cases/`, one file a subject. Rooms: [`process`] (a child that is never left behind),
//! [`cast`] (coordinators, agents, command lines), [`patience`] (waiting for a state, with a deadline).
#![forbid(unsafe_code)]

pub mod cast;
pub mod patience;
pub mod process;
