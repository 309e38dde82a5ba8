//! What this agent was told in confidence for one trial, target or hook: secrets of the coordinator, and variables of its
//! own environment. It fills them in, and hides them in whatever is told.

use std::collections::{BTreeMap, BTreeSet};
use std::env::VarError;
use std::fmt;
use std::sync::Arc;

use shared::job::builtin::BuiltIn;
use shared::job::confidences;
use shared::job::template::{Part, Template};
use shared::secret::in_url::passwords_within;
use shared::secret::mask::Mask;
use shared::secret::{Confidential, SecretName, SecretText};

use super::names::NamesError;

/// How a variable of the environment is looked up.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Result<String, VarError>;

/// What must not be told, and what hides it.
#[derive(Clone)]
pub struct Confided {
    secrets: BTreeMap<SecretName, SecretText>,
    variables: BTreeMap<String, String>,
    mask: Arc<Mask>,
}

impl Confided {
    /// Looks up the variables of what was told, and of texts that name more.
    pub fn of(confidential: &Confidential, named: BTreeSet<String>) -> Self {
        Self::with_environment(confidential, named, &|name| std::env::var(name))
    }

    pub(super) fn with_environment(
        confidential: &Confidential,
        named: BTreeSet<String>,
        environment: Environment<'_>,
    ) -> Self {
        let names = confidential.variables.iter().cloned().chain(named);
        let variables: BTreeMap<String, String> =
            names.filter_map(|name| environment(&name).ok().map(|value| (name, value))).collect();
        let secrets = confidential.secrets.clone();
        let of_coordinator =
            secrets.iter().map(|(name, text)| (format!("{{{{secret:{name}}}}}"), text.reveal()));
        let of_agent = variables.iter().map(|(name, value)| (format!("{{{{env:{name}}}}}"), value.as_str()));
        let whole: Vec<(String, &str)> = of_coordinator.chain(of_agent).collect();
        // A server may be told a URL's password alone, and repeat it.
        let parts: Vec<(String, String)> = whole
            .iter()
            .flat_map(|(name, value)| {
                passwords_within(value).into_iter().map(move |part| (name.clone(), part))
            })
            .collect();
        let parts = parts.iter().map(|(name, part)| (name.clone(), part.as_str()));
        let mask = Arc::new(Mask::over(whole.iter().cloned().chain(parts)));
        Self { secrets, variables, mask }
    }

    /// What hides all of it.
    pub fn mask(&self) -> &Arc<Mask> {
        &self.mask
    }

    /// The value of a confidential name; `None`: it is no such name.
    ///
    /// # Errors
    /// A secret that was not told, or a variable that the agent does not have.
    pub fn value(&self, name: &BuiltIn) -> Result<Option<&str>, NamesError> {
        match name {
            BuiltIn::Secret(name) => {
                let text = self.secrets.get(name).ok_or_else(|| NamesError::NoSecret(name.clone()))?;
                Ok(Some(text.reveal()))
            }
            BuiltIn::Environment(name) => {
                let value = self.variables.get(name).ok_or_else(|| NamesError::NoVariable(name.clone()))?;
                Ok(Some(value))
            }
            _ => Ok(None),
        }
    }

    /// The words of a program with everything filled in; `told` are names beside the confidential ones that have a value for it.
    ///
    /// # Errors
    /// A word that is no template, or a name without a value.
    pub fn fill_in(
        &self,
        words: &[String],
        told: &BTreeMap<&'static str, String>,
    ) -> Result<Vec<String>, NamesError> {
        words.iter().map(|word| self.fill_in_word(word, told)).collect()
    }

    fn fill_in_word(&self, word: &str, told: &BTreeMap<&'static str, String>) -> Result<String, NamesError> {
        let mut filled = String::new();
        for part in Template::parse(word)?.parts() {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Name(name) if told.contains_key(name.as_str()) => filled.push_str(&told[name.as_str()]),
                Part::Name(name) => {
                    let value = BuiltIn::parse(name)?.map(|builtin| self.value(&builtin)).transpose()?;
                    filled.push_str(value.flatten().ok_or_else(|| NamesError::Unknown(name.clone()))?);
                }
            }
        }
        Ok(filled)
    }
}

/// Names, and no values.
impl fmt::Debug for Confided {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Confided").field(&self.mask).finish()
    }
}

/// The environment variables that words of a program name; of what is no template, none.
pub fn variables_of_words(words: &[String]) -> BTreeSet<String> {
    words.iter().flat_map(|word| confidences::of_text(word).variables).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confided() -> Confided {
        let secret = (SecretName::new("KEY").unwrap(), SecretText::new("correct horse").unwrap());
        let variables = ["HOME".to_owned(), "ABSENT".to_owned()].into();
        let environment = |name: &str| match name {
            "HOME" => Ok("/home/ann".to_owned()),
            "PORT" => Ok("80".to_owned()),
            _ => Err(VarError::NotPresent),
        };
        let confidential = Confidential { secrets: [secret].into(), variables };
        Confided::with_environment(&confidential, ["PORT".to_owned()].into(), &environment)
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_programs_words_are_filled_in_and_hidden_again() {
        let filled = confided()
            .fill_in(&words(&["x", "--key={{secret:KEY}}", "{{env:PORT}}{{{{"]), &BTreeMap::new())
            .unwrap();
        assert_eq!(filled, ["x", "--key=correct horse", "80{{"]);
        let told = confided().mask().hide(filled.join(" "));
        assert_eq!(told, "x --key={{secret:KEY}} {{env:PORT}}{{");
    }

    #[test]
    fn the_password_of_a_url_that_was_told_as_a_whole_is_hidden_by_itself() {
        let environment = |_: &str| Ok("redis://:p%40ss-word@h".to_owned());
        let named = ["URL".to_owned()].into();
        let confided = Confided::with_environment(&Confidential::default(), named, &environment);
        let told = confided.mask().hide("unknown command 'AUTH', beginning with 'p@ss-word'".to_owned());
        assert_eq!(told, "unknown command 'AUTH', beginning with '{{env:URL}}'");
    }

    #[test]
    fn what_was_not_told_is_named() {
        let problem =
            |word: &str| confided().fill_in(&words(&[word]), &BTreeMap::new()).unwrap_err().to_string();
        assert!(problem("{{secret:OTHER}}").contains("the secret OTHER did not come"));
        assert!(problem("{{env:ABSENT}}").contains("ABSENT is not set"));
        assert!(problem("{{agent}}").contains("has no value on this agent"));
        assert!(problem("{{open").contains("never closes it"));
    }

    #[test]
    fn the_variables_of_words_are_found() {
        let found = variables_of_words(&words(&["{{env:A}}{{secret:B}}", "{{{{env:C}}", "{{open"]));
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["A"]);
        assert!(!format!("{:?}", confided()).contains("horse"));
    }
}
