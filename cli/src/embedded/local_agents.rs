//! Agents on this machine that belong to one command: child processes that end when it does, by any means.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{log_file, ourselves, said};
use crate::exit_code::{Failure, INTERNAL, UNREACHABLE};
use crate::rpc::Client;

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
            agents.children.push(start(number, &agents.reservation, &client.url, folder)?);
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

fn start(number: u32, reservation: &str, coordinator: &str, folder: &Path) -> anyhow::Result<Child> {
    let log = log_file(folder)?;
    let errors = log
        .try_clone()
        .map_err(|error| Failure::with_code(INTERNAL, format!("the log cannot be shared: {error}")))?;
    Command::new(ourselves()?)
        .args([
            "agent",
            "--coordinator",
            coordinator,
            "--name",
            &format!("local-{number}"),
            "--label",
            "local=true",
        ])
        .args(["--allow", "command", "--reservation", reservation, "--end-with-stdin"])
        .stdin(Stdio::piped())
        .stdout(log)
        .stderr(errors)
        // Not of the terminal's group: Ctrl-C is for the command, which cancels the run in order.
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::with_code(INTERNAL, format!("a local agent cannot be started: {error}")))
}
