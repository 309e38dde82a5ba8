//! Made-up traces: the right order is found right, and each wrong one wrong.

use std::fmt::Write;

use proto::{Acknowledgement, IntervalBatch, NumberedInterval, ReportDown, ReportHello, ReportUp, TrialKey};
use proto::{report_down, report_up};

use super::*;

const DATABASE: &str = "/store/sled/db";

/// Lines of a trace, one a call, in order.
#[derive(Default)]
struct Trace(String);

impl Trace {
    fn new() -> Self {
        let mut trace = Self::default();
        trace.read(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let hello = ReportHello { agent_id: vec![7; 16] };
        trace.read(&frame(&ReportUp { message: Some(report_up::Message::Hello(hello)) }));
        trace
    }

    fn line(&mut self, line: &str) {
        writeln!(self.0, "100  {line}").unwrap();
    }

    fn read(&mut self, bytes: &[u8]) {
        self.line(&format!(
            "recvfrom(9<{}>, \"{}\", 99, 0, NULL, NULL) = {}",
            escaped(b"socket:[5]"),
            escaped(bytes),
            bytes.len()
        ));
    }

    fn interval(&mut self, sequence: u64) {
        self.read(&interval(sequence));
    }

    fn database_write(&mut self) {
        self.line(&format!("pwrite64(8<{}>, \"{}\", 1, 0) = 1", escaped(DATABASE.as_bytes()), escaped(&[0])));
    }

    fn sync(&mut self, file: &str, outcome: &str) {
        self.line(&format!("fsync(8<{}>) = {outcome}", escaped(file.as_bytes())));
    }

    fn stored(&mut self) {
        self.database_write();
        self.sync(DATABASE, "0");
    }

    fn acknowledge(&mut self, through_sequence: u64) {
        let acknowledgement = Acknowledgement { trial: Some(trial()), through_sequence };
        let down = ReportDown { message: Some(report_down::Message::Acknowledgement(acknowledgement)) };
        let bytes = frame(&down);
        let written = escaped(&bytes);
        self.line(&format!(
            "writev(9<{}>, [{{iov_base=\"{written}\", iov_len=1}}], 1) = {}",
            escaped(b"socket:[5]"),
            bytes.len()
        ));
    }

    fn violations(&self) -> usize {
        let findings = check(&self.0, DATABASE);
        assert!(findings.acknowledgements > 0, "no acknowledgement was seen: {findings:?}");
        findings.violations.len()
    }
}

fn trial() -> TrialKey {
    TrialKey { run_id: vec![1; 16], trial: 0, attempt: 0 }
}

fn interval(sequence: u64) -> Vec<u8> {
    let interval = NumberedInterval { trial: Some(trial()), sequence, interval: vec![3; 300], epoch: 0 };
    frame(&ReportUp { message: Some(report_up::Message::Batch(IntervalBatch { intervals: vec![interval] })) })
}

/// A message as gRPC sends it, in one DATA frame of stream 3.
fn frame(message: &impl prost::Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let head = [&[0][..], &u32::try_from(body.len()).unwrap().to_be_bytes()].concat();
    let length = u32::try_from(head.len() + body.len()).unwrap().to_be_bytes();
    [&length[1..], &[0, 0, 0, 0, 0, 3], &head, &body].concat()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[test]
fn an_acknowledgement_after_the_fsync_is_right() {
    let mut trace = Trace::new();
    for sequence in 0..3 {
        trace.interval(sequence);
        trace.stored();
        trace.acknowledge(sequence);
    }
    assert_eq!(trace.violations(), 0);
}

#[test]
fn one_fsync_serves_all_that_was_written_before_it() {
    let mut trace = Trace::new();
    trace.interval(0);
    trace.interval(1);
    trace.stored();
    trace.acknowledge(1);
    assert_eq!(trace.violations(), 0);
}

#[test]
fn an_acknowledgement_before_the_fsync_is_wrong() {
    let mut trace = Trace::new();
    trace.interval(0);
    trace.acknowledge(0);
    trace.stored();
    assert_eq!(trace.violations(), 1);
}

#[test]
fn an_fsync_from_before_the_interval_came_is_none() {
    let mut trace = Trace::new();
    trace.stored();
    trace.interval(0);
    trace.acknowledge(0);
    assert_eq!(trace.violations(), 1);
}

#[test]
fn an_interval_whose_last_byte_came_after_the_fsync_is_not_on_disk() {
    let mut trace = Trace::new();
    let bytes = interval(0);
    trace.read(&bytes[..bytes.len() - 1]);
    trace.stored();
    trace.read(&bytes[bytes.len() - 1..]);
    trace.acknowledge(0);
    assert_eq!(trace.violations(), 1);
}

#[test]
fn an_fsync_that_failed_or_of_another_file_or_of_nothing_is_none() {
    for broken in ["failed", "elsewhere", "nothing written"] {
        let mut trace = Trace::new();
        trace.interval(0);
        match broken {
            "failed" => {
                trace.database_write();
                trace.sync(DATABASE, "-1 EIO (Input/output error)");
            }
            "elsewhere" => {
                trace.database_write();
                trace.sync("/store/runs.ledger", "0");
            }
            _ => trace.sync(DATABASE, "0"),
        }
        trace.acknowledge(0);
        assert_eq!(trace.violations(), 1, "{broken}");
    }
}

#[test]
fn what_an_acknowledgement_covers_must_all_be_there() {
    let mut trace = Trace::new();
    trace.interval(0);
    trace.stored();
    trace.acknowledge(1);
    assert_eq!(trace.violations(), 1);
}

#[test]
fn an_fsync_that_ends_while_the_acknowledgement_leaves_is_too_late() {
    let mut trace = Trace::new();
    trace.interval(0);
    trace.database_write();
    let database = escaped(DATABASE.as_bytes());
    trace.0.push_str(&format!("200  fsync(8<{database}> <unfinished ...>\n"));
    trace.acknowledge(0);
    trace.0.push_str("200  <... fsync resumed>) = 0\n");
    assert_eq!(trace.violations(), 1);
}
