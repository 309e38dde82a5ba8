//! Names in templates that fleetmark itself gives values to.

use crate::secret::{SecretError, SecretName};

/// A name that fleetmark itself gives a value to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuiltIn {
    /// `random.int(a,b)`: a whole number, both ends included, drawn anew wherever it stands.
    RandomInt {
        /// The least.
        first: i64,
        /// The most, at least `first`.
        last: i64,
    },
    /// `random.uuid`: drawn anew wherever it stands.
    RandomUuid,
    /// `sequence`: a number that no other iteration of the trial has.
    Sequence,
    /// `worker`: the worker's number on its agent, from 0.
    Worker,
    /// `agent`: the agent's name.
    Agent,
    /// `now`: the time, in milliseconds since 1970-01-01 UTC.
    Now,
    /// `env:NAME`: a variable of the agent's environment.
    Environment(String),
    /// `secret:NAME`: a secret of the coordinator.
    Secret(SecretName),
    /// `target.host`: where the target answers.
    TargetHost,
    /// `target.port`: the free port that was found for it.
    TargetPort,
    /// `peer.host`: the other agent of a pair.
    PeerHost,
    /// `target.pid`: the process of the target, to a profiler on its host.
    TargetPid,
    /// `profile.output`: the file that a profiler is to write.
    ProfileOutput,
}

/// What is wrong with a name that only fleetmark could give a value to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuiltInError {
    /// Not two whole numbers in brackets.
    #[error("{0:?} needs two whole numbers, as in \"random.int(1,100)\"")]
    Numbers(String),
    /// The first number is above the second.
    #[error("random.int({first},{last}) must name the smaller number first")]
    Swapped {
        /// The first number.
        first: i64,
        /// The second number.
        last: i64,
    },
    /// No name of a variable behind `env:`.
    #[error(
        "{0:?} does not name a variable: write \"env:\" and letters, digits and _ only, not beginning with a digit"
    )]
    Variable(String),
    /// No name of a secret behind `secret:`.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl BuiltIn {
    /// The names as people write them, each with a sentence for the reference.
    pub const TABLE: &[(&'static str, &'static str)] = &[
        ("random.int(a,b)", "A whole number from a to b, both included, drawn anew wherever it stands."),
        ("random.uuid", "A random UUID, drawn anew wherever it stands."),
        ("sequence", "A number that no other iteration of the trial has."),
        ("worker", "The worker's number on its agent, from 0."),
        ("agent", "The agent's name."),
        ("now", "The time, in milliseconds since 1970-01-01 UTC."),
        (
            "env:NAME",
            "The variable NAME of the agent's environment; never stored, and masked where it would be shown.",
        ),
        (
            "secret:NAME",
            "The secret NAME of the coordinator, as env:NAME; both also in the words of targets and hooks.",
        ),
        (
            "target.host",
            "Where the target answers; also in the target's own texts, and in hooks around trials.",
        ),
        ("target.port", "The free port that was found for the target; as target.host."),
        ("peer.host", "The other agent of a pair."),
        ("target.pid", "The process of the target on its host; in `[profile]` only."),
        ("profile.output", "The file that the profiler is to write; in `[profile]` only."),
    ];

    /// The names as people write them.
    pub fn names<'a>() -> impl Iterator<Item = &'a str> + Clone {
        Self::TABLE.iter().map(|(name, _)| *name)
    }

    /// Reads a name; `None`: it is not one that fleetmark gives a value to.
    ///
    /// # Errors
    /// When what stands in brackets or behind the colon makes no sense.
    pub fn parse(name: &str) -> Result<Option<Self>, BuiltInError> {
        if let Some(numbers) = name.strip_prefix("random.int") {
            return random_int(name, numbers.trim()).map(Some);
        }
        if let Some(variable) = name.strip_prefix("env:") {
            return environment(name, variable).map(Some);
        }
        if let Some(secret) = name.strip_prefix("secret:") {
            return Ok(Some(Self::Secret(SecretName::new(secret)?)));
        }
        Ok(match name {
            "random.uuid" => Some(Self::RandomUuid),
            "sequence" => Some(Self::Sequence),
            "worker" => Some(Self::Worker),
            "agent" => Some(Self::Agent),
            "now" => Some(Self::Now),
            "target.host" => Some(Self::TargetHost),
            "target.port" => Some(Self::TargetPort),
            "peer.host" => Some(Self::PeerHost),
            "target.pid" => Some(Self::TargetPid),
            "profile.output" => Some(Self::ProfileOutput),
            _ => None,
        })
    }

    /// Whether only the agent can know its value.
    pub fn is_deferred(&self) -> bool {
        !matches!(self, Self::TargetHost | Self::TargetPort | Self::PeerHost) && !self.is_of_profiler()
    }

    /// Whether only a profiler is told its value.
    pub fn is_of_profiler(&self) -> bool {
        matches!(self, Self::TargetPid | Self::ProfileOutput)
    }

    /// Whether its value must not be told.
    pub fn is_confidential(&self) -> bool {
        matches!(self, Self::Environment(_) | Self::Secret(_))
    }
}

fn random_int(name: &str, numbers: &str) -> Result<BuiltIn, BuiltInError> {
    let inside = numbers.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let numbers = inside
        .and_then(|inside| inside.split_once(','))
        .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    match numbers {
        None => Err(BuiltInError::Numbers(beginning_of(name))),
        Some((first, last)) if first > last => Err(BuiltInError::Swapped { first, last }),
        Some((first, last)) => Ok(BuiltIn::RandomInt { first, last }),
    }
}

fn environment(name: &str, variable: &str) -> Result<BuiltIn, BuiltInError> {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let begins_with_digit = variable.starts_with(|character: char| character.is_ascii_digit());
    if variable.is_empty() || begins_with_digit || !variable.chars().all(is_allowed) {
        return Err(BuiltInError::Variable(beginning_of(name)));
    }
    Ok(BuiltIn::Environment(variable.to_owned()))
}

/// Enough of a name to recognise it in an error.
fn beginning_of(name: &str) -> String {
    const CHARACTERS: usize = 60;
    name.chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_listed_name_is_read() {
        for name in BuiltIn::names() {
            let name = name.replace("(a,b)", "(-1, 5)");
            assert!(BuiltIn::parse(&name).unwrap().is_some(), "{name}");
        }
        assert_eq!(
            BuiltIn::parse("random.int( -1 , 5 )"),
            Ok(Some(BuiltIn::RandomInt { first: -1, last: 5 }))
        );
        assert_eq!(BuiltIn::parse("env:API_KEY"), Ok(Some(BuiltIn::Environment("API_KEY".to_owned()))));
        assert_eq!(BuiltIn::parse("id"), Ok(None));
    }

    #[test]
    fn arguments_that_make_no_sense_are_told() {
        let message = |name: &str| BuiltIn::parse(name).unwrap_err().to_string();
        assert_eq!(message("random.int(5,1)"), "random.int(5,1) must name the smaller number first");
        for bad in ["random.int", "random.int(1)", "random.int(1,2,3)", "random.int(a,b)", "random.int(1,2"] {
            assert!(message(bad).contains("needs two whole numbers"), "{bad}");
        }
        for bad in ["env:", "env:1A", "env:A-B", "env: A"] {
            assert!(message(bad).contains("does not name a variable"), "{bad}");
        }
        for bad in ["secret:", "secret:a b", "secret:.a"] {
            assert!(message(bad).contains("is no name of a secret"), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_the_reader(name in "(random.int|env:|secret:)?\\PC{0,20}") {
            let _ = BuiltIn::parse(&name);
        }
    }
}
