//! Disks, file systems and network interfaces. None is told by a serial number or an address.

use serde_json::{Value, json};

use super::super::source::Source;
use super::Told;

/// Most devices of a kind that are told: more are made by software, and alike.
const DEVICES_MAX: usize = 64;
/// Beginnings of the names of disks that no device stands behind.
const MADE_UP_DISKS: [&str; 4] = ["loop", "ram", "zram", "dm-"];

/// Tells of devices.
pub(super) fn tell(source: &Source, told: &mut Told<'_>) {
    told.keep("disks", disks(source));
    told.keep("file_system", file_systems(source));
    told.keep("network_interfaces", interfaces(source));
    let offloads = "unreadable: the kernel tells it by a system call alone; `ethtool -k` shows it";
    told.keep("network_offloads", Err(offloads.to_owned()));
}

fn disks(source: &Source) -> Result<Value, String> {
    let names = source.names("sys/block")?;
    let is_real = |name: &String| !MADE_UP_DISKS.iter().any(|beginning| name.starts_with(beginning));
    let disk = |name: String| {
        let word = |what: &str| source.value(&format!("sys/block/{name}/{what}")).ok();
        let scheduler = word("queue/scheduler").map(|choices| {
            choices
                .split_once('[')
                .and_then(|(_, rest)| rest.split_once(']'))
                .map_or(choices.clone(), |(it, _)| it.to_owned())
        });
        json!({
            "name": name,
            "model": word("device/model"),
            "bytes": word("size").and_then(|sectors| sectors.parse::<u64>().ok()?.checked_mul(512)),
            "scheduler": scheduler,
            "rotates": word("queue/rotational").map(|rotates| rotates == "1"),
            "write_cache": word("queue/write_cache"),
        })
    };
    Ok(names.into_iter().filter(is_real).take(DEVICES_MAX).map(disk).collect::<Vec<_>>().into())
}

/// The root's file system and that of temporary files, which a benchmark is most likely to write to.
fn file_systems(source: &Source) -> Result<Value, String> {
    let mounts = source.text("proc/self/mountinfo")?;
    let told = ["/", "/tmp"]
        .into_iter()
        .filter_map(|place| Some((place, mounts.lines().rev().find_map(|line| mounted(line, place))?)));
    let told: Vec<Value> = told
        .map(|(place, (kind, options))| json!({ "place": place, "type": kind, "options": options }))
        .collect();
    if told.is_empty() { Err("absent: /proc/self/mountinfo has no root".to_owned()) } else { Ok(told.into()) }
}

/// Type and options of what is mounted at a place; the fifth field of mountinfo is where, the sixth how.
fn mounted(line: &str, place: &str) -> Option<(String, String)> {
    let (before, behind) = line.split_once(" - ")?;
    let mut before = before.split(' ').skip(4);
    (before.next()? == place).then_some(())?;
    Some((behind.split(' ').next()?.to_owned(), before.next()?.to_owned()))
}

fn interfaces(source: &Source) -> Result<Value, String> {
    const NET: &str = "sys/class/net";
    let interface = |name: String| {
        let word = |what: &str| source.value(&format!("{NET}/{name}/{what}")).ok();
        let number = |what: &str| word(what)?.parse::<i64>().ok().filter(|number| *number >= 0);
        json!({
            "name": name,
            "driver": source.link_name(&format!("{NET}/{name}/device/driver")).ok(),
            "state": word("operstate"),
            "mbit_per_s": number("speed"),
            "mtu": number("mtu"),
        })
    };
    // What software makes comes and goes with containers, and says nothing of the machine.
    let is_real = |name: &String| source.has(&format!("{NET}/{name}/device"));
    Ok(source
        .names(NET)?
        .into_iter()
        .filter(is_real)
        .take(DEVICES_MAX)
        .map(interface)
        .collect::<Vec<_>>()
        .into())
}
