//! `fleetmark agent`: runs workloads for a coordinator.

use std::io::Read;

use agent::session::outbox::Bounds;
use agent::session::{self, Options, Proof, SessionError};
use shared::ids::AgentName;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::AgentArgs;
use crate::client::{Transport, check_address};
use crate::embedded::ourselves;
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, REFUSED, USAGE};
use crate::identity::agent_folder;

/// Where an agent's credentials are in a data folder that was named.
pub(crate) const IDENTITY: &str = "identity";

pub(super) async fn run(args: AgentArgs) -> anyhow::Result<u8> {
    let transport = check_address(&args.coordinator, args.insecure)?;
    let kinds: Vec<&str> = agent::workload::TABLE
        .iter()
        .filter(|kind| kind.needs_permission)
        .map(|kind| kind.schema.kind)
        .collect();
    if let Some(unknown) = args.allowed.iter().find(|allowed| !kinds.contains(&allowed.as_str())) {
        return Err(Failure::with_code(
            USAGE,
            format!("--allow {unknown}: what can be allowed is {}", kinds.join(", ")),
        ));
    }
    let name = match args.name {
        Some(name) => name,
        None => host_name()?,
    };
    let proof = match (transport, args.join) {
        (Transport::Plain, None) => None,
        (Transport::Plain, Some(_)) => {
            return Err(Failure::with_code(
                USAGE,
                "--join is for coordinators that encrypt: call this one by https://",
            ));
        }
        (Transport::Tls, token) => {
            let folder = match &args.data {
                Some(data) => data.join(IDENTITY),
                None => agent_folder(&name)?,
            };
            Some(Proof { folder, token })
        }
    };
    let options = Options {
        coordinator: args.coordinator,
        proof,
        name,
        labels: args.labels.into_iter().collect(),
        slots: args.slots,
        allowed: args.allowed,
        reservation: args.reservation,
        advertise: args.advertise,
        tells_clock: !args.measure_clock,
        fleetmark: ourselves()?,
        data: args.data.unwrap_or_else(std::env::temp_dir),
        outbox: Bounds { memory_bytes: args.outbox_memory, disk_bytes: args.data_max },
    };
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::with_code(INTERNAL, error.to_string()))?;
    tokio::select! {
        ended = session::run(options) => {
            ended.map_err(|error| Failure::with_code(code_of(&error), error.to_string()))?;
        }
        () = standard_input_ends(), if args.end_with_stdin => {}
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(DONE)
}

fn code_of(error: &SessionError) -> u8 {
    match error {
        SessionError::Refused(_) => REFUSED,
        SessionError::Spill(_) => OUTPUT,
    }
}

fn host_name() -> anyhow::Result<AgentName> {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    AgentName::new(name).map_err(|error| {
        Failure::with_code(
            USAGE,
            format!("the host's name cannot be the agent's ({error}); choose one with --name"),
        )
    })
}

/// Waits until whoever started us closes our standard input, or dies.
async fn standard_input_ends() {
    let (sender, ended) = tokio::sync::oneshot::channel();
    // A thread of its own: a read of standard input cannot be given up.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while matches!(std::io::stdin().read(&mut buffer), Ok(read) if read > 0) {}
        let _the_agent_may_be_ending = sender.send(());
    });
    let _either_way_it_ended = ended.await;
}
