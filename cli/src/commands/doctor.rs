//! `fleetmark doctor`: what this host is, and what to do about it before it measures.

use agent::host::fingerprint;
use serde_json::Value;
use shared::host::Fingerprint;
use shared::host::advice::{Advice, advice};

use crate::exit_code::DONE;
use crate::output;

/// Columns of the names.
const NAME_WIDTH: usize = 24;

pub(super) fn run(json: bool) -> anyhow::Result<u8> {
    let fingerprint = fingerprint();
    let advice = advice(&fingerprint);
    if json {
        let answer = serde_json::json!({ "fingerprint": fingerprint, "advice": advice });
        output::print(&format!("{answer:#}\n"))?;
    } else {
        output::print(&page(&fingerprint, &advice))?;
    }
    Ok(DONE)
}

fn page(fingerprint: &Fingerprint, advice: &[Advice]) -> String {
    let fields = serde_json::to_value(fingerprint).unwrap_or_default();
    let mut text = String::from("This host\n");
    for (name, value) in fields.as_object().into_iter().flatten().filter(|(name, _)| *name != "unreadable") {
        let value = match fingerprint.unreadable.get(name) {
            Some(reason) => format!("– ({reason})"),
            None => words(value),
        };
        text.push_str(&format!("  {name:<NAME_WIDTH$}{value}\n"));
    }
    text.push_str("\nAdvice\n");
    for Advice { field, text: said } in advice {
        text.push_str(&format!("  {field:<NAME_WIDTH$}{said}\n"));
    }
    if advice.is_empty() {
        text.push_str("  Nothing: it is fit to measure.\n");
    }
    text
}

/// A value in words: lists and tables without their marks.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("; "),
        Value::Object(entries) => {
            let known = entries.iter().filter(|(_, value)| !value.is_null());
            known.map(|(key, value)| format!("{key} {}", words(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_cannot_be_read_says_why() {
        let mut host = Fingerprint { kernel: Some("6.1".to_owned()), ..Fingerprint::default() };
        host.details.insert("smt".to_owned(), Value::Null);
        host.details.insert("topology".to_owned(), serde_json::json!({ "sockets": 1, "cores": 2 }));
        host.unreadable.insert("smt".to_owned(), "absent: /x is not there".to_owned());
        let page = page(&host, &[]);
        assert!(page.contains("smt                     – (absent: /x is not there)\n"), "{page}");
        assert!(page.contains("topology                sockets 1, cores 2\n"), "{page}");
        assert!(page.ends_with("Nothing: it is fit to measure.\n"), "{page}");
    }
}
