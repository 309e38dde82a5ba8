//! `fleetmark agents`: who is attached.

use comfy_table::{Table, presets};
use shared::fleet::AgentStatus;
use shared::units::human_ns;

use crate::args::{AgentsAction, AskArgs};
use crate::client;
use crate::exit_code::{DONE, Failure, UNREACHABLE};
use crate::output;

/// Characters of a run's id that are shown: the millisecond in which it was submitted.
const RUN_SHOWN: usize = 13;

pub(super) async fn run(action: Option<AgentsAction>, ask: AskArgs) -> anyhow::Result<u8> {
    match action {
        Some(AgentsAction::Drain { name }) => drain(&name, &ask).await,
        None => list(ask).await,
    }
}

async fn drain(name: &str, ask: &AskArgs) -> anyhow::Result<u8> {
    let mut client = client::connect_if_stored(&ask.place).await?.ok_or_else(|| {
        Failure::with_code(UNREACHABLE, "no coordinator was ever started here; name one with --coordinator")
    })?;
    let said = match client.drain(name).await? {
        Some(run) => format!("{name} takes no more runs; it finishes run {run} first\n"),
        None => format!("{name} takes no more runs\n"),
    };
    output::print(&said)?;
    Ok(DONE)
}

async fn list(ask: AskArgs) -> anyhow::Result<u8> {
    let agents = match client::connect_if_stored(&ask.place).await? {
        Some(mut client) => client.agents().await?,
        None => Vec::new(),
    };
    if ask.json {
        output::print(&format!("{}\n", serde_json::to_string_pretty(&agents)?))?;
    } else if agents.is_empty() {
        output::print("no agents are attached\n")?;
    } else {
        output::print(&format!("{}\n", table(&agents)))?;
    }
    Ok(DONE)
}

fn table(agents: &[AgentStatus]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "name", "state", "run", "kinds", "slots", "cores", "labels", "clock", "seen", "version",
    ]);
    for agent in agents {
        let clock = match (agent.clock_offset_us, agent.clock_error_us) {
            (Some(offset), Some(error)) => format!("{} ± {}", signed(offset), human_ns(error * 1e3)),
            _ => "–".to_owned(),
        };
        let labels: Vec<String> = agent.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        table.add_row([
            agent.name.to_string(),
            agent.state.as_str().to_owned(),
            agent.lease.as_deref().map_or("–", short).to_owned(),
            agent.kinds.join(" "),
            agent.slots.to_string(),
            agent.facts.get("cores").cloned().unwrap_or_else(|| "–".to_owned()),
            labels.join(" "),
            clock,
            format!("{:.1} s ago", agent.last_seen_ms_ago as f64 / 1e3),
            agent.fleetmark_version.clone(),
        ]);
    }
    table
}

/// As much of a run's id as tells it from others: every question takes a prefix.
fn short(run: &str) -> &str {
    run.get(..RUN_SHOWN).unwrap_or(run)
}

fn signed(microseconds: f64) -> String {
    format!("{}{}", if microseconds < 0.0 { "-" } else { "+" }, human_ns(microseconds.abs() * 1e3))
}
