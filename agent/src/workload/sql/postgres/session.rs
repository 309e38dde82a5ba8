//! An open connection to PostgreSQL, and the statements that are prepared on it.
//!
//! The library wants its connection driven by a task of its own. It is driven here by whoever waits for an answer instead: one
//! wake-up for each answer, not three.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};
use tokio_postgres::{CancelToken, Client, Error, RowStream};

use super::refusal;
use crate::workload::connection::failure::Failure;
use crate::workload::sql::counted::Traffic;
use crate::workload::sql::errand::Connection;
use crate::workload::sql::statement::{Filled, Statement};

/// What moves a connection's bytes; it ends with the connection.
pub(super) type Driven = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

/// An open connection.
pub(in crate::workload::sql) struct Session {
    client: Client,
    driven: Driven,
    traffic: Rc<Traffic>,
    /// For each operation, its statements once they were prepared.
    prepared: Vec<Vec<tokio_postgres::Statement>>,
}

impl Session {
    /// A fresh connection.
    pub(super) fn new(client: Client, driven: Driven, traffic: Rc<Traffic>) -> Self {
        Self { client, driven, traffic, prepared: Vec::new() }
    }

    /// Whether the server has not closed it while nobody looked.
    pub(in crate::workload::sql) async fn is_open(&mut self) -> bool {
        let Self { client, driven, .. } = self;
        poll_fn(|context| Poll::Ready(driven.as_mut().poll(context).is_pending() && !client.is_closed()))
            .await
    }

    /// Bytes sent and received since it was opened.
    pub(in crate::workload::sql) fn traffic(&self) -> (u64, u64) {
        (self.traffic.sent.get(), self.traffic.received.get())
    }

    /// How to ask the server to give up what it does here.
    pub(super) fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }

    /// Says good-bye, and waits until the connection is closed.
    pub(in crate::workload::sql) async fn close(self) {
        let Self { client, driven, .. } = self;
        drop(client);
        // It is over, however it ended.
        let _over = driven.await;
    }
}

impl Connection for Session {
    async fn order(&mut self, text: &str) -> Result<(), Failure> {
        let Self { client, driven, .. } = self;
        drive(driven, client.batch_execute(text)).await.map_err(|error| refusal::executing(&error))
    }

    async fn prepare(&mut self, operation: usize, statements: &[Statement]) -> Result<(), Failure> {
        let Self { client, driven, prepared, .. } = self;
        if prepared.len() <= operation {
            prepared.resize_with(operation + 1, Vec::new);
        }
        while let Some(statement) = statements.get(prepared[operation].len()) {
            let made = drive(driven, client.prepare(&statement.text)).await;
            let made = made.map_err(|error| refusal::executing(&error))?;
            if made.params().len() != statement.values.len() {
                let (wanted, given) = (made.params().len(), statement.values.len());
                let message = format!(
                    "the statement wants {wanted} values, and params give {given}: {}",
                    statement.text
                );
                return Err(Failure::new(shared::interval::ErrorKind::Other, message));
            }
            prepared[operation].push(made);
        }
        Ok(())
    }

    async fn run(&mut self, operation: usize, place: usize, filled: &Filled) -> Result<u64, Failure> {
        let Self { client, driven, prepared, .. } = self;
        let statement = &prepared[operation][place];
        let rows = async { count(client.query_raw(statement, filled.of(place).map(Text)).await?).await };
        drive(driven, rows).await.map_err(|error| refusal::executing(&error))
    }

    async fn explain(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<String, Failure> {
        let Self { client, driven, .. } = self;
        let text = format!("EXPLAIN {}", statement.text);
        let values: Vec<_> = filled.of(place).map(|value| (Text(value), Type::UNKNOWN)).collect();
        let plan = async {
            let mut rows = pin!(client.query_typed_raw(&text, values).await?);
            let mut lines: Vec<String> = Vec::new();
            while let Some(row) = rows.next().await {
                lines.push(row?.try_get(0)?);
            }
            Ok(lines.join("\n"))
        };
        drive(driven, plan).await.map_err(|error| refusal::executing(&error))
    }

    async fn run_unprepared(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<u64, Failure> {
        let Self { client, driven, .. } = self;
        // Of a value whose type nobody told, the server finds it out.
        let values: Vec<_> = filled.of(place).map(|value| (Text(value), Type::UNKNOWN)).collect();
        let rows = async { count(client.query_typed_raw(&statement.text, values).await?).await };
        drive(driven, rows).await.map_err(|error| refusal::executing(&error))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").finish_non_exhaustive()
    }
}

/// Awaits an answer, and moves the connection's bytes meanwhile.
async fn drive<T>(driven: &mut Driven, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut answer = pin!(answer);
    poll_fn(|context| {
        if let Poll::Ready(answered) = answer.as_mut().poll(context) {
            return Poll::Ready(answered);
        }
        match (driven.as_mut().poll(context), answer.as_mut().poll(context)) {
            (_, Poll::Ready(answered)) => Poll::Ready(answered),
            // Nobody is left who could answer.
            (Poll::Ready(Err(ended)), Poll::Pending) => Poll::Ready(Err(ended)),
            (_, Poll::Pending) => Poll::Pending,
        }
    })
    .await
}

/// Reads rows to their end, and keeps none.
async fn count(rows: RowStream) -> Result<u64, Error> {
    let mut rows = pin!(rows);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row?;
        count += 1;
    }
    Ok(count)
}

/// A value as text: the server turns it into the type that the statement wants.
#[derive(Debug)]
struct Text<'a>(&'a [u8]);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0);
        Ok(IsNull::No)
    }

    fn accepts(_type: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.to_sql(wanted, out)
    }

    fn encode_format(&self, _type: &Type) -> Format {
        Format::Text
    }
}
