//! What a call, or a page, needs of who asks for it.

use trust::role::Role;

use super::peer::Who;

/// What is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: it is how one becomes known.
    Nothing,
    /// To be known.
    Certificate,
    /// To be known in one of these roles.
    OneOf(&'static [Role]),
}

/// Why somebody is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Denial {
    /// Nobody knows who asks.
    #[error("this needs a certificate: join with a token first (`fleetmark login --join TOKEN`)")]
    Unknown,
    /// The wrong role.
    #[error("{theirs} may not do this: it needs the role {needed}")]
    Role {
        /// What the caller is.
        theirs: Role,
        /// What it needs.
        needed: String,
    },
    /// Nothing of that name.
    #[error("no such call is served here")]
    NoSuchCall,
}

impl Needs {
    /// Only agents.
    pub(crate) const AGENT: Self = Self::OneOf(&[Role::Agent]);
    /// Only those who may change things.
    pub(crate) const OPERATOR: Self = Self::OneOf(&[Role::Operator]);
    /// Those who may read.
    pub(crate) const READER: Self = Self::OneOf(&[Role::Viewer, Role::Operator]);

    /// Whether somebody has it.
    ///
    /// # Errors
    /// When not, with the reason.
    pub(crate) fn check(self, who: &Who) -> Result<(), Denial> {
        let role = match who {
            Who::Unasked => return Ok(()),
            Who::Newcomer => None,
            Who::Known(holder) => Some(holder.role),
        };
        match (self, role) {
            (Needs::Nothing, _) | (Needs::Certificate, Some(_)) => Ok(()),
            (_, None) => Err(Denial::Unknown),
            (Needs::OneOf(roles), Some(theirs)) if !roles.contains(&theirs) => {
                let needed: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                Err(Denial::Role { theirs, needed: needed.join(" or ") })
            }
            (Needs::OneOf(_), Some(_)) => Ok(()),
        }
    }
}
