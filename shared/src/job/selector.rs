//! `where` selectors over labels and facts: `role=load arch=x86_64 cores>=4 name!=a3`.

use std::collections::BTreeMap;
use std::fmt;

/// Terms that must all hold. Empty: everything matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selector {
    /// The terms, in the order written.
    pub terms: Vec<Term>,
}

/// One term of a selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Label or fact.
    pub key: String,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what.
    pub value: String,
}

/// How a label or fact is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`: the same text.
    Equal,
    /// `!=`: another text, or absent.
    NotEqual,
    /// `>=`: a number at least as large.
    AtLeast,
    /// `<=`: a number at most as large.
    AtMost,
    /// `>`: a larger number.
    Above,
    /// `<`: a smaller number.
    Below,
}

/// The comparisons, longest sign first so that `>=` is not read as `>`.
const SIGNS: [(&str, Comparison); 6] = [
    ("!=", Comparison::NotEqual),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("=", Comparison::Equal),
    (">", Comparison::Above),
    ("<", Comparison::Below),
];

/// Why a text is not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A term without a comparison.
    #[error("{0:?} is not a term: write key=value, key!=value, key>=number or key<=number")]
    NoComparison(String),
    /// A term without a key or a value.
    #[error("{0:?} lacks its key or its value")]
    Incomplete(String),
    /// A term that compares by size with something that is not a number.
    #[error("{0:?} compares by size, so its value must be a number")]
    NotANumber(String),
}

impl Selector {
    /// Reads a selector: terms separated by spaces.
    ///
    /// # Errors
    /// The first term that does not read.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        text.split_whitespace().map(Term::parse).collect::<Result<_, _>>().map(|terms| Self { terms })
    }

    /// The first term that does not hold for these labels and facts; `None`: all hold.
    pub fn mismatch<'a>(&'a self, facts: &BTreeMap<String, String>) -> Option<&'a Term> {
        self.terms.iter().find(|term| !term.holds(facts))
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, SelectorError> {
        // The leftmost sign counts; among those that start there, the longest.
        let (at, sign, comparison) = SIGNS
            .iter()
            .filter_map(|(sign, comparison)| text.find(sign).map(|at| (at, *sign, *comparison)))
            .min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())))
            .ok_or_else(|| SelectorError::NoComparison(text.to_owned()))?;
        let (key, value) = (&text[..at], &text[at + sign.len()..]);
        if key.is_empty() || value.is_empty() {
            return Err(SelectorError::Incomplete(text.to_owned()));
        }
        let is_by_size = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        if is_by_size && value.parse::<f64>().is_err() {
            return Err(SelectorError::NotANumber(text.to_owned()));
        }
        Ok(Self { key: key.to_owned(), comparison, value: value.to_owned() })
    }

    fn holds(&self, facts: &BTreeMap<String, String>) -> bool {
        let fact = facts.get(&self.key);
        let ordering = || fact?.parse::<f64>().ok()?.partial_cmp(&self.value.parse().ok()?);
        match self.comparison {
            Comparison::Equal => fact == Some(&self.value),
            Comparison::NotEqual => fact != Some(&self.value),
            Comparison::AtLeast => ordering().is_some_and(std::cmp::Ordering::is_ge),
            Comparison::AtMost => ordering().is_some_and(std::cmp::Ordering::is_le),
            Comparison::Above => ordering().is_some_and(std::cmp::Ordering::is_gt),
            Comparison::Below => ordering().is_some_and(std::cmp::Ordering::is_lt),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign =
            SIGNS.iter().find(|(_, comparison)| *comparison == self.comparison).map_or("=", |(sign, _)| sign);
        write!(formatter, "{}{sign}{}", self.key, self.value)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, term) in self.terms.iter().enumerate() {
            write!(formatter, "{}{term}", if place == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> BTreeMap<String, String> {
        [("role", "load"), ("cores", "8"), ("name", "a1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn every_term_must_hold() {
        let selector = Selector::parse("role=load cores>=4 name!=a3").unwrap();
        assert_eq!(selector.mismatch(&facts()), None);
        let selector = Selector::parse("role=load cores>8").unwrap();
        assert_eq!(selector.mismatch(&facts()).map(ToString::to_string), Some("cores>8".to_owned()));
    }

    #[test]
    fn an_absent_fact_is_unequal_to_everything_and_of_no_size() {
        assert_eq!(Selector::parse("zone!=b").unwrap().mismatch(&facts()), None);
        assert!(Selector::parse("zone<=9").unwrap().mismatch(&facts()).is_some());
        assert!(Selector::parse("zone=b").unwrap().mismatch(&facts()).is_some());
    }

    #[test]
    fn broken_terms_are_named() {
        assert_eq!(Selector::parse("role"), Err(SelectorError::NoComparison("role".to_owned())));
        assert_eq!(Selector::parse("=load"), Err(SelectorError::Incomplete("=load".to_owned())));
        assert_eq!(Selector::parse("cores>=many"), Err(SelectorError::NotANumber("cores>=many".to_owned())));
    }

    #[test]
    fn a_selector_prints_as_it_was_written() {
        let text = "role=load cores>=4 name!=a3 load<0.5";
        assert_eq!(Selector::parse(text).unwrap().to_string(), text);
    }
}
