//! Who shares which connection: workers of a load thread in the order in which they were made, so many to each.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use super::Streams;
use super::driver::ReadBuffer;
use super::lease::Berth;
use crate::workload::connection::buffers::Buffers;
use crate::workload::connection::target::Protocol;
use crate::workload::http::HttpPlan;
use crate::workload::http::remembered::Remembered;

/// What the workers of one load thread share.
#[derive(Debug)]
pub(in crate::workload::http) struct HttpDesk {
    seated: Cell<u32>,
    /// The connections of the workers that were made last.
    open: RefCell<Rc<[Berth]>>,
    /// Where all of them read into.
    buffer: OnceCell<ReadBuffer>,
    /// The last head that answered each operation over HTTP/1.1.
    remembered: Rc<[RefCell<Remembered>]>,
    /// What answers over HTTP/1.1 are read into.
    buffers: Buffers,
}

impl HttpDesk {
    /// The desk of a thread that does so many operations.
    pub(in crate::workload::http) fn new(operations: usize) -> Self {
        let remembered = (0..operations).map(|_| RefCell::default()).collect();
        Self {
            seated: Cell::default(),
            open: RefCell::default(),
            buffer: OnceCell::new(),
            remembered,
            buffers: Buffers::default(),
        }
    }

    /// The last heads, for all workers of the thread.
    pub(in crate::workload::http) fn remembered(&self) -> Rc<[RefCell<Remembered>]> {
        Rc::clone(&self.remembered)
    }

    /// The buffers of HTTP/1.1, for all workers of the thread.
    pub(in crate::workload::http) fn buffers(&self) -> Buffers {
        self.buffers.clone()
    }

    /// The part of the next worker.
    pub(in crate::workload::http) fn seat(&self, plan: &HttpPlan) -> Streams {
        let number = self.seated.replace(self.seated.get().wrapping_add(1));
        let speaks_http2 = plan.targets.iter().any(|target| target.route.protocol == Protocol::Http2);
        if speaks_http2 && number.is_multiple_of(plan.connections.streams) {
            let count = plan.targets.len() * plan.connections.per_worker as usize;
            let first = (number / plan.connections.streams) as usize;
            let buffer = self.buffer.get_or_init(ReadBuffer::new);
            let operations = plan.operations.len();
            let berth = |place: usize| Berth::new(first + place, operations, buffer.clone());
            *self.open.borrow_mut() = (0..count).map(berth).collect();
        }
        Streams::new(Rc::clone(&self.open.borrow()))
    }
}
