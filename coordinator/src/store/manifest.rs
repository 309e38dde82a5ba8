//! The manifest of a finished run: what must be there for the run to count as whole.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::StoredInterval;

/// A SHA-256 digest, written as lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "not a SHA-256 digest in hex";
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EXPECTED);
        }
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).map_err(|_| EXPECTED)?;
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// What a finished run consists of. The cached report is left out: it can be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// How many intervals there are, and what they are.
    pub intervals: IntervalTally,
    /// Digest of the record's JSON, so that an older version of it that resurfaces is noticed.
    pub record_sha256: Digest,
    /// Digest of the summary's JSON.
    pub summary_sha256: Digest,
    /// Under which of the two kinds of keys its intervals lie: each replacing changes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_on_second_row: bool,
}

/// How many intervals there are, and the digest of all of them in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntervalTally {
    /// How many.
    pub count: u64,
    /// SHA-256 over address, length and bytes of each.
    pub sha256: Digest,
}

/// Counts and digests intervals as they pass by in key order.
#[derive(Debug, Clone, Default)]
pub struct TallyMaker {
    count: u64,
    hasher: Sha256,
}

impl TallyMaker {
    /// Takes the next interval.
    pub fn add(&mut self, interval: &StoredInterval) {
        self.count += 1;
        self.hasher.update(interval.trial.trial.0.to_be_bytes());
        self.hasher.update(interval.trial.attempt.to_be_bytes());
        self.hasher.update(interval.agent.as_bytes());
        self.hasher.update(interval.sequence.0.to_be_bytes());
        self.hasher.update((interval.bytes.len() as u64).to_be_bytes());
        self.hasher.update(&interval.bytes);
    }

    /// What has passed by.
    pub fn finish(self) -> IntervalTally {
        IntervalTally { count: self.count, sha256: Digest(self.hasher.finalize().into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_back_from_their_text() {
        let digest = Digest::of(b"fleetmark");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("00".parse::<Digest>().is_err());
        assert!("é".repeat(32).parse::<Digest>().is_err());
    }
}
