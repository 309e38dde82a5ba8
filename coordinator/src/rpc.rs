//! The gRPC services: the only place of the coordinator that knows the wire's types.

pub(crate) mod agent_service;
pub(crate) mod codec;
pub(crate) mod control_service;

use std::pin::Pin;

use futures_util::Stream;
use proto::convert::ConvertError;
use tonic::Status;

/// A stream of answers.
type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A message that breaks the wire's rules.
fn malformed(error: ConvertError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// The coordinator is going down.
fn stopping<T>(_: T) -> Status {
    Status::unavailable("the coordinator is stopping")
}

/// Refuses a peer whose protocol is another.
fn check_protocol(theirs: u32, who: &str) -> Result<(), Status> {
    if theirs == proto::PROTOCOL_VERSION {
        return Ok(());
    }
    let (ours, advice) =
        (proto::PROTOCOL_VERSION, if theirs < proto::PROTOCOL_VERSION { who } else { "the coordinator" });
    Err(Status::failed_precondition(format!(
        "{who} speaks protocol {theirs} and this coordinator {ours}: update {advice} to the other's fleetmark version"
    )))
}
