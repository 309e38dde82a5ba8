//! Runs against runs that were kept under a name: what a baseline can decide, and what it cannot.

/// With fewer runs a baseline decides nothing: how much conditions differ from run to run is not known.
pub const RUNS_NEEDED: usize = 5;
