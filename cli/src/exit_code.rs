//! The contract's exit codes, and errors that carry one.

use std::fmt;

/// Done; or every gate claim supported, or none made.
pub(crate) const DONE: u8 = 0;
/// Invalid, or damage found.
pub(crate) const INVALID: u8 = 3;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 64;
/// The job file is in error.
pub(crate) const JOB: u8 = 65;
/// Coordinator, agents or store are not reachable.
pub(crate) const UNREACHABLE: u8 = 69;
/// A bug in fleetmark.
pub(crate) const INTERNAL: u8 = 70;
/// The output cannot be written.
pub(crate) const OUTPUT: u8 = 73;
/// Refused, by a rule that the message names.
pub(crate) const REFUSED: u8 = 77;
/// Interrupted by the person at the terminal.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error that ends the program with a code of its own.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// An error with a code. The message says what, on which value, and what to do.
    pub(crate) fn with_code(code: u8, message: impl Into<String>) -> anyhow::Error {
        Self { code, message: message.into() }.into()
    }

    /// The code that an error ends the program with.
    pub(crate) fn code_of(error: &anyhow::Error) -> u8 {
        error
            .chain()
            .find_map(|cause| cause.downcast_ref::<Failure>())
            .map_or(INTERNAL, |failure| failure.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
