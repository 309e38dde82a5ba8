//! Connections to what is measured, as every kind makes them that speaks its own protocol.
//!
//! Rooms: `place` (where they go), `server_url` (the URL of a server that is not asked by HTTP), `target` (a place made ready: its addresses, TLS and policy), `targets` (all of a trial), `tls`, `dial` (making one),
//! `stream` (its bytes), `buffers` (what is read into), `progress` (stage and phases of an operation), `failure` (how it fails).

pub(in crate::workload) mod buffers;
pub(in crate::workload) mod dial;
pub(in crate::workload) mod failure;
pub(in crate::workload) mod place;
pub(in crate::workload) mod progress;
pub(in crate::workload) mod server_url;
pub(in crate::workload) mod stream;
pub(in crate::workload) mod target;
pub(in crate::workload) mod targets;
pub(in crate::workload) mod tls;
