//! What a program reports of its own measuring: awaited while it runs, read and named once it has ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::host::Fingerprint;
use shared::interval::{Remark, RemarkKind};

use super::parse::naming::named;
use super::parse::output::{Before, Document, OutputError};
use super::parse::reading::Machine;
use super::parse::request::Request;
use super::parse::{ParseError, Parser};
use crate::values::{RenderError, Rendering, Secrets, Values};
use crate::workload::ReportedMetric;

/// How the reports of an operation are read.
#[derive(Debug)]
pub(super) struct Parsing {
    /// By which tool's rules.
    pub(super) parser: &'static Parser,
    /// What is asked of it.
    pub(super) request: Request,
    /// Where the tool writes; `None`: to its standard output.
    pub(super) output: Option<Rendering>,
    /// Whether metrics bear the tool's full names.
    pub(super) has_full_names: bool,
    /// What this host is; `None`: the parser knows nothing of machines.
    pub(super) host: Option<Fingerprint>,
    /// What must not be told.
    pub(super) secrets: Arc<Secrets>,
}

/// The report of one program that is about to begin.
pub(super) struct Awaited {
    parsing: Arc<Parsing>,
    place: Option<Before>,
}

/// What a program reported.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Its metrics.
    pub(super) metrics: Vec<ReportedMetric>,
    /// What should be read beside them.
    pub(super) remarks: Vec<Remark>,
}

/// Why there is no report. Reads after "its report cannot be used: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    /// Where it should be, it is not.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// It is none.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The parser broke down.
    #[error("the parser of {0:?} broke down, which is a bug of fleetmark")]
    Panicked(&'static str),
}

impl Parsing {
    /// Looks at where the report will be, before its program begins in a directory.
    ///
    /// # Errors
    /// A value that is not there.
    pub(super) fn awaited(
        self: &Arc<Self>,
        directory: Option<&Path>,
        values: &mut Values,
    ) -> Result<Awaited, RenderError> {
        let mut written = Vec::new();
        let place = match &self.output {
            None => None,
            Some(output) => {
                output.render(values, &mut written)?;
                let path = PathBuf::from(String::from_utf8_lossy(&written).into_owned());
                let path = directory.map_or_else(|| path.clone(), |directory| directory.join(&path));
                Some(Before::look(path, self.parser))
            }
        };
        Ok(Awaited { parsing: Arc::clone(self), place })
    }

    fn read(&self, documents: &[Document]) -> Result<Report, ReportError> {
        let reading = (self.parser.read)(documents, &self.request)?;
        let machine = reading.machine.as_ref().zip(self.host.as_ref());
        let other = machine.and_then(|(machine, host)| differences(machine, host));
        let metrics = named(reading, self.has_full_names, &|label| self.secrets.mask(label))?;
        let remarks = other.map(|text| Remark::new(RemarkKind::OtherMachine, text)).into_iter().collect();
        Ok(Report { metrics, remarks })
    }
}

impl Awaited {
    /// How much of its program's standard output it needs; `None`: nothing.
    pub(super) fn stdout_bytes_max(&self) -> Option<usize> {
        self.place.is_none().then_some(self.parsing.parser.bytes_max)
    }

    /// Reads it once its program has ended, on a thread where that may take its time. `stdout` is what was asked for; `None`: it
    /// was more.
    pub(super) async fn take(self, stdout: Option<Vec<u8>>) -> Result<Report, ReportError> {
        let parser = self.parsing.parser;
        let read = move || {
            let documents = match self.place {
                Some(place) => place.read(parser)?,
                None => vec![Document::alone(stdout.ok_or(OutputError::TooLong(parser.bytes_max))?)],
            };
            self.parsing.read(&documents)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(report) => report,
            Err(_) => Err(ReportError::Panicked(parser.name)),
        }
    }
}

/// What a tool says of its machine that is not so on this host; `None`: nothing.
fn differences(machine: &Machine, host: &Fingerprint) -> Option<String> {
    let text = |value: &Option<String>| {
        value.as_deref().map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned)
    };
    let number = |value: Option<u32>| value.map(|value| value.to_string());
    let pairs = [
        ("host name", text(&machine.node), text(&host.hostname)),
        ("architecture", text(&machine.architecture), text(&host.architecture)),
        ("kernel", text(&machine.kernel), text(&host.kernel)),
        ("CPU model", text(&machine.cpu_model), text(&host.cpu_model)),
        ("number of CPUs", number(machine.cpus), number(host.cpus_online)),
    ];
    let differing = pairs.into_iter().filter_map(|(what, theirs, ours)| {
        let (theirs, ours) = theirs.zip(ours)?;
        (theirs != ours).then(|| format!("its {what} is {theirs}, the agent's is {ours}"))
    });
    let differing: Vec<String> = differing.collect();
    (!differing.is_empty())
        .then(|| format!("the program says that it measured on another machine: {}", differing.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_differs_is_told_with_both_sides() {
        let host = Fingerprint {
            hostname: Some("load-1".to_owned()),
            cpus_online: Some(2),
            cpu_model: None,
            ..Fingerprint::default()
        };
        let machine = Machine {
            node: Some("load-1".to_owned()),
            cpus: Some(8),
            cpu_model: Some("known to the tool alone".to_owned()),
            ..Machine::default()
        };
        assert_eq!(
            differences(&machine, &host).as_deref(),
            Some(
                "the program says that it measured on another machine: its number of CPUs is 8, the agent's is 2"
            )
        );
        assert_eq!(differences(&Machine { cpus: None, ..machine }, &host), None);
    }
}
