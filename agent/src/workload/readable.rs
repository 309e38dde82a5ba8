//! What was sent, as a person reads it: without what is confidential, and without what would move a cursor.

use crate::values::Secrets;

/// Bytes that are looked at: much more than is shown, so that no secret is cut in the middle and told in part.
const LOOKED_AT_BYTES: usize = 64 * 1024;

/// The text of some bytes, with secrets masked. Control characters are still in it.
pub(super) fn masked(sent: &[u8], secrets: &Secrets) -> String {
    let beginning = &sent[..sent.len().min(LOOKED_AT_BYTES)];
    secrets.mask(String::from_utf8_lossy(beginning).into_owned())
}

/// A text without control characters, but for line ends.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() && letter != '\n' { ' ' } else { letter }).collect()
}

/// Both at once; what is no text is counted instead of shown.
pub(super) fn readable(sent: &[u8], secrets: &Secrets) -> String {
    let is_text = match std::str::from_utf8(sent) {
        Ok(_) => true,
        // A character at the end may be cut.
        Err(error) => sent.len() > LOOKED_AT_BYTES && error.valid_up_to() >= LOOKED_AT_BYTES,
    };
    if is_text { printable(&masked(sent, secrets)) } else { format!("{} bytes that are no text", sent.len()) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::secret::mask::Mask;

    use super::*;

    #[test]
    fn secrets_are_masked_and_what_is_no_text_is_counted() {
        let secrets = Secrets::under(Arc::new(Mask::over([("<key>".to_owned(), "correct horse")])));
        assert_eq!(readable(b"say correct horse\r\n\x1b[2J", &secrets), "say <key> \n [2J");
        assert_eq!(readable(&[0xff, 0, 1], &secrets), "3 bytes that are no text");
        let long = "ä".repeat(LOOKED_AT_BYTES);
        assert!(readable(long.as_bytes(), &secrets).starts_with("ää"));
    }
}
