//! What stands behind `?`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use shared::ids::Name;
use shared::run_record::RunState;
use shared::run_report::Verdict;

use crate::store::SummaryFilter;

/// Runs of a page when nobody says how many, and at most.
const PAGE_RUNS: usize = 100;
const PAGE_RUNS_MAX: usize = 1_000;
/// What may stand more than once.
const REPEATED: [&str; 2] = ["tag", "run"];
/// Most words of one query.
const WORDS_MAX: usize = 64;

/// Where runs may stand.
pub(in crate::web) const STATES: [RunState; 5] =
    [RunState::Queued, RunState::Running, RunState::Finished, RunState::Failed, RunState::Cancelled];
/// What may come out of them.
pub(in crate::web) const VERDICTS: [Verdict; 5] =
    [Verdict::Supported, Verdict::Refuted, Verdict::Inconclusive, Verdict::Invalid, Verdict::None];

/// The words of a query.
#[derive(Debug)]
pub(in crate::web) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads it; only these words are known, and only `tag` and `run` may come twice.
    ///
    /// # Errors
    /// When there is another one.
    pub(in crate::web) fn parse(text: &'a str, known: &[&str]) -> Result<Self, String> {
        let words: Vec<_> = form_urlencoded::parse(text.as_bytes()).take(WORDS_MAX + 1).collect();
        if words.len() > WORDS_MAX {
            return Err(format!("the query has more than {WORDS_MAX} words"));
        }
        for (place, (word, _)) in words.iter().enumerate() {
            if !known.contains(&word.as_ref()) {
                return Err(format!("the query has {word:?}, which is none of {}", known.join(", ")));
            }
            if !REPEATED.contains(&word.as_ref()) && words[..place].iter().any(|(earlier, _)| earlier == word)
            {
                return Err(format!("the query has {word:?} twice"));
            }
        }
        Ok(Self(words))
    }

    /// The same of a form, which sends along what was left empty.
    ///
    /// # Errors
    /// When there is another word.
    pub(in crate::web) fn of_form(text: &'a str, known: &[&str]) -> Result<Self, String> {
        let Self(mut words) = Self::parse(text, known)?;
        words.retain(|(_, value)| !value.trim().is_empty());
        Ok(Self(words))
    }

    /// The value of a word.
    pub(in crate::web) fn one(&self, word: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == word).map(|(_, value)| value.as_ref())
    }

    /// The value of a word, as what it is meant to be.
    ///
    /// # Errors
    /// When it is not.
    pub(in crate::web) fn parsed<T: FromStr>(&self, word: &str, meant: &str) -> Result<Option<T>, String> {
        let parse = |value: &str| value.parse().map_err(|_| format!("{word}: {value:?} is not {meant}"));
        self.one(word).map(parse).transpose()
    }

    /// All values of a word that may stand more than once.
    pub(in crate::web) fn all(&self, word: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == word).map(|(_, value)| value.as_ref()).collect()
    }

    /// How many runs are wanted.
    ///
    /// # Errors
    /// When that is no number that a page can have.
    pub(in crate::web) fn limit(&self) -> Result<usize, String> {
        let limit = self.parsed("limit", "a whole number")?.unwrap_or(PAGE_RUNS);
        match limit {
            1..=PAGE_RUNS_MAX => Ok(limit),
            _ => Err(format!("limit: {limit} is not 1 to {PAGE_RUNS_MAX}")),
        }
    }

    /// The tags.
    ///
    /// # Errors
    /// When one has no value.
    pub(in crate::web) fn tags(&self) -> Result<BTreeMap<String, String>, String> {
        let tags = self.0.iter().filter(|(word, _)| word == "tag");
        tags.map(|(_, tag)| {
            let (key, value) = tag.split_once('=').ok_or_else(|| format!("tag: {tag:?} is not KEY=VALUE"))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
    }

    /// Which runs are wanted, by name, state, verdict and tags.
    ///
    /// # Errors
    /// When there can be none of that kind.
    pub(in crate::web) fn filter(&self) -> Result<SummaryFilter, String> {
        let name = self.one("name").map(|name| Name::new(name).map_err(|error| format!("name: {error}")));
        Ok(SummaryFilter {
            name: name.transpose()?,
            state: self.one_of("state", &STATES, |state| state.as_str())?,
            verdict: self.one_of("verdict", &VERDICTS, |verdict| verdict.as_str())?,
            tags: self.tags()?,
            ..SummaryFilter::default()
        })
    }

    fn one_of<T: Copy>(
        &self,
        word: &str,
        known: &[T],
        name: fn(&T) -> &'static str,
    ) -> Result<Option<T>, String> {
        let Some(value) = self.one(word) else { return Ok(None) };
        let found = known.iter().find(|known| name(known) == value).copied();
        let names = || known.iter().map(name).collect::<Vec<_>>().join(", ");
        found.map(Some).ok_or_else(|| format!("{word}: {value:?} is none of {}", names()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 6] = ["limit", "before", "name", "tag", "state", "verdict"];

    #[test]
    fn what_is_asked_is_read() {
        let query = Query::parse("limit=5&name=a-b&tag=team%3Dapi&tag=x=y+z", &KNOWN).unwrap();
        let filter = query.filter().unwrap();
        assert_eq!((query.limit(), filter.name.unwrap().to_string()), (Ok(5), "a-b".to_owned()));
        let tags = [("team", "api"), ("x", "y z")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(filter.tags, BTreeMap::from(tags));
        assert_eq!(Query::parse("", &KNOWN).unwrap().limit(), Ok(PAGE_RUNS));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        for (text, named) in [
            ("limt=1", "\"limt\", which is none of limit, before, name, tag, state, verdict"),
            ("limit=1&limit=2", "\"limit\" twice"),
            ("limit=0", "limit: 0 is not 1 to 1000"),
            ("limit=x", "limit: \"x\" is not a whole number"),
            ("tag=x", "tag: \"x\" is not KEY=VALUE"),
            ("state=gone", "state: \"gone\" is none of queued, running"),
            ("verdict=good", "verdict: \"good\" is none of supported"),
            ("name=A%20b", "name: "),
        ] {
            let query = Query::parse(text, &KNOWN);
            let refused = query.and_then(|query| query.limit().and_then(|_| query.filter())).unwrap_err();
            assert!(refused.contains(named), "{text}: {refused}");
        }
        assert!(Query::parse(&"tag=a=b&".repeat(65), &KNOWN).is_err());
    }
}
