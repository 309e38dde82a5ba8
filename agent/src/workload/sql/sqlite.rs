//! Talking to SQLite: a file, opened within the agent.
//!
//! Its calls block. So each connection has a thread of its own, and a worker waits for it as it would wait for a server; other workers of
//! the load thread go on. Begin and end of an operation are read on the connection's thread: waking it counts nowhere
//! under a closed model, and as the generator's own lateness (`send_lag`, which is part of latency) under an open one.
//!
//! Rooms: `file` (where it is), `thread` (a connection's thread, and who waits for it), `connection` (what is done there), `refusal` (what
//! errors mean).

mod connection;
pub(super) mod file;
mod refusal;
pub(super) mod thread;
