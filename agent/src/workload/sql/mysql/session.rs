//! An open connection to MySQL or MariaDB, and the statements that are prepared on it.

use std::fmt;

use mysql_common::constants::CapabilityFlags;
use shared::interval::ErrorKind;

use super::greeting::Admission;
use super::wire::Wire;
use super::{answer, refusal};
use crate::workload::connection::failure::Failure;
use crate::workload::sql::errand::Connection;
use crate::workload::sql::statement::{Filled, Statement};

/// Good-bye.
const QUIT: u8 = 0x01;
/// A statement as text.
const QUERY: u8 = 0x03;
/// A statement to be prepared.
const PREPARE: u8 = 0x16;
/// One that was, to be run.
const EXECUTE: u8 = 0x17;
/// One that is not needed any more.
const FORGET: u8 = 0x19;
/// The type of a value that is sent as text: the server turns it into what the statement wants.
const TEXT: [u8; 2] = [0xfd, 0];

/// An open connection.
pub(in crate::workload::sql) struct Session {
    wire: Wire,
    capabilities: CapabilityFlags,
    pub(super) connection: u32,
    /// For each operation, its statements once they were prepared.
    prepared: Vec<Vec<Prepared>>,
    /// What is sent next; used over and over.
    request: Vec<u8>,
}

/// A statement as the server knows it.
#[derive(Debug, Clone, Copy)]
struct Prepared {
    number: u32,
    values: usize,
}

impl Session {
    /// One that was just let in.
    pub(super) fn new(Admission { wire, capabilities, connection }: Admission) -> Self {
        Self { wire, capabilities, connection, prepared: Vec::new(), request: Vec::new() }
    }

    /// Whether the server has not closed it while nobody looked.
    pub(in crate::workload::sql) async fn is_open(&mut self) -> bool {
        self.wire.is_silent().await
    }

    /// Bytes sent and received since it was opened.
    pub(in crate::workload::sql) fn traffic(&self) -> (u64, u64) {
        self.wire.traffic()
    }

    /// Says good-bye, and closes it.
    pub(in crate::workload::sql) async fn close(mut self) {
        self.wire.begin();
        // A server that has gone hears nothing.
        let _heard = self.wire.send(&[QUIT]).await;
        self.wire.shut_down().await;
    }

    async fn ask(&mut self, text: &str) -> Result<u64, Failure> {
        self.request.clear();
        self.request.push(QUERY);
        self.request.extend_from_slice(text.as_bytes());
        self.wire.begin();
        self.wire.send(&self.request).await?;
        answer::rows(&mut self.wire, self.capabilities).await
    }

    async fn prepared(&mut self, statement: &Statement) -> Result<Prepared, Failure> {
        self.wire.begin();
        self.wire.send(&[&[PREPARE], statement.text.as_bytes()].concat()).await?;
        let packet = self.wire.packet().await?;
        let (number, columns, values) = match packet.as_slice() {
            [refusal::ERROR, ..] => return Err(refusal::executing(&packet)),
            [0x00, a, b, c, d, columns_low, columns_high, values_low, values_high, ..] => (
                u32::from_le_bytes([*a, *b, *c, *d]),
                u16::from_le_bytes([*columns_low, *columns_high]),
                u16::from_le_bytes([*values_low, *values_high]),
            ),
            _ => {
                return Err(Failure::protocol(
                    "the server prepares a statement and does not say which".to_owned(),
                ));
            }
        };
        answer::descriptions(&mut self.wire, values.into(), self.capabilities).await?;
        answer::descriptions(&mut self.wire, columns.into(), self.capabilities).await?;
        let (wanted, given) = (usize::from(values), statement.values.len());
        if wanted != given {
            // It would stay prepared as long as the connection, and each try would add one.
            self.forget(number).await?;
            let message =
                format!("the statement wants {wanted} values, and params give {given}: {}", statement.text);
            return Err(Failure::new(ErrorKind::Other, message));
        }
        Ok(Prepared { number, values: wanted })
    }

    /// Has the server forget a prepared statement, which it answers by nothing.
    async fn forget(&mut self, number: u32) -> Result<(), Failure> {
        self.wire.begin();
        self.wire.send(&[&[FORGET][..], &number.to_le_bytes()].concat()).await
    }

    async fn execute(&mut self, prepared: Prepared, place: usize, filled: &Filled) -> Result<u64, Failure> {
        self.begin_to_execute(prepared, place, filled).await?;
        answer::rows(&mut self.wire, self.capabilities).await
    }

    async fn begin_to_execute(
        &mut self,
        prepared: Prepared,
        place: usize,
        filled: &Filled,
    ) -> Result<(), Failure> {
        let request = &mut self.request;
        request.clear();
        request.push(EXECUTE);
        request.extend_from_slice(&prepared.number.to_le_bytes());
        // No cursor, once.
        request.extend_from_slice(&[0, 1, 0, 0, 0]);
        if prepared.values > 0 {
            // None of them is NULL; their types follow.
            request.resize(request.len() + prepared.values.div_ceil(8), 0);
            request.push(1);
            (0..prepared.values).for_each(|_| request.extend_from_slice(&TEXT));
            for value in filled.of(place) {
                put_length(request, value.len() as u64);
                request.extend_from_slice(value);
            }
        }
        self.wire.begin();
        self.wire.send(&self.request).await
    }
}

impl Connection for Session {
    async fn order(&mut self, text: &str) -> Result<(), Failure> {
        self.ask(text).await.map(drop)
    }

    async fn prepare(&mut self, operation: usize, statements: &[Statement]) -> Result<(), Failure> {
        if self.prepared.len() <= operation {
            self.prepared.resize_with(operation + 1, Vec::new);
        }
        while let Some(statement) = statements.get(self.prepared[operation].len()) {
            let prepared = self.prepared(statement).await?;
            self.prepared[operation].push(prepared);
        }
        Ok(())
    }

    async fn run(&mut self, operation: usize, place: usize, filled: &Filled) -> Result<u64, Failure> {
        let prepared = self.prepared[operation][place];
        self.execute(prepared, place, filled).await
    }

    async fn explain(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<String, Failure> {
        let text = format!("EXPLAIN FORMAT=JSON {}", statement.text);
        let prepared = self.prepared(&Statement { text, values: statement.values.clone() }).await?;
        self.begin_to_execute(prepared, place, filled).await?;
        let plan = answer::text(&mut self.wire, self.capabilities).await;
        let forgotten = self.forget(prepared.number).await;
        plan.and_then(|plan| forgotten.map(|()| plan))
    }

    async fn run_unprepared(
        &mut self,
        statement: &Statement,
        place: usize,
        filled: &Filled,
    ) -> Result<u64, Failure> {
        if statement.values.is_empty() {
            return self.ask(&statement.text).await;
        }
        // Values travel beside a statement only if it is prepared.
        let prepared = self.prepared(statement).await?;
        let rows = self.execute(prepared, place, filled).await;
        let forgotten = self.forget(prepared.number).await;
        // What the statement came to is told first.
        rows.and_then(|rows| forgotten.map(|()| rows))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// A length before a value: one byte, or a mark and two, three or eight.
fn put_length(request: &mut Vec<u8>, length: u64) {
    let bytes = length.to_le_bytes();
    match length {
        0..=250 => request.push(bytes[0]),
        251..=0xffff => request.extend_from_slice(&[0xfc, bytes[0], bytes[1]]),
        0x1_0000..=0xff_ffff => request.extend_from_slice(&[0xfd, bytes[0], bytes[1], bytes[2]]),
        _ => {
            request.push(0xfe);
            request.extend_from_slice(&bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_as_short_as_they_can_be() {
        let of = |length| {
            let mut bytes = Vec::new();
            put_length(&mut bytes, length);
            bytes
        };
        assert_eq!(of(250), [250]);
        assert_eq!(of(251), [0xfc, 251, 0]);
        assert_eq!(of(0x1_0000), [0xfd, 0, 0, 1]);
        assert_eq!(of(0x100_0000), [0xfe, 0, 0, 0, 1, 0, 0, 0, 0]);
    }
}
