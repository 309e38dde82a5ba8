//! The coordinator of a store's folder, and the agents of one command.
//!
//! The coordinator is a child process of its own, not of the command's terminal: whoever needs one first starts it,
//! everybody else finds it by its address file, and it ends when there is nothing to do. So no command depends on
//! another one's life. Agents belong to one command and die with it. Rooms: [`address_file`], [`local_agents`].

pub(crate) mod address_file;
pub(crate) mod local_agents;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::exit_code::{Failure, INTERNAL, OUTPUT, REFUSED, UNREACHABLE};
use crate::identity;
use crate::rpc::Client;

/// How long a coordinator of a folder may take to answer: opening a store of some gigabytes takes seconds.
const START_WITHIN: Duration = Duration::from_secs(30);
/// How often to look whether it answers.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the coordinator stays when there is nothing to do: long enough for the next command of a script.
const IDLE_PATIENCE: &str = "3s";
/// A log that has grown past this is begun anew.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How much of a log is shown when something did not start.
const LOG_TAIL_BYTES: u64 = 2 * 1024;

/// Connects to the coordinator of a store's folder, and starts it if it does not run.
///
/// # Errors
/// 69 when it does not answer in time, with what it said; 73 when the folder cannot be made.
pub(crate) async fn coordinator(store: &Path) -> anyhow::Result<Client> {
    fs::create_dir_all(store).map_err(|error| {
        Failure::with_code(OUTPUT, format!("{} cannot be made: {error}", store.display()))
    })?;
    let deadline = Instant::now() + START_WITHIN;
    let mut child: Option<Child> = None;
    loop {
        if let Some(url) = address_file::read(store)
            && let Some(answer) = ask(store, url).await
        {
            return answer;
        }
        match child.as_mut().map(Child::try_wait) {
            None => child = Some(start(store)?),
            Some(Ok(None)) => {}
            // It ended: another one holds the store, or is just letting go of it, or the store does not open.
            Some(Ok(Some(status))) if is_worth_another_try(status) => child = None,
            Some(_) => {
                return Err(Failure::with_code(
                    UNREACHABLE,
                    said(store, "the coordinator of this folder ended"),
                ));
            }
        }
        if Instant::now() >= deadline {
            return Err(Failure::with_code(
                UNREACHABLE,
                said(store, "the coordinator of this folder does not answer"),
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Connects to the coordinator that a folder names; `None`: nobody answers there.
async fn ask(store: &Path, url: String) -> Option<anyhow::Result<Client>> {
    let answer = if url.starts_with("https://") {
        match identity::of_store(store, url) {
            Ok(identity) => Client::connect(&identity.url, Some(&identity)).await,
            Err(error) => Err(error),
        }
    } else {
        Client::connect(&url, None).await
    };
    match answer {
        Err(error) if Failure::code_of(&error) != REFUSED => None,
        answer => Some(answer),
    }
}

/// The log of a folder's servers, for appending.
///
/// # Errors
/// 73 when it cannot be written.
pub(crate) fn log_file(store: &Path) -> anyhow::Result<File> {
    let path = log_path(store);
    if fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES_MAX) {
        let _an_old_log_is_no_loss = fs::remove_file(&path);
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(|error| Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", path.display())))
}

/// A message with the end of what the folder's servers said.
pub(crate) fn said(store: &Path, message: &str) -> String {
    let tail = log_tail(store).unwrap_or_default();
    format!("{message}; the end of {}:\n{}", log_path(store).display(), tail.trim_end())
}

/// This program.
///
/// # Errors
/// When the system does not tell.
pub(crate) fn ourselves() -> anyhow::Result<PathBuf> {
    std::env::current_exe().map_err(|error| {
        Failure::with_code(INTERNAL, format!("the path of this program is not known: {error}"))
    })
}

fn start(store: &Path) -> anyhow::Result<Child> {
    let log = log_file(store)?;
    let errors = log
        .try_clone()
        .map_err(|error| Failure::with_code(INTERNAL, format!("the log cannot be shared: {error}")))?;
    Command::new(ourselves()?)
        .args(["coordinator", "--listen", "127.0.0.1:0", "--stop-when-idle-for", IDLE_PATIENCE, "--store"])
        .arg(store)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        // Not of the terminal's group: Ctrl-C is for the command, and the coordinator outlives it.
        .process_group(0)
        .spawn()
        .map_err(|error| Failure::with_code(INTERNAL, format!("the coordinator cannot be started: {error}")))
}

fn is_worth_another_try(status: std::process::ExitStatus) -> bool {
    status.code().is_some_and(|code| code == i32::from(crate::commands::coordinator::STORE_IS_HELD))
}

fn log_path(store: &Path) -> PathBuf {
    store.join("server.log")
}

fn log_tail(store: &Path) -> std::io::Result<String> {
    let mut log = File::open(log_path(store))?;
    let length = log.metadata()?.len();
    log.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL_BYTES)))?;
    let mut tail = Vec::new();
    log.read_to_end(&mut tail)?;
    Ok(String::from_utf8_lossy(&tail).into_owned())
}
