//! What a host is, as far as it can be read.
//!
//! Rooms: `cpu`, `frequency`, `kernel`, `limits` (what the agent may use), `devices`, `memory_modules`. What they tell stands in
//! [`shared::host::field`]; each says it, or why it cannot.

mod cpu;
mod devices;
mod frequency;
mod kernel;
mod limits;
#[cfg(test)]
mod machines;
mod memory_modules;

use std::collections::BTreeMap;
use std::path::Path;

use procfs::{FromBufRead, Meminfo};
use serde_json::Value;
use shared::host::Fingerprint;

use super::source::Source;
use crate::child::system;
pub(super) use limits::memory_limit_bytes;

/// Reads what this host is in short: what tells one host from another. Every field that stays `None` has its reason in
/// `unreadable`, under the field's name.
pub fn identity() -> Fingerprint {
    identity_of(&Source::under(Path::new("/")))
}

/// Reads what this host is, with all details.
pub fn fingerprint() -> Fingerprint {
    fingerprint_of(&Source::under(Path::new("/")))
}

fn fingerprint_of(source: &Source) -> Fingerprint {
    let mut fingerprint = identity_of(source);
    let mut details = BTreeMap::new();
    let mut told = Told { details: &mut details, unreadable: &mut fingerprint.unreadable };
    cpu::tell(source, &mut told);
    frequency::tell(source, &mut told);
    kernel::tell(source, &mut told);
    told.keep("memory_modules", memory_modules::modules(source));
    limits::tell(source, &mut told);
    devices::tell(source, &mut told);
    let is_synchronised =
        system::clock_is_synchronised().map_err(|error| format!("unreadable: adjtimex: {error}"));
    told.keep("clock_synchronised", is_synchronised.map(Value::from));
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    told.keep("build", Ok(build.into()));
    Fingerprint { details, ..fingerprint }
}

fn identity_of(source: &Source) -> Fingerprint {
    let uname = rustix::system::uname();
    let cpuinfo = source.text("proc/cpuinfo");
    let mut unreadable = BTreeMap::new();
    let mut note = Note { unreadable: &mut unreadable };
    let fingerprint = Fingerprint {
        hostname: note.keep("hostname", uname_field(uname.nodename())),
        operating_system: note.keep("operating_system", operating_system(source)),
        kernel: note.keep("kernel", uname_field(uname.release())),
        architecture: note.keep("architecture", uname_field(uname.machine())),
        cpu_model: note.keep("cpu_model", cpuinfo.as_deref().map_err(Clone::clone).and_then(cpu_model)),
        cpu_vendor: note.keep("cpu_vendor", cpuinfo.as_deref().map_err(Clone::clone).and_then(cpu_vendor)),
        cpus_online: note.keep("cpus_online", cpus_online(source)),
        memory_total_bytes: note.keep("memory_total_bytes", memory_total_bytes(source)),
        governors: note.keep("governors", governors(source)),
        hypervisor: note.keep(
            "hypervisor",
            cpuinfo.as_deref().map_err(Clone::clone).and_then(|text| hypervisor(text, source)),
        ),
        boot_id: note.keep("boot_id", source.value("proc/sys/kernel/random/boot_id")),
        fleetmark_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        details: BTreeMap::new(),
        unreadable: BTreeMap::new(),
    };
    Fingerprint { unreadable, ..fingerprint }
}

/// Collects why fields could not be read.
struct Note<'a> {
    unreadable: &'a mut BTreeMap<String, String>,
}

impl Note<'_> {
    fn keep<T>(&mut self, field: &str, read: Result<T, String>) -> Option<T> {
        read.map_err(|reason| self.unreadable.insert(field.to_owned(), reason)).ok()
    }
}

/// Collects details, `null` with its reason where one could not be read.
struct Told<'a> {
    details: &'a mut BTreeMap<String, Value>,
    unreadable: &'a mut BTreeMap<String, String>,
}

impl Told<'_> {
    fn keep(&mut self, field: &'static str, read: Result<Value, String>) {
        let value = read.unwrap_or_else(|reason| {
            self.unreadable.insert(field.to_owned(), reason);
            Value::Null
        });
        self.details.insert(field.to_owned(), value);
    }
}

fn uname_field(field: &std::ffi::CStr) -> Result<String, String> {
    let text = field.to_string_lossy();
    if text.is_empty() { Err("absent: uname leaves it empty".to_owned()) } else { Ok(text.into_owned()) }
}

fn operating_system(source: &Source) -> Result<String, String> {
    let text = source.text("etc/os-release").or_else(|_| source.text("usr/lib/os-release"))?;
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    // The format is that of shell assignments: values may be quoted.
    value
        .and_then(shlex::split)
        .map(|words| words.join(" "))
        .filter(|name| !name.is_empty())
        .ok_or_else(|| "absent: os-release has no PRETTY_NAME".to_owned())
}

/// The value of a field of the first CPU that has it.
fn cpu_field<'a>(cpuinfo: &'a str, field: &str) -> Option<&'a str> {
    let parts = |line: &'a str| line.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    cpuinfo
        .lines()
        .filter_map(parts)
        .find(|(name, value)| *name == field && !value.is_empty())
        .map(|(_, value)| value)
}

fn cpu_model(cpuinfo: &str) -> Result<String, String> {
    if let Some(model) = cpu_field(cpuinfo, "model name") {
        return Ok(model.to_owned());
    }
    // ARM kernels give numbers only.
    match (cpu_field(cpuinfo, "CPU implementer"), cpu_field(cpuinfo, "CPU part")) {
        (Some(implementer), Some(part)) => Ok(format!("implementer {implementer} part {part}")),
        _ => Err("absent: /proc/cpuinfo has no model name".to_owned()),
    }
}

fn cpu_vendor(cpuinfo: &str) -> Result<String, String> {
    cpu_field(cpuinfo, "vendor_id")
        .or_else(|| cpu_field(cpuinfo, "CPU implementer"))
        .map(str::to_owned)
        .ok_or_else(|| "absent: /proc/cpuinfo has no vendor".to_owned())
}

/// The hypervisor's name as far as it gives one; the CPU's flag alone says only that there is one.
fn hypervisor(cpuinfo: &str, source: &Source) -> Result<String, String> {
    let flags =
        cpu_field(cpuinfo, "flags").ok_or_else(|| "absent: /proc/cpuinfo has no CPU flags".to_owned())?;
    if !flags.split_whitespace().any(|flag| flag == "hypervisor") {
        return Err("absent: the CPU reports no hypervisor".to_owned());
    }
    let named = source.value("sys/hypervisor/type").or_else(|_| source.value("sys/class/dmi/id/sys_vendor"));
    Ok(named.unwrap_or_else(|_| "unnamed".to_owned()))
}

fn cpus_online(source: &Source) -> Result<u32, String> {
    let path = "sys/devices/system/cpu/online";
    let list = source.value(path)?;
    count_of_list(&list).ok_or_else(|| format!("unreadable: /{path} is no list of CPUs: {list:?}"))
}

/// How many numbers a kernel list like `0-3,5` has.
fn count_of_list(list: &str) -> Option<u32> {
    let count_of_range = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    list.split(',').try_fold(0_u32, |count, range| count.checked_add(count_of_range(range)?))
}

fn memory_total_bytes(source: &Source) -> Result<u64, String> {
    let text = source.text("proc/meminfo")?;
    Meminfo::from_buf_read(text.as_bytes())
        .map(|memory| memory.mem_total)
        .map_err(|error| format!("unreadable: /proc/meminfo: {error}"))
}

fn governors(source: &Source) -> Result<Vec<String>, String> {
    let cpus = "sys/devices/system/cpu";
    let names = source.names(cpus)?;
    let is_cpu = |name: &&String| {
        name.strip_prefix("cpu")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    };
    let read = |name: &String| source.value(&format!("{cpus}/{name}/cpufreq/scaling_governor")).ok();
    let mut governors: Vec<String> = names.iter().filter(is_cpu).filter_map(read).collect();
    governors.sort();
    governors.dedup();
    if governors.is_empty() {
        Err(format!("absent: no CPU in /{cpus} has a cpufreq/scaling_governor"))
    } else {
        Ok(governors)
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::root_with;
    use super::*;

    fn fingerprint_under(root: &Path) -> Fingerprint {
        fingerprint_of(&Source::under(root))
    }

    #[test]
    fn a_host_is_told_by_its_files() {
        let root = root_with(&[
            ("etc/os-release", "NAME=Debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
            (
                "proc/cpuinfo",
                "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon: Gold\nflags\t\t: fpu hypervisor\n",
            ),
            ("proc/meminfo", &meminfo(16_384)),
            ("proc/sys/kernel/random/boot_id", "6a1f\n"),
            ("sys/devices/system/cpu/online", "0-2,5\n"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
            ("sys/devices/system/cpu/cpu2/cpufreq/scaling_governor", "powersave\n"),
            ("sys/class/dmi/id/sys_vendor", "QEMU\n"),
        ]);
        let host = fingerprint_under(root.path());
        assert_eq!(host.operating_system.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(host.cpu_model.as_deref(), Some("Xeon: Gold"));
        assert_eq!(host.cpu_vendor.as_deref(), Some("GenuineIntel"));
        assert_eq!((host.cpus_online, host.memory_total_bytes), (Some(4), Some(16_384 * 1024)));
        assert_eq!(host.governors, Some(vec!["performance".to_owned(), "powersave".to_owned()]));
        assert_eq!((host.hypervisor.as_deref(), host.boot_id.as_deref()), (Some("QEMU"), Some("6a1f")));
        assert!(identity_of(&Source::under(root.path())).unreadable.is_empty(), "{:?}", host.unreadable);
    }

    /// As little of /proc/meminfo as reads, with this much memory in KiB.
    fn meminfo(total_kib: u64) -> String {
        let fields = "MemFree Buffers Cached SwapCached Active Inactive SwapTotal SwapFree Dirty Writeback Mapped Slab \
                      Committed_AS VmallocTotal VmallocUsed VmallocChunk";
        let rest: String = fields.split_whitespace().map(|name| format!("{name}: 1 kB\n")).collect();
        format!("MemTotal: {total_kib} kB\n{rest}")
    }

    #[test]
    fn every_absent_field_has_its_reason() {
        let root = root_with(&[]);
        let host = fingerprint_under(root.path());
        let fields = serde_json::to_value(&host).unwrap();
        for (field, value) in fields.as_object().unwrap() {
            assert!(!value.is_null() || host.unreadable.contains_key(field), "{field} is silently absent");
        }
        assert_eq!(host.unreadable["cpus_online"], "absent: /sys/devices/system/cpu/online is not there");
    }

    #[test]
    fn bare_metal_says_so() {
        let root = root_with(&[("proc/cpuinfo", "processor: 0\nflags: fpu sse\n")]);
        assert_eq!(
            fingerprint_under(root.path()).unreadable["hypervisor"],
            "absent: the CPU reports no hypervisor"
        );
    }

    #[test]
    fn an_arm_cpu_is_told_by_its_numbers() {
        let text = "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd0c\n";
        assert_eq!(cpu_model(text).as_deref(), Ok("implementer 0x41 part 0xd0c"));
        assert_eq!(cpu_vendor(text).as_deref(), Ok("0x41"));
    }

    #[test]
    fn broken_cpu_lists_are_refused() {
        assert_eq!(
            (count_of_list("0"), count_of_list("0-63"), count_of_list("0-1,4,6-7")),
            (Some(1), Some(64), Some(5))
        );
        for broken in ["", "a", "3-1", "0-", "0-4294967295", "1,,2"] {
            assert_eq!(count_of_list(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn this_host_can_be_told() {
        let host = fingerprint();
        assert!(host.cpus_online.is_some_and(|cpus| cpus >= 1), "{host:?}");
        assert!(host.kernel.is_some() && host.boot_id.is_some(), "{host:?}");
    }

    #[test]
    fn every_field_of_the_table_is_told_and_no_other() {
        let told: Vec<String> = fingerprint().details.into_keys().collect();
        let mut expected: Vec<&str> = shared::host::field::FIELDS.iter().map(|field| field.name).collect();
        expected.sort_unstable();
        assert_eq!(told, expected);
    }
}
