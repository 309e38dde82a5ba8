//! Params in texts that are read when a job is submitted: amounts, selectors, files of data. They are put in before
//! anything is checked, so that all that follows sees the values.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::error::Findings;
use super::names::{Names, Reading};
use super::node::Node;
use super::template::Template;

/// Sections all of whose texts are read then.
const SECTIONS: [&str; 7] = ["data", "load", "fleet", "limits", "observe", "expect", "search"];
/// Keys that are read then though they stand among texts that are filled in later.
const KEYS: [(&str, &[&str]); 3] = [
    ("target", &["where", "restart"]),
    ("hooks", &["timeout"]),
    ("profile", &["output", "delay", "duration", "size"]),
];

/// Checks the names in these texts: only params have a value so early.
pub(super) fn check(root: &Node<'_>, names: &Names<'_>, findings: &mut Findings) {
    for section in SECTIONS.iter().filter_map(|section| root.child(section)) {
        names.check_texts(&section, Reading::AtSubmission, findings);
    }
    for (section, keys) in KEYS {
        if let Some(section) = root.child(section) {
            check_keys(&section, keys, names, findings);
        }
    }
}

fn check_keys(node: &Node<'_>, keys: &[&str], names: &Names<'_>, findings: &mut Findings) {
    for (key, entry) in node.entries() {
        if keys.contains(&key) {
            names.check_texts(&entry, Reading::AtSubmission, findings);
        } else {
            check_keys(&entry, keys, names, findings);
        }
    }
    node.items().for_each(|item| check_keys(&item, keys, names, findings));
}

/// Puts the values of params into these texts. What cannot be filled in stays as it is; [`check`] has told why.
///
/// # Errors
/// When the values together are longer than `bytes_max`.
pub(super) fn fill(
    root: &mut DeValue<'_>,
    params: &BTreeMap<String, String>,
    bytes_max: usize,
) -> Result<(), TooLong> {
    let mut filling = Filling { params, left: bytes_max, is_too_long: false };
    let DeValue::Table(table) = root else { return Ok(()) };
    for section in SECTIONS {
        if let Some(section) = table.get_mut(section) {
            filling.everywhere(section);
        }
    }
    for (section, keys) in KEYS {
        if let Some(section) = table.get_mut(section) {
            filling.at_keys(section, keys);
        }
    }
    if filling.is_too_long { Err(TooLong) } else { Ok(()) }
}

/// The values of params are too long for where they are used.
#[derive(Debug)]
pub(super) struct TooLong;

struct Filling<'a> {
    params: &'a BTreeMap<String, String>,
    /// How many bytes of values may still be put in.
    left: usize,
    is_too_long: bool,
}

impl Filling<'_> {
    fn everywhere(&mut self, value: &mut Spanned<DeValue<'_>>) {
        match value.get_mut() {
            DeValue::String(text) if text.contains("{{") => {
                if let Some(filled) = self.filled(text) {
                    *text = Cow::Owned(filled);
                }
            }
            DeValue::Array(items) => items.iter_mut().for_each(|item| self.everywhere(item)),
            DeValue::Table(table) => table.iter_mut().for_each(|(_, entry)| self.everywhere(entry)),
            _ => {}
        }
    }

    fn at_keys(&mut self, value: &mut Spanned<DeValue<'_>>, keys: &[&str]) {
        match value.get_mut() {
            DeValue::Array(items) => items.iter_mut().for_each(|item| self.at_keys(item, keys)),
            DeValue::Table(table) => {
                for (key, entry) in table.iter_mut() {
                    if keys.contains(&key.get_ref().as_ref()) {
                        self.everywhere(entry);
                    } else {
                        self.at_keys(entry, keys);
                    }
                }
            }
            _ => {}
        }
    }

    fn filled(&mut self, text: &str) -> Option<String> {
        let left = Cell::new(self.left);
        let is_too_long = Cell::new(false);
        let lookup = |name: &str| {
            let value = self.params.get(name)?;
            let remaining = left.get().checked_sub(value.len());
            is_too_long.set(is_too_long.get() || remaining.is_none());
            left.set(remaining?);
            Some(value.clone())
        };
        let filled = Template::parse(text).ok()?.render(&lookup).ok();
        self.left = left.get();
        self.is_too_long |= is_too_long.get();
        filled
    }
}
