//! The job's keys, read and checked into operations that can be sent.

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::job::OperationSpec;
use shared::metric::{MetricKind, MetricSpec};
use shared::plan::Assignment;

use super::command::{Batch, Command};
use super::greeting::Greeting;
use super::keys::{OPERATION_KEYS, PIPELINE_MAX};
use super::{RedisOperation, Server};
use crate::policy::Warden;
use crate::values::{Names, Place, Rendering};
use crate::workload::PrepareError;
use crate::workload::connection::server_url::ServerUrl;
use crate::workload::connection::target::{self, Protocol, Resolve, Target};
use crate::workload::connection::tls::{SystemRoots, Tls, TlsSettings};
use crate::workload::settings::{Wrong, check_keys, text, timeout, wrong};

/// The port of a URL that names none.
const DEFAULT_PORT: u16 = 6379;
/// Name of the metric of what was there.
const HIT: &str = "hit";

/// An operation that was read: where it goes, and the rest, whose server is still to be looked up.
pub(super) struct ReadOperation {
    pub(super) route: Route,
    pub(super) operation: RedisOperation,
}

/// What makes two operations' connections the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// Where and who.
    pub(super) url: ServerUrl,
    /// Whether the URL is one server of a cluster.
    pub(super) is_cluster: bool,
    /// What the job says about TLS; `None`: plain text.
    pub(super) tls: Option<TlsSettings>,
    /// Which database is chosen.
    database: Option<u32>,
}

/// Reads one operation, with what the workload says for all.
pub(super) fn read(
    spec: &OperationSpec,
    assignment: &Assignment,
    names: &Names,
) -> Result<ReadOperation, PrepareError> {
    check_keys(&spec.settings, OPERATION_KEYS).map_err(|(key, what)| wrong(spec, &key, what))?;
    operation(&spec.settings, assignment, names).map_err(|(key, what)| wrong(spec, key, what))
}

fn operation(
    settings: &Map<String, Value>,
    assignment: &Assignment,
    names: &Names,
) -> Result<ReadOperation, Wrong> {
    let route = route(settings, assignment, names)?;
    let commands = commands(settings, names)?;
    if route.is_cluster
        && let Some(name) = commands.iter().find_map(Command::of_transaction)
    {
        let reason = format!(
            "has {name}, and a cluster's commands go each to the server of its own key, so that this would be no transaction: write \
             EVAL, or the redis:// URL of the server that has the keys"
        );
        let key = if settings.contains_key("command") { "command" } else { "commands" };
        return Err((key, reason));
    }
    let repeats = match settings.get("pipeline") {
        None => 1,
        Some(value) => {
            value.as_u64().filter(|count| (1..=PIPELINE_MAX).contains(count)).ok_or_else(|| {
                ("pipeline", format!("must be a whole number from 1 to {PIPELINE_MAX}, not {value}"))
            })?
        }
    };
    let count = repeats.saturating_mul(commands.len() as u64);
    if count > PIPELINE_MAX {
        let reason =
            format!("makes {count} commands at once, and {PIPELINE_MAX} are the most: make it smaller");
        return Err(("pipeline", reason));
    }
    let hit = MetricSpec { name: HIT.to_owned(), unit: String::new(), kind: MetricKind::Ratio };
    let reads_keys = commands.iter().any(|command| command.values_read() > 0);
    let operation = RedisOperation {
        server: 0,
        batch: Batch::new(commands, repeats as usize),
        metrics: if reads_keys { vec![hit] } else { Vec::new() },
        timeout: timeout(settings).map_err(|what| ("timeout", what))?,
    };
    Ok(ReadOperation { route, operation })
}

fn commands(settings: &Map<String, Value>, names: &Names) -> Result<Vec<Command>, Wrong> {
    match (settings.get("command"), settings.get("commands")) {
        (Some(_), Some(_)) => Err(("commands", "stands beside command: give one of them".to_owned())),
        (None, None) => Err(("command", "is missing: nothing says what to send".to_owned())),
        (Some(words), None) => Ok(vec![command(words, names).map_err(|what| ("command", what))?]),
        (None, Some(list)) => {
            let list = list.as_array().filter(|list| !list.is_empty());
            let list =
                list.ok_or_else(|| ("commands", "must be a list of at least one command".to_owned()))?;
            list.iter().map(|words| command(words, names).map_err(|what| ("commands", what))).collect()
        }
    }
}

fn command(words: &Value, names: &Names) -> Result<Command, String> {
    let words = words.as_array().filter(|words| !words.is_empty());
    let words = words.ok_or("must be a list of words that begins with the command's name")?;
    let compile = |word: &Value| match word {
        Value::String(text) => {
            Rendering::compile(text, names, Place::Anywhere).map_err(|error| error.to_string())
        }
        Value::Number(number) => Ok(Rendering::of_bytes(number.to_string().into_bytes())),
        Value::Bool(truth) => Ok(Rendering::of_bytes(truth.to_string().into_bytes())),
        other => Err(format!("holds {other}, which is no word of a command")),
    };
    let words = words.iter().map(compile).collect::<Result<Vec<_>, _>>()?;
    Command::new(words).map_err(|error| error.to_string())
}

fn route(settings: &Map<String, Value>, assignment: &Assignment, names: &Names) -> Result<Route, Wrong> {
    let of_workload = &assignment.settings;
    let written = text(settings, "url").and_then(|url| Ok(url.or(text(of_workload, "url")?)));
    let written = written.map_err(|what| ("url", what))?;
    let written = written.ok_or_else(|| ("url", "is missing, here and in [workload]".to_owned()))?;
    let url = ServerUrl::read(written, names).map_err(|error| ("url", error.to_string()))?;
    let (is_tls, is_cluster) = match url.scheme.as_str() {
        "redis" | "valkey" => (false, false),
        "rediss" | "valkeys" => (true, false),
        "redis-cluster" => (false, true),
        "rediss-cluster" => (true, true),
        other => {
            let reason = format!(
                "begins with {other}://, not with redis://, rediss://, redis-cluster:// or rediss-cluster://"
            );
            return Err(("url", reason));
        }
    };
    if url.host.is_empty() {
        return Err(("url", "lacks a host".to_owned()));
    }
    if let Some((key, _)) = url.parameters.first() {
        return Err(("url", format!("has the parameter {key:?}, and none is known")));
    }
    let database = match url.path.as_str() {
        "" => None,
        digits => Some(
            digits
                .parse()
                .map_err(|_| ("url", format!("names the database {digits:?}, which is no number")))?,
        ),
    };
    if is_cluster && database.is_some_and(|database| database > 0) {
        return Err(("url", "names a database, and a cluster has only the first".to_owned()));
    }
    let given = settings.get("tls").or_else(|| of_workload.get("tls"));
    let tls = match given {
        Some(_) if !is_tls => {
            return Err(("tls", "stands with a URL that does not begin with rediss://".to_owned()));
        }
        Some(value) => Some(TlsSettings::read(value, &assignment.files).map_err(|what| ("tls", what))?),
        None => is_tls.then(TlsSettings::default),
    };
    Ok(Route { url, is_cluster, tls, database })
}

impl Server {
    /// Makes a server ready: its addresses, its TLS, and how it is greeted. Says what is wrong with its URL.
    pub(super) fn new(route: Route, roots: &mut SystemRoots, warden: &Arc<Warden>) -> Result<Self, String> {
        let tls = match &route.tls {
            None => None,
            Some(tls) => {
                let made = Tls::new(tls, &route.url.host, Protocol::Other, roots);
                Some(made.map_err(|error| error.to_string())?)
            }
        };
        let place = target::Route {
            place: route.url.place(DEFAULT_PORT),
            protocol: Protocol::Other,
            tls: route.tls.clone(),
            tls_beyond: None,
        };
        let target = Target::new(place, Resolve::Start, tls, Arc::clone(warden));
        let target = target.map_err(|error| error.to_string())?;
        target.check_before(Resolve::Start).map_err(|refusal| refusal.to_string())?;
        let greeting = Greeting::new(&route.url, route.database);
        Ok(Self { route, target, greeting })
    }
}
