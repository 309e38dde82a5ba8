//! What must hold of any text that says it is a token to join with.

use trust::join_token::JoinToken;

/// Panics unless the text is refused without being repeated, or is a token that reads the same when it is written out. What does
/// not begin like a token may well be a part of what is said of it: "does not begin with", for one.
pub fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<JoinToken>() {
        Ok(token) => assert_eq!(token.to_string().parse().as_ref(), Ok(&token)),
        Err(error) => {
            let is_shown = text.starts_with("fm1-") && error.to_string().contains(text);
            assert!(!is_shown || text == "fm1-", "a token is not shown");
        }
    }
}
