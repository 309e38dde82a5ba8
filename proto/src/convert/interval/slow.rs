//! The slowest operations on the wire: bounded in number and length.

use shared::interval::slow::{SLOWEST_MAX, SlowOperation};

use crate::convert::ConvertError;

/// One as it travels.
pub(super) fn written(slow: &SlowOperation) -> crate::SlowOperation {
    crate::SlowOperation {
        latency_ns: slow.latency_ns,
        ended_at_ns: slow.ended_at_ns,
        worker: slow.worker,
        request: slow.request.clone(),
    }
}

/// Reads those of one operation.
///
/// # Errors
/// When there are too many.
pub(super) fn slowest(slowest: Vec<crate::SlowOperation>) -> Result<Vec<SlowOperation>, ConvertError> {
    if slowest.len() > SLOWEST_MAX {
        return Err(ConvertError::new("slowest", format!("{} are more than {SLOWEST_MAX}", slowest.len())));
    }
    let read = |slow: crate::SlowOperation| SlowOperation {
        latency_ns: slow.latency_ns,
        ended_at_ns: slow.ended_at_ns,
        worker: slow.worker,
        request: slow.request,
    };
    Ok(slowest.into_iter().map(|slow| read(slow).bounded()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_operation_survives_the_wire_and_a_strangers_is_bounded() {
        let slow =
            SlowOperation { latency_ns: 9, ended_at_ns: 7, worker: 3, request: Some("GET /".to_owned()) };
        assert_eq!(slowest(vec![written(&slow)]), Ok(vec![slow.clone()]));
        let long = crate::SlowOperation { request: Some("x".repeat(10_000)), ..written(&slow) };
        let read = slowest(vec![long]).unwrap();
        assert!(read[0].request.as_ref().is_some_and(|request| request.len() <= 512));
        assert!(slowest(vec![written(&slow); SLOWEST_MAX + 1]).is_err());
    }
}
