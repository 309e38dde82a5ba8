//! `fleetmark coordinator`: schedules jobs and keeps results.

use coordinator::server::{self, Options};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::CoordinatorArgs;
use crate::client::check_listen;
use crate::embedded::address_file;
use crate::exit_code::{DONE, Failure, INTERNAL, OUTPUT, UNREACHABLE};

/// Code of a coordinator that ends because another one holds the store: whoever started it then looks for that one.
pub(crate) const STORE_IS_HELD: u8 = UNREACHABLE;

pub(super) async fn run(args: CoordinatorArgs) -> anyhow::Result<u8> {
    check_listen(args.listen, args.insecure)?;
    let folder = args.store.clone();
    let held = address_file::hold(&folder).map_err(|error| {
        Failure::with_code(OUTPUT, format!("{} cannot be used: {error}", folder.display()))
    })?;
    let Some(holder) = held else {
        let other =
            address_file::read(&folder).unwrap_or_else(|| "an address that it has not told yet".to_owned());
        return Err(Failure::with_code(
            STORE_IS_HELD,
            format!(
                "a coordinator of {} runs already, at {other}: use that one, or another --store",
                folder.display()
            ),
        ));
    };
    let options = Options {
        listen: args.listen,
        store: args.store,
        stop_when_idle_for: args.stop_when_idle_for,
        lost_after: args.lost_after,
    };
    let mut running = server::start(options)
        .await
        .map_err(|error| Failure::with_code(INTERNAL, format!("failed to {error}")))?;
    holder.publish(running.address).map_err(|error| {
        Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", folder.display()))
    })?;
    eprintln!(
        "fleetmark coordinator listens on http://{}, its store is {}",
        running.address,
        folder.display()
    );
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
