//! What the ledger says of baselines: which there must be, and what they must be.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::BaselineName;

use super::line::{self, BaselineEvent};
use crate::store::manifest::Digest;

/// What the ledger says of all baselines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaselineEntries {
    entries: BTreeMap<BaselineName, BaselineEntry>,
    /// Those of which the database may still hold something that nobody shall see.
    removed: BTreeSet<BaselineName>,
}

/// What the ledger says of one baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaselineEntry {
    /// What it is, by the last fact; `None`: nobody was told of it yet.
    pub set: Option<Digest>,
    /// What it was about to become; the database decides whether it did.
    pub setting: Option<Digest>,
}

impl BaselineEntry {
    /// Whether this is what may lie in the database.
    pub fn admits(&self, digest: Digest) -> bool {
        self.set == Some(digest) || self.setting == Some(digest)
    }
}

impl BaselineEntries {
    /// Takes up what happened.
    pub(super) fn apply(&mut self, name: BaselineName, event: BaselineEvent) {
        match event {
            BaselineEvent::Removed => {
                self.entries.remove(&name);
                self.removed.insert(name);
            }
            BaselineEvent::Setting(digest) => {
                self.removed.remove(&name);
                self.entries.entry(name).or_default().setting = Some(digest);
            }
            BaselineEvent::Set(digest) => {
                self.removed.remove(&name);
                self.entries.insert(name, BaselineEntry { set: Some(digest), setting: None });
            }
        }
    }

    /// What it says of one; `None`: nothing, or that it was removed.
    pub fn entry(&self, name: &BaselineName) -> Option<&BaselineEntry> {
        self.entries.get(name)
    }

    /// All that were set and not removed, by name.
    pub fn names(&self) -> impl Iterator<Item = &BaselineName> {
        self.entries.keys()
    }

    /// Whether one was removed since the ledger was last written anew.
    pub fn has_removed(&self, name: &BaselineName) -> bool {
        self.removed.contains(name)
    }

    /// Forgets which were removed: nothing of them is left.
    pub(super) fn forget_removed(&mut self) {
        self.removed.clear();
    }

    /// The lines that say all of it.
    pub(super) fn lines(&self) -> String {
        let events = |entry: &BaselineEntry| {
            let set = entry.set.map(BaselineEvent::Set);
            set.into_iter().chain(entry.setting.map(BaselineEvent::Setting)).collect::<Vec<_>>()
        };
        let all = self.entries.iter().flat_map(|(name, entry)| {
            events(entry).into_iter().map(move |event| line::write_baseline(name, &event))
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_the_fact_is_known_both_are_admitted() {
        let (old, new, other) = (Digest::of(b"old"), Digest::of(b"new"), Digest::of(b"other"));
        let name = BaselineName::new("main").unwrap();
        let mut entries = BaselineEntries::default();
        entries.apply(name.clone(), BaselineEvent::Set(old));
        entries.apply(name.clone(), BaselineEvent::Setting(new));
        let admitted = |entries: &BaselineEntries| {
            [old, new, other].map(|digest| entries.entry(&name).is_some_and(|entry| entry.admits(digest)))
        };
        assert_eq!(admitted(&entries), [true, true, false]);
        entries.apply(name.clone(), BaselineEvent::Set(new));
        assert_eq!(admitted(&entries), [false, true, false]);
        entries.apply(name.clone(), BaselineEvent::Removed);
        assert_eq!(admitted(&entries), [false; 3]);
        assert!(entries.has_removed(&name) && entries.lines().is_empty());
    }
}
