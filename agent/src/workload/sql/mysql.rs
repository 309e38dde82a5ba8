//! Talking to MySQL and MariaDB: packets of the beginning are a library's, connections are made as for every other kind, and rows are
//! counted as they pass, so that none is ever held.
//!
//! Rooms: `server` (where it is, and who we are there), `wire` (packets over a connection), `greeting` (being let in), `session` (an open
//! connection), `answer` (what comes back), `refusal` (what errors mean).

mod answer;
mod greeting;
mod refusal;
pub(super) mod server;
pub(super) mod session;
mod wire;
