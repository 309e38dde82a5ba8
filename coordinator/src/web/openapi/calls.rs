//! What is told of each thing that programs ask for.

use serde_json::{Value, json};

use super::super::api::profiles;
use super::super::api::query::{STATES, VERDICTS};
use super::super::metrics;
use super::{Answer, Call, Parameter, Sent, schemas};

const JSON: &str = "application/json";

const fn parameter(name: &'static str, doc: &'static str, schema: fn() -> Value) -> Parameter {
    Parameter { name, doc, schema, is_required: false }
}

const fn required(name: &'static str, doc: &'static str, schema: fn() -> Value) -> Parameter {
    Parameter { name, doc, schema, is_required: true }
}

fn name() -> Value {
    json!({ "type": "string", "pattern": "^[a-z0-9_-]{1,64}$" })
}

fn run() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[0-9a-z-]+$" })
}

fn side() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[0-9a-z-]+(:[0-9a-z,=._-]+)?$" })
}

fn metric() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[a-z0-9_.-]+$" })
}

fn share() -> Value {
    json!({ "type": "string", "pattern": "^(0[.][0-9]{0,8}[1-9]|[1-9][0-9]?%)$" })
}

fn tag() -> Value {
    json!({ "type": "array", "maxItems": 50, "items": { "type": "string", "pattern": "^[a-z0-9_-]{1,100}=[a-zA-Z0-9_.-]{0,100}$" } })
}

fn switch() -> Value {
    json!({ "type": "boolean" })
}

fn follow() -> Value {
    json!({ "type": "boolean", "default": true })
}

fn page() -> Value {
    json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 })
}

fn runs_max() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32, "default": 0 })
}

fn priority() -> Value {
    json!({ "type": "integer", "minimum": -100, "maximum": 100, "default": 0 })
}

fn state() -> Value {
    json!({ "enum": STATES.map(|state| state.as_str()) })
}

fn verdict() -> Value {
    json!({ "enum": VERDICTS.map(|verdict| verdict.as_str()) })
}

const fn answered(doc: &'static str, schema: fn() -> Value) -> Answer {
    Answer { status: 200, doc, media_type: JSON, schema }
}

/// `GET /metrics`
pub(in crate::web) const METRICS: Call = Call {
    id: "metrics",
    summary: "Figures of the coordinator and of runs that go on, for Prometheus.",
    query: &[],
    body: None,
    answer: Answer {
        status: 200,
        doc: "Prometheus' text format.",
        media_type: metrics::MEDIA_TYPE,
        schema: || json!({ "type": "string" }),
    },
    refusals: &[(500, "internal: see the coordinator's log")],
};

/// `GET /api/v1/runs`
pub(in crate::web) const RUNS: Call = Call {
    id: "list_runs",
    summary: "Runs, newest first, a page at a time.",
    query: &[
        parameter("limit", "Most runs of the page.", page),
        parameter("before", "Only runs submitted before this one: `next` of the page before.", run),
        parameter("name", "Only runs of the job of this name.", name),
        parameter("state", "Only runs that stand there.", state),
        parameter("verdict", "Only runs of which this came out.", verdict),
        parameter("tag", "Only runs that carry all of these, each `KEY=VALUE`.", tag),
    ],
    body: None,
    answer: answered("A page of runs.", || schemas::reference("Runs")),
    refusals: &[
        (404, "unknown_run: there is no run `before`"),
        (409, "ambiguous: several runs begin like `before`"),
        (500, "damaged, internal"),
    ],
};

/// `POST /api/v1/runs`
pub(in crate::web) const SUBMIT: Call = Call {
    id: "submit",
    summary: "Takes in a job.",
    query: &[
        parameter("tag", "Tags besides those of the job, each `KEY=VALUE`.", tag),
        parameter("priority", "Which run gets agents first, highest first.", priority),
        parameter("wait", "`false`: refuse what cannot begin at once.", switch),
    ],
    body: Some(Sent {
        media_type: "text/plain",
        doc: "The text of a job file.",
        example: "name = \"first\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nurl = \"http://127.0.0.1:8080/\"\n",
    }),
    answer: Answer {
        status: 201,
        doc: "The run; `location` says where it is.",
        media_type: JSON,
        schema: || schemas::reference("Accepted"),
    },
    refusals: &[
        (409, "cannot_begin: with `wait=false`"),
        (422, "job_in_error: every error with its place; not_accepted; secret_withheld"),
        (500, "internal: see the coordinator's log"),
    ],
};

/// `GET /api/v1/runs/{id}`
pub(in crate::web) const RUN: Call = Call {
    id: "show_run",
    summary: "The report of a run, as `fleetmark show --json` writes it; of one that goes on, what is stored so far.",
    query: &[],
    body: None,
    answer: answered("The report.", || schemas::reference("Report")),
    refusals: &[],
};

/// `POST /api/v1/runs/{id}/cancel`
pub(in crate::web) const CANCEL: Call = Call {
    id: "cancel_run",
    summary: "Cancels a run; what was measured is kept.",
    query: &[],
    body: None,
    answer: answered("It is being cancelled.", || schemas::reference("Accepted")),
    refusals: &[],
};

/// `GET /api/v1/runs/{id}/profiles/{number}`
pub(in crate::web) const PROFILE: Call = Call {
    id: "read_profile",
    summary: "What a profiler of a run wrote.",
    query: &[],
    body: None,
    answer: Answer {
        status: 200,
        doc: "The file, as the profiler wrote it.",
        media_type: profiles::MEDIA_TYPE,
        schema: || json!({ "type": "string", "format": "binary" }),
    },
    refusals: &[(404, "unknown_run: there is none of that name; unknown: the run has no such profile")],
};

/// `GET /api/v1/runs/{id}/events`
pub(in crate::web) const EVENTS: Call = Call {
    id: "watch_run",
    summary: "How a run goes on: a frame a second at most, as server-sent events, to its end. `Last-Event-ID` says where to go on.",
    query: &[parameter("follow", "`false`: what is told by now, without waiting for the run's end.", follow)],
    body: None,
    answer: Answer {
        status: 200,
        doc: "Each `data` is a frame: sequence, state, trials, progress, findings, and at the end verdict and exit code.",
        media_type: "text/event-stream",
        schema: schemas::event,
    },
    refusals: &[],
};

/// `GET /api/v1/compare`
pub(in crate::web) const COMPARE: Call = Call {
    id: "compare",
    summary: "Two runs, baselines, or variants of them against each other, as `fleetmark compare --json` writes it.",
    query: &[
        required("a", "What is held against: a run, a baseline, or either with `:VARIANT`.", side),
        required("b", "What is judged.", side),
        parameter("margin", "What counts as the same: a share such as `0.05` or `5%`.", share),
        parameter("across_machines", "Whether different hosts are meant.", switch),
    ],
    body: None,
    answer: answered("What can be said.", || schemas::reference("Comparison")),
    refusals: &[
        (404, "unknown: there is no run and no baseline of that name"),
        (409, "ambiguous: several runs begin so; not_over: the run is not over"),
        (500, "damaged, internal"),
    ],
};

/// `GET /api/v1/trend`
pub(in crate::web) const TREND: Call = Call {
    id: "trend",
    summary: "How a metric went from run to run of a job, as `fleetmark trend --json` writes it.",
    query: &[
        required("metric", "The metric, such as `read.latency.p95`.", metric),
        parameter("job", "The job's name; else that of the newest run that has the metric.", name),
        parameter("limit", "Most runs, the newest; 0: as many as are usual.", runs_max),
    ],
    body: None,
    answer: answered("The metric over the runs, and where it changed.", || schemas::reference("Trend")),
    refusals: &[(404, "unknown: no finished run has the metric"), (500, "internal")],
};

/// `GET /api/v1/agents`
pub(in crate::web) const AGENTS: Call = Call {
    id: "list_agents",
    summary: "Agents by name, as `fleetmark agents --json` writes them.",
    query: &[],
    body: None,
    answer: answered("The agents.", || schemas::reference("Agents")),
    refusals: &[],
};

/// `GET /api/v1/openapi.json`
pub(in crate::web) const OPENAPI: Call = Call {
    id: "openapi",
    summary: "This document.",
    query: &[],
    body: None,
    answer: answered("The document.", || json!({ "type": "object", "required": ["openapi", "paths"] })),
    refusals: &[],
};
