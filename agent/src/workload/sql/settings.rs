//! The job's keys, read and checked into operations that can be sent.

use std::time::Duration;

use serde_json::{Map, Value};
use shared::job::OperationSpec;
use shared::metric::{MetricKind, MetricSpec};
use shared::plan::Assignment;

use super::database::Dialect;
use super::keys::{
    EXPECT_KEYS, ISOLATIONS, OPERATION_KEYS, POOL_MAX, RETRIES_MAX, SETUP_PER, STATEMENT_KEYS,
    STATEMENTS_MAX, WORKLOAD_KEYS,
};
use super::setup::{Per, Surroundings};
use super::statement::Statement;
use crate::values::{Names, Place, Rendering};
use crate::workload::PrepareError;
use crate::workload::connection::server_url::ServerUrl;
use crate::workload::connection::tls::TlsSettings;
use crate::workload::settings::{Readable, boolean, check_keys, text, timeout, wrong};

/// What the workload says for all operations.
pub(super) struct WorkloadSettings {
    pub(super) url: ServerUrl,
    /// What the job says about TLS; `None`: nothing.
    pub(super) tls: Option<TlsSettings>,
    pub(super) pool_size: Option<usize>,
    /// Whether plans are asked for.
    pub(super) explains: bool,
    /// What is run around the trial or the run, by this agent.
    pub(super) surroundings: Surroundings,
}

/// One operation, ready to be sent.
#[derive(Debug)]
pub(super) struct SqlOperation {
    pub(super) work: Work,
    /// Whether statements are prepared.
    pub(super) is_prepared: bool,
    /// How many rows there must be.
    pub(super) rows: Option<u64>,
    /// How often it is tried again.
    pub(super) retries: u64,
    pub(super) metrics: Vec<MetricSpec>,
    pub(super) timeout: Duration,
}

/// What an operation does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Opens a connection, and closes it.
    Connect,
    /// Statements.
    Statements {
        statements: Vec<Statement>,
        /// How the transaction around them begins; `None`: there is none.
        begin: Option<String>,
    },
}

/// The key that is wrong, and how.
type Wrong = (&'static str, String);

/// Reads the keys of the workload itself.
pub(super) fn workload(assignment: &Assignment, names: &Names) -> Result<WorkloadSettings, PrepareError> {
    let settings = &assignment.settings;
    let wrong = |(key, what): (String, String)| PrepareError(format!("workload.{key}: {what}"));
    check_keys(settings, WORKLOAD_KEYS).map_err(|(key, what)| wrong((key, what.to_owned())))?;
    let at = |key: &'static str| move |what: String| wrong((key.to_owned(), what));
    let written = text(settings, "url").map_err(at("url"))?;
    let written = written.ok_or_else(|| at("url")("is missing".to_owned()))?;
    let url = ServerUrl::read(written, names).map_err(|error| at("url")(error.to_string()))?;
    let tls = settings.get("tls").map(|tls| TlsSettings::read(tls, &assignment.files)).transpose();
    let pool_size = count(settings, "pool_size", POOL_MAX).map_err(at("pool_size"))?;
    if pool_size == Some(0) {
        return Err(at("pool_size")("must be at least 1".to_owned()));
    }
    Ok(WorkloadSettings {
        surroundings: surroundings(assignment, names).map_err(|(key, what)| wrong((key.to_owned(), what)))?,
        url,
        tls: tls.map_err(at("tls"))?,
        explains: boolean(settings, "explain", false).map_err(at("explain"))?,
        pool_size: pool_size.and_then(|size| usize::try_from(size).ok()),
    })
}

/// What is run around the trial or the run: by the first agent of those that share the load, for all of them.
fn surroundings(assignment: &Assignment, names: &Names) -> Result<Surroundings, Wrong> {
    let settings = &assignment.settings;
    let of = |key: &'static str| orders(settings, key, names).map_err(|what| (key, what));
    let (setup, teardown) = (of("setup")?, of("teardown")?);
    let per = match text(settings, "setup_per").map_err(|what| ("setup_per", what))? {
        None | Some("trial") => Per::Trial,
        Some("run") => Per::Run,
        Some(other) => return Err(("setup_per", format!("{other:?} is none of {}", SETUP_PER.join(", ")))),
    };
    match assignment.agent_index {
        0 => Ok(Surroundings { setup, teardown, per }),
        _ => Ok(Surroundings { setup: Vec::new(), teardown: Vec::new(), per }),
    }
}

/// A list of statements without values.
fn orders(settings: &Map<String, Value>, key: &str, names: &Names) -> Result<Vec<String>, String> {
    let Some(list) = settings.get(key) else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| format!("must be a list of statements, not {list}"))?;
    let read = list.iter().map(|item| {
        let text = item.as_str().ok_or_else(|| format!("holds {item}, which is no statement"))?;
        constant(text, names)
    });
    read.collect()
}

/// Reads one operation.
pub(super) fn operation(
    spec: &OperationSpec,
    names: &Names,
    dialect: Dialect,
) -> Result<SqlOperation, PrepareError> {
    check_keys(&spec.settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    read(&spec.settings, names, dialect).map_err(|(key, what)| wrong(spec, key, what))
}

fn read(settings: &Map<String, Value>, names: &Names, dialect: Dialect) -> Result<SqlOperation, Wrong> {
    let work = work(settings, names, dialect)?;
    let rows = match settings.table("expect").map_err(|what| ("expect", what))? {
        None => None,
        Some(table) => {
            check_keys(table, EXPECT_KEYS).map_err(|(key, what)| ("expect", format!("{key:?} {what}")))?;
            count(table, "rows", u64::MAX).map_err(|what| ("expect", what))?
        }
    };
    let metric = MetricSpec { name: "rows".to_owned(), unit: "rows".to_owned(), kind: MetricKind::Gauge };
    let is_connecting = work == Work::Connect;
    if is_connecting && rows.is_some() {
        return Err(("expect", "asks for rows, and opening a connection reads none".to_owned()));
    }
    Ok(SqlOperation {
        work,
        is_prepared: boolean(settings, "prepared", true).map_err(|what| ("prepared", what))?,
        rows,
        retries: count(settings, "retries", RETRIES_MAX).map_err(|what| ("retries", what))?.unwrap_or(0),
        metrics: if is_connecting { Vec::new() } else { vec![metric] },
        timeout: timeout(settings).map_err(|what| ("timeout", what))?,
    })
}

fn work(settings: &Map<String, Value>, names: &Names, dialect: Dialect) -> Result<Work, Wrong> {
    let connects = boolean(settings, "connect", false).map_err(|what| ("connect", what))?;
    let isolation = text(settings, "isolation").map_err(|what| ("isolation", what))?;
    if let Some(other) = isolation.filter(|word| !ISOLATIONS.contains(word)) {
        return Err(("isolation", format!("{other:?} is none of {}", ISOLATIONS.join(", "))));
    }
    let begin = dialect.begin(isolation).map_err(|what| ("isolation", what))?;
    match (connects, settings.get("statement"), settings.get("statements")) {
        (true, None, None) => Ok(Work::Connect),
        (false, Some(_), None) => {
            let statements = vec![statement(settings, names).map_err(|what| ("statement", what))?];
            Ok(Work::Statements { statements, begin: isolation.map(|_| begin) })
        }
        (false, None, Some(list)) => {
            let wrong = |what: String| ("statements", what);
            let list = list.as_array().filter(|list| (1..=STATEMENTS_MAX).contains(&list.len()));
            let list =
                list.ok_or_else(|| wrong(format!("must be a list of 1 to {STATEMENTS_MAX} statements")))?;
            let read = list.iter().map(|item| match item {
                Value::Object(table) => {
                    check_keys(table, STATEMENT_KEYS).map_err(|(key, what)| format!("{key:?} {what}"))?;
                    statement(table, names)
                }
                Value::String(text) => Ok(Statement { text: constant(text, names)?, values: Vec::new() }),
                other => Err(format!("holds {other}, which is no statement")),
            });
            let statements = read.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
            Ok(Work::Statements { statements, begin: Some(begin) })
        }
        _ => Err(("statement", "give exactly one of statement, statements and connect = true".to_owned())),
    }
}

fn statement(settings: &Map<String, Value>, names: &Names) -> Result<Statement, String> {
    let text = text(settings, "statement")?.ok_or("is missing")?;
    let values = match settings.get("params") {
        None => Vec::new(),
        Some(list) => {
            let list = list.as_array().ok_or_else(|| format!("params must be a list, not {list}"))?;
            list.iter().map(|item| value(item, names)).collect::<Result<_, _>>()?
        }
    };
    Ok(Statement { text: constant(text, names)?, values })
}

fn value(item: &Value, names: &Names) -> Result<Rendering, String> {
    match item {
        Value::String(text) => {
            Rendering::compile(text, names, Place::Anywhere).map_err(|error| error.to_string())
        }
        Value::Number(number) => Ok(Rendering::of_bytes(number.to_string().into_bytes())),
        Value::Bool(truth) => Ok(Rendering::of_bytes(truth.to_string().into_bytes())),
        other => Err(format!("params hold {other}, which is no value")),
    }
}

/// A statement's text. A value that changes belongs into `params`: in the text it would make each statement another one.
fn constant(text: &str, names: &Names) -> Result<String, String> {
    let compiled = Rendering::compile(text, names, Place::Anywhere).map_err(|error| error.to_string())?;
    let bytes = compiled.as_static().ok_or_else(|| {
        format!("{text:?} names a value that changes: write $1 in its place, and the value into params")
    })?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn count(settings: &Map<String, Value>, key: &str, max: u64) -> Result<Option<u64>, String> {
    let Some(value) = settings.get(key) else { return Ok(None) };
    let count = value.as_u64().filter(|count| *count <= max);
    count.map(Some).ok_or_else(|| format!("{key} must be a whole number up to {max}, not {value}"))
}
