//! What is said when a rule forbids something: the rule, and how its owner can change it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What the agent's policy does not allow. Reads after "agent a1 refuses: ".
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// A kind of workload.
    #[error("it does not run {0:?} workloads (`kinds` of its configuration, or --allow {0})")]
    Kind(String),
    /// A `[target]`.
    #[error("it does not start targets (`target` of its configuration, or --allow command)")]
    Target,
    /// `[hooks]`.
    #[error("it does not run hooks (`hooks` of its configuration, or --allow command)")]
    Hooks,
    /// A `[profile]`.
    #[error("it does not run profilers (`profile` of its configuration, or --allow command)")]
    Profile,
    /// A program that may not be started.
    #[error("it does not start {program:?}, which is {} (`programs.allow` of its configuration)", .path.display())]
    Program {
        /// As the job names it.
        program: String,
        /// Where it was found.
        path: PathBuf,
    },
    /// A program of which it cannot be said whether it may be started.
    #[error(
        "it does not start {program:?}, which cannot be found: {reason} (`programs.allow` of its configuration)"
    )]
    UnknownProgram {
        /// As the job names it.
        program: String,
        /// Why not.
        reason: String,
    },
    /// An address that is denied.
    #[error("it does not connect to {host}, which is {address} ({rule} of its configuration)")]
    Denied {
        /// As the job, or a redirect, names it.
        host: String,
        /// Where that leads.
        address: SocketAddr,
        /// Which rule says so.
        rule: String,
    },
    /// An address that is not among the allowed ones.
    #[error(
        "it does not connect to {host}, which is {address} (not in `targets.allow` of its configuration)"
    )]
    NotAllowed {
        /// As the job, or a redirect, names it.
        host: String,
        /// Where that leads.
        address: SocketAddr,
    },
    /// A socket.
    #[error("it does not connect to the socket {} (list \"unix:PATH\" in `targets.allow` of its configuration)", .0.display())]
    Socket(PathBuf),
    /// A database's file that may not be opened.
    #[error("it does not open the database's file {}, which is {} (not in `databases` of its configuration)", .path.display(), .place.display())]
    File {
        /// As the job names it.
        path: PathBuf,
        /// Where that leads.
        place: PathBuf,
    },
    /// A database's file of which it cannot be said whether it may be opened.
    #[error(
        "it does not open the database's file {}, which cannot be found: {reason} (`databases` of its configuration)",
        .path.display()
    )]
    UnknownFile {
        /// As the job names it.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An environment variable.
    #[error(
        "jobs may not read its environment variable {0} (`env` of its configuration, or --allow-env {0})"
    )]
    Variable(String),
    /// Too many operations per second.
    #[error(
        "it begins at most {most} operations per second, and is to begin {wanted} (`limits.rate` of its configuration)"
    )]
    Rate {
        /// What it was told, at the highest.
        wanted: f64,
        /// What is allowed.
        most: f64,
    },
    /// As many operations per second as are possible.
    #[error(
        "it begins at most {0} operations per second, and a closed load has no bound but `load.pace` (`limits.rate` of its configuration)"
    )]
    NoRate(f64),
    /// Too many workers.
    #[error("it has at most {most} workers, and is to have {wanted} (`limits.workers` of its configuration)")]
    Workers {
        /// What it was told, at the highest.
        wanted: u32,
        /// What is allowed.
        most: u32,
    },
    /// A trial that takes too long.
    #[error(
        "its trials take at most {most:?}, and this one is to take {wanted:?} (`limits.duration` of its configuration)"
    )]
    Duration {
        /// What it was told.
        wanted: Duration,
        /// What is allowed.
        most: Duration,
    },
    /// A trial whose length was not known and turned out too long.
    #[error(
        "its trials take at most {0:?}, and this one was not over by then (`limits.duration` of its configuration)"
    )]
    Overdue(Duration),
    /// A hook that took too long.
    #[error(
        "its hooks take at most {0:?}, and this one was not over by then (`limits.duration` of its configuration)"
    )]
    HookOverdue(Duration),
}
