//! The wire: types generated from the `.proto` files beside this folder, and conversions to and from the domain.
//!
//! Only [`convert`] here and the `rpc` modules of the other rooms know these types.
#![forbid(unsafe_code)]

pub mod convert;

/// The protocol this build speaks. Raised when an older peer would misunderstand a newer one; fields that
/// an older peer may ignore do not raise it.
pub const PROTOCOL_VERSION: u32 = 1;

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
