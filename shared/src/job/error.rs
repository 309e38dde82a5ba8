//! What is wrong with a job file: all of it at once, each with its place.

use std::fmt;
use std::ops::Range;

/// Most errors kept of one file: more than anybody reads, and a bound on what a hostile file can make us say.
pub const ERRORS_MAX: usize = 50;
/// Longest message kept, in characters: a value quoted in it may be as long as the file.
const MESSAGE_CHARACTERS_MAX: usize = 400;
/// Longest quotation of something out of the file, in characters.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// One thing that is wrong with a job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError {
    /// Where, in bytes of the file: the value, or the key when the key is wrong. `None`: the file as a whole.
    pub span: Option<Range<usize>>,
    /// Which key, as a path that `--set` takes: `load.rate`. Empty: the file as a whole.
    pub path: String,
    /// What is wrong and what was expected; a lowercase fragment.
    pub message: String,
    /// What to do about it: "did you mean `duration`?".
    pub help: Option<String>,
    /// Line and column of the span's start, both from 1; `None` without a span.
    pub position: Option<(usize, usize)>,
}

impl JobError {
    /// An error at a place. Its position is known once the file has been read to its end.
    pub fn new(span: Option<Range<usize>>, path: impl Into<String>, message: impl Into<String>) -> Self {
        let message = cut(&message.into(), MESSAGE_CHARACTERS_MAX);
        Self { span, path: path.into(), message, help: None, position: None }
    }

    /// The same error with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(cut(&help.into(), MESSAGE_CHARACTERS_MAX));
        self
    }

    /// Line and column (in characters) of its start, both from 1; `None` without a span.
    pub fn line_and_column(&self, text: &str) -> Option<(usize, usize)> {
        let start = self.span.as_ref()?.start.min(text.len());
        let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Some((line, before[line_start..].chars().count() + 1))
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(formatter, "{line}:{column}: ")?;
        }
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(formatter, " ({help})")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a job file, in the order of the file; never empty.
///
/// Printed without its file: a line each, `12:1: load.dration: unknown key (did you mean "duration"?)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobErrors(pub Vec<JobError>);

impl fmt::Display for JobErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            write!(formatter, "{}{error}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for JobErrors {}

/// Collects errors while a file is read; keeps [`ERRORS_MAX`] and counts the rest.
#[derive(Debug, Default)]
pub(super) struct Findings {
    kept: Vec<JobError>,
    omitted: usize,
}

impl Findings {
    /// Takes an error; one that was told before is not told again.
    pub(super) fn push(&mut self, error: JobError) {
        if self.kept.len() >= ERRORS_MAX {
            self.omitted += 1;
        } else if !self.kept.contains(&error) {
            self.kept.push(error);
        }
    }

    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether further errors are only counted, so that no proposal needs to be looked for.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= ERRORS_MAX
    }

    /// Takes over those of other errors that are wanted.
    pub(super) fn absorb(&mut self, other: Findings, is_wanted: impl Fn(&JobError) -> bool) {
        self.omitted += other.omitted;
        other.kept.into_iter().filter(is_wanted).for_each(|error| self.push(error));
    }

    /// All errors in the order of the file, with their lines and columns.
    pub(super) fn into_errors(mut self, text: &str) -> JobErrors {
        self.kept.sort_by_key(|error| error.span.as_ref().map(|span| span.start));
        for error in &mut self.kept {
            error.position = error.line_and_column(text);
        }
        if self.omitted > 0 {
            let message = format!("{} more errors are not shown", self.omitted);
            self.kept.push(JobError::new(None, "", message));
        }
        JobErrors(self.kept)
    }
}

/// Something out of the file in quotation marks, cut where it is too long to read.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text, QUOTED_CHARACTERS_MAX))
}

/// "did you mean `duration`?" when one of the names is near; otherwise which there are.
pub(super) fn proposal<'a>(unknown: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(nearest) = nearest(unknown, known.clone()) {
        return Some(format!("did you mean {}?", quoted(nearest)));
    }
    // More names than this read worse than none.
    const LISTED_MAX: usize = 24;
    let listed: Vec<&str> = known.clone().take(LISTED_MAX).collect();
    let has_more = known.count() > LISTED_MAX;
    (!listed.is_empty() && !has_more).then(|| format!("there is: {}", listed.join(", ")))
}

/// The name that is a typing error away from `unknown`, if there is one.
fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // What is far longer than any name is no misspelling of one, and comparing it would take long.
    const LENGTH_MAX: usize = 64;
    // Jaro-Winkler, 0 to 1: below this, proposals begin to surprise ("rate" for "retries" is 0.77).
    const LIKENESS_MIN: f64 = 0.8;
    // A hostile file can define as many names as it likes.
    const CANDIDATES_MAX: usize = 1000;
    if unknown.len() > LENGTH_MAX {
        return None;
    }
    let lower = unknown.to_lowercase().replace('-', "_");
    known
        .take(CANDIDATES_MAX)
        .map(|name| (strsim::jaro_winkler(&lower, &name.replace('-', "_")), name))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

fn cut(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_from_one() {
        let text = "ä = 1\nbö = 2\n";
        let at = |start: usize| JobError::new(Some(start..start), "", "").line_and_column(text);
        assert_eq!(at(0), Some((1, 1)));
        assert_eq!(at(3), Some((1, 3)));
        assert_eq!(at(text.find('2').unwrap()), Some((2, 6)));
        assert_eq!(at(usize::MAX), Some((3, 1)));
        assert_eq!(at(1), Some((1, 1)), "inside a character");
    }

    #[test]
    fn a_flood_of_errors_is_counted_not_kept() {
        let mut findings = Findings::default();
        for place in 0..ERRORS_MAX + 7 {
            findings.push(JobError::new(Some(place..place), "", "wrong"));
        }
        let errors = findings.into_errors(&"x".repeat(100));
        assert_eq!(errors.0.len(), ERRORS_MAX + 1);
        assert!(errors.to_string().ends_with("\n7 more errors are not shown"));
    }

    #[test]
    fn the_nearest_name_is_proposed_and_nothing_far_fetched() {
        let known = ["duration", "iterations", "warmup", "workers"];
        let help = |unknown: &str| proposal(unknown, known.into_iter());
        assert_eq!(help("duratoin").as_deref(), Some("did you mean \"duration\"?"));
        assert_eq!(help("Workers").as_deref(), Some("did you mean \"workers\"?"));
        assert_eq!(help("zebra").as_deref(), Some("there is: duration, iterations, warmup, workers"));
        assert_eq!(nearest(&"w".repeat(1000), known.into_iter()), None);
    }
}
