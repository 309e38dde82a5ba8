//! fleetmark's agent: runs trials on a host.
//!
//! Rooms: [`session`] keeps it attached to a coordinator; [`engine`] drives load on threads of its own; [`workload`] knows how to do one operation of each
//! kind; [`values`] fills in what differs from one operation to the next; [`host`] reads what the host is and how it fares;
//! [`child`] starts programs so that none outlives us; [`undertakings`] knows what is to be undone; [`policy`] says what this agent may be told to do; [`rpc`] speaks
//! with the coordinator.

pub mod child;
pub mod engine;
pub mod host;
pub mod policy;
pub mod rpc;
pub mod session;
pub mod undertakings;
pub mod values;
pub mod workload;
