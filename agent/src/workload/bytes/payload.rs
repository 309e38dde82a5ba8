//! Bytes that a job gives as a text or as hexadecimal digits, which may differ from one operation to the next.

use serde_json::{Map, Value};

use crate::values::{Names, Place, RenderError, Rendering, Secrets, Values};
use crate::workload::readable::readable;
use crate::workload::settings::{Wrong, text};

/// Bytes, ready to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct Payload {
    rendering: Rendering,
    /// Whether what is rendered is digits; never so for what is always the same, which was read already.
    is_hexadecimal: bool,
    /// Whether the job gives it as digits. What they stand for is never shown: a secret among them could not be known again.
    is_given_in_digits: bool,
}

/// Why bytes cannot be filled in for one operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::workload) enum PayloadError {
    /// A value that is not there.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// No digits.
    #[error(transparent)]
    Digits(#[from] DigitsError),
}

/// Why a text is no hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::workload) enum DigitsError {
    /// Something else among them.
    #[error("holds {0:?}, which is neither a hexadecimal digit nor white space")]
    Character(char),
    /// Half a byte at the end.
    #[error("has an odd number of hexadecimal digits: each byte needs two")]
    Odd,
}

impl Payload {
    /// Reads whichever of two keys the job gives: the one with a text, or the one with digits.
    ///
    /// # Errors
    /// The key that is wrong, and how.
    pub(in crate::workload) fn read(
        settings: &Map<String, Value>,
        [text_key, digits_key]: [&'static str; 2],
        names: &Names,
    ) -> Result<Option<Self>, Wrong> {
        let compile = |key: &'static str| {
            let written = text(settings, key).map_err(|what| (key, what))?;
            let compiled = written.map(|text| Rendering::compile(text, names, Place::Anywhere)).transpose();
            compiled.map_err(|error| (key, error.to_string()))
        };
        match (compile(text_key)?, compile(digits_key)?) {
            (Some(_), Some(_)) => Err((digits_key, format!("stands beside {text_key}: give one of them"))),
            (Some(rendering), None) => {
                Ok(Some(Self { rendering, is_hexadecimal: false, is_given_in_digits: false }))
            }
            (None, Some(rendering)) => match rendering.as_static() {
                None => Ok(Some(Self { rendering, is_hexadecimal: true, is_given_in_digits: true })),
                Some(digits) => {
                    let mut bytes = digits.to_vec();
                    read_digits(&mut bytes).map_err(|error| (digits_key, error.to_string()))?;
                    let rendering = Rendering::of_bytes(bytes);
                    Ok(Some(Self { rendering, is_hexadecimal: false, is_given_in_digits: true }))
                }
            },
            (None, None) => Ok(None),
        }
    }

    /// Its bytes, if they are always the same.
    #[inline]
    pub(in crate::workload) fn as_static(&self) -> Option<&[u8]> {
        self.rendering.as_static()
    }

    /// What was sent of it last, as a person reads it; `buffer` is that of [`Self::fill_in`].
    pub(in crate::workload) fn readable(&self, buffer: &[u8], secrets: &Secrets) -> String {
        let sent = self.as_static().unwrap_or(buffer);
        if self.is_given_in_digits {
            format!("{} bytes, given as hexadecimal digits", sent.len())
        } else {
            readable(sent, secrets)
        }
    }

    /// Its bytes this time; `buffer` holds them if they change.
    ///
    /// # Errors
    /// A value that is not there, or is no digits.
    #[inline]
    pub(in crate::workload) fn fill_in<'a>(
        &'a self,
        values: &mut Values,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], PayloadError> {
        if let Some(bytes) = self.as_static() {
            return Ok(bytes);
        }
        buffer.clear();
        self.rendering.render(values, buffer)?;
        if self.is_hexadecimal {
            read_digits(buffer)?;
        }
        Ok(buffer)
    }
}

/// Reads digits where they stand, and leaves the bytes in their stead.
fn read_digits(text: &mut Vec<u8>) -> Result<(), DigitsError> {
    let (mut end, mut high) = (0, None);
    for at in 0..text.len() {
        let character = char::from(text[at]);
        if character.is_ascii_whitespace() {
            continue;
        }
        let digit = character.to_digit(16).ok_or(DigitsError::Character(character))? as u8;
        match high.take() {
            None => high = Some(digit << 4),
            Some(high) => {
                text[end] = high | digit;
                end += 1;
            }
        }
    }
    text.truncate(end);
    high.map_or(Ok(()), |_| Err(DigitsError::Odd))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::values::names::tests::{names, values};

    const KEYS: [&str; 2] = ["send", "send_hex"];

    fn filled(settings: Value, words: &[&str]) -> Result<Vec<u8>, String> {
        let names = names(words);
        let payload = Payload::read(settings.as_object().unwrap(), KEYS, &names);
        let payload = payload.map_err(|(key, what)| format!("{key}: {what}"))?.ok_or("nothing is given")?;
        let mut buffer = Vec::new();
        payload
            .fill_in(&mut values(&names), &mut buffer)
            .map(<[u8]>::to_vec)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn texts_and_digits_are_filled_in() {
        assert_eq!(filled(json!({ "send": "a{{word}}\n" }), &["x"]), Ok(b"ax\n".to_vec()));
        assert_eq!(filled(json!({ "send_hex": "00 fF\n10" }), &["x"]), Ok(vec![0, 255, 16]));
        assert_eq!(filled(json!({ "send_hex": "0a{{word}}" }), &["ff"]), Ok(vec![10, 255]));
    }

    #[test]
    fn what_is_wrong_with_them_is_said() {
        for (settings, word, reason) in [
            (json!({ "send": "a", "send_hex": "00" }), "x", "send_hex: stands beside send"),
            (json!({ "send_hex": "0" }), "x", "send_hex: has an odd number"),
            (json!({ "send_hex": "0g" }), "x", "send_hex: holds 'g'"),
            (json!({ "send_hex": "{{word}}" }), "xy", "holds 'x'"),
            (json!({ "send": 7 }), "x", "send: must be a text"),
            (json!({ "send": "{{absent}}" }), "x", "send: \"{{absent}}\" has no value"),
        ] {
            let error = filled(settings.clone(), &[word]).unwrap_err();
            assert!(error.contains(reason), "{settings}: {error}");
        }
    }

    proptest! {
        #[test]
        fn digits_give_back_the_bytes_that_they_were_written_of(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut text = bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>().into_bytes();
            read_digits(&mut text).unwrap();
            prop_assert_eq!(text, bytes);
        }
    }
}
