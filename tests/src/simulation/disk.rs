//! The coordinator's disk: what was flushed survives a crash, and nothing else. One that lies says that it has flushed
//! what it has not.

use coordinator::store::ResultStore;
use coordinator::store::memory::MemoryStore;

/// A disk with a store on it.
#[derive(Debug)]
pub struct Disk {
    store: MemoryStore,
    /// What really lies on it, of one that lies.
    truly: Option<MemoryStore>,
}

impl Disk {
    /// An empty disk that does as it says.
    pub fn honest() -> Self {
        Self { store: MemoryStore::new(), truly: None }
    }

    /// An empty disk that always lags one flush behind what it says.
    pub fn lying() -> Self {
        Self { store: MemoryStore::new(), truly: Some(MemoryStore::new()) }
    }

    /// The store, to be asked one thing: what was asked before lies on any disk by now.
    pub fn store(&mut self) -> &mut dyn ResultStore {
        if let Some(truly) = &mut self.truly {
            truly.clone_from(&self.store);
            truly.crash();
        }
        &mut self.store
    }

    /// What the store shows now.
    pub fn shown(&self) -> &MemoryStore {
        &self.store
    }

    /// What a crash leaves.
    pub fn crash(&mut self) {
        if let Some(truly) = &self.truly {
            self.store.clone_from(truly);
        }
        self.store.crash();
    }
}
