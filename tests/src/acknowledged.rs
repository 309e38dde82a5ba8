//! What agents were told is on disk, by their own logs.

use std::collections::BTreeMap;
use std::fs;

use crate::cast::Scene;

/// For each trial (as `RUN/TRIAL/ATTEMPT`): the highest number up to which an agent was told that all is on disk.
pub type Acknowledged = BTreeMap<String, u64>;

/// Reads the log of the agent of this name.
///
/// # Panics
/// When a line about an acknowledgement does not read: then the log's wording has changed.
pub fn by_log_of(scene: &Scene, agent: &str) -> Acknowledged {
    let log = fs::read_to_string(scene.path().join(format!("{agent}.log"))).unwrap_or_default();
    // A last line without its end is still being written.
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let mut found = Acknowledged::new();
    for line in whole.lines().filter(|line| line.contains(" acknowledged trial=")) {
        let field = |name: &str| {
            let value = line.split(' ').find_map(|word| word.strip_prefix(name));
            value.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
        };
        let through: u64 = field("through=").parse().expect("a number");
        found.entry(field("trial=")).and_modify(|known| *known = through.max(*known)).or_insert(through);
    }
    found
}
