//! How fast the CPUs may run: every cpufreq policy, boost, and the firmware's profile.

use serde_json::{Value, json};

use super::super::source::Source;
use super::{Told, count_of_list};

const CPUFREQ: &str = "sys/devices/system/cpu/cpufreq";
const PSTATE: &str = "sys/devices/system/cpu/intel_pstate";

/// Tells how fast the CPUs may run.
pub(super) fn tell(source: &Source, told: &mut Told<'_>) {
    told.keep("frequency_policies", policies(source));
    told.keep("boost", boost(source));
    told.keep("platform_profile", source.value("sys/firmware/acpi/platform_profile").map(Value::from));
}

/// Policies that are alike are told once, with how many CPUs they have together.
fn policies(source: &Source) -> Result<Value, String> {
    let mut kinds: Vec<(Value, u32)> = Vec::new();
    for (_, policy) in source.numbered(CPUFREQ, "policy")? {
        let word = |what: &str| source.value(&format!("{CPUFREQ}/{policy}/{what}")).ok();
        let mhz = |what: &str| word(what)?.parse::<u64>().ok().map(|khz| khz / 1_000);
        let cpus =
            word("affected_cpus").map_or(1, |cpus| count_of_list(&cpus.replace(' ', ",")).unwrap_or(1));
        let kind = json!({
            "driver": word("scaling_driver"),
            "governor": word("scaling_governor"),
            "least_mhz": mhz("scaling_min_freq"),
            "most_mhz": mhz("scaling_max_freq"),
            "energy_preference": word("energy_performance_preference"),
        });
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, sum)) => *sum += cpus,
            None => kinds.push((kind, cpus)),
        }
    }
    let told = kinds.into_iter().map(|(mut kind, cpus)| {
        kind["cpus"] = cpus.into();
        kind
    });
    let told: Vec<Value> = told.collect();
    if told.is_empty() { Err(format!("absent: /{CPUFREQ} has no policy")) } else { Ok(told.into()) }
}

fn boost(source: &Source) -> Result<Value, String> {
    let general = source.value(&format!("{CPUFREQ}/boost")).map(|value| value != "0");
    let intel = || source.value(&format!("{PSTATE}/no_turbo")).map(|value| value == "0");
    general.or_else(|reason| intel().map_err(|_| reason)).map(Value::from)
}
