//! `fleetmark ca`: who has a certificate, and who gets one.

use std::path::Path;

use comfy_table::{Table, presets};
use serde_json::json;
use trust::registry::Registry;

use crate::args::{AskArgs, CaAction};
use crate::client;
use crate::exit_code::{DONE, Failure, OUTPUT};
use crate::output;
use crate::rpc::trust::{AllGiven, GivenBearer, GivenCertificate};

pub(super) async fn run(action: CaAction) -> anyhow::Result<u8> {
    match action {
        CaAction::Init { store } => init(&store),
        CaAction::Token { role, uses, ttl, url, ask } => {
            let mut client = client::connect(&ask.place).await?;
            let url = url.unwrap_or_default();
            let given = client.create_token(role.as_str(), uses, ttl.as_secs(), &url).await?;
            let line = join_line(role, &given.url, &given.token);
            let until = moment(given.until_s);
            if ask.json {
                return say_json(
                    &json!({ "token": given.token, "url": given.url, "until": until, "join": line }),
                );
            }
            output::print(&format!("{line}\n"))?;
            eprintln!("counts {uses} times, until {until}");
            Ok(DONE)
        }
        CaAction::List { ask } => list(&ask).await,
        CaAction::Revoke { name, ask } => {
            let mut client = client::connect(&ask.place).await?;
            let (certificates, bearers, closed) = client.revoke(name.as_str()).await?;
            output::print(&format!(
                "{name}: {certificates} certificates and {bearers} tokens revoked, {closed} connections closed\n"
            ))?;
            Ok(DONE)
        }
        CaAction::Rotate { ask } => {
            let mut client = client::connect(&ask.place).await?;
            let (authority, to_renew) = client.rotate().await?;
            output::print(&format!(
                "the new authority is {authority}; {to_renew} certificates are still to be exchanged for its own\n"
            ))?;
            Ok(DONE)
        }
    }
}

/// What a newcomer types.
pub(super) fn join_line(role: trust::role::Role, url: &str, token: &str) -> String {
    match role {
        trust::role::Role::Agent => format!("fleetmark agent --coordinator {url} --join {token}"),
        _ => format!("fleetmark login --join {token}"),
    }
}

/// A moment as people read it, in UTC.
pub(super) fn moment(at_s: u64) -> String {
    let at = i64::try_from(at_s).ok().and_then(|at_s| jiff::Timestamp::from_second(at_s).ok());
    at.map_or_else(|| format!("{at_s} s after 1970"), |at| at.to_string())
}

fn init(store: &Path) -> anyhow::Result<u8> {
    let folder = store.join(coordinator::server::AUTHORITY_FOLDER);
    let now_s = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    let (registry, is_new) = Registry::open(&folder, now_s)
        .map_err(|error| Failure::with_code(OUTPUT, format!("failed to {error}")))?;
    let what = if is_new { "made an authority in" } else { "there is an authority already in" };
    output::print(&format!("{what} {}: {}\n", folder.display(), registry.digest()))?;
    Ok(DONE)
}

async fn list(ask: &AskArgs) -> anyhow::Result<u8> {
    let AllGiven { certificates, bearers, authority } = client::connect(&ask.place).await?.given().await?;
    if ask.json {
        let certificates: Vec<_> = certificates
            .iter()
            .map(|given| {
                json!({
                    "name": given.name, "role": given.role, "serial": given.serial,
                    "state": state(given), "until": moment(given.until_s), "of_current_authority": given.is_current,
                })
            })
            .collect();
        let tokens: Vec<_> = bearers
            .iter()
            .map(|given| {
                json!({
                    "name": given.name, "role": given.role, "serial": given.serial,
                    "state": state_of_token(given), "until": moment(given.until_s),
                })
            })
            .collect();
        return say_json(&json!({ "authority": authority, "certificates": certificates, "tokens": tokens }));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["name", "role", "state", "until", "kind", "number"]);
    for given in &certificates {
        let until = moment(given.until_s);
        table.add_row([&given.name, &given.role, state(given), &until, "certificate", &given.serial]);
    }
    for given in &bearers {
        let until = moment(given.until_s);
        table.add_row([&given.name, &given.role, state_of_token(given), &until, "token", &given.serial]);
    }
    output::print(&format!("{table}\nauthority {authority}\n"))?;
    Ok(DONE)
}

fn state_of_token(given: &GivenBearer) -> &'static str {
    if given.is_revoked { "revoked" } else { "valid" }
}

fn state(given: &GivenCertificate) -> &'static str {
    match given {
        GivenCertificate { is_revoked: true, .. } => "revoked",
        GivenCertificate { is_renewed: true, .. } => "renewed",
        GivenCertificate { is_current: false, .. } => "of the former authority",
        _ => "valid",
    }
}

fn say_json(value: &serde_json::Value) -> anyhow::Result<u8> {
    output::print(&format!("{}\n", serde_json::to_string_pretty(value)?))?;
    Ok(DONE)
}
