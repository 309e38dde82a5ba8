//! `fleetmark agent`: runs workloads for a coordinator.

use std::io::Read;
use std::sync::Arc;

use agent::policy::Policy;
use agent::session::outbox::Bounds;
use agent::session::{self, Options, Proof, SessionError};
use shared::ids::AgentName;
use shared::secret::veil::Veil;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::AgentArgs;
use crate::client::{Transport, check_address};
use crate::configuration;
use crate::embedded::ourselves;
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, REFUSED, USAGE};
use crate::identity::agent_folder;

/// Where an agent's credentials are in a data folder that was named.
pub(crate) const IDENTITY: &str = "identity";

pub(super) async fn run(args: AgentArgs, veil: Arc<Veil>) -> anyhow::Result<u8> {
    let transport = check_address(&args.coordinator, args.insecure)?;
    let policy = policy(&args)?;
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
        policy: Arc::new(policy),
        reservation: args.reservation,
        advertise: args.advertise,
        tells_clock: !args.measure_clock,
        fleetmark: ourselves()?,
        data: args.data.unwrap_or_else(std::env::temp_dir),
        veil,
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

/// What the agent may be told to do: by its configuration, and by what is added on the command line.
fn policy(args: &AgentArgs) -> anyhow::Result<Policy> {
    if args.unrestricted {
        return Ok(Policy::unrestricted());
    }
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
    let mut policy = match &args.config {
        Some(path) => configuration::read(path, Policy::read)?,
        None => Policy::default(),
    };
    args.allowed.iter().for_each(|kind| policy.allow(kind));
    policy.allow_variables(args.allowed_variables.iter().cloned());
    Ok(policy)
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use agent::policy::keys::KEYS;
    use shared::job::reference::reference_of_configuration;

    use super::*;

    /// Set to write the reference anew instead of comparing it.
    const REWRITE: &str = "FLEETMARK_REWRITE_DOCS";
    const INTRODUCTION: &str = "# Keys of an agent's configuration\n\n\
        `fleetmark agent --config FILE.toml`: what jobs may do on this host, whoever submits them. Written from the \
        tables that check the file.\n";

    fn read_text(text: &str) -> anyhow::Result<Policy> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        fs::write(&path, text).unwrap();
        configuration::read(&path, Policy::read)
    }

    #[test]
    fn an_error_in_a_policy_shows_its_line_and_what_to_write() {
        let text = "kinds = [\"htp\"]\n[targets]\nallow = [\"10.0.0.0/8\", \"10.0.0.0/99\"]\n[limit]\n";
        let error = read_text(text).unwrap_err();
        assert_eq!(Failure::code_of(&error), USAGE);
        let told = error.to_string();
        for part in
            ["agent.toml:1:10", "did you mean \"http\"?", "agent.toml:3:24", "is no target", "\"limits\"?"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn the_reference_of_agents_configurations_is_fresh() {
        let wanted = reference_of_configuration(INTRODUCTION, KEYS);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/agent-keys.md");
        if std::env::var_os(REWRITE).is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, wanted, "docs/agent-keys.md is stale: run this test with {REWRITE}=1");
    }
}
