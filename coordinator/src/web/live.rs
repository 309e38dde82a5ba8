//! Runs that somebody looks at while they go on. Each is followed once, however many look: what happened is folded into a frame a
//! second, and charts are drawn when somebody asks for them.
//!
//! Rooms: [`frame`] (where a run stands), [`followed`] (one run, and those who look at it), [`seed`] (what was stored of it before).

pub(super) mod followed;
pub(super) mod frame;
mod seed;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
    followed: Mutex<HashMap<RunId, Arc<Followed>>>,
}

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
        Arc::new(Self { control, onlookers, followed: Mutex::default() })
    }

    /// Looks at a run.
    ///
    /// # Errors
    /// When the coordinator is going down.
    pub(super) async fn look(self: &Arc<Self>, run: RunId) -> Result<Look, ControlError> {
        if let Some(followed) = self.known(run) {
            return Ok(Look::Followed(followed));
        }
        // Whatever is stored between this and the first look at the store comes twice, and counts once.
        let stored = self.onlookers.watch();
        let Some(watching) = self.control.ask(|reply| Message::Watch { run, reply }).await? else {
            return Ok(Look::Over);
        };
        let Some(record) = self.control.record_if_active(run).await? else { return Ok(Look::Over) };
        let mut all = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(followed) = all.get(&run) {
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
            mine.follow(&lives.control, watching.events, stored).await;
            lives.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        });
        Ok(Look::Followed(followed))
    }

    fn known(&self, run: RunId) -> Option<Arc<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).get(&run).cloned()
    }
}
