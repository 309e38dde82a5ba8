//! Why something was not done: a status, a word that never changes, a sentence, and what to do.

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use shared::job::{JobError, JobErrors};

use super::super::{answer, pages};
use crate::control::ControlError;
use crate::reporting::ReportingError;
use crate::store::StoreError;

/// The same for people.
pub(in crate::web) fn page(error: ControlError) -> Response<Body> {
    let (status, _, help) = kind(&error);
    answer::page(status, pages::notice("This cannot be shown", &error.to_string(), help))
}

/// Why something was not done.
pub(in crate::web) fn of(error: ControlError) -> Response<Body> {
    if let ControlError::Job(errors) = &error {
        return job(errors);
    }
    let (status, code, help) = kind(&error);
    answer::problem(status, code, &error.to_string(), help)
}

/// The request says what cannot be meant.
pub(in crate::web) fn malformed(problem: &str) -> Response<Body> {
    answer::problem(StatusCode::BAD_REQUEST, "malformed", problem, Some("docs/web.md says what may be asked"))
}

/// The status that tells of it.
pub(in crate::web) fn status(error: &ControlError) -> StatusCode {
    kind(error).0
}

fn kind(error: &ControlError) -> (StatusCode, &'static str, Option<&'static str>) {
    let store = match error {
        ControlError::Store(error) | ControlError::Reporting(ReportingError::Store(error)) => error,
        ControlError::Stopping => {
            return (StatusCode::SERVICE_UNAVAILABLE, "stopping", Some("try again when it runs again"));
        }
        ControlError::Withheld(_) => return (StatusCode::UNPROCESSABLE_ENTITY, "secret_withheld", None),
        ControlError::Overheard => return (StatusCode::FORBIDDEN, "overheard", None),
        ControlError::Full(_) => return (StatusCode::SERVICE_UNAVAILABLE, "too_many_runs", None),
        ControlError::Busy => return (StatusCode::SERVICE_UNAVAILABLE, "busy", Some("try again soon")),
        ControlError::Job(_) | ControlError::Malformed(_) => {
            return (StatusCode::UNPROCESSABLE_ENTITY, "not_accepted", None);
        }
        ControlError::Meant(_) => return (StatusCode::BAD_REQUEST, "malformed", None),
        ControlError::Missing(_) => return (StatusCode::NOT_FOUND, "unknown", None),
        ControlError::Unmet(_) => return (StatusCode::CONFLICT, "cannot_begin", None),
        ControlError::Over(_) => return (StatusCode::CONFLICT, "over", None),
        ControlError::Reporting(ReportingError::UnknownRun(_)) => return UNKNOWN_RUN,
        ControlError::Reporting(ReportingError::NotOver(_)) => {
            return (StatusCode::CONFLICT, "not_over", Some("wait for its end"));
        }
        ControlError::Reporting(_) => return DAMAGED,
    };
    match store {
        StoreError::UnknownRun(_) => UNKNOWN_RUN,
        StoreError::Ambiguous { .. } => (StatusCode::CONFLICT, "ambiguous", Some("give more of the id")),
        StoreError::Damaged(_) | StoreError::Newer { .. } => DAMAGED,
        StoreError::Full { .. } => {
            (StatusCode::INSUFFICIENT_STORAGE, "disk_full", Some("make room where the store is"))
        }
        StoreError::Closed | StoreError::Locked { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping", Some("try again when it runs again"))
        }
        StoreError::TooLarge { .. } | StoreError::FileDiffers { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "not_accepted", None)
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", Some("look into the coordinator's log")),
    }
}

const UNKNOWN_RUN: (StatusCode, &str, Option<&str>) =
    (StatusCode::NOT_FOUND, "unknown_run", Some("/api/v1/runs lists those that there are"));
const DAMAGED: (StatusCode, &str, Option<&str>) =
    (StatusCode::INTERNAL_SERVER_ERROR, "damaged", Some("`fleetmark store check` says what is damaged"));

/// Every error of a job, each with its place, as the command line shows them.
fn job(errors: &JobErrors) -> Response<Body> {
    let count = errors.0.len();
    let message = format!("the job has {count} error{}; nothing was run", if count == 1 { "" } else { "s" });
    let help = errors.0.iter().find_map(|error| error.help.as_deref());
    let listed: Vec<Value> = errors.0.iter().map(listed).collect();
    let error = json!({ "code": "job_in_error", "message": message, "help": help, "errors": listed });
    answer::refusal(StatusCode::UNPROCESSABLE_ENTITY, error)
}

fn listed(error: &JobError) -> Value {
    json!({
        "path": error.path,
        "message": error.message,
        "help": error.help,
        "line": error.position.map(|(line, _)| line),
        "column": error.position.map(|(_, column)| column),
        "span": error.span.as_ref().map(|span| [span.start, span.end]),
    })
}
