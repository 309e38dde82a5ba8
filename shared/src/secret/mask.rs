//! Texts without what must not be told, in whatever form a message might show it.
//!
//! What is looked for: a value as it is, escaped as programs and JSON escape it, percent-encoded, as HTML, as hexadecimal
//! digits and in base64; and every part of one that is at least [`PART_BYTES`] long, since messages show cut texts, and a
//! cut secret is still one. A value of fewer than [`ANYWHERE_BYTES_MIN`] bytes is masked only where it stands alone: within
//! other words it would be found everywhere.

use std::collections::HashMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shortest value that is masked within other words too.
pub const ANYWHERE_BYTES_MIN: usize = 4;
/// Shortest part of a value that is masked: shorter ones are found in words that have nothing to do with it.
pub const PART_BYTES: usize = 8;
/// Bytes that become four characters in base64.
const BASE64_GROUP: usize = 3;

/// What must not be told, and what stands in its place.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Mask {
    /// What stands in the place of each value.
    shown: Vec<String>,
    /// Every form of every value, and whose it is; longest first, so that none hides within another.
    forms: Vec<(String, usize)>,
    /// Values that are masked where they stand alone.
    words: Vec<(String, usize)>,
    /// Every part of every form, and whose it is.
    parts: HashMap<[u8; PART_BYTES], usize>,
}

impl Mask {
    /// A mask over values, each with what is shown in its place. An empty value is nothing to hide.
    pub fn over<'a>(values: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        let mut mask = Self::default();
        for (shown, value) in values.into_iter().filter(|(_, value)| !value.is_empty()) {
            let whose = mask.shown.len();
            mask.shown.push(shown);
            if value.len() < ANYWHERE_BYTES_MIN {
                mask.words.push((value.to_owned(), whose));
            } else {
                mask.forms.extend(forms_of(value).into_iter().map(|form| (form, whose)));
            }
        }
        mask.forms.sort_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        mask.forms.dedup_by(|(one, _), (other, _)| one == other);
        for (form, whose) in &mask.forms {
            for part in form.as_bytes().windows(PART_BYTES).filter_map(|part| part.try_into().ok()) {
                mask.parts.entry(part).or_insert(*whose);
            }
        }
        mask
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// A text with every value, every form and every longer part of one replaced by what is shown instead.
    pub fn hide(&self, mut text: String) -> String {
        for (form, whose) in &self.forms {
            if text.contains(form) {
                text = text.replace(form, &self.shown[*whose]);
            }
        }
        text = self.without_parts(text);
        for (word, whose) in &self.words {
            text = without_word(text, word, &self.shown[*whose]);
        }
        text
    }

    fn without_parts(&self, text: String) -> String {
        let mut hidden: Vec<(Range<usize>, usize)> = Vec::new();
        for (start, part) in text.as_bytes().windows(PART_BYTES).enumerate() {
            let Some(whose) = self.parts.get(part) else { continue };
            let end = start + PART_BYTES;
            match hidden.last_mut() {
                Some((range, _)) if start <= range.end => range.end = end,
                _ => hidden.push((start..end, *whose)),
            }
        }
        if hidden.is_empty() {
            return text;
        }
        let mut masked = String::with_capacity(text.len());
        let mut copied_to = 0;
        for (Range { start, end }, whose) in hidden {
            // A part may begin or end within a character.
            let start = (copied_to..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(copied_to);
            masked.push_str(&text[copied_to..start]);
            masked.push_str(&self.shown[whose]);
            copied_to = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        }
        masked.push_str(&text[copied_to..]);
        masked
    }
}

/// What is hidden is not shown by showing the mask.
impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Mask").field(&self.shown).finish()
    }
}

/// A text without a word wherever neither a letter nor a digit touches it.
fn without_word(text: String, word: &str, shown: &str) -> String {
    let mut masked = String::new();
    let mut copied_to = 0;
    for (at, _) in text.match_indices(word) {
        let end = at + word.len();
        let touches = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
        if !touches(text[..at].chars().next_back()) && !touches(text[end..].chars().next()) {
            masked.push_str(&text[copied_to..at]);
            masked.push_str(shown);
            copied_to = end;
        }
    }
    if copied_to == 0 {
        return text;
    }
    masked.push_str(&text[copied_to..]);
    masked
}

/// A value in every form in which a message might show it.
fn forms_of(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    let json = serde_json::Value::from(value).to_string();
    let quoted = json.trim_start_matches('"').strip_suffix('"').unwrap_or(&json).to_owned();
    let strict = percent_encoded(bytes, b"-._~");
    let mut forms = vec![
        value.to_owned(),
        value.escape_debug().to_string(),
        bytes.escape_ascii().to_string(),
        quoted,
        percent_encoded(bytes, b"-._~:/?[]@!$&'()*+,;="),
        strict.to_ascii_lowercase(),
        percent_encoded(bytes, b"*-._ ").replace(' ', "+"),
        strict,
        as_html(value),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
    ];
    forms.extend(in_base64(bytes));
    // An encoding that is short would be found in words that have nothing to do with the value.
    forms.retain(|form| form.len() >= PART_BYTES || form == value);
    forms
}

/// What base64 makes of a value, whatever stands before and behind it: the characters that depend on it alone.
fn in_base64(value: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..BASE64_GROUP {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(value);
        bytes.truncate(bytes.len() / BASE64_GROUP * BASE64_GROUP);
        // Of a group of three bytes, the first character depends on the first, the second on two of them, and so on.
        let depends_on_others = [0, 2, 3][before];
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            forms.extend(engine.encode(&bytes).get(depends_on_others..).map(str::to_owned));
        }
    }
    forms
}

/// A value with all bytes percent-encoded but letters, digits and some others.
fn percent_encoded(value: &[u8], kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value {
        if byte.is_ascii_alphanumeric() || kept.contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

fn as_html(value: &str) -> String {
    let entities = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    entities.iter().fold(value.to_owned(), |text, (character, entity)| text.replace(*character, entity))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUES: [(&str, &str); 3] =
        [("TOKEN", "s3cret\"value"), ("LONGER", "s3cret\"value and more"), ("PORT", "80")];

    fn hide(text: &str) -> String {
        Mask::over(VALUES.map(|(name, value)| (format!("<{name}>"), value))).hide(text.to_owned())
    }

    #[test]
    fn a_value_is_hidden_in_every_form() {
        assert_eq!(hide("got s3cret\"value!"), "got <TOKEN>!");
        assert_eq!(hide("got \"s3cret\\\"value\""), "got \"<TOKEN>\"");
        for form in ["s3cret%22value", "s3cret&quot;value", "733363726574227"] {
            assert!(!hide(&format!("/?q={form}&x")).contains(form), "{form}");
        }
        assert_eq!(hide("s3cret\"value and more"), "<LONGER>");
        assert_eq!(hide("q=s3cret%22value+and+more"), "q=<LONGER>");
    }

    #[test]
    fn base64_is_seen_through_wherever_the_value_begins() {
        for before in ["", "u", "us", "user:"] {
            let text = STANDARD_NO_PAD.encode(format!("{before}s3cret\"value and more, and then"));
            let masked = hide(&text);
            assert!(masked.contains("<LONGER>") && !masked.contains("M2NyZXQi"), "{before}: {masked}");
        }
    }

    #[test]
    fn what_was_cut_within_a_value_is_hidden_too() {
        assert_eq!(hide("got \"s3cret\"va\"\u{2026}: x"), "got \"<LONGER>\"\u{2026}: x");
        assert_eq!(hide("\u{2026}value and more: x"), "\u{2026}<LONGER>: x");
        assert_eq!(hide("s3cret\"v and value and"), "<LONGER> and <LONGER>");
        assert_eq!(hide("got s3c"), "got s3c");
    }

    #[test]
    fn a_short_value_is_hidden_where_it_stands_alone() {
        assert_eq!(hide("status 280, port 80"), "status 280, port <PORT>");
        assert_eq!(hide("80:80/x80"), "<PORT>:<PORT>/x80");
        assert_eq!(Mask::over([("<A>".to_owned(), "")]).hide("as it is".to_owned()), "as it is");
    }

    #[test]
    fn a_mask_does_not_show_what_it_hides() {
        let mask = Mask::over([("<A>".to_owned(), "correct horse")]);
        assert!(!format!("{mask:?}").contains("horse"));
    }

    proptest! {
        #[test]
        fn no_text_shows_a_value(before in "\\PC{0,12}", value in "\\PC{8,24}", after in "\\PC{0,12}") {
            prop_assume!(value.len() >= PART_BYTES);
            let mask = Mask::over([("*".to_owned(), value.as_str())]);
            let masked = mask.hide(format!("{before}{value}{after}"));
            prop_assert!(!masked.contains(&value), "{masked}");
        }

        #[test]
        fn no_cut_breaks_a_mask(value in "\\PC{4,24}", text in "\\PC{0,64}", from in 0_usize..8, to in 8_usize..64) {
            let mask = Mask::over([("*".to_owned(), value.as_str())]);
            let cut: String = format!("{text}{value}").chars().skip(from).take(to).collect();
            let _ = mask.hide(cut);
        }
    }
}
