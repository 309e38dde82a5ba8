//! `fleetmark audit`: who did what.

use comfy_table::{Table, presets};
use serde_json::Value;

use crate::args::AskArgs;
use crate::client;
use crate::exit_code::DONE;
use crate::output;

pub(super) async fn run(limit: u32, ask: AskArgs) -> anyhow::Result<u8> {
    let lines = match client::connect_if_stored(&ask.place).await? {
        Some(mut client) => client.audit(limit).await?,
        None => Vec::new(),
    };
    if ask.json {
        // As they are stored: a line each, so that they can be cut and searched.
        output::print(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
        return Ok(DONE);
    }
    if lines.is_empty() {
        output::print("nothing was done yet\n")?;
        return Ok(DONE);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["when", "who", "from", "did", "what", "outcome"]);
    for line in &lines {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let who = match (line["who"]["role"].as_str(), line["who"]["name"].as_str()) {
            (Some(role), Some(name)) => format!("{role} {name}"),
            _ => "–".to_owned(),
        };
        let outcome = match line["reason"].as_str() {
            Some(reason) => format!("{}: {reason}", text("outcome")),
            None => text("outcome"),
        };
        let when = text("at").get(..19).unwrap_or_default().replace('T', " ");
        table.add_row([when, who, text("from"), text("deed"), text("what"), outcome]);
    }
    output::print(&format!("{table}\n"))?;
    Ok(DONE)
}
