//! The kernel: its build, what it was started with, and how it deals with memory and time.

use std::collections::BTreeMap;

use procfs::{FromBufRead, Meminfo};
use serde_json::Value;

use super::super::source::Source;
use super::Told;

/// Tells of the kernel.
pub(super) fn tell(source: &Source, told: &mut Told<'_>) {
    let value = |path: &str| source.value(path).map(Value::from);
    told.keep("kernel_version", value("proc/version"));
    told.keep("command_line", source.value("proc/cmdline").map(|line| without_identifiers(&line).into()));
    told.keep("mitigations", mitigations(source));
    told.keep("clocksource", value("sys/devices/system/clocksource/clocksource0/current_clocksource"));
    let hugepages = source.value("sys/kernel/mm/transparent_hugepage/enabled");
    told.keep("transparent_hugepages", hugepages.map(|choices| chosen(&choices).into()));
    let number = |path: &str| source.number(path).map(Value::from);
    told.keep("hugepages", number("proc/sys/vm/nr_hugepages"));
    told.keep("swappiness", number("proc/sys/vm/swappiness"));
    told.keep("numa_balancing", number("proc/sys/kernel/numa_balancing"));
    told.keep("swap_total_bytes", swap_total_bytes(source));
    told.keep("congestion_control", value("proc/sys/net/ipv4/tcp_congestion_control"));
}

/// The choice in brackets: `always [madvise] never`.
fn chosen(choices: &str) -> String {
    let inside = choices.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(choices, |(choice, _)| choice).to_owned()
}

/// A command line without what tells one machine of many by its parts: ids of disks, addresses of network cards.
fn without_identifiers(line: &str) -> String {
    let masked = |word: &str| match word.split_once('=') {
        Some((key, value)) if is_identifier(key, value) => format!("{key}=…"),
        _ => word.to_owned(),
    };
    line.split_whitespace().map(masked).collect::<Vec<_>>().join(" ")
}

fn is_identifier(key: &str, value: &str) -> bool {
    const NAMES: [&str; 5] = ["uuid", "serial", "bootif", "mac", "hwaddr"];
    let (key, value) = (key.to_lowercase(), value.to_lowercase());
    let is_named = NAMES.iter().any(|name| key.contains(name) || value.starts_with(&format!("{name}=")));
    // 02:42:ac:11:00:02, and the same with dashes.
    let pairs = |mark: char| {
        let is_pair = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        value.split(mark).filter(is_pair).count() >= 6
    };
    is_named
        || value.contains("partuuid")
        || value.contains("by-uuid")
        || value.contains("by-id")
        || pairs(':')
        || pairs('-')
}

fn mitigations(source: &Source) -> Result<Value, String> {
    const WEAKNESSES: &str = "sys/devices/system/cpu/vulnerabilities";
    let names = source.names(WEAKNESSES)?;
    let told = names
        .into_iter()
        .filter_map(|name| Some((name.clone(), source.value(&format!("{WEAKNESSES}/{name}")).ok()?)));
    let told: BTreeMap<String, String> = told.filter(|(_, state)| state != "Not affected").collect();
    serde_json::to_value(told).map_err(|error| error.to_string())
}

fn swap_total_bytes(source: &Source) -> Result<Value, String> {
    let text = source.text("proc/meminfo")?;
    let memory = Meminfo::from_buf_read(text.as_bytes());
    memory
        .map(|memory| memory.swap_total.into())
        .map_err(|error| format!("unreadable: /proc/meminfo: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_no_part_of_the_machine_by_its_number() {
        let line = "quiet root=UUID=1b3c ro BOOTIF=01-02-42-ac-11-00-02 isolcpus=2-3 ip=a:02:42:ac:11:00:02 disk_serial=9 root=/dev/disk/by-id/x";
        let told = without_identifiers(line);
        assert_eq!(told, "quiet root=… ro BOOTIF=… isolcpus=2-3 ip=… disk_serial=… root=…");
    }

    #[test]
    fn the_choice_stands_in_brackets() {
        assert_eq!(
            (chosen("always [madvise] never"), chosen("never")),
            ("madvise".to_owned(), "never".to_owned())
        );
    }
}
