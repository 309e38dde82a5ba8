//! The keys by which a job says how a program's report is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::host::fingerprint::fingerprint;
use crate::values::{Names, NamesError, Place, Rendering, Secrets};
use crate::workload::command::parse::request::{MetricKeys, RequestError, RequestKeys};
use crate::workload::command::parse::{NAMES, parser};
use crate::workload::command::report::Parsing;

/// The keys as written.
#[derive(Debug, Default)]
pub(super) struct ParsingKeys {
    /// `parse`.
    pub(super) parse: Option<String>,
    /// `output`.
    pub(super) output: Option<String>,
    /// `full_names`.
    pub(super) full_names: Option<bool>,
    /// `metrics`.
    pub(super) metrics: Option<BTreeMap<String, MetricKeys>>,
    /// `pattern`.
    pub(super) pattern: Option<String>,
    /// `unit`.
    pub(super) unit: Option<String>,
}

/// Why no report can be read by these keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParsingError {
    /// No such parser.
    #[error("there is no parser {0:?}: `parse` is one of {known}", known = NAMES.join(", "))]
    Unknown(String),
    /// A key that only a parser could use.
    #[error("`{0}` says nothing without `parse`: leave it out, or say how the output is read")]
    Idle(&'static str),
    /// A text that differs from one operation to the next where that cannot be.
    #[error("`pattern` must be the same for every operation")]
    Changing,
    /// A text with a name that has no value.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// What is asked of the parser.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl ParsingKeys {
    /// Reads how reports are read; `None`: they are not.
    ///
    /// # Errors
    /// What makes no sense of it.
    pub(super) fn read(
        self,
        names: &Names,
        secrets: &Arc<Secrets>,
    ) -> Result<Option<Arc<Parsing>>, ParsingError> {
        let Some(name) = self.parse else {
            let given = [
                ("output", self.output.is_some()),
                ("full_names", self.full_names.is_some()),
                ("metrics", self.metrics.is_some()),
                ("pattern", self.pattern.is_some()),
                ("unit", self.unit.is_some()),
            ];
            let idle = given.into_iter().find(|(_, is_given)| *is_given);
            return idle.map_or(Ok(None), |(key, _)| Err(ParsingError::Idle(key)));
        };
        let parser = parser(&name).ok_or(ParsingError::Unknown(name))?;
        let compile = |text: String| Rendering::compile(&text, names, Place::Argument);
        let pattern = self.pattern.map(compile).transpose()?;
        let pattern = pattern.map(|pattern| match pattern.as_static() {
            Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            None => Err(ParsingError::Changing),
        });
        let keys = RequestKeys { metrics: self.metrics, pattern: pattern.transpose()?, unit: self.unit };
        Ok(Some(Arc::new(Parsing {
            parser,
            request: keys.read(parser)?,
            output: self.output.map(compile).transpose()?,
            has_full_names: self.full_names.unwrap_or(false),
            host: parser.tells_machine.then(fingerprint),
            secrets: Arc::clone(secrets),
        })))
    }
}
