//! What stands behind `?`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use shared::ids::Name;

use crate::store::SummaryFilter;

/// Runs of a page when nobody says how many, and at most.
const PAGE_RUNS: usize = 100;
const PAGE_RUNS_MAX: usize = 1_000;
/// Most words of one query.
const WORDS_MAX: usize = 64;

/// The words of a query.
#[derive(Debug)]
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Reads it; only these words are known, and only `tag` may come twice.
    ///
    /// # Errors
    /// When there is another one.
    pub(super) fn parse(text: &'a str, known: &[&str]) -> Result<Self, String> {
        let words: Vec<_> = form_urlencoded::parse(text.as_bytes()).take(WORDS_MAX + 1).collect();
        if words.len() > WORDS_MAX {
            return Err(format!("the query has more than {WORDS_MAX} words"));
        }
        for (place, (word, _)) in words.iter().enumerate() {
            if !known.contains(&word.as_ref()) {
                return Err(format!("the query has {word:?}, which is none of {}", known.join(", ")));
            }
            if word != "tag" && words[..place].iter().any(|(earlier, _)| earlier == word) {
                return Err(format!("the query has {word:?} twice"));
            }
        }
        Ok(Self(words))
    }

    /// The value of a word.
    pub(super) fn one(&self, word: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == word).map(|(_, value)| value.as_ref())
    }

    /// The value of a word, as what it is meant to be.
    ///
    /// # Errors
    /// When it is not.
    pub(super) fn parsed<T: FromStr>(&self, word: &str, meant: &str) -> Result<Option<T>, String> {
        let parse = |value: &str| value.parse().map_err(|_| format!("{word}: {value:?} is not {meant}"));
        self.one(word).map(parse).transpose()
    }

    /// How many runs are wanted.
    ///
    /// # Errors
    /// When that is no number that a page can have.
    pub(super) fn limit(&self) -> Result<usize, String> {
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
    pub(super) fn tags(&self) -> Result<BTreeMap<String, String>, String> {
        let tags = self.0.iter().filter(|(word, _)| word == "tag");
        tags.map(|(_, tag)| {
            let (key, value) = tag.split_once('=').ok_or_else(|| format!("tag: {tag:?} is not KEY=VALUE"))?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
    }

    /// Which runs are wanted, by name and tags.
    ///
    /// # Errors
    /// When there can be none of that kind.
    pub(super) fn filter(&self) -> Result<SummaryFilter, String> {
        let name = self.one("name").map(|name| Name::new(name).map_err(|error| format!("name: {error}")));
        Ok(SummaryFilter { name: name.transpose()?, tags: self.tags()?, ..SummaryFilter::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["limit", "before", "name", "tag"];

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
            ("limt=1", "\"limt\", which is none of limit, before, name, tag"),
            ("limit=1&limit=2", "\"limit\" twice"),
            ("limit=0", "limit: 0 is not 1 to 1000"),
            ("limit=x", "limit: \"x\" is not a whole number"),
            ("tag=x", "tag: \"x\" is not KEY=VALUE"),
            ("name=A%20b", "name: "),
        ] {
            let query = Query::parse(text, &KNOWN);
            let refused = query.and_then(|query| query.limit().and_then(|_| query.filter())).unwrap_err();
            assert!(refused.contains(named), "{text}: {refused}");
        }
        assert!(Query::parse(&"tag=a=b&".repeat(65), &KNOWN).is_err());
    }
}
