//! The place of a connection that several workers of a thread share: open or not, replaced when it is lost or used up.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::connection::Connection;
use super::driver::{ReadBuffer, SharedConnection, drive};
use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::{Progress, Stage};
use crate::workload::connection::target::Target;

/// A connection's place.
#[derive(Debug)]
pub(super) struct Berth {
    open: RefCell<Option<Open>>,
    /// Held while it is being opened, so that one worker does so for all. Which address comes first.
    address: Mutex<usize>,
    buffer: ReadBuffer,
    /// How many operations the plan has.
    operations: usize,
}

/// An open connection; once it is dropped, no more requests begin on it, and it ends after its last stream.
#[derive(Debug)]
struct Open(SharedConnection);

/// The right to one request on a connection.
#[derive(Debug)]
pub(super) struct Lease {
    /// Where the request is sent.
    pub(super) connection: SharedConnection,
    /// Whether the connection was opened for it.
    pub(super) is_fresh: bool,
}

impl Berth {
    /// Not open yet; its first connection tries the address at that place first.
    pub(super) fn new(address: usize, operations: usize, buffer: ReadBuffer) -> Self {
        Self { open: RefCell::new(None), address: Mutex::new(address), buffer, operations }
    }

    /// Opens it if nobody has, without using it.
    pub(super) async fn open_ahead(
        &self,
        target: &Target,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut address = self.address.lock().await;
        let is_open =
            self.open.borrow().as_ref().is_some_and(|open| open.0.borrow().takes_requests(u64::MAX));
        if !is_open {
            self.open(target, &mut address, within, progress).await?;
        }
        Ok(())
    }

    /// The right to one request, on the connection as it is or on a new one when it is lost or has had
    /// `every` operations.
    #[inline]
    pub(super) async fn lease(
        &self,
        target: &Target,
        within: Duration,
        every: u64,
        progress: &mut Progress,
    ) -> Result<Lease, Failure> {
        match self.take(every) {
            Some(lease) => Ok(lease),
            None => self.lease_anew(target, within, every, progress).await,
        }
    }

    async fn lease_anew(
        &self,
        target: &Target,
        within: Duration,
        every: u64,
        progress: &mut Progress,
    ) -> Result<Lease, Failure> {
        progress.stage = Stage::Connecting;
        let mut address = self.address.lock().await;
        // Another worker may have opened it in the meantime.
        if let Some(lease) = self.take(every) {
            return Ok(lease);
        }
        let connection = self.open(target, &mut address, within, progress).await?;
        connection.borrow_mut().count_operation();
        Ok(Lease { connection, is_fresh: true })
    }

    /// Connects, and leaves the connection to a task of this thread.
    async fn open(
        &self,
        target: &Target,
        address: &mut usize,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<SharedConnection, Failure> {
        if !target.addresses.is_empty() {
            *address %= target.addresses.len();
        }
        let stream = dial(target, address, within, progress).await?;
        let connection = Rc::new(RefCell::new(Connection::new(self.operations)));
        tokio::task::spawn_local(drive(stream, Rc::clone(&connection), self.buffer.clone()));
        *self.open.borrow_mut() = Some(Open(Rc::clone(&connection)));
        Ok(connection)
    }

    #[inline]
    fn take(&self, every: u64) -> Option<Lease> {
        let mut place = self.open.borrow_mut();
        let mut connection = place.as_ref()?.0.borrow_mut();
        if connection.takes_requests(every) {
            connection.count_operation();
            drop(connection);
            let connection = Rc::clone(&place.as_ref()?.0);
            return Some(Lease { connection, is_fresh: false });
        }
        drop(connection);
        *place = None;
        None
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.borrow_mut().close();
    }
}
