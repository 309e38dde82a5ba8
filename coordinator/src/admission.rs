//! Who is let in, what each may ask, and the record of it.
//!
//! Rooms: [`gate`] (connections are accepted, greeted and handed on), `waiting_room` (how many may be unknown at once),
//! [`peer`] (who calls), [`roles`] (which call needs which role: one table), [`doorkeeper`] (holds that table against every
//! call), [`registrar`] (gives and takes certificates), [`audit`] (who did what).

pub(crate) mod audit;
pub(crate) mod doorkeeper;
pub(crate) mod gate;
pub(crate) mod peer;
pub(crate) mod registrar;
pub(crate) mod roles;
mod waiting_room;
