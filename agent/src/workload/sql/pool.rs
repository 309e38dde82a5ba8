//! Connections that the workers of a load thread share.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::database::Session;

/// A pool of connections, none of which need be open.
#[derive(Debug)]
pub(super) struct Pool {
    /// As many as may be used at once.
    places: std::sync::Arc<Semaphore>,
    /// Open connections that nobody uses; the one that came back last goes out first.
    idle: RefCell<Vec<Session>>,
}

/// A place in the pool, with its connection if that is open.
#[derive(Debug)]
pub(super) struct Place {
    pool: Rc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    /// A pool of so many places.
    pub(super) fn new(size: usize) -> Self {
        Self { places: std::sync::Arc::new(Semaphore::new(size)), idle: RefCell::default() }
    }

    /// Waits for a place, in the order of those who wait.
    pub(super) async fn place(self: &Rc<Self>) -> Place {
        let permit = std::sync::Arc::clone(&self.places).acquire_owned().await;
        Place { pool: Rc::clone(self), _permit: permit.expect("a pool's places are never closed") }
    }
}

impl Place {
    /// The connection that came back last.
    pub(super) fn take(&self) -> Option<Session> {
        self.pool.idle.borrow_mut().pop()
    }

    /// Gives a connection back.
    pub(super) fn keep(&self, session: Session) {
        self.pool.idle.borrow_mut().push(session);
    }
}
