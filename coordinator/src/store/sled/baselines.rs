//! Baselines on disk: a value of its own each, whose digest stands in the ledger. One that is lost or altered is named.

use std::collections::BTreeMap;

use shared::baseline::{BASELINES_MAX, Baseline, ListedBaseline};
use shared::ids::BaselineName;

use crate::store::error::{Damage, StoreError};
use crate::store::ledger::BaselineEvent;
use crate::store::manifest::Digest;

use super::SledStore;
use super::database::{Database, Fault, Shelf, Writes};
use super::keys::ValueKey;
use super::values::{self, Trouble, Values};
use super::writing::require_room;

pub(super) fn save(store: &mut SledStore, baseline: &Baseline) -> Result<(), StoreError> {
    let name = &baseline.name;
    let is_new = store.ledger.baselines().entry(name).is_none();
    if is_new && store.ledger.baselines().names().count() >= BASELINES_MAX {
        return Err(StoreError::TooManyBaselines { count_max: BASELINES_MAX });
    }
    let json = values::to_json(baseline, "the baseline")?;
    require_room(store, json.len())?;
    let digest = Digest::of(&json);
    note(store, name, BaselineEvent::Setting(digest))?;
    store.write(&format!("store baseline {name}"), |database| {
        let mut writes = Writes::default();
        values::put(database, Shelf::Baselines, &mut writes, ValueKey::of_baseline(name), &json)?;
        database.apply(Shelf::Baselines, writes)?;
        database.flush()
    })?;
    note(store, name, BaselineEvent::Set(digest))
}

pub(super) fn remove(store: &mut SledStore, name: &BaselineName) -> Result<(), StoreError> {
    if !list(store)?.iter().any(|listed| listed.name == *name) {
        return Err(StoreError::UnknownBaseline(name.clone()));
    }
    note(store, name, BaselineEvent::Removed)?;
    let removed = store.with_database(|database| {
        values::remove_value(database, Shelf::Baselines, ValueKey::of_baseline(name))?;
        database.flush()
    });
    if removed.is_err() {
        // The ledger says that it is gone: what lies there still is looked at by nobody.
        store.database.replace(None);
    }
    Ok(())
}

pub(super) fn one(store: &SledStore, name: &BaselineName) -> Result<Option<Baseline>, StoreError> {
    if store.ledger.baselines().has_removed(name) {
        return Ok(None);
    }
    let found = store.with_database(|database| {
        let payload = values::get(database, Shelf::Baselines, ValueKey::of_baseline(name));
        vouched(store, name, payload?)
    });
    found.map_err(|trouble| trouble_with(store, name, trouble))
}

pub(super) fn list(store: &SledStore) -> Result<Vec<ListedBaseline>, StoreError> {
    let names = store.ledger.baselines().names().cloned();
    let mut listed: BTreeMap<BaselineName, ListedBaseline> = BTreeMap::new();
    for name in names.chain(strays(store)?) {
        let (baseline, damage) = match one(store, &name) {
            Ok(None) => continue,
            Ok(baseline) => (baseline, None),
            Err(StoreError::DamagedBaseline { what, .. }) => (None, Some(what)),
            Err(error @ StoreError::Newer { .. }) => (None, Some(error.to_string())),
            Err(error) => return Err(error),
        };
        listed.insert(name.clone(), ListedBaseline { name, baseline, damage });
    }
    Ok(listed.into_values().collect())
}

/// What is wrong with baselines.
pub(super) fn check(store: &SledStore) -> Result<Vec<Damage>, StoreError> {
    let damaged = list(store)?.into_iter().filter_map(|listed| {
        let what = listed.damage?;
        Some(Damage::of_store(format!("baseline {}: {what}", listed.name)))
    });
    Ok(damaged.collect())
}

/// Copies baselines as they lie there, whole or not, to another database.
pub(super) fn copy(from: &Database, to: &Database, names: &[BaselineName]) -> Result<(), Fault> {
    for name in names {
        let mut writes = Writes::default();
        for entry in from.scan(Shelf::Baselines, ValueKey::of_baseline(name).as_bytes()) {
            let (key, chunk) = entry?;
            writes.put_chunk(&key, &chunk);
        }
        to.apply(Shelf::Baselines, writes)?;
    }
    Ok(())
}

/// A payload as the baseline that the ledger says it is.
fn vouched(
    store: &SledStore,
    name: &BaselineName,
    payload: Option<Vec<u8>>,
) -> Result<Option<Baseline>, Trouble> {
    let damage = |what: &str| Err(Trouble::Damage(what.to_owned()));
    match (store.ledger.baselines().entry(name), payload) {
        (None, None) => Ok(None),
        (None, Some(_)) => damage("it is in the database, but the ledger does not name it"),
        // It was being set for the first time when the process ended: nobody was told of it.
        (Some(entry), None) if entry.set.is_none() => Ok(None),
        (Some(_), None) => damage("it is gone"),
        (Some(entry), Some(payload)) if !entry.admits(Digest::of(&payload)) => {
            damage("it is not the one that the ledger names")
        }
        (Some(_), Some(payload)) => match serde_json::from_slice::<Baseline>(&payload) {
            Ok(baseline) => Ok(Some(baseline)),
            Err(error) => Err(Trouble::Damage(format!("it does not decode: {error}"))),
        },
    }
}

/// Names of baselines in the database of which the ledger says nothing: it has lost lines. What does not read has no name,
/// and if it was ever set the ledger names it.
fn strays(store: &SledStore) -> Result<Vec<BaselineName>, StoreError> {
    let all = store.with_database(|database| {
        let values = Values::new(database.scan(Shelf::Baselines, &[]));
        Ok::<_, Fault>(values.filter_map(Result::ok).map(|(_, payload)| payload).collect::<Vec<_>>())
    });
    let all = all.map_err(|fault| super::error_of(&store.directory, "list the baselines", fault))?;
    let named = all.iter().filter_map(|payload| serde_json::from_slice::<Baseline>(payload).ok());
    let entries = store.ledger.baselines();
    let is_stray = |name: &BaselineName| entries.entry(name).is_none() && !entries.has_removed(name);
    Ok(named.map(|baseline| baseline.name).filter(is_stray).collect())
}

fn note(store: &mut SledStore, name: &BaselineName, event: BaselineEvent) -> Result<(), StoreError> {
    store.ledger.append_baseline(name, event).map_err(|error| {
        let doing = format!("write the ledger of {}", store.directory.display());
        StoreError::from_io(doing, &store.directory, error)
    })
}

fn trouble_with(store: &SledStore, name: &BaselineName, trouble: Trouble) -> StoreError {
    match trouble {
        Trouble::Damage(what) | Trouble::Fault(Fault::Corrupt(what)) => {
            StoreError::DamagedBaseline { name: name.clone(), what }
        }
        Trouble::Newer(found) => {
            StoreError::Newer { what: format!("baseline {name}"), found, known: super::SCHEMA }
        }
        Trouble::Fault(fault) => super::error_of(&store.directory, &format!("read baseline {name}"), fault),
    }
}
