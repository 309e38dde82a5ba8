//! Bytes as a job writes them, for kinds that speak no protocol of their own: `tcp` and `udp`.
//!
//! Rooms: [`endpoint`] (where they go), [`payload`] (texts and hexadecimal digits, filled in), [`expectation`] (what must come
//! back).

pub(super) mod endpoint;
pub(super) mod expectation;
pub(super) mod payload;
