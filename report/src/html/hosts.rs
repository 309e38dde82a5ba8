//! The hosts that took part: what they are, and in what they differ, which comes first.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use serde_json::Value;
use shared::run_report::RunReport;

use crate::figures::ABSENT;

/// Hosts side by side; further ones that differ are counted.
const COLUMNS_MAX: usize = 8;
/// What differs from host to host by its nature.
const OF_ITS_OWN: [&str; 2] = ["hostname", "boot_id"];

/// Hosts that are the same in everything but their names.
struct Group {
    names: Vec<String>,
    fields: BTreeMap<String, String>,
}

pub(super) fn section(report: &RunReport) -> Markup {
    let groups = groups(report);
    let shown = &groups[..groups.len().min(COLUMNS_MAX)];
    let fields: BTreeSet<&String> = shown.iter().flat_map(|group| group.fields.keys()).collect();
    let (differing, same): (Vec<&&String>, Vec<&&String>) = fields.iter().partition(|field| {
        let values: BTreeSet<Option<&String>> = shown.iter().map(|group| group.fields.get(**field)).collect();
        values.len() > 1
    });
    html! {
        section {
            h2 { "Hosts" }
            @match shown.len() {
                0 => p { "No host took part." },
                1 => p { (names(&shown[0])) },
                _ => { p { "In what they differ:" } (table(shown, &differing)) }
            }
            @if groups.len() > COLUMNS_MAX { p { "… and " (groups.len() - COLUMNS_MAX) " more kinds of hosts: the JSON report has them." } }
            @if !same.is_empty() {
                details {
                    summary { (if shown.len() > 1 { "In what they are the same" } else { "What it is" }) }
                    (table(&shown[..1], &same))
                }
            }
        }
    }
}

fn groups(report: &RunReport) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for host in &report.hosts {
        let mut fields = BTreeMap::new();
        // A fingerprint is plain data, so this cannot fail; if it did, the host would show no fields.
        let value = serde_json::to_value(&host.fingerprint).unwrap_or_default();
        flatten(String::new(), &value, &mut fields);
        OF_ITS_OWN.iter().for_each(|field| drop(fields.remove(*field)));
        let name =
            if host.observer { format!("{} (only observed)", host.agent) } else { host.agent.to_string() };
        match groups.iter_mut().find(|group| group.fields == fields) {
            Some(group) => group.names.push(name),
            None => groups.push(Group { names: vec![name], fields }),
        }
    }
    groups
}

fn flatten(path: String, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(path, value, fields);
            }
        }
        Value::Null => {}
        Value::String(text) => drop(fields.insert(path, text.clone())),
        other => drop(fields.insert(path, other.to_string())),
    }
}

fn names(group: &Group) -> String {
    const NAMED_MAX: usize = 6;
    let named = group.names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    match group.names.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn table(groups: &[Group], fields: &[&&String]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Hosts" {
            table.hosts {
                thead { tr { th scope="col" { "" } @for group in groups { th scope="col" { (names(group)) } } } }
                tbody {
                    @for field in fields {
                        tr {
                            th scope="row" { (field) }
                            @for group in groups { td { (group.fields.get(**field).map_or(ABSENT, String::as_str)) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn hosts_that_are_alike_stand_together_and_differences_come_first() {
        let mut report = fixture::assembled().report;
        let alike = section(&report).into_string();
        assert!(alike.contains("load-1, load-2") && !alike.contains("In what they differ"), "{alike}");
        report.hosts[1].fingerprint.cpus_online = Some(96);
        let apart = section(&report).into_string();
        assert!(apart.contains("In what they differ") && apart.contains("<td>96</td>"), "{apart}");
    }
}
