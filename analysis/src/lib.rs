//! Statistics, pure: stored intervals and a run's record in, a run report out. No socket, clock or file.
//!
//! * [`mod@assemble`]: merges stored intervals into the run report.
//! * [`quantile`]: which quantiles a sample can carry, and what a histogram says.
//! * [`baselines`]: runs against runs that were kept under a name.
//! * [`estimate`]: what several trials say together, with an interval.
//! * [`validity`]: the table of gates that decide whether a trial counts.
//! * [`verdict`]: what came out of the run as a whole.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod baselines;
pub mod estimate;
pub mod quantile;
pub mod validity;
pub mod verdict;

pub use assemble::{Assembled, Assembler, assemble};

/// Version of the analysis, stored with each report: a report made by another version is made again.
/// Raise it with every change that can alter a figure, a finding or a verdict.
pub const ANALYSIS_VERSION: &str = "3";
