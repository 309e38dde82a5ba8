//! The simulator: the real machines of both sides over one network, in worlds that a seed makes.
//!
//! Real are the director with its schedule, fleet and clocks, ingest with its room, the store's queue, the words of both
//! streams, and on each agent the session's machine, its outbox and the orders of its engine. Models are the network, the
//! disks, the programs and what an engine counts. A world lasts for minutes of its own time and milliseconds of ours.
//!
//! Rooms: [`world`] (everything together), [`fault`] (what goes wrong), [`invariants`] (what always holds), [`search`]
//! (many worlds); [`coordinator`], [`disk`], [`host`], [`process`], [`engine`], [`spill`], [`programs`], [`network`]
//! (whoever lives there); [`job`], [`clock`], [`dice`] (what is drawn); [`truth`], [`trace`] (what happened).

pub mod clock;
pub mod coordinator;
pub mod dice;
pub mod disk;
pub mod engine;
pub mod fault;
pub mod host;
pub mod invariants;
pub mod job;
pub mod network;
pub mod process;
pub mod programs;
pub mod search;
pub mod spill;
pub mod trace;
pub mod truth;
pub mod world;
