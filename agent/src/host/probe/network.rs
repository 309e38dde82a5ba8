//! What network interfaces did, and how often TCP had to send again.

use procfs::FromBufRead;
use procfs::net::InterfaceDeviceStatus;
use shared::host::HostMetric;

use super::{Instrument, Look};

/// The interface that leads nowhere else.
const LOOPBACK: &str = "lo";
const METRICS: [HostMetric; 7] = [
    HostMetric::NetworkReceived,
    HostMetric::NetworkSent,
    HostMetric::PacketsReceived,
    HostMetric::PacketsSent,
    HostMetric::NetworkDrops,
    HostMetric::NetworkErrors,
    HostMetric::TcpRetransmits,
];

/// Reads `/proc/net/dev` and `/proc/net/snmp`.
#[derive(Debug, Default)]
pub(super) struct Network {
    last: [Option<u64>; METRICS.len()],
}

impl Instrument for Network {
    fn look(&mut self, look: &mut Look<'_>) {
        let interfaces = look.source.text("proc/self/net/dev").ok();
        let interfaces =
            interfaces.and_then(|text| InterfaceDeviceStatus::from_buf_read(text.as_bytes()).ok());
        let sums = interfaces.map(|interfaces| sums(&interfaces));
        let retransmits = look.source.text("proc/self/net/snmp").ok().and_then(|text| retransmits(&text));
        let of_interfaces = (0..METRICS.len() - 1).map(|place| sums.map(|sums| sums[place]));
        let now: Vec<Option<u64>> = of_interfaces.chain([retransmits]).collect();
        for ((metric, now), last) in METRICS.into_iter().zip(now).zip(&mut self.last) {
            if let (Some(now), Some(before)) = (now, *last) {
                look.rate(metric, now, before);
            }
            *last = now;
        }
    }
}

/// Bytes and packets in and out, without the loopback's; drops and errors, with them.
fn sums(interfaces: &InterfaceDeviceStatus) -> [u64; 6] {
    let mut sums = [0_u64; 6];
    for (name, it) in &interfaces.0 {
        let traffic = [it.recv_bytes, it.sent_bytes, it.recv_packets, it.sent_packets];
        let traffic = if name == LOOPBACK { [0; 4] } else { traffic };
        let troubles = [it.recv_drop.saturating_add(it.sent_drop), it.recv_errs.saturating_add(it.sent_errs)];
        let counted = traffic.iter().chain(&troubles);
        sums.iter_mut().zip(counted).for_each(|(sum, count)| *sum = sum.saturating_add(*count));
    }
    sums
}

/// Two lines begin with `Tcp:`: the names, then the numbers.
fn retransmits(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(numbers.split_whitespace());
    pairs.find(|(name, _)| *name == "RetransSegs")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::HostProbe;
    use super::*;
    use crate::host::source::tests::{root_with, write};

    const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

    #[test]
    fn the_loopback_is_no_traffic() {
        let text = |bytes: u64| {
            format!(
                "{HEAD}    lo: 9{bytes} 1 0 0 0 0 0 0 {bytes} 1 0 0 0 0 0 0\n  eth0: {bytes} {bytes} 0 3 0 0 0 0 7 1 0 0 0 0 0 0\n"
            )
        };
        let snmp = |again: u64| format!("Tcp: RtoAlgorithm InSegs RetransSegs\nTcp: 1 900 {again}\nUdp: a\n");
        let root = root_with(&[("proc/self/net/dev", &text(100)), ("proc/self/net/snmp", &snmp(4))]);
        let mut probe = HostProbe::under(root.path());
        write(root.path(), &[("proc/self/net/dev", &text(300)), ("proc/self/net/snmp", &snmp(6))]);
        let sample = probe.sample().unwrap();
        let value = |metric| sample.value(metric).unwrap();
        let ratio = value(HostMetric::NetworkReceived) / value(HostMetric::TcpRetransmits);
        assert!((ratio - 100.0).abs() < 1e-6, "200 bytes, 2 segments: {ratio}");
        assert_eq!((value(HostMetric::NetworkSent), value(HostMetric::NetworkDrops)), (0.0, 0.0));
    }

    #[test]
    fn a_broken_table_of_tcp_tells_nothing() {
        for text in ["", "Tcp: RetransSegs\n", "Tcp: RetransSegs\nTcp:\n", "Tcp: RetransSegs\nTcp: x\n"] {
            assert_eq!(retransmits(text), None, "{text:?}");
        }
    }
}
