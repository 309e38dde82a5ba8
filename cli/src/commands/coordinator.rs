//! `fleetmark coordinator`: schedules jobs and keeps results.

mod configuration;
mod pages;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coordinator::secrets::SecretStore;
use coordinator::server::{self, Options, Protection, Running};
use shared::secret::veil::Veil;
use tokio::signal::unix::{SignalKind, signal};
use trust::role::Role;

use super::ca::join_line;
use crate::args::CoordinatorArgs;
use crate::embedded::address_file::{self, Holder};
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, UNREACHABLE, USAGE};
use crate::target::raise_descriptor_limit;

/// Code of a folder's own coordinator that ends because another one holds the store: whoever started it then looks
/// for that one. Only between us and our own child, so not one of the contract's.
pub(crate) const STORE_IS_HELD: u8 = 75;

/// How long the lines count that a coordinator prints at its start.
const JOIN_WITHIN: Duration = Duration::from_secs(60 * 60);
/// How long a coordinator waits for the folder's own one, which ends by itself soon after the last command.
const STORE_FREE_WITHIN: Duration = Duration::from_secs(8);
/// How often to look whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where systemd puts the credentials of a service.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

pub(super) async fn run(args: CoordinatorArgs, veil: Arc<Veil>) -> anyhow::Result<u8> {
    let protection = protection(&args);
    let web = pages::options(&args, protection.is_some());
    let scheme = if protection.is_some() { "https" } else { "http" };
    let read = args.config.as_deref().map(configuration::read).transpose()?.unwrap_or_default();
    let secrets = secrets(args.secrets.or_else(|| read.secrets.clone()).as_deref())?;
    let exports = read.exports(&secrets)?;
    let mask = secrets.mask();
    veil.cover(&mask);
    let mut deadlines = read.deadlines;
    deadlines.lost_after = args.lost_after.unwrap_or(deadlines.lost_after);
    raise_descriptor_limit();
    let folder = args.store.clone();
    let is_embedded = args.stop_when_idle_for.is_some();
    let Some(holder) = hold(&folder, is_embedded).await? else {
        let other =
            address_file::read(&folder).unwrap_or_else(|| "an address that it has not told yet".to_owned());
        let message = format!(
            "a coordinator of {} runs already, at {other}: use that one, or another --store",
            folder.display()
        );
        return Err(Failure::with_code(if is_embedded { STORE_IS_HELD } else { UNREACHABLE }, message));
    };
    let options = Options {
        listen: args.listen,
        store: args.store,
        protection,
        stop_when_idle_for: args.stop_when_idle_for,
        deadlines,
        web,
        secrets,
        exports,
    };
    let mut running = server::start(options)
        .await
        .map_err(|error| Failure::with_code(UNREACHABLE, format!("failed to {error}")))?;
    let unwritable = |error: std::io::Error| {
        Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", folder.display()))
    };
    // Whoever finds the address below finds this one too.
    if let Some(pages) = &running.pages {
        holder.publish_pages(pages).map_err(unwritable)?;
    }
    holder.publish(scheme, running.address).map_err(unwritable)?;
    eprintln!(
        "fleetmark coordinator listens on {scheme}://{}, its store is {}",
        running.address,
        folder.display()
    );
    if let Some(pages) = &running.pages {
        eprintln!("its pages are at {pages}/");
    }
    say_how_to_join(&running)?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| Failure::with_code(INTERNAL, error.to_string()))?;
    let is_told_to_stop = tokio::select! {
        () = running.stopped() => false,
        _ = terminate.recv() => true,
        _ = tokio::signal::ctrl_c() => true,
    };
    if is_told_to_stop {
        running.stop().await;
    }
    drop(holder);
    Ok(DONE)
}

/// What jobs may use and nobody is told.
fn secrets(file: Option<&Path>) -> anyhow::Result<SecretStore> {
    let credentials = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
    let secrets = SecretStore::open(file, credentials.as_deref());
    secrets.map_err(|error| Failure::with_code(USAGE, format!("failed to {error}")))
}

/// How this coordinator is known, if it is to encrypt: on any address but loopback, unless it was told not to. Where pages ask
/// for a sign-in, calls are asked as well: whoever may call without could give himself a link.
fn protection(args: &CoordinatorArgs) -> Option<Protection> {
    let ip = args.listen.ip();
    if args.insecure || (ip.is_loopback() && !args.tls && !args.require_login) {
        return None;
    }
    let (host, mut hosts) = own_names(args, ip);
    hosts.push("localhost".to_owned());
    hosts.dedup();
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host };
    Some(Protection { hosts, url: format!("https://{bracketed}:{}", args.listen.port()) })
}

/// Under what others reach an address of ours: the name or address that they are told, and all that there are.
fn own_names(args: &CoordinatorArgs, ip: IpAddr) -> (String, Vec<String>) {
    let host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let own = if ip.is_unspecified() { host_name.clone() } else { ip.to_string() };
    let host = args.advertise.clone().unwrap_or(own);
    let mut hosts = vec![host.clone(), host_name];
    hosts.extend((!ip.is_unspecified()).then(|| ip.to_string()));
    (host, hosts)
}

/// Prints what others type to join, each line good for one.
fn say_how_to_join(running: &Running) -> anyhow::Result<()> {
    for (role, who) in [(Role::Agent, "an agent"), (Role::Operator, "a person")] {
        let token = running.give_token(role, JOIN_WITHIN);
        let token = token.map_err(|error| Failure::with_code(OUTPUT, format!("failed to {error}")))?;
        if let Some(token) = token {
            eprintln!("{who} joins with: {}", join_line(role, &token.url, &token.to_string()));
        }
    }
    Ok(())
}

/// Becomes the folder's coordinator; `None`: another one stays.
async fn hold(folder: &Path, is_embedded: bool) -> anyhow::Result<Option<Holder>> {
    let deadline = Instant::now() + if is_embedded { Duration::ZERO } else { STORE_FREE_WITHIN };
    loop {
        let held = address_file::hold(folder).map_err(|error| {
            Failure::with_code(OUTPUT, format!("{} cannot be used: {error}", folder.display()))
        })?;
        if held.is_some() || Instant::now() >= deadline {
            return Ok(held);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
