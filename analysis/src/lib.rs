//! Statistics, pure: stored intervals and a run's record in, a run report out. No socket, clock or file.
//!
//! * [`mod@assemble`]: merges stored intervals into the run report.
//! * [`quantile`]: which quantiles a sample can carry, and what a histogram says.
//! * [`estimate`]: what several trials say together, with an interval.
//! * [`validity`]: the table of gates that decide whether a trial counts.
//! * [`claims`]: what a job claims, decided; [`claimed`] estimates what it names. [`comparisons`]: variants against each other.
//!   [`identical_sides`]: those that are one job. [`sweeps`]: what sweeps over one number answer.
//! * [`mod@looks`]: whether a run needs more blocks to decide them. [`search`]: which value a search tries next, and its answer.
//! * [`verdict`]: what came out of the run as a whole.
//! * [`calibration`]: whether a set-up tells what is the same from what is slower.
//! * [`compare_runs`]: runs and baselines against each other. [`compare_variants`]: two variants of one run.
//!   [`mod@compare_hosts`]: its hosts.
//!
//! Numbers alone, whatever they were measured of:
//!
//! * [`paired`]: two sides compared by blocks. [`sample_size`]: how many blocks it would take.
//! * [`bound`]: claims about one side. [`quantile_interval`], [`autocorrelation`]: one trial's quantile. [`binomial`]: shares.
//! * [`sweep`]: which value is best. [`scaling`]: whether more brings more. [`prediction`]: a new run against earlier ones.
//! * [`steady_state`]: whether a trial had settled. [`change_point`]: where a history of runs changed; [`trend`] tells it of a
//!   metric.
//! * [`multiplicity`]: several hypotheses at once.
//! * [`rank_tests`], [`hodges_lehmann`]: what only the order of values says.
//! * [`student`]: Student's t. [`level`]: how often a verdict may be wrong, and how small a difference is none.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod autocorrelation;
pub mod binomial;
pub mod bound;
pub mod calibration;
pub mod change_point;
pub mod claimed;
pub mod claims;
pub mod compare_hosts;
pub mod compare_runs;
pub mod compare_variants;
pub mod comparisons;
pub mod estimate;
pub mod growth;
pub mod hodges_lehmann;
pub mod identical_sides;
pub mod level;
pub mod looks;
pub mod multiplicity;
pub mod paired;
pub mod prediction;
pub mod quantile;
pub mod quantile_interval;
pub mod rank_tests;
pub mod sample_size;
pub mod scaling;
pub mod search;
pub mod steady_state;
pub mod student;
pub mod sweep;
pub mod sweeps;
pub mod trend;
pub mod validity;
pub mod verdict;

pub use assemble::{Assembled, Assembler, assemble};

/// Version of the analysis, stored with each report: a report made by another version is made again.
/// Raise it with every change that can alter a figure, a finding or a verdict.
pub const ANALYSIS_VERSION: &str = "9";
