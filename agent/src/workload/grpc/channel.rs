//! Channels: connections over HTTP/2 that calls share, opened when they are needed and replaced when they are lost.
//!
//! Frames are the h2 library's affair: calls stream both ways at once, which the http workload's own client, made for a request and its
//! answer, does not do.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::workload::connection::dial::dial;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::Progress;
use crate::workload::connection::target::Target;

/// What a server may send on one stream before we have read it: as much as tonic's own default, sixteen times.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same for a whole connection.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Largest head of an answer: as much as other clients of gRPC take.
const HEAD_BYTES_MAX: u32 = 16 * 1024;

/// A way to send calls.
pub(super) type Sender = SendRequest<Bytes>;

/// Those of a load thread.
#[derive(Debug, Default)]
pub(super) struct GrpcDesk {
    newest: RefCell<Option<Shared>>,
}

/// Channels that were dealt to some workers, and to how many.
#[derive(Debug)]
struct Shared {
    channels: Rc<Channels>,
    workers: u32,
}

/// The channels of one worker, or of several who share them, to all targets.
#[derive(Debug)]
pub(super) struct Channels {
    /// For each target.
    lines: Box<[Line]>,
}

/// Channels to one target, used in turn.
#[derive(Debug)]
struct Line {
    slots: Box<[Mutex<Option<Opened>>]>,
    turn: Cell<usize>,
    /// Which of the target's addresses the next connection tries first.
    address: Cell<usize>,
}

#[derive(Debug)]
struct Opened {
    sender: Sender,
    /// Calls that were begun on it.
    calls: u64,
}

/// A channel that takes a call.
#[derive(Debug)]
pub(super) struct Taken {
    /// The way to send it.
    pub(super) sender: Sender,
    /// Whether it was opened for it.
    pub(super) is_fresh: bool,
}

/// How channels are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeping {
    /// How many a worker has to each target.
    pub(super) per_worker: u32,
    /// How many workers share them.
    pub(super) streams: u32,
    /// After how many calls one is replaced; `u64::MAX`: never.
    pub(super) new_every: u64,
}

impl GrpcDesk {
    /// The channels of one more worker.
    pub(super) fn seat(&self, targets: usize, keeping: Keeping) -> Rc<Channels> {
        let mut newest = self.newest.borrow_mut();
        match newest.as_mut() {
            Some(shared) if shared.workers < keeping.streams => {
                shared.workers += 1;
                Rc::clone(&shared.channels)
            }
            _ => {
                let channels = Rc::new(Channels::new(targets, keeping.per_worker));
                *newest = Some(Shared { channels: Rc::clone(&channels), workers: 1 });
                channels
            }
        }
    }
}

impl Channels {
    fn new(targets: usize, per_worker: u32) -> Self {
        let slots = || (0..per_worker.max(1)).map(|_| Mutex::new(None)).collect();
        let line = |_| Line { slots: slots(), turn: Cell::new(0), address: Cell::new(0) };
        Self { lines: (0..targets).map(line).collect() }
    }

    /// Opens those to a target ahead of time, for the first calls to find; what cannot be opened is left to them.
    pub(super) async fn open_ahead(
        &self,
        (place, target): (usize, &Target),
        within: Duration,
        progress: &mut Progress,
    ) {
        let line = &self.lines[place];
        for slot in &line.slots {
            let mut slot = slot.lock().await;
            if slot.is_none() {
                let opening = line.open(target, within, progress);
                // What fails here fails again, and is counted, at the first call.
                let Ok(Ok(sender)) = timeout(within, opening).await else { return };
                *slot = Some(Opened { sender, calls: 0 });
            }
        }
    }

    /// The channel whose turn it is, opened if it is not.
    pub(super) async fn take(
        &self,
        (place, target): (usize, &Target),
        new_every: u64,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<Taken, Failure> {
        let line = &self.lines[place];
        let turn = line.turn.get();
        line.turn.set((turn + 1) % line.slots.len());
        // Workers who share a channel wait here for the one who opens it.
        let mut slot = line.slots[turn].lock().await;
        if let Some(opened) = slot.take_if(|opened| opened.calls < new_every) {
            // A connection that was lost meanwhile takes no calls; nothing of this one was sent yet.
            if let Ok(sender) = opened.sender.ready().await {
                *slot = Some(Opened { sender: sender.clone(), calls: opened.calls + 1 });
                return Ok(Taken { sender, is_fresh: false });
            }
        }
        let sender = line.open(target, within, progress).await?;
        *slot = Some(Opened { sender: sender.clone(), calls: 1 });
        Ok(Taken { sender, is_fresh: true })
    }
}

impl Line {
    async fn open(
        &self,
        target: &Target,
        within: Duration,
        progress: &mut Progress,
    ) -> Result<Sender, Failure> {
        let mut address = self.address.get();
        let opened = open(target, &mut address, within, progress).await;
        self.address.set(address);
        opened
    }
}

/// Opens a connection. It lives on the runtime's own thread, until nobody holds a way to send calls and the last call has ended.
pub(super) async fn open(
    target: &Target,
    address: &mut usize,
    within: Duration,
    progress: &mut Progress,
) -> Result<Sender, Failure> {
    let stream = dial(target, address, within, progress).await?;
    let mut builder = Builder::new();
    builder
        .enable_push(false)
        .initial_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_header_list_size(HEAD_BYTES_MAX);
    let handshake = builder.handshake(stream).await;
    let (sender, connection) = handshake.map_err(|error| super::call::broken("opening HTTP/2", &error))?;
    // What breaks it breaks the calls on it, which tell.
    tokio::task::spawn_local(async { drop(connection.await) });
    Ok(sender)
}
