//! Values that came by `{{env:NAME}}`: used, and never told, neither in errors nor in samples.

use std::collections::BTreeMap;

use shared::interval::ErrorSample;

use crate::workload::Outcome;

/// Shortest value that is masked. What is shorter protects nothing, and would be found in every second word.
const SECRET_BYTES_MIN: usize = 4;

/// What an error sample ends with when it was cut.
const CUT_MARK: char = '…';

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

    /// A message with every secret replaced by the variable's name, also one that was cut at the message's end.
    pub fn mask(&self, mut message: String) -> String {
        for (form, shown) in &self.forms {
            if message.contains(form) {
                message = message.replace(form, shown);
            }
        }
        let is_cut = message.ends_with(CUT_MARK);
        if is_cut {
            message.truncate(message.len() - CUT_MARK.len_utf8());
        }
        for (form, shown) in &self.forms {
            let beginnings = form.char_indices().map(|(at, _)| at).filter(|at| *at >= SECRET_BYTES_MIN).rev();
            let cut = beginnings.into_iter().find(|at| message.ends_with(&form[..*at]));
            if let Some(length) = cut {
                message.truncate(message.len() - length);
                message.push_str(shown);
            }
        }
        if is_cut {
            message.push(CUT_MARK);
        }
        message
    }
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
        assert_eq!(mask("got s3cret"), "got {{env:LONGER}}");
        assert_eq!(mask("got s3cret…"), "got {{env:LONGER}}…");
        assert_eq!(mask("got s3c"), "got s3c");
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_is_left() {
        assert_eq!(mask("status 280"), "status 280");
    }
}
