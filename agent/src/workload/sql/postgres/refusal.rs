//! What PostgreSQL's errors mean for an operation.

use std::error::Error as _;

use shared::interval::ErrorKind;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::bounded::TooLong;
use crate::workload::connection::failure::Failure;

/// Longest text of an error that is told.
const SHOWN_CHARACTERS_MAX: usize = 500;

/// A connection that did not come about.
pub(super) fn connecting(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(refusal) => {
            Failure::new(ErrorKind::Connect, format!("the database lets us not in: {}", told(refusal)))
        }
        None => {
            let kind = if says_tls(error) { ErrorKind::Tls } else { ErrorKind::Connect };
            Failure::new(kind, format!("no connection to the database: {}", chain(error)))
        }
    }
}

/// A statement that failed.
pub(super) fn executing(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(refusal) => {
            Failure::new(kind_of(refusal.code()), format!("the database answers {}", told(refusal)))
        }
        // What is left of it would come first over this connection: it is closed.
        None if causes(error).any(|cause| cause.is::<TooLong>()) => {
            Failure::new(ErrorKind::Protocol, chain(error))
        }
        None if error.is_closed() || is_from_the_connection(error) => Failure::new(
            ErrorKind::Closed,
            format!("the connection ended within the statement: {}", chain(error)),
        ),
        None => Failure::new(ErrorKind::Protocol, chain(error)),
    }
}

fn kind_of(code: &SqlState) -> ErrorKind {
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE => ErrorKind::Serialization,
        SqlState::T_R_DEADLOCK_DETECTED => ErrorKind::Deadlock,
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            ErrorKind::Closed
        }
        _ => ErrorKind::Status,
    }
}

fn told(refusal: &DbError) -> String {
    let mut told = format!("{}: {} ({})", refusal.severity(), refusal.message(), refusal.code().code());
    if let Some(hint) = refusal.hint() {
        told = format!("{told}; {hint}");
    }
    told.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

/// An error with its causes, each once.
fn chain(error: &Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        source = cause.source();
    }
    told.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

/// Its causes, with what an error of the system carries.
fn causes<'a>(error: &'a Error) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause: &&'a (dyn std::error::Error + 'static)| {
        let cause = *cause;
        match cause.downcast_ref::<std::io::Error>() {
            Some(carrier) => carrier.get_ref().map(|carried| carried as &(dyn std::error::Error + 'static)),
            None => cause.source(),
        }
    })
}

fn is_from_the_connection(error: &Error) -> bool {
    error.source().is_some_and(|source| source.is::<std::io::Error>())
}

fn says_tls(error: &Error) -> bool {
    error.to_string().contains("TLS")
}
