//! The domain of fleetmark, pure: what a job, a plan, an interval, a host and a run report are.
//!
//! Nothing here knows a socket, a clock, a file or a wire format. Rooms:
//!
//! * [`ids`]: newtypes for everything that has an identity.
//! * [`units`]: durations, sizes and ratios as people write them.
//! * [`job`]: the job file: its grammar, its checks, and the typed job that comes out.
//! * [`claim`]: what a job claims.
//! * [`metric`]: metric names, measures, statistics and their units.
//! * [`plan`]: a job unrolled into ordered trials, and what each agent is told to do.
//! * [`histogram`]: the HDR histogram, with its exact merge and its V2 encoding.
//! * [`arrivals`]: when operations of an open model are due.
//! * [`delay`]: pauses as people write them, fixed or drawn from a distribution.
//! * [`interval`]: one agent's report on one second of one trial.
//! * [`host`]: what a host is (fingerprint) and how it fares (samples).
//! * [`fingerprint_comparison`]: in what the hosts of two runs differ.
//! * [`finding`]: what makes a trial suspect or invalid.
//! * [`fleet`]: an agent as its coordinator sees it.
//! * [`event`]: what an observer of a run sees.
//! * [`run_record`]: what a coordinator remembers of a run; with its intervals it is all that a report needs.
//! * [`profile`]: what a profiler wrote beside the trials that are measured.
//! * [`run_figures`]: what a finished run says in figures; [`baseline`]: runs that later ones are held against;
//!   [`history`]: one metric over many runs; [`run_comparison`]: two of them against each other.
//! * [`calibration`]: whether a set-up tells what is the same from what is slower.
//! * [`run_report`]: the report, field for field as the JSON contract has it.
//! * [`secret`]: what jobs use and nobody may be told, and texts without it.
#![forbid(unsafe_code)]

pub mod arrivals;
pub mod baseline;
pub mod calibration;
pub mod claim;
pub mod delay;
pub mod event;
pub mod finding;
pub mod fingerprint_comparison;
pub mod fleet;
pub mod histogram;
pub mod history;
pub mod host;
pub mod host_comparison;
pub mod ids;
pub mod interval;
pub mod job;
pub mod metric;
pub mod plan;
pub mod profile;
pub mod run_comparison;
pub mod run_figures;
pub mod run_record;
pub mod run_report;
pub mod secret;
pub mod units;
