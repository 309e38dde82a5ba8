//! Who is let in, and the record of who did what. What each may ask then is said by the services' own table, in `rpc`.
//!
//! Rooms: [`gate`] (connections are accepted, greeted and handed on), `waiting_room` (how many may be unknown at once),
//! [`peer`] (who calls), [`needs`] (what is needed of them), [`registrar`] (gives and takes certificates), [`audit`] (who did
//! what).

pub(crate) mod audit;
pub(crate) mod gate;
pub(crate) mod needs;
pub(crate) mod peer;
pub(crate) mod registrar;
pub(crate) mod waiting_room;
