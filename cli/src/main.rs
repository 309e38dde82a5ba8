//! The one binary: a subcommand per role and per question.
//!
//! Rooms: [`args`] (the command line), [`commands`] (one file a verb), [`exit_code`] (the contract's codes),
//! [`client`] (what is asked of a coordinator), [`embedded`] (the
//! coordinator and agents of one folder and one command), [`progress`] and [`screen`] (what is shown while a run goes on),
//! [`target`] (a server whose behaviour is known), and `rpc`.
#![forbid(unsafe_code)]

mod args;
mod client;
mod commands;
mod configuration;
mod embedded;
mod exit_code;
mod identity;
mod log;
mod output;
mod progress;
mod rpc;
mod screen;
mod target;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;
use crate::exit_code::{Failure, USAGE};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; everything else is clap's code 2, which the contract calls 64.
            let is_answer = !error.use_stderr();
            let _nobody_may_be_reading = error.print();
            return ExitCode::from(if is_answer { 0 } else { USAGE });
        }
    };
    match commands::run(cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let code = Failure::code_of(&error);
            eprintln!("fleetmark: {error:#}");
            ExitCode::from(code)
        }
    }
}
