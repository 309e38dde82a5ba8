//! The agent's side of the wire: the only place of the agent that knows the wire's types.

pub(crate) mod codec;
pub mod link;
pub(crate) mod membership;
pub(crate) mod uplink;
