//! The control groups that this process is in, of version 1 and 2: where their files are, from its own up to the highest
//! that can be seen.

use std::path::Path;

use super::source::Source;

/// Most levels of groups that are looked at: nobody nests them deeper, and a longer path is a made-up one.
const LEVELS_MAX: usize = 32;

/// Which of the two interfaces a controller is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// The groups of one controller that hold this process, its own first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Groups {
    /// By which interface.
    pub(super) version: Version,
    /// Their directories, without the leading `/`.
    pub(super) directories: Vec<String>,
}

impl Groups {
    /// The groups of a controller (`cpu`, `memory`, `cpuset`), or the reason why they are not known.
    pub(super) fn of(controller: &str, source: &Source) -> Result<Self, String> {
        let (version, own) = own_group(&source.text("proc/self/cgroup")?, controller)
            .ok_or_else(|| format!("absent: /proc/self/cgroup names no group of {controller}"))?;
        let (root, mount) = mount(&source.text("proc/self/mountinfo")?, version, controller)
            .ok_or_else(|| format!("absent: no cgroup file system with {controller} is mounted"))?;
        // Seen from a namespace of its own, or through a mount of a part, the group's path begins elsewhere.
        let below = own.strip_prefix(root.trim_end_matches('/')).filter(|_| !own.contains("/.."));
        let mut directory = format!("{mount}{}", below.unwrap_or_default()).trim_matches('/').to_owned();
        let top = mount.trim_matches('/');
        let mut directories = vec![directory.clone()];
        while directory != top && directories.len() < LEVELS_MAX {
            let Some(parent) = Path::new(&directory).parent().and_then(Path::to_str) else { break };
            directory = parent.to_owned();
            directories.push(directory.clone());
        }
        Ok(Self { version, directories })
    }

    /// What `read` finds in each of the groups, its own first; those of which it finds nothing are left out.
    pub(super) fn each<T>(&self, read: impl Fn(Version, &str) -> Option<T>) -> Vec<T> {
        self.directories.iter().filter_map(|directory| read(self.version, directory)).collect()
    }
}

/// The value of a key in a file of lines `key value`.
pub(super) fn keyed(text: &str, key: &str) -> Option<u64> {
    let value = |line: &str| line.split_once(' ').filter(|(name, _)| *name == key)?.1.trim().parse().ok();
    text.lines().find_map(value)
}

/// Lines are `number:controllers:path`; version 2 is the one without controllers.
fn own_group(cgroups: &str, controller: &str) -> Option<(Version, String)> {
    let parts = |line: &str| {
        let mut parts = line.splitn(3, ':').map(str::to_owned).skip(1);
        Some((parts.next()?, parts.next()?))
    };
    let groups: Vec<(String, String)> = cgroups.lines().filter_map(parts).collect();
    let first = groups.iter().find(|(names, _)| names.split(',').any(|name| name == controller));
    let second = || groups.iter().find(|(names, _)| names.is_empty());
    first
        .map(|(_, path)| (Version::One, path.clone()))
        .or_else(|| second().map(|(_, path)| (Version::Two, path.clone())))
}

/// Which part of the hierarchy is mounted, and where: fields 4 and 5 of mountinfo; behind the dash come type, source, options.
fn mount(mountinfo: &str, version: Version, controller: &str) -> Option<(String, String)> {
    mountinfo.lines().find_map(|line| {
        let (before, behind) = line.split_once(" - ")?;
        let mut behind = behind.split(' ');
        let (kind, options) = (behind.next()?, behind.nth(1).unwrap_or_default());
        let is_it = match version {
            Version::One => kind == "cgroup" && options.split(',').any(|option| option == controller),
            Version::Two => kind == "cgroup2",
        };
        let mut before = before.split(' ').skip(3).map(str::to_owned);
        is_it.then(|| Some((before.next()?, before.next()?)))?
    })
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::root_with;
    use super::*;

    fn groups(cgroup: &str, mountinfo: &str, controller: &str) -> Result<Groups, String> {
        let root = root_with(&[("proc/self/cgroup", cgroup), ("proc/self/mountinfo", mountinfo)]);
        Groups::of(controller, &Source::under(root.path()))
    }

    #[test]
    fn a_group_of_version_one_is_found_below_its_own_mount() {
        let mountinfo = "30 24 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
                         31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        let groups = groups("4:memory:/m\n3:cpu,cpuacct:/half/inner\n0::/\n", mountinfo, "cpu").unwrap();
        assert_eq!(groups.version, Version::One);
        assert_eq!(
            groups.directories,
            ["sys/fs/cgroup/cpu/half/inner", "sys/fs/cgroup/cpu/half", "sys/fs/cgroup/cpu"]
        );
    }

    #[test]
    fn a_group_of_version_two_serves_every_controller() {
        let mountinfo = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let groups = groups("0::/system.slice/fleetmark.service\n", mountinfo, "memory").unwrap();
        assert_eq!(groups.version, Version::Two);
        assert_eq!(
            groups.directories,
            ["sys/fs/cgroup/system.slice/fleetmark.service", "sys/fs/cgroup/system.slice", "sys/fs/cgroup"]
        );
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_highest() {
        let mountinfo = "30 24 0:26 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n";
        for own in ["1:cpu:/docker/abc\n", "1:cpu:/\n", "1:cpu:/../other\n"] {
            assert_eq!(groups(own, mountinfo, "cpu").unwrap().directories, ["sys/fs/cgroup/cpu"], "{own}");
        }
    }

    #[test]
    fn what_is_not_there_has_its_reason() {
        let absent = groups("", "", "cpu").unwrap_err();
        assert_eq!(absent, "absent: /proc/self/cgroup names no group of cpu");
        let absent = groups("0::/\n", "garbage\n1 2 3 - cgroup2\n", "cpu").unwrap_err();
        assert_eq!(absent, "absent: no cgroup file system with cpu is mounted");
    }

    #[test]
    fn values_are_found_by_their_whole_key() {
        let text = "nr_periods 7\nnr_throttled 3\nthrottled_time 900\n";
        assert_eq!(
            (keyed(text, "nr_throttled"), keyed(text, "nr"), keyed("x y\n", "x")),
            (Some(3), None, None)
        );
    }
}
