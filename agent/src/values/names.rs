//! Which names a trial's texts may use on this agent, found once when the trial is prepared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;
use shared::job::builtin::{BuiltIn, BuiltInError};
use shared::job::data::{DataColumn, DataError, DataOrder, DataSource, read_csv_column};
use shared::job::template::{Template, TemplateError};
use shared::plan::Assignment;
use shared::secret::SecretName;

use super::confided::{Confided, Environment};
use super::deal::{AgentPlace, Deal, Sequence};
use super::rendering::{Place, RenderError};
use super::secrets::Secrets;
use super::worker::{Values, put_number};
use super::{ColumnIndex, ExtractedIndex, Term};
use crate::workload::{PrepareError, Seat};

/// Where values taken out of answers are named in an operation's settings.
const EXTRACT: &str = "extract";

/// Why the names of a trial cannot be used. Never tells a variable's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NamesError {
    /// A text that is no template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A name that nothing stands behind.
    #[error("\"{{{{{0}}}}}\" has no value on this agent")]
    Unknown(String),
    /// A built-in name whose arguments make no sense.
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    /// A variable that the agent does not have.
    #[error("the environment variable {0} is not set on this agent: set it where the agent is started")]
    NoVariable(String),
    /// A variable that is no text.
    #[error("the environment variable {0} is not text in UTF-8")]
    NotText(String),
    /// A secret that the agent was not told.
    #[error("the secret {0} did not come with the order: it travels only over loopback or encrypted")]
    NoSecret(SecretName),
    /// A file that did not come along.
    #[error("data.{name}: the file {file:?} did not come with the job")]
    NoFile {
        /// The column's name in the job.
        name: String,
        /// Its file.
        file: String,
    },
    /// A file without the column.
    #[error("data.{name}: the file {file:?} cannot be used: {reason}")]
    File {
        /// The column's name in the job.
        name: String,
        /// Its file.
        file: String,
        /// Why not.
        reason: DataError,
    },
    /// Columns of one file that have different lengths, or a column of none.
    #[error("data.{0} has no rows, or more of them than can be counted")]
    Rows(String),
}

impl From<NamesError> for PrepareError {
    fn from(error: NamesError) -> Self {
        Self(error.to_string())
    }
}

/// The names of one trial, and what stands behind them.
#[derive(Debug)]
pub struct Names {
    agent: String,
    confided: Confided,
    columns: BTreeMap<String, ColumnIndex>,
    sources: Arc<Sources>,
}

/// Where values come from, shared by all workers of the agent.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) columns: Vec<Column>,
    pub(super) deals: Vec<Deal>,
    pub(super) sequence: Sequence,
    /// Names of the values taken out of answers.
    pub(super) extracted: Vec<String>,
}

/// One column of data.
#[derive(Debug)]
pub(super) struct Column {
    name: String,
    /// Who takes which of its rows.
    pub(super) deal: usize,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    /// Whole numbers from this one on.
    From(i64),
    Texts(Vec<String>),
}

/// What a name stands for.
pub(super) enum Meaning<'a> {
    /// The same for every operation of this agent.
    Constant(&'a str),
    /// Drawn or taken while the trial runs.
    Changing(Term),
}

impl Names {
    /// Finds what stands behind the names of a trial: reads its data, and the variables that its texts name.
    ///
    /// # Errors
    /// What cannot be had, by its name.
    pub fn of(assignment: &Assignment) -> Result<Self, NamesError> {
        Self::with_environment(assignment, &|name| std::env::var(name))
    }

    fn with_environment(assignment: &Assignment, environment: Environment<'_>) -> Result<Self, NamesError> {
        let texts = Texts::of(assignment)?;
        for name in &texts.variables {
            environment(name).map_err(|error| match error {
                std::env::VarError::NotPresent => NamesError::NoVariable(name.clone()),
                std::env::VarError::NotUnicode(_) => NamesError::NotText(name.clone()),
            })?;
        }
        let confided = Confided::with_environment(&assignment.confidential, texts.variables, environment);
        let sources = Sources::of(assignment, texts.extracted.into_iter().collect())?;
        let columns = assignment.data.keys().cloned().zip((0..).map(ColumnIndex)).collect();
        Ok(Self { agent: assignment.agent_name.to_string(), confided, columns, sources: Arc::new(sources) })
    }

    /// The values of a worker before its first iteration.
    pub fn values(&self, seat: Seat) -> Values {
        Values::new(Arc::clone(&self.sources), seat)
    }

    /// What must never be told.
    pub fn secrets(&self) -> Secrets {
        Secrets::under(Arc::clone(self.confided.mask()))
    }

    /// The place of a value that is taken out of answers; `None`: no operation takes one of this name.
    pub fn extracted(&self, name: &str) -> Option<ExtractedIndex> {
        self.sources.extracted.iter().position(|extracted| extracted == name).map(ExtractedIndex)
    }

    /// What a name stands for.
    pub(super) fn meaning(&self, name: &str) -> Result<Meaning<'_>, NamesError> {
        let unknown = || NamesError::Unknown(name.to_owned());
        Ok(Meaning::Changing(match BuiltIn::parse(name)? {
            Some(builtin @ (BuiltIn::Environment(_) | BuiltIn::Secret(_))) => {
                return self.confided.value(&builtin)?.map(Meaning::Constant).ok_or_else(unknown);
            }
            Some(BuiltIn::Agent) => return Ok(Meaning::Constant(&self.agent)),
            Some(BuiltIn::RandomInt { first, last }) => Term::RandomInteger { first, last },
            Some(BuiltIn::RandomUuid) => Term::RandomUuid,
            Some(BuiltIn::Sequence) => Term::Sequence,
            Some(BuiltIn::Worker) => Term::Worker,
            Some(BuiltIn::Now) => Term::Now,
            Some(
                BuiltIn::TargetHost
                | BuiltIn::TargetPort
                | BuiltIn::PeerHost
                | BuiltIn::TargetPid
                | BuiltIn::ProfileOutput,
            ) => return Err(unknown()),
            None => match self.columns.get(name) {
                Some(index) => Term::Column(*index),
                None => Term::Extracted(self.extracted(name).ok_or_else(unknown)?),
            },
        }))
    }
}

impl Sources {
    fn of(assignment: &Assignment, extracted: Vec<String>) -> Result<Self, NamesError> {
        let agent = AgentPlace { index: assignment.agent_index, count: assignment.agent_count.max(1) };
        let mut deals: Vec<Deal> = Vec::new();
        let mut columns: Vec<Column> = Vec::with_capacity(assignment.data.len());
        let mut files: HashMap<(&str, DataOrder), usize> = HashMap::new();
        for (name, column) in &assignment.data {
            let rows_error = || NamesError::Rows(name.clone());
            let file = match &column.source {
                DataSource::Csv { file, .. } => Some((file.as_str(), column.order)),
                _ => None,
            };
            let (cells, rows) = Cells::read(name, column, &assignment.files)?;
            let shared = file.and_then(|file| files.get(&file).copied());
            let deal = match shared {
                Some(deal) if deals[deal].rows() == rows => deal,
                Some(_) => return Err(rows_error()),
                None if rows == 0 => return Err(rows_error()),
                None => {
                    // A seed of its own for each, the same on all agents: they have the same columns in the same order.
                    let seed = assignment.load.seed.wrapping_add(deals.len() as u64);
                    deals.push(Deal::new(column.order, rows, agent, seed));
                    deals.len() - 1
                }
            };
            files.extend(file.map(|file| (file, deal)));
            columns.push(Column { name: name.clone(), deal, cells });
        }
        Ok(Self { columns, deals, sequence: Sequence::new(agent.of_part(&assignment.mix)), extracted })
    }
}

impl Column {
    /// Appends the value of a row as it may stand in its place.
    pub(super) fn write(&self, row: u64, place: Place, into: &mut Vec<u8>) -> Result<(), RenderError> {
        match &self.cells {
            Cells::From(first) => {
                put_number(first.wrapping_add_unsigned(row), into);
                Ok(())
            }
            Cells::Texts(texts) => {
                let text = usize::try_from(row).ok().and_then(|row| texts.get(row));
                let text = text.expect("a deal gives rows of its own columns only");
                place.put(text.as_bytes(), &self.name, into)
            }
        }
    }
}

impl Cells {
    /// The cells of a column, and how many there are; 0 also when they cannot be counted.
    fn read(
        name: &str,
        column: &DataColumn,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(Self, u64), NamesError> {
        let texts = match &column.source {
            DataSource::Range { first, last } => {
                let rows = last.checked_sub(*first).and_then(|distance| u64::try_from(distance).ok());
                return Ok((Self::From(*first), rows.map_or(0, |distance| distance + 1)));
            }
            DataSource::Values(values) => values.clone(),
            DataSource::Csv { file, column } => {
                let (name, file) = (name.to_owned(), file.clone());
                let Some(content) = files.get(&file) else { return Err(NamesError::NoFile { name, file }) };
                read_csv_column(content, column).map_err(|reason| NamesError::File { name, file, reason })?
            }
        };
        let rows = texts.len() as u64;
        Ok((Self::Texts(texts), rows))
    }
}

/// The environment variables that the texts of an assignment name.
///
/// # Errors
/// A text that is no template, or a built-in name whose arguments make no sense.
pub(crate) fn variables_of(assignment: &Assignment) -> Result<BTreeSet<String>, NamesError> {
    Texts::of(assignment).map(|texts| texts.variables)
}

/// What the texts of an assignment name and define.
#[derive(Default)]
struct Texts {
    variables: BTreeSet<String>,
    extracted: BTreeSet<String>,
}

impl Texts {
    fn of(assignment: &Assignment) -> Result<Self, NamesError> {
        let mut texts = Self::default();
        let mixed = assignment.mixed().iter().flat_map(|part| part.settings.values());
        assignment.settings.values().chain(mixed).try_for_each(|value| texts.read(value))?;
        for operation in &assignment.operations {
            operation.settings.values().try_for_each(|value| texts.read(value))?;
            let extract = operation.settings.get(EXTRACT).and_then(Value::as_object);
            texts.extracted.extend(extract.into_iter().flat_map(|table| table.keys().cloned()));
        }
        Ok(texts)
    }

    fn read(&mut self, value: &Value) -> Result<(), NamesError> {
        match value {
            Value::String(text) => {
                let template = Template::parse(text)?;
                for name in template.names() {
                    if let Some(BuiltIn::Environment(variable)) = BuiltIn::parse(name)? {
                        self.variables.insert(variable);
                    }
                }
                Ok(())
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.read(item)),
            Value::Object(table) => table.values().try_for_each(|value| self.read(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
