//! Talking to PostgreSQL: the protocol is a library's, connections are made as for every other kind.
//!
//! Rooms: `server` (where it is, and how it is spoken to), `session` (an open connection), `bounded` (its rows), `encryption` (TLS, which
//! is asked for within the protocol), `refusal` (what errors mean).

mod bounded;
mod encryption;
mod refusal;
pub(super) mod server;
pub(super) mod session;
