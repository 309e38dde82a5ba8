//! What the host is and how it fares.
//!
//! Rooms: [`mod@fingerprint`] (what it is, read once), [`mod@facts`] (what `where` selectors see of that),
//! [`probe`] (how it fares, read each second), [`watch`] (both for a trial), [`capacity`] (how much workloads can fill), `scrape` (the target's own figures), `source` (files of `/proc` and `/sys`, with the reason when one
//! cannot be read), `cgroup` (the control groups that this process is in).

pub mod capacity;
mod cgroup;
pub mod facts;
pub mod fingerprint;
pub mod probe;
mod scrape;
mod source;
pub mod watch;

pub use facts::facts;
pub use fingerprint::{fingerprint, identity};
pub use probe::HostProbe;
pub use watch::HostWatch;
