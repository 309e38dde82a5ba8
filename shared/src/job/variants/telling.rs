//! What is wrong with a variant's job, told where the file brings it about.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::error::{Findings, JobError, quoted};
use super::combinations::{Combination, Setting};
use super::paths::is_within;

/// What has been told: a value that is wrong in one variant is wrong in every other that has it.
#[derive(Debug, Default)]
pub(super) struct Telling {
    told: BTreeSet<(Option<usize>, String)>,
}

impl Telling {
    /// Tells an error about a value wherever it is used, once.
    pub(super) fn push(&mut self, error: JobError, findings: &mut Findings) {
        if self.is_news(error.span.as_ref(), &error.message) {
            findings.push(error);
        }
    }

    /// Tells an error in a variant's job: at the value that it is about, or else where the variant is made.
    pub(super) fn of_variant(
        &mut self,
        combination: &Combination<'_>,
        error: &JobError,
        findings: &mut Findings,
    ) {
        let is_about = |setting: &&Setting<'_>| {
            is_within(&error.path, setting.path) || is_within(setting.path, &error.path)
        };
        let settings = combination.settings.iter().filter(is_about);
        let place = settings.max_by_key(|it| it.path.len()).map_or(&combination.place, |it| &it.place);
        let what = match error.path.as_str() {
            "" => error.message.clone(),
            path => format!("{path}: {}", error.message),
        };
        if self.is_news(place.span().as_ref(), &what) {
            let told = place.error(format!("variant {}: {what}", quoted(&combination.name)));
            findings.push(JobError { help: error.help.clone(), ..told });
        }
    }

    fn is_news(&mut self, span: Option<&Range<usize>>, what: &str) -> bool {
        self.told.insert((span.map(|span| span.start), what.to_owned()))
    }
}
