//! The command line, as the contract fixes it. Rooms: `servers` (coordinator and agent), `calibrate`, `history`, `report`,
//! `store`, `target`, `trust` and `watch` (verbs with many words).

mod calibrate;
mod history;
mod profile;
mod report;
mod servers;
mod store;
mod target;
mod trust;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use agent::child::launch::Confinement;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use shared::ids::BaselineName;

pub(crate) use calibrate::CalibrateArgs;
pub(crate) use history::{BaselineAction, CompareArgs, TrendArgs};
pub(crate) use profile::ProfileArgs;
pub(crate) use report::{ARCHIVE, ExportArgs, FormatArgs, PageArgs, ReportArgs, VerifyArgs};
pub(crate) use servers::{AgentArgs, CoordinatorArgs, PageAddress};
pub(crate) use store::{PruneArgs, StoreAction};
pub(crate) use target::TargetArgs;
pub(crate) use trust::{CaAction, LoginArgs, WebLoginArgs};
pub(crate) use watch::WatchArgs;

/// Measures how fast something is, on many machines at once, and says how sure it is.
#[derive(Debug, Parser)]
#[command(name = "fleetmark", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a job and say what came out
    Run(Box<RunArgs>),
    /// Write a first job to start from
    Init {
        /// Where to write it
        #[arg(default_value = "fleetmark.toml")]
        file: PathBuf,
    },
    /// Say whether a job is valid
    Check {
        #[command(flatten)]
        job: JobArgs,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what a job would run, and how long that takes
    Plan {
        #[command(flatten)]
        job: JobArgs,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Be a coordinator: schedule jobs, keep results
    Coordinator(CoordinatorArgs),
    /// Be an agent: run workloads for a coordinator
    Agent(AgentArgs),
    /// Print the JSON Schema of a kind of file, for editors
    Schema {
        /// Which kind of file
        file: SchemaFile,
    },
    /// List the agents of a coordinator, or have one take no more runs
    Agents {
        #[command(subcommand)]
        action: Option<AgentsAction>,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// List runs, or remove one
    Runs {
        #[command(subcommand)]
        action: Option<RunsAction>,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Show what came out of a run
    Show {
        /// The run: an id, a unique prefix of one, or `latest`
        run: String,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Follow a run to its end, on the whole terminal where there is one
    Watch(WatchArgs),
    /// Cancel a run; what it measured is kept
    Cancel {
        /// The run: an id, a unique prefix of one, or `latest`
        run: String,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Write what came out of a run to files
    Report(ReportArgs),
    /// Decide the claims of a job again, from what is stored of a run alone
    Verify(VerifyArgs),
    /// Write a run for another tool, or for `import` of another store
    Export(ExportArgs),
    /// Take up the runs that `export` and `store export` wrote and that are not here yet
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Name runs that later ones are held against
    Baseline {
        #[command(subcommand)]
        action: BaselineAction,
    },
    /// Show whether these hosts read what is the same as the same, and what is slower as slower
    Calibrate(CalibrateArgs),
    /// Compare two runs, baselines, variants, or the hosts of one run: which is faster, and how sure that is
    Compare(CompareArgs),
    /// Show how a metric went from run to run
    Trend(TrendArgs),
    /// What profilers of a run wrote: lists it, or writes it to a file
    Profile(ProfileArgs),
    /// Look after the store
    Store {
        #[command(subcommand)]
        action: StoreAction,
    },
    /// Give, list and take back the certificates by which machines and people are known
    Ca {
        #[command(subcommand)]
        action: CaAction,
    },
    /// Get a certificate for yourself, to ask a coordinator on another machine
    Login(LoginArgs),
    /// Sign a browser or a program in to a coordinator's pages, as whoever you are there
    WebLogin(WebLoginArgs),
    /// Show who did what on a coordinator
    Audit {
        /// So many of the newest
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// Be a small HTTP server whose behaviour is known
    Target(TargetArgs),
    /// List the workloads and their keys
    Workloads {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what this host is, and what to do about it before it measures
    Doctor {
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Start a program, and take its whole family down when it ends or when standard input does
    #[command(hide = true)]
    Guard {
        /// As whom, and within which bounds, as JSON
        #[arg(long, value_parser = confinement)]
        confine: Option<Confinement>,
        /// The program and its arguments
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

/// A job file, perhaps with changes.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// The job file
    pub(crate) job: PathBuf,
    /// Change a value of the job: `load.workers=8`, `workload.operations.read.url=http://…`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
}

/// Whom to ask: a coordinator, or the one of a folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct AskArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Where the coordinator or the store is. May stand behind a further verb too: `runs rm latest --store results`.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlaceArgs {
    /// The coordinator, such as http://127.0.0.1:7411 [default: one of its own over the store]
    #[arg(long, value_name = "URL", conflicts_with = "store", global = true)]
    pub(crate) coordinator: Option<String>,
    /// The coordinator that you have logged in to under this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["store", "coordinator"], global = true)]
    pub(crate) context: Option<String>,
    /// The store's folder [default: .fleetmark]
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) store: Option<PathBuf>,
    /// Talk to an address that is not loopback without encryption
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
}

/// What to run, where, and what to write.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The job file; several of them, or a folder, run one after another as a suite
    #[arg(required_unless_present = "url", conflicts_with = "url", value_name = "JOB|DIR")]
    pub(crate) jobs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) quick: QuickArgs,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Start so many agents on this machine for this run [default: as many as the job asks for, without --coordinator]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) local_agents: Option<u32>,
    /// Change a value of the job: `load.workers=8`
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<String>,
    /// Keep this with the run
    #[arg(long = "tag", value_name = "K=V", value_parser = pair)]
    pub(crate) tags: Vec<(String, String)>,
    /// The file of secrets that the job uses as `{{secret:NAME}}`, for a run without --coordinator; only its owner may read it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["coordinator", "context"])]
    pub(crate) secrets: Option<PathBuf>,
    /// Whether to wait for agents
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(crate) wait: bool,
    /// Runs that wait for agents get them in this order, highest first, then oldest first
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-100..=100))]
    pub(crate) priority: i32,
    /// Add the run to this baseline, if it is finished and valid
    #[arg(long, value_name = "NAME")]
    pub(crate) save_baseline: Option<BaselineName>,
    /// Write the report as JSON; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub(crate) json: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) page: PageArgs,
    #[command(flatten)]
    pub(crate) formats: FormatArgs,
    /// Show no progress, and no result on the terminal
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Show the run on the whole terminal while it goes on
    #[arg(long, conflicts_with = "quiet")]
    pub(crate) tui: bool,
}

/// A job without a file.
#[derive(Debug, Args)]
pub(crate) struct QuickArgs {
    /// Measure this URL, without a job file
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// Arrivals per second [default: as fast as the answers come]
    #[arg(long, requires = "url")]
    pub(crate) rate: Option<f64>,
    /// Connections
    #[arg(long, requires = "url")]
    pub(crate) workers: Option<u32>,
    /// How long to measure, such as 30s
    #[arg(long, requires = "url", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// The method
    #[arg(long, requires = "url")]
    pub(crate) method: Option<String>,
    /// A header, such as "accept: application/json"
    #[arg(long = "header", requires = "url", value_name = "H")]
    pub(crate) headers: Vec<String>,
    /// The body
    #[arg(long, requires = "url")]
    pub(crate) body: Option<String>,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum SchemaFile {
    /// Job files
    Job,
}

/// What to do with an agent.
#[derive(Debug, Subcommand)]
pub(crate) enum AgentsAction {
    /// Have it finish what it is doing and then take no more runs, until it is started anew
    Drain {
        /// Its name
        name: String,
    },
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsAction {
    /// Remove a run that is over
    Rm {
        /// The run: an id, a unique prefix of one, or `latest`
        run: String,
        /// Also one that a baseline consists of; the baseline keeps its figures
        #[arg(long)]
        force: bool,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    shared::units::parse_duration(text).map_err(|error| error.to_string())
}

fn confinement(text: &str) -> Result<Confinement, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<u64, String> {
    shared::units::parse_size(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_agent_keeps_as_much_as_the_agents_room_says() {
        let words = ["fleetmark", "agent", "--coordinator", "http://127.0.0.1:1"];
        let Command::Agent(agent) = Cli::try_parse_from(words).unwrap().command else { panic!() };
        let bounds = agent::session::outbox::Bounds::default();
        assert_eq!((agent.outbox_memory, agent.data_max), (bounds.memory_bytes, bounds.disk_bytes));
    }

    #[test]
    fn whom_to_ask_may_stand_behind_every_verb() {
        let words = ["fleetmark", "runs", "rm", "latest", "--store", "results"];
        let Command::Runs { ask, .. } = Cli::try_parse_from(words).unwrap().command else { panic!() };
        assert_eq!(ask.place.store, Some(PathBuf::from("results")));
    }

    #[test]
    fn wait_takes_a_value_as_the_contract_writes_it() {
        let wait = |words: &[&str]| match Cli::try_parse_from(words).unwrap().command {
            Command::Run(run) => run.wait,
            other => panic!("{other:?}"),
        };
        assert!(wait(&["fleetmark", "run", "job.toml"]));
        assert!(!wait(&["fleetmark", "run", "job.toml", "--wait=false"]));
    }
}
