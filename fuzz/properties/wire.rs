//! What must hold of any bytes that say they are a message of the wire.

use agent::rpc::link::words;
use coordinator::rpc::agent_service::{attach, hello};
use prost::Message;
use proto::convert::{confidential, interval};
use shared::event::RunEvent;
use shared::finding::Finding;
use shared::fleet::AgentStatus;
use shared::ids::AgentId;
use shared::plan::Assignment;
use shared::run_record::RunSummary;

/// How each message is read; the first byte of an input says which it is.
const READERS: &[fn(&[u8])] = &[
    |bytes| read(bytes, |message: proto::AttachDown| drop(words::order(message))),
    |bytes| read(bytes, |message: proto::ReportDown| drop(words::receipt(message))),
    |bytes| read(bytes, said),
    |bytes| read(bytes, |message: proto::Hello| drop(hello::introduction(message, None))),
    |bytes| read(bytes, assigned),
    measured,
    |bytes| read(bytes, |message: proto::RunEvent| drop(RunEvent::try_from(message))),
    |bytes| read(bytes, |message: proto::RunSummary| drop(RunSummary::try_from(message))),
    |bytes| read(bytes, |message: proto::AgentStatus| drop(AgentStatus::try_from(message))),
    |bytes| read(bytes, |message: proto::Finding| drop(Finding::try_from(message))),
    |bytes| read(bytes, |message: proto::SubmitRequest| drop(confidential::secrets(message.secrets))),
    |bytes| read(bytes, |message: proto::IntervalBatch| message.intervals.iter().for_each(numbered)),
];

/// Panics unless the bytes are refused, or are a message that means the same when it is sent on.
pub fn holds(bytes: &[u8]) {
    if let Some((which, message)) = bytes.split_first() {
        READERS[usize::from(*which) % READERS.len()](message);
    }
}

fn read<M: Message + Default>(bytes: &[u8], understand: impl Fn(M)) {
    if let Ok(message) = M::decode(bytes) {
        understand(message);
    }
}

fn said(message: proto::AttachUp) {
    if let Some(message) = message.message {
        drop(attach::read(AgentId::new([7; 16]), message, 1));
    }
}

fn assigned(message: proto::Prepare) {
    if let Ok(assignment) = Assignment::try_from(message) {
        assert_eq!(Assignment::try_from(proto::Prepare::from(assignment.clone())), Ok(assignment));
    }
}

fn measured(bytes: &[u8]) {
    if let Ok(measured) = interval::decode(bytes) {
        let sent_on = interval::encode(&measured);
        let again = interval::decode(&sent_on).expect("what was understood once is understood again");
        assert_eq!(interval::encode(&again), sent_on);
    }
}

fn numbered(message: &proto::NumberedInterval) {
    measured(&message.interval);
}
