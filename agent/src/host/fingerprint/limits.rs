//! What the agent may use of the host: container, control groups, CPU set, user limits.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::cgroup::{Groups, Version};
use super::super::source::Source;
use super::Told;

/// From here on a limit of version 1 means none: it is the largest number of pages, in bytes.
const UNLIMITED_BYTES: u64 = 1 << 60;
/// Which of the user's limits are told, by the kernel's words.
const USER_LIMITS: [(&str, &str); 4] = [
    ("Max open files", "open_files"),
    ("Max processes", "processes"),
    ("Max locked memory", "locked_memory_bytes"),
    ("Max stack size", "stack_bytes"),
];

/// Tells what the agent may use.
pub(super) fn tell(source: &Source, told: &mut Told<'_>) {
    told.keep("container", Ok(source.container().unwrap_or("none").into()));
    let version = Groups::of("cpu", source).map(|groups| match groups.version {
        Version::One => 1,
        Version::Two => 2,
    });
    told.keep("cgroup", version.map(Value::from));
    told.keep("cpu_limit_cores", cpu_limit_cores(source));
    told.keep("memory_limit_bytes", memory_limit_bytes(source));
    told.keep("cpuset", cpuset(source));
    told.keep("user_limits", user_limits(source));
}

/// The lowest quota of the groups.
fn cpu_limit_cores(source: &Source) -> Result<Value, String> {
    let of_group = |version: Version, directory: &str| match version {
        Version::One => {
            let quota = source.value(&format!("{directory}/cpu.cfs_quota_us")).ok()?.parse::<i64>().ok()?;
            let period = source.number(&format!("{directory}/cpu.cfs_period_us")).ok()?;
            Some(if quota > 0 && period > 0 { quota as f64 / period as f64 } else { f64::INFINITY })
        }
        Version::Two => {
            let text = source.value(&format!("{directory}/cpu.max")).ok()?;
            let (quota, period) = text.split_once(' ')?;
            let period: f64 = period.parse().ok()?;
            Some(quota.parse::<f64>().map_or(f64::INFINITY, |quota| quota / period))
        }
    };
    lowest(&Groups::of("cpu", source)?.each(of_group), "CPU quota")
}

/// The lowest limit of the groups.
pub(in crate::host) fn memory_limit_bytes(source: &Source) -> Result<Value, String> {
    let of_group = |version: Version, directory: &str| {
        let file = match version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        let text = source.value(&format!("{directory}/{file}")).ok()?;
        let bytes = text.parse::<u64>().ok().filter(|bytes| *bytes < UNLIMITED_BYTES);
        Some(bytes.map_or(f64::INFINITY, |bytes| bytes as f64))
    };
    lowest(&Groups::of("memory", source)?.each(of_group), "memory limit")
}

/// The highest group of version 2 has no files of limits: it has none.
fn lowest(limits: &[f64], what: &str) -> Result<Value, String> {
    let lowest = limits.iter().copied().reduce(f64::min);
    match lowest {
        Some(limit) if limit.fract() == 0.0 => Ok((limit as u64).into()),
        Some(limit) if limit.is_finite() => Ok(limit.into()),
        Some(_) => Ok("none".into()),
        None => Err(format!("absent: no control group of the agent tells its {what}")),
    }
}

fn cpuset(source: &Source) -> Result<Value, String> {
    let status = source.text("proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map(|list| list.trim().into())
        .ok_or_else(|| "absent: /proc/self/status has no Cpus_allowed_list".to_owned())
}

fn user_limits(source: &Source) -> Result<Value, String> {
    let text = source.text("proc/self/limits")?;
    let soft = |label: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(label))?;
        let word = line.split_whitespace().next()?;
        Some(word.parse::<u64>().map_or_else(|_| json!(word), |number| json!(number)))
    };
    let told: BTreeMap<&str, Value> =
        USER_LIMITS.iter().filter_map(|(label, key)| Some((*key, soft(label)?))).collect();
    serde_json::to_value(told).map_err(|error| error.to_string())
}
