//! Fingerprints of whole machines, from the files that such machines have.

use std::path::Path;

use serde_json::{Value, json};

use super::super::source::tests::root_with;
use super::*;

const MOUNTS_1: &str = "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
    30 21 0:26 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
    31 21 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
const MOUNTS_2: &str = "21 1 259:2 / / rw,noatime shared:1 - xfs /dev/nvme0n1p2 rw,attr2\n\
    22 21 0:30 / /tmp rw,nosuid - tmpfs tmpfs rw\n\
    30 21 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const CPU: &str = "sys/devices/system/cpu";

fn told(files: &[(&str, &str)]) -> Fingerprint {
    let root = root_with(files);
    fingerprint_of(&Source::under(Path::new(root.path())))
}

fn detail<'a>(host: &'a Fingerprint, field: &str) -> &'a Value {
    &host.details[field]
}

/// Files below a folder.
fn below(folder: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| (format!("{folder}/{name}"), (*text).to_owned())).collect()
}

fn borrowed(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect()
}

#[test]
fn a_virtual_machine_with_control_groups_of_version_one() {
    let host = told(&[
        (
            "proc/cpuinfo",
            "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\nstepping\t: 1\nmicrocode\t: 0x1000065\nflags\t\t: fpu sse hypervisor\n",
        ),
        ("proc/self/cgroup", "4:memory:/half\n1:cpu:/half\n0::/\n"),
        ("proc/self/mountinfo", MOUNTS_1),
        ("sys/fs/cgroup/cpu/half/cpu.cfs_quota_us", "50000\n"),
        ("sys/fs/cgroup/cpu/half/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
        ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ("sys/fs/cgroup/memory/half/memory.limit_in_bytes", "9223372036854771712\n"),
        ("sys/devices/system/clocksource/clocksource0/current_clocksource", "kvm-clock\n"),
    ]);
    assert_eq!(detail(&host, "cpu_family"), &json!({ "family": 26, "model": 2, "stepping": 1 }));
    assert_eq!(detail(&host, "cpu_limit_cores"), &json!(0.5), "the quota of its own group is the lowest");
    assert_eq!((detail(&host, "memory_limit_bytes"), detail(&host, "cgroup")), (&json!("none"), &json!(1)));
    assert_eq!(
        (detail(&host, "clocksource"), host.hypervisor.as_deref()),
        (&json!("kvm-clock"), Some("unnamed"))
    );
    assert_eq!(host.unreadable["frequency_policies"], "absent: /sys/devices/system/cpu/cpufreq is not there");
}

#[test]
fn an_arm_server_with_cores_of_two_kinds() {
    let core = |number: u32, part: &str, revision: u32| {
        format!(
            "processor\t: {number}\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd sve\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: {part}\nCPU revision\t: {revision}\n"
        )
    };
    let cpuinfo = [core(0, "0xd0c", 1), core(1, "0xd0c", 1), core(2, "0xd4f", 0)].join("\n");
    let host = told(&[
        ("proc/cpuinfo", &cpuinfo),
        ("proc/self/cgroup", "0::/bench.slice\n"),
        ("proc/self/mountinfo", MOUNTS_2),
        ("sys/fs/cgroup/bench.slice/cpu.max", "max 100000\n"),
        ("sys/fs/cgroup/bench.slice/memory.max", "8589934592\n"),
        ("sys/devices/system/node/node0/meminfo", ""),
        ("sys/devices/system/node/node1/meminfo", ""),
        (&format!("{CPU}/cpu0/topology/physical_package_id"), "0\n"),
        (&format!("{CPU}/cpu0/topology/core_id"), "0\n"),
        (&format!("{CPU}/cpu1/topology/physical_package_id"), "1\n"),
        (&format!("{CPU}/cpu1/topology/core_id"), "0\n"),
        (&format!("{CPU}/isolated"), "\n"),
    ]);
    let kinds = detail(&host, "cpu_arm").as_array().unwrap();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert_eq!(
        kinds[0],
        json!({ "implementer": "0x41", "variant": "0x3", "part": "0xd0c", "revision": "1" })
    );
    assert_eq!(detail(&host, "cpu_flags")["count"], 3);
    assert_eq!(
        detail(&host, "topology"),
        &json!({ "sockets": 2, "cores": 2, "threads": 2, "numa_nodes": 2 })
    );
    assert_eq!((detail(&host, "cpu_limit_cores"), detail(&host, "cgroup")), (&json!("none"), &json!(2)));
    assert_eq!(detail(&host, "memory_limit_bytes"), &json!(8_589_934_592_u64));
    assert_eq!(detail(&host, "cpus_isolated"), &json!(""), "none is something else than not known");
    let places: Vec<&Value> =
        detail(&host, "file_system").as_array().unwrap().iter().map(|it| &it["type"]).collect();
    assert_eq!(places, ["xfs", "tmpfs"]);
}

#[test]
fn bare_metal_with_policies_of_two_kinds() {
    let policy = |most: &'static str, cpus: &'static str| {
        [
            ("scaling_driver", "intel_pstate\n"),
            ("scaling_governor", "powersave\n"),
            ("scaling_min_freq", "800000\n"),
            ("scaling_max_freq", most),
            ("energy_performance_preference", "balance_performance\n"),
            ("affected_cpus", cpus),
        ]
    };
    let mut files = below(&format!("{CPU}/cpufreq/policy0"), &policy("5000000\n", "0 1\n"));
    files.extend(below(&format!("{CPU}/cpufreq/policy2"), &policy("5000000\n", "2 3\n")));
    files.extend(below(&format!("{CPU}/cpufreq/policy4"), &policy("3800000\n", "4\n")));
    files.extend(
        below(
            "",
            &[
                (
                    "proc/cpuinfo",
                    "vendor_id : GenuineIntel\ncpu family : 6\nmodel : 183\nmodel name : i9\nflags : fpu\n",
                ),
                ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
                ("sys/devices/system/cpu/smt/control", "on\n"),
                ("sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n"),
                ("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Enhanced IBRS\n"),
                ("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n"),
                ("sys/block/nvme0n1/device/model", "Fast Disk\n"),
                ("sys/block/nvme0n1/device/serial", "S3CR3T\n"),
                ("sys/block/nvme0n1/queue/scheduler", "[none] mq-deadline\n"),
                ("sys/block/nvme0n1/queue/rotational", "0\n"),
                ("sys/block/loop0/queue/rotational", "0\n"),
                ("sys/class/net/eth0/speed", "25000\n"),
                ("sys/class/net/eth0/mtu", "9000\n"),
                ("sys/class/net/eth0/device/vendor", "0x8086\n"),
                ("sys/class/net/veth7/mtu", "1500\n"),
                ("sys/class/net/eth0/address", "02:42:ac:11:00:02\n"),
            ],
        )
        .into_iter()
        .map(|(path, text)| (path.trim_start_matches('/').to_owned(), text)),
    );
    let host = told(&borrowed(&files));
    let policies = detail(&host, "frequency_policies").as_array().unwrap();
    let told: Vec<(u64, u64)> =
        policies.iter().map(|it| (it["most_mhz"].as_u64().unwrap(), it["cpus"].as_u64().unwrap())).collect();
    assert_eq!(told, [(5_000, 4), (3_800, 1)], "alike are told once");
    assert_eq!((detail(&host, "boost"), detail(&host, "smt")), (&json!(false), &json!("on")));
    assert_eq!(detail(&host, "mitigations"), &json!({ "spectre_v2": "Mitigation: Enhanced IBRS" }));
    assert_eq!(detail(&host, "transparent_hugepages"), &json!("always"));
    let [disk] = detail(&host, "disks").as_array().unwrap().as_slice() else { panic!("one disk: {host:?}") };
    assert_eq!(
        (&disk["model"], &disk["scheduler"], &disk["rotates"]),
        (&json!("Fast Disk"), &json!("none"), &json!(false))
    );
    assert_eq!(detail(&host, "network_interfaces")[0]["mbit_per_s"], 25_000);
    let all = serde_json::to_string(&host).unwrap();
    assert!(!all.contains("S3CR3T") && !all.contains("02:42"), "{all}");
}
