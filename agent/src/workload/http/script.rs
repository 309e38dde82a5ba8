//! What an operation does beside sending the same bytes: values filled in, redirects followed, answers looked into.

use std::sync::Arc;

use shared::metric::MetricSpec;

use super::answer::{Answer, Wants};
use super::checks::{Checks, cut, failed, whole_body};
use super::readings::Reading;
use super::request::RequestTemplate;
use super::selection::Selection;
use super::url::Url;
use crate::values::{ExtractedIndex, Rendering, Values};
use crate::workload::Outcome;
use crate::workload::connection::failure::Failure;

/// Longest value that is taken out of an answer: it goes into requests, whose heads are much shorter.
const EXTRACTED_BYTES_MAX: usize = 64 * 1024;

/// What an operation does beside sending the same bytes.
#[derive(Debug)]
pub(super) struct Script {
    /// Where it goes; the path is one of those that it may have.
    pub(super) url: Url,
    /// What the request is rendered from; `None`: it is always the same.
    pub(super) template: Option<RequestTemplate>,
    /// What the body must contain, where that changes.
    pub(super) text: Option<Rendering>,
    /// Whether the job gives a cookie header, so that none is added.
    pub(super) has_own_cookie: bool,
    /// How many redirects are followed.
    pub(super) redirects: u32,
    /// What the answer must hold.
    pub(super) checks: Checks,
    /// What is taken out of it.
    pub(super) extracts: Vec<Extract>,
    /// What is read out of it.
    pub(super) readings: Vec<Reading>,
    /// The same as the engine knows it.
    pub(super) metrics: Vec<MetricSpec>,
}

/// A value taken out of an answer.
#[derive(Debug)]
pub(super) struct Extract {
    /// Its name.
    pub(super) name: String,
    /// Where it is kept.
    pub(super) index: ExtractedIndex,
    /// Where it stands.
    pub(super) selection: Selection,
}

/// An operation's script, shared by all that send it.
pub(super) type SharedScript = Arc<Script>;

impl Script {
    /// What must be kept of an answer for it.
    pub(super) fn wants(&self) -> Wants {
        let extracts = self.extracts.iter().map(|extract| extract.selection.wants());
        let readings = self.readings.iter().map(Reading::wants);
        extracts.chain(readings).fold(self.checks.wants(), Wants::or)
    }

    /// Looks into an answer that has the expected status: is it what was expected, what is taken out of it, what
    /// does it say? `buffer` is for expected texts meanwhile.
    pub(super) fn look_into(
        &self,
        wants: Wants,
        answer: &Answer,
        values: &mut Values,
        buffer: &mut Vec<u8>,
        outcome: &mut Outcome,
    ) -> Result<(), Failure> {
        if wants.body {
            whole_body(answer)?;
        }
        self.checks.verdict(answer, values, buffer)?;
        for extract in &self.extracts {
            let value = extract.selection.pick(answer).ok_or_else(|| extract.missing(answer))?;
            if value.len() > EXTRACTED_BYTES_MAX {
                let (name, length) = (&extract.name, value.len());
                return Err(failed(format!(
                    "the value of {name:?} is {length} bytes long, and at most {EXTRACTED_BYTES_MAX} are taken"
                )));
            }
            values.keep(extract.index, &value);
        }
        for (reading, place) in self.readings.iter().zip(0..) {
            outcome.metrics.extend(reading.read(answer).map(|value| (place, value)));
        }
        Ok(())
    }
}

impl Extract {
    fn missing(&self, answer: &Answer) -> Failure {
        let Self { name, selection, .. } = self;
        failed(match selection {
            Selection::Header(header) => {
                format!("the answer lacks the header {header}, the value of {name:?}")
            }
            Selection::Json(_) | Selection::Regex(_) => {
                let seen = cut(answer.beginning());
                format!("the body has nothing at {selection}, the value of {name:?}: {seen}")
            }
        })
    }
}
