//! Newtypes for everything that has an identity, so that two kinds of them cannot mix.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An identifier that does not read as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct IdError {
    /// What was given.
    pub value: String,
    /// What would have been right, as a noun phrase.
    pub expected: &'static str,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an existing UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Reads the 16 bytes of the wire and of store keys.
            ///
            /// # Errors
            /// When there are not exactly 16 bytes.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
                Uuid::from_slice(bytes)
                    .map(Self)
                    .map_err(|_| IdError { value: format!("{} bytes", bytes.len()), expected: concat!("a 16-byte ", $noun) })
            }

            /// The 16 bytes, big-endian: a version 7 UUID sorts by its time of birth.
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::parse_str(text).map(Self).map_err(|_| IdError { value: text.to_owned(), expected: concat!("a ", $noun) })
            }
        }
    };
}

uuid_id!(
    /// One execution of a job: a version 7 UUID, so that runs sort by the time they were submitted.
    RunId,
    "run id"
);
uuid_id!(
    /// One life of one agent process: a random UUID, new at each start of the process.
    AgentId,
    "agent id"
);

impl RunId {
    /// Makes an id from the submission time (milliseconds since 1970 UTC) and ten random bytes.
    pub fn new(unix_millis: u64, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid())
    }
}

impl AgentId {
    /// Makes an id from sixteen random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }
}

macro_rules! index_id {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

index_id!(
    /// A trial's place in its run's plan, from 0.
    TrialIndex,
    u32
);
index_id!(
    /// A variant's place in its run's plan, from 0.
    VariantIndex,
    u32
);
index_id!(
    /// An operation's place in its job, from 0 in file order.
    OperationIndex,
    u16
);
index_id!(
    /// Grows with every lease a coordinator gives; an agent that holds an older one must drop that trial.
    LeaseEpoch,
    u64
);
index_id!(
    /// An interval's number within one agent's part of one trial, from 0 without gaps.
    IntervalSequence,
    u64
);

/// One attempt at one trial of one run: what a lease, an interval and an acknowledgement refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TrialKey {
    /// The run.
    pub run: RunId,
    /// The trial's place in the plan.
    pub trial: TrialIndex,
    /// 0 for the first attempt, then 1 for each repetition.
    pub attempt: u32,
}

impl fmt::Display for TrialKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.run, self.trial, self.attempt)
    }
}

/// Longest name a job, operation, variant part or agent may have, in bytes: the contract's `{1,64}`.
pub const NAME_LENGTH_MAX: usize = 64;

/// The name of a job or an operation: `[a-z0-9_-]{1,64}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes, or holds anything but lower-case ASCII letters, digits, `_` and `-`.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        if text.is_empty() || text.len() > NAME_LENGTH_MAX || !text.bytes().all(is_allowed) {
            return Err(IdError {
                value: text,
                expected: "a name of 1 to 64 characters out of a-z, 0-9, _ and -",
            });
        }
        Ok(Self(text))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of an agent: `[A-Za-z0-9._-]{1,64}`, since host names are its default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

impl AgentName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes, or holds anything but ASCII letters, digits, `.`, `_` and `-`.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > NAME_LENGTH_MAX || !text.bytes().all(is_allowed) {
            return Err(IdError {
                value: text,
                expected: "an agent name of 1 to 64 characters out of A-Z, a-z, 0-9, ., _ and -",
            });
        }
        Ok(Self(text))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a baseline: `[A-Za-z0-9._-]{1,64}`, as tags and branches have them, and nothing that reads like a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaselineName(String);

impl BaselineName {
    /// Reads a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes, holds anything but ASCII letters, digits, `.`, `_` and `-`, or is what a run
    /// may be called: `latest`, or nothing but the digits of an id.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_of_run = text == "latest" || text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if text.is_empty() || text.len() > NAME_LENGTH_MAX || !text.bytes().all(is_allowed) || is_of_run {
            return Err(IdError {
                value: text,
                expected: "a baseline's name: 1 to 64 characters out of A-Z, a-z, 0-9, ., _ and -, \
                           not \"latest\" and not only digits of a run's id (0-9, a-f and -)",
            });
        }
        Ok(Self(text))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Longest address of a host, in bytes: half of what the domain name system allows, which no name that people give reaches.
pub const HOST_ADDRESS_LENGTH_MAX: usize = 128;

/// Where a host is reached: a name or an IP address, `[A-Za-z0-9.:_-]{1,128}`. One of IPv6 may be given in brackets, and is
/// kept without them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostAddress(String);

impl HostAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// When it is empty, longer than 128 bytes, has a port, or holds anything that stands in no name and no IP address.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&text);
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let is_name = !bare.is_empty() && bare.bytes().all(is_allowed) && bare == text;
        let is_address = bare.parse::<std::net::Ipv6Addr>().is_ok();
        if bare.len() > HOST_ADDRESS_LENGTH_MAX || !(is_name || is_address) {
            return Err(IdError {
                value: text,
                expected: "the name or IP address of a host, without a port",
            });
        }
        Ok(Self(bare.to_owned()))
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text_traits {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

text_traits!(Name);
text_traits!(AgentName);
text_traits!(BaselineName);
text_traits!(HostAddress);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_what_the_contract_allows() {
        assert!(Name::new("session-status_2").is_ok());
        for bad in ["", "Upper", "with space", "dot.ted", "ü", &"x".repeat(65)] {
            assert!(Name::new(bad).is_err(), "{bad:?} must not be a name");
        }
    }

    #[test]
    fn a_baselines_name_cannot_be_taken_for_a_run() {
        for good in ["main", "v1.2.0", "release_2026-11", "nightly"] {
            assert!(BaselineName::new(good).is_ok(), "{good:?} must be a name");
        }
        for bad in ["", "latest", "01a1fd8b", "dead-beef", "a b", "feature/x", "main:new", &"x".repeat(65)] {
            assert!(BaselineName::new(bad).is_err(), "{bad:?} must not be a name");
        }
    }

    #[test]
    fn a_hosts_address_is_a_name_or_an_ip_address_without_a_port() {
        for good in ["db-1.example", "10.0.0.7", "fd00::7", "[fd00::7]"] {
            let address = HostAddress::new(good).unwrap();
            assert_eq!(address.as_str(), good.trim_matches(['[', ']']));
        }
        for bad in ["", "10.0.0.7:80", "[db-1]", "http://db-1", "a b", &"x".repeat(129)] {
            assert!(HostAddress::new(bad).is_err(), "{bad:?} must not be an address");
        }
    }

    #[test]
    fn run_ids_sort_by_their_time_of_birth() {
        let older = RunId::new(1_000, [255; 10]);
        let newer = RunId::new(1_001, [0; 10]);
        assert!(older < newer);
        assert!(older.as_bytes() < newer.as_bytes());
        assert_eq!(older.to_string().parse(), Ok(older));
    }
}
