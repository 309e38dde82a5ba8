//! What agents are told that they may tell nobody.

use std::collections::BTreeMap;
use std::fmt;

use shared::secret::{Confidential, SECRETS_MAX, SecretName, SecretText, VARIABLES_MAX};

use super::ConvertError;

impl From<Confidential> for crate::Confidential {
    fn from(confidential: Confidential) -> Self {
        let variables = confidential.variables.into_iter().collect();
        Self { secrets: revealed(confidential.secrets), variables }
    }
}

impl TryFrom<crate::Confidential> for Confidential {
    type Error = ConvertError;

    fn try_from(confidential: crate::Confidential) -> Result<Self, ConvertError> {
        if confidential.variables.len() > VARIABLES_MAX {
            let problem = format!("{} are more than {VARIABLES_MAX}", confidential.variables.len());
            return Err(ConvertError::new("variables", problem));
        }
        let variables = confidential.variables.into_iter().collect();
        Ok(Self { secrets: secrets(confidential.secrets)?, variables })
    }
}

/// Names, and no texts.
impl fmt::Debug for crate::Confidential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Confidential");
        shown.field("secrets", &self.secrets.keys().collect::<Vec<_>>());
        shown.field("variables", &self.variables).finish()
    }
}

/// The job, and names of what came with it.
impl fmt::Debug for crate::SubmitRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("SubmitRequest");
        shown.field("job_toml", &self.job_toml).field("files", &self.files.keys().collect::<Vec<_>>());
        shown.field("secrets", &self.secrets.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

/// Secrets as they travel, for the one who is to have them.
pub fn revealed(secrets: BTreeMap<SecretName, SecretText>) -> BTreeMap<String, String> {
    secrets.into_iter().map(|(name, text)| (name.to_string(), text.reveal().to_owned())).collect()
}

/// Reads secrets by their names.
///
/// # Errors
/// When there are too many, or one is none. Never shows a text.
pub fn secrets(revealed: BTreeMap<String, String>) -> Result<BTreeMap<SecretName, SecretText>, ConvertError> {
    if revealed.len() > SECRETS_MAX {
        return Err(ConvertError::new("secrets", format!("{} are more than {SECRETS_MAX}", revealed.len())));
    }
    let secret = |(name, text)| Ok((SecretName::new(name)?, SecretText::new(text)?));
    let read: Result<_, shared::secret::SecretError> = revealed.into_iter().map(secret).collect();
    read.map_err(|error| ConvertError::new("secrets", error))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn confidential() -> Confidential {
        let secret = (SecretName::new("API_KEY").unwrap(), SecretText::new("correct horse").unwrap());
        Confidential { secrets: [secret].into(), variables: ["HOME".to_owned()].into() }
    }

    #[test]
    fn a_message_that_is_shown_shows_no_secret() {
        let message = crate::Confidential::from(confidential());
        let submitted = crate::SubmitRequest { secrets: message.secrets.clone(), ..Default::default() };
        let shown = format!("{message:?} {submitted:#?}");
        assert!(shown.contains("API_KEY") && !shown.contains("horse"), "{shown}");
        assert_eq!(Confidential::try_from(message), Ok(confidential()));
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_it() {
        let refused = |name: &str, text: &str| {
            secrets([(name.to_owned(), text.to_owned())].into()).unwrap_err().to_string()
        };
        assert!(refused("a b", "hunter2hunter2").contains("\"a b\" is no name of a secret"));
        assert!(!refused("a", "hunter").contains("hunter"));
        let many = (0..=SECRETS_MAX).map(|number| (format!("s{number}"), "12345678".to_owned())).collect();
        assert!(secrets(many).is_err());
        let variables = vec![String::new(); VARIABLES_MAX + 1];
        let many = crate::Confidential { variables, ..crate::Confidential::default() };
        assert!(Confidential::try_from(many).is_err());
    }
}
