//! The reference of what is read of a host, as Markdown: written from the tables of metrics and fields.

use super::field::FIELDS;
use super::metric::HostMetric;
use crate::metric::Unit;

/// The reference, whole.
pub fn reference() -> String {
    let mut text = String::from(
        "# What is read of a host\n\nWritten from the tables that name it; [hosts.md](hosts.md) says what it is good for. Whatever cannot be read is `null` in a \
         fingerprint, with the reason under `unreadable`, and absent among metrics.\n\n## Metrics, each second\n\nIn a report's `agents[].host` and \
         `observers[].host`, with mean, min and max over the measured window; in claims as `host.<name>.mean` and so on. Shares are of all CPUs together, 0 to 1. \
         `cpu_busy.core0` and so on tell of single cores, the first 256.\n\n| name | unit | read from | what it means |\n|---|---|---|---|\n",
    );
    for metric in HostMetric::ALL {
        let unit = match metric.unit() {
            Unit::Share => "share",
            unit => unit.as_str(),
        };
        text.push_str(&row(&[&format!("`{}`", metric.name()), unit, metric.source(), metric.meaning()]));
    }
    text.push_str(
        "\n## Fingerprint, before and after each trial\n\nBeside `hostname`, `operating_system`, `kernel`, `architecture`, `cpu_model`, `cpu_vendor`, `cpus_online`, \
         `memory_total_bytes`, `governors`, `hypervisor`, `boot_id` and `fleetmark_version`. A change of any of them in the middle of a run is the finding \
         `fingerprint_changed`, unless it may change.\n\n| field | read from | what it means | may change |\n|---|---|---|---|\n",
    );
    for field in FIELDS {
        let may_change = if field.may_change { "yes" } else { "" };
        text.push_str(&row(&[&format!("`{}`", field.name), field.source, field.meaning, may_change]));
    }
    text
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |\n", cells.join(" | "))
}
