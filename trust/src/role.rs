//! What a certificate allows its holder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a certificate allows its holder. It stands in the certificate's subject, as its organisational unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs workloads: attaches and reports, and asks nothing else.
    Agent,
    /// Submits, cancels, and manages everything.
    Operator,
    /// Reads what was measured.
    Viewer,
    /// Is the coordinator: what clients look for in whom they call.
    Coordinator,
}

/// Not the name of a role that can be given away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("take {0:?} as a role: it is agent, operator or viewer")]
pub struct UnknownRole(pub String);

impl Role {
    /// The roles that newcomers can be given.
    pub const GIVEN: [Role; 3] = [Role::Agent, Role::Operator, Role::Viewer];

    /// Its name, as in certificates and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Agent => "agent",
            Role::Operator => "operator",
            Role::Viewer => "viewer",
            Role::Coordinator => "coordinator",
        }
    }

    /// The role that a certificate names.
    pub(crate) fn of_certificate(name: &str) -> Option<Self> {
        Self::GIVEN.into_iter().chain([Role::Coordinator]).find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::GIVEN
            .into_iter()
            .find(|role| role.as_str() == name)
            .ok_or_else(|| UnknownRole(name.chars().take(32).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_given_the_coordinators_role() {
        assert_eq!("viewer".parse(), Ok(Role::Viewer));
        assert_eq!("coordinator".parse::<Role>(), Err(UnknownRole("coordinator".to_owned())));
        assert_eq!(Role::of_certificate("coordinator"), Some(Role::Coordinator));
    }
}
