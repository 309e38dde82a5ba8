//! A secret that a browser or an API client shows: 256 random bits, of which only the digest is kept anywhere.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What every one begins with: the version of its layout, so that a leaked one is found by what looks for secrets.
const PREFIX: &str = "fmw1-";
/// Nobody guesses 256 bits.
const SECRET_BYTES: usize = 32;

/// A secret of the web side.
#[derive(Clone, PartialEq, Eq)]
pub struct WebToken([u8; SECRET_BYTES]);

/// Not a secret of the web side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the token: it is not whole; copy all of it")]
pub struct WebTokenError;

impl WebToken {
    /// One that nobody knows.
    pub fn random() -> Self {
        Self(rand::random())
    }

    /// SHA-256 of it, in hexadecimal digits: what is remembered. Secrets are looked up by it, so that how long a comparison
    /// takes tells nothing about a secret.
    pub fn mark(&self) -> String {
        Sha256::digest(self.0).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A secret is nobody's business.
impl fmt::Debug for WebToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebToken")
    }
}

impl fmt::Display for WebToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for WebToken {
    type Err = WebTokenError;

    fn from_str(text: &str) -> Result<Self, WebTokenError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(WebTokenError)?;
        let mut bytes = [0; SECRET_BYTES];
        match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
            Ok(SECRET_BYTES) => Ok(Self(bytes)),
            _ => Err(WebTokenError),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_reads_back_and_tells_nothing_of_itself() {
        let token = WebToken::random();
        let text = token.to_string();
        assert_eq!(text.parse(), Ok(token.clone()));
        assert_eq!(format!("{token:?}"), "WebToken");
        assert!(!text.contains(&token.mark()) && token.mark().len() == 64);
        for torn in [&text[..text.len() - 1], &text[1..], "fmw1-", ""] {
            assert_eq!(torn.parse::<WebToken>(), Err(WebTokenError), "{torn}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_read_or_refused(text in ".{0,100}") {
            let _either = text.parse::<WebToken>();
            let _or = format!("{PREFIX}{text}").parse::<WebToken>();
        }
    }
}
