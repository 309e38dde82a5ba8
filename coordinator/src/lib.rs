//! fleetmark's coordinator: who is here, what runs when, what was measured.

pub mod store;
