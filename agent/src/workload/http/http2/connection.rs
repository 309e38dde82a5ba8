//! One HTTP/2 connection that several workers of a thread share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use shared::interval::ErrorKind;
use tokio::sync::Mutex;

use crate::workload::http::dial::dial;
use crate::workload::http::failure::Failure;
use crate::workload::http::progress::{Progress, Stage};
use crate::workload::http::response::HEAD_BYTES_MAX;
use crate::workload::http::stream::Stream;
use crate::workload::http::target::Target;

/// How much of one answer may be on its way unread: enough for 1 Gbit/s at 8 ms.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// How much of all answers together may be on its way unread, and so the most memory that a connection's answers take.
const CONNECTION_WINDOW_BYTES: u32 = 4 * STREAM_WINDOW_BYTES;

/// A connection, open or not.
#[derive(Debug)]
pub(super) struct SharedConnection {
    open: RefCell<Option<Open>>,
    /// Held while it is being opened, so that one worker does so for all. Which address comes first.
    address: Mutex<usize>,
}

/// An open connection.
#[derive(Debug)]
struct Open {
    sender: SendRequest<Bytes>,
    life: Rc<Life>,
    operations: u64,
}

/// Whether a connection still lives; told by the task that drives it.
#[derive(Debug, Default)]
struct Life {
    is_over: Cell<bool>,
}

/// The right to one request on a connection.
#[derive(Debug)]
pub(super) struct Lease {
    /// Where the request is sent.
    pub(super) sender: SendRequest<Bytes>,
    /// Whether the connection was opened for it.
    pub(super) is_fresh: bool,
    life: Rc<Life>,
}

impl SharedConnection {
    /// Not open yet; its first connection tries the address at that place first.
    pub(super) fn new(address: usize) -> Self {
        Self { open: RefCell::new(None), address: Mutex::new(address) }
    }

    /// Opens it if nobody has, without using it.
    pub(super) async fn open_ahead(
        &self,
        target: &Target,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let mut address = self.address.lock().await;
        if !self.is_open() {
            let (sender, life) = open(target, &mut address, within, progress).await?;
            *self.open.borrow_mut() = Some(Open { sender, life, operations: 0 });
        }
        Ok(())
    }

    /// The right to one request, on the connection as it is or on a new one when it is lost or has had
    /// `every` operations.
    pub(super) async fn lease(
        &self,
        target: &Target,
        within: Duration,
        every: u64,
        progress: &mut Progress,
    ) -> Result<Lease, Failure> {
        if let Some(lease) = self.take(every) {
            return Ok(lease);
        }
        progress.stage = Stage::Connecting;
        let mut address = self.address.lock().await;
        // Another worker may have opened it in the meantime.
        if let Some(lease) = self.take(every) {
            return Ok(lease);
        }
        let (sender, life) = open(target, &mut address, within, progress).await?;
        *self.open.borrow_mut() =
            Some(Open { sender: sender.clone(), life: Rc::clone(&life), operations: 1 });
        Ok(Lease { sender, life, is_fresh: true })
    }

    /// Uses a connection no more; those who have streams on it may end them.
    pub(super) fn retire(&self, lease: &Lease) {
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_some_and(|open| Rc::ptr_eq(&open.life, &lease.life)) {
            *open = None;
        }
    }

    fn is_open(&self) -> bool {
        self.open.borrow().as_ref().is_some_and(|open| !open.life.is_over.get())
    }

    fn take(&self, every: u64) -> Option<Lease> {
        let mut place = self.open.borrow_mut();
        let open = place.as_mut()?;
        if open.life.is_over.get() || open.operations >= every {
            *place = None;
            return None;
        }
        open.operations += 1;
        Some(Lease { sender: open.sender.clone(), life: Rc::clone(&open.life), is_fresh: false })
    }
}

/// Connects, and leaves the connection to a task of this thread.
async fn open(
    target: &Target,
    address: &mut usize,
    within: Duration,
    progress: &mut Progress,
) -> Result<(SendRequest<Bytes>, Rc<Life>), Failure> {
    if !target.addresses.is_empty() {
        *address %= target.addresses.len();
    }
    let stream = dial(target, address, within, progress).await?;
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEAD_BYTES_MAX as u32);
    let opened = builder.handshake(stream).await;
    let (sender, connection) = opened.map_err(|error| {
        Failure::new(ErrorKind::Closed, format!("the connection ended before HTTP/2 could begin: {error}"))
    })?;
    let life = Rc::new(Life::default());
    tokio::task::spawn_local(drive(connection, Rc::clone(&life)));
    Ok((sender, life))
}

/// Moves a connection's frames until it ends. How it ended, its streams are told.
async fn drive(connection: Connection<Stream, Bytes>, life: Rc<Life>) {
    let _its_streams_were_told = connection.await;
    life.is_over.set(true);
}
