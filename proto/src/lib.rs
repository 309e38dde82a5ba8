//! The wire: types generated from the `.proto` files beside this folder, and conversions to and from the domain.
//!
//! Only [`convert`], [`channel`] and [`enrolment`] here (what all clients do alike) and the `rpc` modules of the other rooms
//! know these types.
#![forbid(unsafe_code)]

pub mod channel;
pub mod convert;
pub mod enrolment;

/// The protocol this build speaks. Raised when an older peer would misunderstand a newer one; fields that
/// an older peer may ignore do not raise it.
pub const PROTOCOL_VERSION: u32 = 2;

/// The path of every call of every service, as HTTP/2 names it: `/fleetmark.v1.ControlService/Submit`.
pub const CALLS: &[&str] = include!(concat!(env!("OUT_DIR"), "/calls.rs"));

/// Version 1 of the wire, as generated.
#[expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated code is documented in the .proto files it comes from"
)]
pub mod v1 {
    tonic::include_proto!("fleetmark.v1");
}

pub use v1::*;
