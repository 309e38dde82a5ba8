//! What a newcomer is given: whom to believe, what it may become, until when, and a secret that counts a few times.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::authority::Digest;
use crate::role::Role;

/// What every token begins with: the version of its layout.
const PREFIX: &str = "fm1-";
/// Digest, role, end, secret.
const FIXED_BYTES: usize = 32 + 1 + 8 + SECRET_BYTES;
/// Nobody guesses 128 bits.
const SECRET_BYTES: usize = 16;
/// Longest URL of a coordinator, bytes.
const URL_BYTES_MAX: usize = 300;
/// Bytes of the check sum: a token that was not copied whole is told from one that was never given.
const CHECK_BYTES: usize = 4;

/// A secret that can be exchanged for a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; SECRET_BYTES]);

/// What a newcomer is given, as one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// Whom to believe.
    pub authority: Digest,
    /// What its bearer becomes.
    pub role: Role,
    /// Until when, seconds of Unix time.
    pub until_s: u64,
    /// What proves that it was given.
    pub secret: Secret,
    /// Where the coordinator is, `https://host:port`.
    pub url: String,
}

/// Not a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the token: {0}")]
pub struct TokenError(&'static str);

impl Secret {
    /// One that nobody knows.
    pub(crate) fn random() -> Self {
        Self(rand::random())
    }

    /// From the wire.
    ///
    /// # Errors
    /// When it has not the length of one.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenError> {
        bytes.try_into().map(Self).map_err(|_| TokenError("its secret has not 16 bytes"))
    }

    /// For the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    /// What is remembered of it: nobody who reads that can use it.
    pub(crate) fn mark(&self) -> String {
        Sha256::digest(self.0).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A secret is nobody's business.
impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

impl fmt::Display for JoinToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(FIXED_BYTES + self.url.len() + CHECK_BYTES);
        bytes.extend_from_slice(&self.authority.to_bytes());
        bytes.push(match self.role {
            Role::Agent => b'a',
            Role::Operator => b'o',
            Role::Viewer => b'v',
            Role::Coordinator => b'c',
        });
        bytes.extend_from_slice(&self.until_s.to_be_bytes());
        bytes.extend_from_slice(&self.secret.0);
        bytes.extend_from_slice(self.url.as_bytes());
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        write!(formatter, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for JoinToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(TokenError("it does not begin with fm1-"))?;
        let longest = (FIXED_BYTES + URL_BYTES_MAX + CHECK_BYTES).div_ceil(3) * 4;
        let torn = TokenError("it is not whole: copy all of it");
        if encoded.len() > longest {
            return Err(torn);
        }
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| torn.clone())?;
        let (bytes, sum) = bytes
            .split_last_chunk::<CHECK_BYTES>()
            .filter(|(bytes, _)| bytes.len() >= FIXED_BYTES)
            .ok_or(torn.clone())?;
        if check(bytes) != *sum {
            return Err(torn);
        }
        let (authority, rest) = bytes.split_first_chunk::<32>().ok_or(torn.clone())?;
        let (role, rest) = rest.split_first().ok_or(torn.clone())?;
        let (until, rest) = rest.split_first_chunk::<8>().ok_or(torn.clone())?;
        let (secret, url) = rest.split_first_chunk::<SECRET_BYTES>().ok_or(torn)?;
        Ok(Self {
            authority: Digest::from(*authority),
            role: match role {
                b'a' => Role::Agent,
                b'o' => Role::Operator,
                b'v' => Role::Viewer,
                _ => return Err(TokenError("it names no role that can be given")),
            },
            until_s: u64::from_be_bytes(*until),
            secret: Secret(*secret),
            url: String::from_utf8(url.to_vec()).map_err(|_| TokenError("its address is no text"))?,
        })
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(url: &str) -> JoinToken {
        JoinToken {
            authority: Digest::from([7; 32]),
            role: Role::Operator,
            until_s: 1_800_000_000,
            secret: Secret::random(),
            url: url.to_owned(),
        }
    }

    #[test]
    fn one_that_was_not_copied_whole_says_so() {
        let text = token("https://bench.example:7411").to_string();
        for torn in [&text[..text.len() - 1], &text[..20], "fm1-", "fm1-%%%"] {
            let refused = torn.parse::<JoinToken>().unwrap_err().to_string();
            assert!(refused.contains("not whole"), "{torn}: {refused}");
        }
        assert!("hello".parse::<JoinToken>().unwrap_err().to_string().contains("fm1-"));
    }

    #[test]
    fn what_is_remembered_does_not_tell_the_secret() {
        let token = token("");
        assert!(!format!("{token:?}").contains(&format!("{:?}", token.secret.to_bytes())));
        assert_ne!(token.secret.mark().as_bytes(), token.secret.to_bytes());
    }

    proptest! {
        #[test]
        fn every_token_reads_back(url in "https://[a-z]{1,40}:[0-9]{1,5}") {
            let token = token(&url);
            prop_assert_eq!(token.to_string().parse(), Ok(token));
        }

        #[test]
        fn whatever_is_typed_is_read_or_refused(text in ".{0,600}") {
            let _either = text.parse::<JoinToken>();
            let _or = format!("{PREFIX}{text}").parse::<JoinToken>();
        }
    }
}
