//! Who may say what: an authority, the certificates that it signs, tokens to ask for one with, and TLS on both ends.
//!
//! Rooms: [`role`] (what a certificate allows), [`authority`] (who signs), [`certificate`] (what one says of its holder),
//! [`credentials`] (a key with its certificate, in a folder), [`join_token`] (what a newcomer is given), [`registry`] (the
//! authority's folder: what was signed, promised and revoked), [`tls`] (both ends of a connection), [`web_token`] (what browsers and API
//! clients show), `files` (how secrets are written).
//!
//! Times are seconds of Unix time and are passed in: nothing here reads a clock but TLS itself.

#![forbid(unsafe_code)]

pub mod authority;
pub mod certificate;
pub mod credentials;
mod files;
pub mod join_token;
pub mod registry;
pub mod role;
pub mod tls;
pub mod web_token;

/// Seconds of a day.
pub const DAY_S: u64 = 24 * 60 * 60;
