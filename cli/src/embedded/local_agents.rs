//! Agents on this machine that belong to one command: child processes that end when it does, by any means.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use trust::credentials::Credentials;
use trust::role::Role;

use super::{log_file, ourselves, said};
use crate::commands::agent::IDENTITY;
use crate::exit_code::{Failure, INTERNAL, REFUSED, UNREACHABLE};
use crate::rpc::Client;

/// How long the tokens of local agents count, seconds: they are used at once.
const JOIN_TTL_S: u64 = 300;
/// Longest name of an agent.
const NAME_LENGTH_MAX: usize = 64;
/// How long agents may take to attach.
const ATTACH_WITHIN: Duration = Duration::from_secs(15);
/// How often to look whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long agents may take to end when they are told to, before they are killed: a target gets its 5 s first.
const END_WITHIN: Duration = Duration::from_secs(8);

/// The agents of this command. Dropping it ends them.
pub(crate) struct LocalAgents {
    children: Vec<Child>,
    /// Only runs that carry this word may use them.
    pub(crate) reservation: String,
}

impl LocalAgents {
    /// Starts agents and waits until they are attached. What they say goes to the folder's log.
    ///
    /// # Errors
    /// 69 when they do not attach in time, with what they said.
    pub(crate) async fn start(count: u32, client: &mut Client, folder: &Path) -> anyhow::Result<Self> {
        let reservation = format!("{:032x}", rand::random::<u128>());
        let mut agents = Self { children: Vec::new(), reservation };
        for number in 1..=count {
            let proof = proof(number, client).await?;
            agents.children.push(start(number, &agents.reservation, &client.url, folder, proof)?);
        }
        agents.attached(count as usize, client, folder).await?;
        Ok(agents)
    }

    async fn attached(&mut self, count: usize, client: &mut Client, folder: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + ATTACH_WITHIN;
        loop {
            let agents = client.agents().await?;
            let ours =
                agents.iter().filter(|agent| agent.reservation.as_deref() == Some(&self.reservation)).count();
            if ours >= count {
                return Ok(());
            }
            let has_ended = self.children.iter_mut().any(|child| !matches!(child.try_wait(), Ok(None)));
            if has_ended || Instant::now() >= deadline {
                let message = format!("{ours} of {count} local agents attached");
                return Err(Failure::with_code(UNREACHABLE, said(folder, &message)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the agents and all that they started, and waits until they are gone.
    pub(crate) async fn end(mut self) {
        self.children.iter_mut().for_each(|child| drop(child.stdin.take()));
        let deadline = Instant::now() + END_WITHIN;
        while Instant::now() < deadline
            && self.children.iter_mut().any(|child| matches!(child.try_wait(), Ok(None)))
        {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for LocalAgents {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.stdin.take());
            if matches!(child.try_wait(), Ok(None)) {
                // Its guards see its end and take what it started with them.
                let _it_may_have_ended = child.kill();
                let _it_was_ours = child.wait();
            }
        }
    }
}

/// How a local agent proves to a coordinator that encrypts who it is.
struct Proof {
    name: String,
    folder: PathBuf,
    /// `None`: it has a certificate already.
    token: Option<String>,
}

/// Sees that a local agent can prove who it is: its credentials stay with the person's own, for the next run.
async fn proof(number: u32, client: &mut Client) -> anyhow::Result<Option<Proof>> {
    let Some(identity) = client.identity.clone() else { return Ok(None) };
    let unusable = |error| Failure::with_code(REFUSED, format!("failed to {error}"));
    let person = Credentials::load(&identity).map_err(unusable)?;
    let person = person.map(|known| known.holder().name.to_string()).unwrap_or_default();
    let name: String = format!("local-{number}-{person}").chars().take(NAME_LENGTH_MAX).collect();
    let folder = identity.join("agents").join(number.to_string());
    let now_s = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let kept = Credentials::load(&folder.join(IDENTITY)).map_err(unusable)?;
    let is_joined = kept.is_some_and(|kept| kept.holder().until_s > now_s + JOIN_TTL_S);
    let token = match is_joined {
        true => None,
        false => {
            Some(client.create_token(Role::Agent.as_str(), 1, JOIN_TTL_S, &client.url.clone()).await?.token)
        }
    };
    Ok(Some(Proof { name, folder, token }))
}

fn start(
    number: u32,
    reservation: &str,
    coordinator: &str,
    folder: &Path,
    proof: Option<Proof>,
) -> anyhow::Result<Child> {
    let log = log_file(folder)?;
    let errors = log
        .try_clone()
        .map_err(|error| Failure::with_code(INTERNAL, format!("the log cannot be shared: {error}")))?;
    let mut command = Command::new(ourselves()?);
    let name = proof.as_ref().map_or_else(|| format!("local-{number}"), |proof| proof.name.clone());
    command.args(["agent", "--coordinator", coordinator, "--name", &name, "--label", "local=true"]);
    if let Some(Proof { folder, token, .. }) = proof {
        command.arg("--data").arg(folder);
        // Not among the arguments, which everybody on this machine can read.
        command.envs(token.map(|token| ("FLEETMARK_JOIN", token)));
    }
    command
        .args(["--unrestricted", "--reservation", reservation, "--end-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        // Not of the terminal's group: Ctrl-C is for the command, which cancels the run in order.
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::with_code(INTERNAL, format!("a local agent cannot be started: {error}")))
}
