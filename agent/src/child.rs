//! Programs started by the agent: none outlives it.
//!
//! There are two ways, because there are two needs:
//!
//! * Targets, hooks and profilers run under a **guard**, a small process of our own between the agent and the program,
//!   which takes the whole family down when the program ends, when the agent stops it, and when the agent
//!   dies by any means. Rooms: [`guard`] (the process itself), [`supervised`] (the agent's handle on it),
//!   [`target`], [`hook`] and [`profiler`] (what the handle is used for), [`readiness`] (when a target is up).
//! * Operations of the command workload are too many and too short for that: each is a process group whose
//!   leader dies with the load thread. Rooms: [`group`], [`memory_floor`] (whose memory was measured).
//!
//! Shared by both: [`launch`] (as whom programs run, and with what), [`exit`] (how a program ended), [`tail`] (the end of what it wrote), [`family`] (who
//! descends from whom) and `system`, the only place of the workspace with `unsafe`.

pub mod exit;
pub mod family;
pub mod group;
pub mod guard;
pub mod hook;
pub mod launch;
pub mod memory_floor;
pub mod profiler;
pub mod readiness;
pub mod supervised;
pub(crate) mod system;
pub mod tail;
pub mod target;
