//! What one operation does over an open connection, the same for every database: its statements, a transaction around them, another
//! try.

use shared::interval::ErrorKind;

use super::settings::{SqlOperation, Work};
use super::statement::{Filled, Statement};
use crate::workload::connection::failure::Failure;

/// How statements begin that databases plan.
const PLANNED: &[&str] =
    &["select", "insert", "update", "delete", "with", "values", "replace", "merge", "table"];

/// An open connection to some database, and the statements that are prepared on it.
pub(super) trait Connection {
    /// Runs something that takes no values and whose rows do not matter: BEGIN, COMMIT, ROLLBACK.
    async fn order(&mut self, text: &str) -> Result<(), Failure>;

    /// Whether a transaction that failed may still be open, as far as can be told without asking.
    fn may_be_in_transaction(&self) -> bool {
        true
    }

    /// Prepares the statements of an operation, unless that was done.
    async fn prepare(&mut self, operation: usize, statements: &[Statement]) -> Result<(), Failure>;

    /// Runs a prepared statement, by its operation and its place there; says how many rows were read.
    async fn run(&mut self, operation: usize, place: usize, filled: &Filled) -> Result<u64, Failure>;

    /// How the database means to do a statement with its values, without doing it.
    async fn explain(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<String, Failure>;

    /// Runs a statement that is not prepared.
    async fn run_unprepared(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<u64, Failure>;
}

/// Prepares the statements of all operations that want it.
pub(super) async fn prepare(
    connection: &mut impl Connection,
    operations: &[SqlOperation],
) -> Result<(), Failure> {
    for (place, operation) in operations.iter().enumerate() {
        if let (Work::Statements { statements, .. }, true) = (&operation.work, operation.is_prepared) {
            connection.prepare(place, statements).await?;
        }
    }
    Ok(())
}

/// Does an operation, again if the job says so; says how many rows were read.
pub(super) async fn perform(
    connection: &mut impl Connection,
    operations: &[SqlOperation],
    place: usize,
    filled: &Filled,
) -> Result<u64, Failure> {
    let operation = &operations[place];
    let Work::Statements { statements, begin } = &operation.work else { return Ok(0) };
    let errand = Errand { place, operation, statements, begin: begin.as_deref() };
    if operation.is_prepared {
        connection.prepare(place, statements).await?;
    }
    let mut retries = operation.retries;
    loop {
        match errand.attempt(connection, filled).await {
            Err(failure) if retries > 0 && may_be_tried_again(failure.kind) => retries -= 1,
            other => return other,
        }
    }
}

/// How the database means to do each statement of an operation, or why it does not say.
pub(super) async fn explain(
    connection: &mut impl Connection,
    operation: &SqlOperation,
    filled: &Filled,
) -> String {
    let Work::Statements { statements, .. } = &operation.work else { return String::new() };
    let mut told = String::new();
    for (place, statement) in statements.iter().enumerate() {
        let plan = match can_be_explained(&statement.text) {
            true => connection.explain(statement, place, filled).await,
            false => Ok("there is no plan for statements of this kind".to_owned()),
        };
        let plan = plan.unwrap_or_else(|failure| format!("there is no plan: {}", failure.message));
        told.push_str(&statement.text);
        told.push('\n');
        plan.lines().for_each(|line| told.push_str(&format!("  {line}\n")));
    }
    told
}

/// Whether a statement is one that databases plan. Of others some words after EXPLAIN mean that it is done: EXPLAIN ANALYZE.
fn can_be_explained(statement: &str) -> bool {
    let first = statement.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next();
    first.is_some_and(|first| PLANNED.iter().any(|word| word.eq_ignore_ascii_case(first)))
}

/// Whether nothing more can be said over the connection.
pub(super) fn ends_connection(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Closed | ErrorKind::Protocol | ErrorKind::Tls | ErrorKind::Connect)
}

fn may_be_tried_again(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Serialization | ErrorKind::Deadlock)
}

/// What is to be done over a connection.
struct Errand<'a> {
    place: usize,
    operation: &'a SqlOperation,
    statements: &'a [Statement],
    begin: Option<&'a str>,
}

impl Errand<'_> {
    async fn attempt(&self, connection: &mut impl Connection, filled: &Filled) -> Result<u64, Failure> {
        let Some(begin) = self.begin else { return self.run_all(connection, filled).await };
        connection.order(begin).await?;
        let result = match self.run_all(connection, filled).await {
            Ok(rows) => connection.order("COMMIT").await.map(|()| rows),
            Err(failure) => Err(failure),
        };
        match result {
            Err(failure) if !ends_connection(failure.kind) && connection.may_be_in_transaction() => {
                Err(roll_back(connection, failure).await)
            }
            result => result,
        }
    }

    async fn run_all(&self, connection: &mut impl Connection, filled: &Filled) -> Result<u64, Failure> {
        let mut rows = 0;
        for (place, statement) in self.statements.iter().enumerate() {
            rows += match self.operation.is_prepared {
                true => connection.run(self.place, place, filled).await?,
                false => connection.run_unprepared(statement, place, filled).await?,
            };
        }
        Ok(rows)
    }
}

/// Gives up a transaction in which something failed, and says what is to be told of it: that failure, unless the connection ended.
async fn roll_back(connection: &mut impl Connection, failure: Failure) -> Failure {
    match connection.order("ROLLBACK").await {
        Err(ending) if ends_connection(ending.kind) => {
            let message = format!("{}; before that: {}", ending.message, failure.message);
            Failure::new(ending.kind, message)
        }
        Ok(()) | Err(_) => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection on which everything fails, with words of its own.
    struct Failing(ErrorKind);

    impl Failing {
        fn failure(&self) -> Failure {
            Failure::new(self.0, "nothing more".to_owned())
        }
    }

    impl Connection for Failing {
        async fn order(&mut self, _: &str) -> Result<(), Failure> {
            Err(self.failure())
        }

        async fn prepare(&mut self, _: usize, _: &[Statement]) -> Result<(), Failure> {
            Err(self.failure())
        }

        async fn run(&mut self, _: usize, _: usize, _: &Filled) -> Result<u64, Failure> {
            Err(self.failure())
        }

        async fn explain(&mut self, _: &Statement, _: usize, _: &Filled) -> Result<String, Failure> {
            Err(self.failure())
        }

        async fn run_unprepared(&mut self, _: &Statement, _: usize, _: &Filled) -> Result<u64, Failure> {
            Err(self.failure())
        }
    }

    #[tokio::test]
    async fn what_failed_is_told_and_not_that_it_could_not_be_rolled_back() {
        let told = async |rolling_back| {
            let full = Failure::new(ErrorKind::Status, "the disk is full".to_owned());
            let failure = roll_back(&mut Failing(rolling_back), full).await;
            (failure.kind, failure.message)
        };
        assert_eq!(told(ErrorKind::Status).await, (ErrorKind::Status, "the disk is full".to_owned()));
        let both = "nothing more; before that: the disk is full".to_owned();
        assert_eq!(told(ErrorKind::Closed).await, (ErrorKind::Closed, both));
    }

    #[test]
    fn only_what_databases_plan_is_explained() {
        for planned in [
            "SELECT 1",
            "  with x as (select 1) select 1",
            "delete\nfrom thing",
            "INSERT INTO thing VALUES (1)",
        ] {
            assert!(can_be_explained(planned), "{planned}");
        }
        for other in [
            "ANALYZE DELETE FROM thing",
            "/**/ ANALYZE SELECT 1",
            "(ANALYZE) DELETE FROM thing",
            "DROP TABLE thing",
            "",
        ] {
            assert!(!can_be_explained(other), "{other}");
        }
    }
}
