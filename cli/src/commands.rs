//! One file a verb.

pub(crate) mod agent;
mod agents;
mod audit;
mod baseline;
mod ca;
mod calibrate;
mod cancel;
mod check;
mod compare;
pub(crate) mod coordinator;
mod doctor;
mod export;
mod init;
mod login;
mod plan;
mod profile;
mod report;
mod run;
mod runs;
mod show;
mod store;
mod target;
mod trend;
mod verify;
mod watch;
mod web_login;
mod workloads;

use std::sync::Arc;

use clap::CommandFactory;
use shared::secret::veil::Veil;

use crate::args::{Cli, Command, SchemaFile, StoreAction};
use crate::exit_code::{DONE, Failure, INTERNAL};
use crate::log;

/// Does what the command line says; returns the exit code.
///
/// # Errors
/// With the contract's code in a [`Failure`].
pub(crate) fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        // Before any thread or runtime exists: signal masks and parent-death signals belong to threads.
        Command::Guard { confine, command } => {
            let status = ::agent::child::guard::guard_main(command, &confine.unwrap_or_default());
            Ok(u8::try_from(status.clamp(0, 255)).unwrap_or(INTERNAL))
        }
        Command::Target(options) => target::run(options),
        Command::Init { file } => init::run(&file),
        Command::Check { job, json } => check::run(&job, json),
        Command::Plan { job, json } => plan::run(&job, json),
        Command::Schema { file: SchemaFile::Job } => workloads::job_schema(),
        Command::Workloads { json } => workloads::run(json),
        Command::Doctor { json } => doctor::run(json),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "fleetmark", &mut std::io::stdout());
            Ok(DONE)
        }
        Command::Coordinator(options) => serve(|veil| coordinator::run(options, veil)),
        Command::Agent(options) => serve(|veil| agent::run(options, veil)),
        Command::Run(options) => block_on("error", run::run(*options)),
        Command::Agents { action, ask } => block_on("error", agents::run(action, ask)),
        Command::Runs { action, ask } => block_on("error", runs::run(action, ask)),
        Command::Show { run, ask } => block_on("error", show::run(run, ask)),
        Command::Watch(options) => block_on("error", watch::run(options)),
        Command::Cancel { run, ask } => block_on("error", cancel::run(run, ask)),
        Command::Report(options) => block_on("error", report::run(options)),
        Command::Verify(options) => block_on("error", verify::run(options)),
        Command::Export(options) => block_on("error", export::run(options)),
        // The contract has the word in both places.
        Command::Import { file, ask } => block_on("error", store::run(StoreAction::Import { file, ask })),
        Command::Ca { action } => block_on("error", ca::run(action)),
        Command::Login(options) => block_on("error", login::run(options)),
        Command::WebLogin(options) => block_on("error", web_login::run(options)),
        Command::Audit { limit, ask } => block_on("error", audit::run(limit, ask)),
        Command::Baseline { action } => block_on("error", baseline::run(action)),
        Command::Calibrate(options) => block_on("error", calibrate::run(options)),
        Command::Compare(options) => block_on("error", compare::run(options)),
        Command::Trend(options) => block_on("error", trend::run(options)),
        Command::Profile(options) => block_on("error", profile::run(options)),
        Command::Store { action } => block_on("error", store::run(action)),
    }
}

/// Runs a server, which is given what nothing that it says shows.
fn serve<F: Future<Output = anyhow::Result<u8>>>(server: impl FnOnce(Arc<Veil>) -> F) -> anyhow::Result<u8> {
    let veil = Arc::<Veil>::default();
    log::start("info", &veil);
    log::veil_last_words(&veil);
    wait_for(server(veil))
}

/// Runs a command that waits for others. `said` is how much it says by default.
fn block_on(said: &str, command: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    log::start(said, &Arc::default());
    wait_for(command)
}

fn wait_for(command: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::with_code(INTERNAL, format!("threads cannot be started: {error}")))?;
    let outcome = runtime.block_on(command);
    // Whatever still runs (a reader of standard input, say) is no reason to stay.
    runtime.shutdown_background();
    outcome
}
