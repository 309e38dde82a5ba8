//! Runs that somebody looks at while they go on. Each is followed once, however many look: what happened is folded into a frame a
//! second, and charts are drawn when somebody asks for them.
//!
//! Rooms: [`frame`] (where a run stands), [`followed`] (one run, and those who look at it), [`seed`] (what was stored of it before),
//! [`ending`] (how it ended).

pub(super) mod ending;
pub(super) mod followed;
pub(super) mod frame;
mod seed;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::ids::RunId;

use self::followed::Followed;
use crate::control::{Control, ControlError};
use crate::director::Message;
use crate::live::onlookers::Onlookers;

/// Runs that are followed at once, each with its series in memory: more than a screen wall shows.
const FOLLOWED_MAX: usize = 32;

/// The runs that somebody looks at.
#[derive(Debug)]
pub(super) struct Lives {
    control: Control,
    onlookers: Arc<Onlookers>,
    followed: FollowedRuns,
}

/// Each run once that is followed.
#[derive(Debug, Default)]
struct FollowedRuns(Mutex<HashMap<RunId, Arc<Followed>>>);

/// What there is to look at.
pub(super) enum Look {
    /// It goes on.
    Followed(Arc<Followed>),
    /// It is over, or unknown.
    Over,
    /// Too many others are looked at.
    Busy,
}

impl Lives {
    /// Nobody looks yet.
    pub(super) fn new(control: Control, onlookers: Arc<Onlookers>) -> Arc<Self> {
        Arc::new(Self { control, onlookers, followed: FollowedRuns::default() })
    }

    /// Looks at a run.
    ///
    /// # Errors
    /// When the coordinator is going down.
    pub(super) async fn look(self: &Arc<Self>, run: RunId) -> Result<Look, ControlError> {
        if let Some(followed) = self.followed.known(run) {
            return Ok(Look::Followed(followed));
        }
        // Whatever is stored between this and the first look at the store comes twice, and counts once.
        let stored = self.onlookers.watch();
        let Some(watching) = self.control.ask(|reply| Message::Watch { run, reply }).await? else {
            return Ok(Look::Over);
        };
        let Some(record) = self.control.record_if_active(run).await? else { return Ok(Look::Over) };
        let mut all = self.followed.lock();
        if let Some(followed) = all.get(&run).filter(|followed| !followed.is_ended()) {
            return Ok(Look::Followed(followed.clone()));
        }
        if all.len() >= FOLLOWED_MAX {
            return Ok(Look::Busy);
        }
        let followed = Arc::new(Followed::new(record, &watching.so_far));
        all.insert(run, followed.clone());
        drop(all);
        let (lives, mine) = (self.clone(), followed.clone());
        tokio::spawn(async move {
            let leave = || lives.followed.forget_if_unseen(run, &mine);
            mine.follow(&lives.control, watching.events, stored, leave).await;
            lives.followed.forget(run, &mine);
        });
        Ok(Look::Followed(followed))
    }
}

impl FollowedRuns {
    /// Nobody follows it any more. Another that was followed anew since stays.
    fn forget(&self, run: RunId, followed: &Arc<Followed>) {
        let mut all = self.lock();
        if all.get(&run).is_some_and(|known| Arc::ptr_eq(known, followed)) {
            all.remove(&run);
        }
    }

    /// The same, unless somebody looks: whoever comes after finds it gone, and none that nobody follows.
    fn forget_if_unseen(&self, run: RunId, followed: &Arc<Followed>) -> bool {
        let mut all = self.lock();
        let is_left = !followed.is_seen();
        if is_left {
            all.remove(&run);
        }
        is_left
    }

    /// One that goes on.
    fn known(&self, run: RunId) -> Option<Arc<Followed>> {
        self.lock().get(&run).filter(|followed| !followed.is_ended()).cloned()
    }

    /// Nothing that is held here can be left half done.
    fn lock(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Followed>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::samples::{self, run_id};

    #[test]
    fn a_run_is_forgotten_only_while_nobody_looks() {
        let runs = FollowedRuns::default();
        let mine = Arc::new(Followed::new(samples::record(1), &[]));
        runs.lock().insert(run_id(1), mine.clone());
        let looker = runs.known(run_id(1));
        assert!(!runs.forget_if_unseen(run_id(1), &mine), "somebody came at the last moment");
        assert!(runs.known(run_id(1)).is_some());
        drop(looker);
        assert!(runs.forget_if_unseen(run_id(1), &mine));
        assert!(runs.known(run_id(1)).is_none());
    }

    #[test]
    fn a_run_that_is_followed_anew_is_not_forgotten_with_the_one_before() {
        let runs = FollowedRuns::default();
        let of = || Arc::new(Followed::new(samples::record(1), &[]));
        let (before, anew) = (of(), of());
        runs.lock().insert(run_id(1), anew.clone());
        runs.forget(run_id(1), &before);
        assert!(runs.known(run_id(1)).is_some());
        runs.forget(run_id(1), &anew);
        assert!(runs.known(run_id(1)).is_none());
    }
}
