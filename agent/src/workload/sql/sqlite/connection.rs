//! An open file, and the statements that are prepared on it. Everything here blocks.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection as Opened, Error, Statement as Prepared};
use shared::interval::ErrorKind;

use super::refusal;
use crate::workload::connection::failure::Failure;
use crate::workload::sql::errand::Connection;
use crate::workload::sql::statement::{Filled, Statement};

/// Bytes of a number in a row.
const NUMBER_BYTES: u64 = 8;

/// An open file, on its own thread.
pub(super) struct Blocking<'a> {
    opened: &'a Opened,
    /// For each operation, its statements once they were prepared.
    prepared: Vec<Vec<Prepared<'a>>>,
    /// How long a lock is waited for.
    patience: Duration,
    /// Bytes of values that were read.
    pub(super) bytes_read: u64,
}

impl<'a> Blocking<'a> {
    /// Nothing prepared yet.
    pub(super) fn new(opened: &'a Opened) -> Self {
        Self { opened, prepared: Vec::new(), patience: Duration::ZERO, bytes_read: 0 }
    }

    /// Waits so long for a lock from now on.
    pub(super) fn wait_for_locks(&mut self, patience: Duration) {
        if patience != self.patience && self.opened.busy_timeout(patience).is_ok() {
            self.patience = patience;
        }
    }

    fn fallible<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Failure> {
        let begun = Instant::now();
        work(self).map_err(|error| refusal::executing(&error, begun.elapsed(), self.patience))
    }
}

impl Connection for Blocking<'_> {
    async fn order(&mut self, text: &str) -> Result<(), Failure> {
        self.fallible(|this| this.opened.execute_batch(text))
    }

    /// SQLite gives some transactions up by itself: when the disk is full, cannot be read, or memory is short.
    fn may_be_in_transaction(&self) -> bool {
        !self.opened.is_autocommit()
    }

    async fn prepare(&mut self, operation: usize, statements: &[Statement]) -> Result<(), Failure> {
        if self.prepared.len() <= operation {
            self.prepared.resize_with(operation + 1, Vec::new);
        }
        while let Some(statement) = statements.get(self.prepared[operation].len()) {
            let made = self.fallible(|this| this.opened.prepare(&statement.text))?;
            self.prepared[operation].push(made);
        }
        Ok(())
    }

    async fn run(&mut self, operation: usize, place: usize, filled: &Filled) -> Result<u64, Failure> {
        let begun = Instant::now();
        let statement = &mut self.prepared[operation][place];
        run(statement, place, filled, &mut self.bytes_read)
            .map_err(|problem| problem.told(begun, self.patience))
    }

    async fn explain(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<String, Failure> {
        let begun = Instant::now();
        let text = format!("EXPLAIN QUERY PLAN {}", statement.text);
        let mut made = self.fallible(|this| this.opened.prepare(&text))?;
        steps(&mut made, place, filled).map_err(|problem| problem.told(begun, self.patience))
    }

    async fn run_unprepared(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<u64, Failure> {
        let begun = Instant::now();
        let mut made = self.fallible(|this| this.opened.prepare(&statement.text))?;
        run(&mut made, place, filled, &mut self.bytes_read)
            .map_err(|problem| problem.told(begun, self.patience))
    }
}

/// Why a statement did not run to its end.
enum Problem {
    /// Its values are others than it wants.
    Values(String),
    /// SQLite says so.
    Refused(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl Problem {
    fn told(self, begun: Instant, patience: Duration) -> Failure {
        match self {
            Self::Values(message) => Failure::new(ErrorKind::Other, message),
            Self::Refused(error) => refusal::executing(&error, begun.elapsed(), patience),
        }
    }
}

/// Runs a statement with its values, reads its rows to their end, and keeps none.
fn run(
    statement: &mut Prepared<'_>,
    place: usize,
    filled: &Filled,
    bytes_read: &mut u64,
) -> Result<u64, Problem> {
    bind(statement, place, filled)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            *bytes_read += match row.get_ref(column)? {
                ValueRef::Null => 0,
                ValueRef::Integer(_) | ValueRef::Real(_) => NUMBER_BYTES,
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
            };
        }
        count += 1;
    }
    Ok(count)
}

/// The steps of a plan, a line each, those of others indented below them.
fn steps(statement: &mut Prepared<'_>, place: usize, filled: &Filled) -> Result<String, Problem> {
    bind(statement, place, filled)?;
    let mut rows = statement.raw_query();
    let (mut depths, mut lines) = (BTreeMap::<i64, usize>::new(), Vec::new());
    while let Some(row) = rows.next()? {
        let (step, parent): (i64, i64) = (row.get(0)?, row.get(1)?);
        let depth = depths.get(&parent).map_or(0, |depth| *depth + 1);
        depths.insert(step, depth);
        lines.push(format!("{}{}", "  ".repeat(depth), row.get::<_, String>(3)?));
    }
    Ok(lines.join("\n"))
}

/// Gives a statement its values. `$2` and `?2` are the second one wherever they stand; `?` is the next one.
fn bind(statement: &mut Prepared<'_>, place: usize, filled: &Filled) -> Result<(), Problem> {
    let given = filled.of(place).len();
    let mut wanted = 0;
    for index in 1..=statement.parameter_count() {
        let number = match statement.parameter_name(index) {
            None => index,
            Some(name) => name[1..].parse().map_err(|_| {
                Problem::Values(format!("the statement has a value named {name}: number them, $1, $2, …"))
            })?,
        };
        wanted = wanted.max(number);
        let Some(value) = number.checked_sub(1).and_then(|number| filled.of(place).nth(number)) else {
            continue;
        };
        let text = String::from_utf8_lossy(value);
        // A column's own type makes of either what it holds; where there is no column, a number is one.
        match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => statement.raw_bind_parameter(index, number)?,
            _ => statement.raw_bind_parameter(index, &*text)?,
        }
    }
    match wanted == given {
        true => Ok(()),
        false => {
            Err(Problem::Values(format!("the statement wants {wanted} values, and params give {given}")))
        }
    }
}
