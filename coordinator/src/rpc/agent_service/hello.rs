//! An agent's hello, checked in full.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use proto::convert::{ConvertError, agent_id, trial_key};
use shared::ids::{AgentName, HostAddress, LeaseEpoch};
use shared::interval::fold::ALL_AGENTS;
use tonic::Status;

use super::super::{check_protocol, malformed};
use crate::fleet::Introduction;

/// Most labels, and most facts.
const PAIRS_MAX: usize = 64;
/// Longest key or value, in bytes.
const PAIR_BYTES_MAX: usize = 256;
/// Longest fingerprint, in bytes.
const FINGERPRINT_BYTES_MAX: usize = 256 * 1024;
/// Most workload kinds.
const KINDS_MAX: usize = 64;
/// Most slots of a host.
const SLOTS_MAX: u32 = 64;
/// Most trials that an agent may still hold: one of each run that it can have been leased to.
const LEASES_MAX: usize = crate::schedule::ACTIVE_RUNS_MAX;
/// Longest version, reservation or namespace, in bytes.
const WORD_BYTES_MAX: usize = 128;

/// Reads a hello.
///
/// # Errors
/// What the stream is to be ended with: it speaks another protocol, or breaks the wire's rules.
pub fn introduction(hello: proto::Hello, address: Option<IpAddr>) -> Result<Introduction, Status> {
    check_protocol(hello.protocol_version, "this agent")?;
    read(hello, address).map_err(malformed)
}

fn read(hello: proto::Hello, address: Option<IpAddr>) -> Result<Introduction, ConvertError> {
    check_pairs("labels", &hello.labels)?;
    check_pairs("facts", &hello.facts)?;
    if hello.fingerprint_json.len() > FINGERPRINT_BYTES_MAX {
        return Err(ConvertError::new(
            "fingerprint_json",
            format!("is longer than {FINGERPRINT_BYTES_MAX} bytes"),
        ));
    }
    if hello.kinds.len() > KINDS_MAX {
        return Err(ConvertError::new("kinds", format!("{} are more than {KINDS_MAX}", hello.kinds.len())));
    }
    if hello.refused_kinds.len() > KINDS_MAX {
        let problem = format!("{} are more than {KINDS_MAX}", hello.refused_kinds.len());
        return Err(ConvertError::new("refused_kinds", problem));
    }
    if hello.slots == 0 || hello.slots > SLOTS_MAX {
        return Err(ConvertError::new("slots", format!("{} are not 1 to {SLOTS_MAX}", hello.slots)));
    }
    let words = [&hello.reservation, &hello.fleetmark_version, &hello.clock_namespace];
    if words.iter().any(|word| word.len() > WORD_BYTES_MAX) {
        return Err(ConvertError::new(
            "reservation",
            format!("it, the version or the clock's namespace is longer than {WORD_BYTES_MAX} bytes"),
        ));
    }
    if agent_id(&hello.agent_id)? == ALL_AGENTS {
        return Err(ConvertError::new("agent_id", "is all zeros, which is no agent's"));
    }
    if hello.leases.len() > LEASES_MAX {
        let problem = format!("{} are more than {LEASES_MAX}", hello.leases.len());
        return Err(ConvertError::new("leases", problem));
    }
    Ok(Introduction {
        id: agent_id(&hello.agent_id)?,
        name: AgentName::new(hello.name).map_err(|error| ConvertError::new("name", error))?,
        labels: hello.labels,
        facts: hello.facts,
        fingerprint: serde_json::from_str(&hello.fingerprint_json)
            .map_err(|error| ConvertError::new("fingerprint_json", error))?,
        fleetmark_version: hello.fleetmark_version,
        slots: hello.slots,
        kinds: hello.kinds.into_iter().map(|kind| kind.kind).collect(),
        refused_kinds: hello.refused_kinds,
        may_run_programs: hello.may_run_programs,
        // That is not for the agent to say.
        is_private: false,
        reservation: (!hello.reservation.is_empty()).then_some(hello.reservation),
        advertise: (!hello.advertise.is_empty())
            .then(|| HostAddress::new(hello.advertise))
            .transpose()
            .map_err(|error| ConvertError::new("advertise", error))?,
        address: address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        clock_namespace: (!hello.clock_namespace.is_empty()).then_some(hello.clock_namespace),
        holds: hello
            .leases
            .into_iter()
            .map(|lease| Ok((trial_key(lease.trial)?, LeaseEpoch(lease.epoch))))
            .collect::<Result<_, ConvertError>>()?,
    })
}

fn check_pairs(field: &'static str, pairs: &BTreeMap<String, String>) -> Result<(), ConvertError> {
    if pairs.len() > PAIRS_MAX {
        return Err(ConvertError::new(field, format!("{} are more than {PAIRS_MAX}", pairs.len())));
    }
    match pairs
        .iter()
        .find(|(key, value)| key.is_empty() || key.len() > PAIR_BYTES_MAX || value.len() > PAIR_BYTES_MAX)
    {
        Some((key, _)) => Err(ConvertError::new(
            field,
            format!("the key or value of {key:?} is empty or longer than {PAIR_BYTES_MAX} bytes"),
        )),
        None => Ok(()),
    }
}
