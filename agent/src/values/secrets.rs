//! Values that came by `{{env:NAME}}`: used, and never told, neither in errors nor in samples.

use std::collections::BTreeMap;

use shared::interval::ErrorSample;

use crate::workload::Outcome;

/// Shortest value that is masked. What is shorter protects nothing, and would be found in every second word.
const SECRET_BYTES_MIN: usize = 4;

/// Shortest part of a secret that is masked: shorter ones are found in words that have nothing to do with it.
const PART_CHARACTERS_MIN: usize = 8;

/// The values of environment variables that a trial uses, in every form in which a message might show them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// What to look for, and the name to show in its place; longest first, so that no secret hides within another.
    forms: Vec<(String, String)>,
}

impl Secrets {
    /// The secrets among some variables.
    pub fn of(variables: &BTreeMap<String, String>) -> Self {
        let mut forms = Vec::new();
        for (name, value) in variables.iter().filter(|(_, value)| value.len() >= SECRET_BYTES_MIN) {
            let shown = format!("{{{{env:{name}}}}}");
            let escaped = [
                value.clone(),
                value.escape_debug().to_string(),
                value.as_bytes().escape_ascii().to_string(),
                super::rendering::percent_encoded(value.as_bytes()),
            ];
            forms.extend(escaped.into_iter().map(|form| (form, shown.clone())));
        }
        forms.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup_by(|(one, _), (other, _)| one == other);
        Self { forms }
    }

    /// Masks what an operation's sample tells.
    #[inline]
    pub fn hide_in(&self, outcome: &mut Outcome) {
        if self.forms.is_empty() {
            return;
        }
        if let Some(sample) = &mut outcome.sample {
            *sample = ErrorSample::new(sample.kind, self.mask(std::mem::take(&mut sample.message)));
        }
    }

    /// A message with every secret replaced by the variable's name, and every longer part of one: messages show cut
    /// texts, and a cut secret is still one.
    pub fn mask(&self, mut message: String) -> String {
        for (form, shown) in &self.forms {
            if message.contains(form) {
                message = message.replace(form, shown);
            }
        }
        for (form, shown) in &self.forms {
            message = without_parts(message, form, shown);
        }
        message
    }
}

/// A text without any part of a secret that is at least [`PART_CHARACTERS_MIN`] long.
fn without_parts(text: String, secret: &str, shown: &str) -> String {
    let bounds: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut masked = String::new();
    let (mut copied_to, mut hidden_to) = (0, 0);
    for window in bounds.windows(PART_CHARACTERS_MIN + 1) {
        let (start, end) = (window[0], window[PART_CHARACTERS_MIN]);
        if !secret.contains(&text[start..end]) {
            continue;
        }
        if start > hidden_to || hidden_to == 0 {
            masked.push_str(&text[copied_to..start]);
            masked.push_str(shown);
        }
        (copied_to, hidden_to) = (end, end);
    }
    if hidden_to == 0 {
        return text;
    }
    masked.push_str(&text[copied_to..]);
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(message: &str) -> String {
        let variables = [("TOKEN", "s3cret\"value"), ("LONGER", "s3cret\"value and more"), ("PORT", "80")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Secrets::of(&variables.into()).mask(message.to_owned())
    }

    #[test]
    fn a_secret_is_masked_in_every_form() {
        assert_eq!(mask("got s3cret\"value!"), "got {{env:TOKEN}}!");
        assert_eq!(mask("got \"s3cret\\\"value\""), "got \"{{env:TOKEN}}\"");
        assert_eq!(mask("/?q=s3cret%22value&x"), "/?q={{env:TOKEN}}&x");
        assert_eq!(mask("s3cret\"value and more"), "{{env:LONGER}}");
    }

    #[test]
    fn what_was_cut_within_a_secret_is_masked_too() {
        assert_eq!(mask("got \"s3cret\"va\"\u{2026}: x"), "got \"{{env:LONGER}}\"\u{2026}: x");
        assert_eq!(mask("\u{2026}value and more: x"), "\u{2026}{{env:LONGER}}: x");
        assert_eq!(mask("s3cret\"v and value and"), "{{env:LONGER}} and {{env:LONGER}}");
        assert_eq!(mask("got s3c"), "got s3c");
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_is_left() {
        assert_eq!(mask("status 280"), "status 280");
    }
}
