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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::run_report::Verdict;

    use super::*;

    /// Set to write the reference anew instead of comparing it.
    const REWRITE: &str = "FLEETMARK_REWRITE_DOCS";

    /// Every code: of `run`, `verify`, `watch`, `compare` and `calibrate`, and of all other verbs; empty: never.
    fn meanings() -> Vec<(u8, &'static str, &'static str)> {
        vec![
            (DONE, "every gate claim is supported, or none is made; `compare`: nothing is worse", "done"),
            (Verdict::Refuted.exit_code(), "a gate claim is refuted; `compare`: something is slower", ""),
            (Verdict::Inconclusive.exit_code(), "it cannot be told; the reason says what would", ""),
            (INVALID, "it does not count, or the run failed", "`store check`: damage was found"),
            (USAGE, "the command line makes no sense", "the same"),
            (JOB, "the job file is in error; each error has its line, column and a caret", "the same"),
            (UNREACHABLE, "coordinator, agents or store are not reachable", "the same"),
            (INTERNAL, "a bug in fleetmark", "the same"),
            (OUTPUT, "the output cannot be written", "the same"),
            (REFUSED, "refused, by a rule that the message names", "the same"),
            (INTERRUPTED, "interrupted by the person at the terminal", "the same"),
        ]
    }

    fn reference() -> String {
        let mut text = String::from(
            "# Exit codes\n\nWritten from the code that returns them. What is worse counts: 3 over 1 over 2 over 0. Codes from 64 on are about the \
             command and not about what was measured; standard error says why.\n\n\
             | code | `run`, `verify`, `watch`, `compare`, `calibrate` | others |\n|---|---|---|\n",
        );
        for (code, judging, others) in meanings() {
            text.push_str(&format!(
                "| {code} | {judging} | {} |\n",
                if others.is_empty() { "–" } else { others }
            ));
        }
        text
    }

    #[test]
    fn the_reference_of_exit_codes_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/exit-codes.md");
        if std::env::var_os(REWRITE).is_some() {
            std::fs::write(&path, reference()).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, reference(), "docs/exit-codes.md is stale: run this test with {REWRITE}=1");
    }
}
