//! The CPUs: what they are, how they are laid out, and which of them may be used.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::source::Source;
use super::{Told, cpu_field};

const CPUS: &str = "sys/devices/system/cpu";
/// Characters of a digest: enough to tell any two sets of features apart.
const DIGEST_LETTERS: usize = 16;

/// Tells of the CPUs.
pub(super) fn tell(source: &Source, told: &mut Told<'_>) {
    let info = source.text("proc/cpuinfo");
    let info = |read: fn(&str) -> Option<Value>, what: &str| {
        let text = info.as_deref().map_err(Clone::clone)?;
        read(text).ok_or_else(|| format!("absent: /proc/cpuinfo tells no {what}"))
    };
    told.keep("cpu_family", info(family, "family"));
    told.keep("cpu_flags", info(flags, "features"));
    told.keep("microcode", info(|text| Some(cpu_field(text, "microcode")?.into()), "microcode"));
    told.keep("cpu_arm", info(arm, "ARM core"));
    told.keep("topology", topology(source));
    told.keep("caches", caches(source));
    told.keep("smt", source.value(&format!("{CPUS}/smt/control")).map(Value::from));
    told.keep("cpus_list", source.value(&format!("{CPUS}/online")).map(Value::from));
    let isolated = source.text(&format!("{CPUS}/isolated"));
    told.keep("cpus_isolated", isolated.map(|list| list.trim().into()));
}

fn family(info: &str) -> Option<Value> {
    let number = |field: &str| cpu_field(info, field)?.parse::<u32>().ok();
    Some(
        json!({ "family": number("cpu family")?, "model": number("model")?, "stepping": number("stepping") }),
    )
}

fn flags(info: &str) -> Option<Value> {
    let names = cpu_field(info, "flags").or_else(|| cpu_field(info, "Features"))?;
    let names: BTreeSet<&str> = names.split_whitespace().collect();
    let all = names.iter().copied().collect::<Vec<_>>().join(" ");
    let digest: String = Sha256::digest(all).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(json!({ "count": names.len(), "sha256": digest[..DIGEST_LETTERS] }))
}

/// Machines have cores of several kinds: each is told once.
fn arm(info: &str) -> Option<Value> {
    let of_core = |core: &str| {
        let field = |name: &str| cpu_field(core, name).map(str::to_owned);
        Some([field("CPU implementer")?, field("CPU variant")?, field("CPU part")?, field("CPU revision")?])
    };
    let kinds: BTreeSet<[String; 4]> = info.split("\n\n").filter_map(of_core).collect();
    let told = kinds.iter().map(|[implementer, variant, part, revision]| {
        json!({ "implementer": implementer, "variant": variant, "part": part, "revision": revision })
    });
    Some(Value::Array(told.collect())).filter(|_| !kinds.is_empty())
}

fn topology(source: &Source) -> Result<Value, String> {
    let cpus = source.numbered(CPUS, "cpu")?;
    let id = |cpu: &str, what: &str| source.value(&format!("{CPUS}/{cpu}/topology/{what}"));
    let mut cores: BTreeSet<(String, String)> = BTreeSet::new();
    let mut threads = 0;
    for (_, cpu) in &cpus {
        // One that is offline has no place.
        if let (Ok(package), Ok(core)) = (id(cpu, "physical_package_id"), id(cpu, "core_id")) {
            cores.insert((package, core));
            threads += 1;
        }
    }
    if threads == 0 {
        return Err(format!("absent: no CPU in /{CPUS} tells its place"));
    }
    let sockets: BTreeSet<&String> = cores.iter().map(|(package, _)| package).collect();
    let nodes = source.numbered("sys/devices/system/node", "node").map_or(1, |nodes| nodes.len());
    Ok(json!({ "sockets": sockets.len(), "cores": cores.len(), "threads": threads, "numa_nodes": nodes }))
}

fn caches(source: &Source) -> Result<Value, String> {
    let base = format!("{CPUS}/cpu0/cache");
    let cache = |(_, index): &(u32, String)| {
        let part = |what: &str| source.value(&format!("{base}/{index}/{what}")).ok();
        let (level, kind) = (part("level")?, part("type")?);
        Some(
            json!({ "level": level, "type": kind, "size": part("size"), "shared_by": part("shared_cpu_list") }),
        )
    };
    let caches: Vec<Value> = source.numbered(&base, "index")?.iter().filter_map(cache).collect();
    if caches.is_empty() { Err(format!("absent: /{base} tells none")) } else { Ok(caches.into()) }
}
