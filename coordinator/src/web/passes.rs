//! What somebody is known by for a while: one-time links and sessions. Only digests are kept, and in memory alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trust::certificate::Holder;
use trust::web_token::WebToken;

/// How long a link counts.
pub(crate) const LINK_COUNTS: Duration = Duration::from_secs(5 * 60);
/// How long a session lasts at most.
pub(crate) const SESSION_LASTS: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a session lasts that is not used.
const SESSION_RESTS: Duration = Duration::from_secs(60 * 60);
/// Passes of one kind that one name may have: a person with a few browsers.
const OF_ONE_MAX: usize = 16;
/// Passes of one kind in all. Names are certificates', so that strangers cannot fill this.
const PASSES_MAX: usize = 4_096;

/// Passes of one kind.
#[derive(Debug)]
pub(crate) struct Passes {
    lasts: Duration,
    rests: Duration,
    by_mark: Mutex<HashMap<String, Pass>>,
}

#[derive(Debug)]
struct Pass {
    holder: Arc<Holder>,
    given: Instant,
    used: Instant,
}

impl Passes {
    /// Links that sign somebody in, once.
    pub(crate) fn links() -> Self {
        Self { lasts: LINK_COUNTS, rests: LINK_COUNTS, by_mark: Mutex::default() }
    }

    /// Sessions.
    pub(super) fn sessions() -> Self {
        Self { lasts: SESSION_LASTS, rests: SESSION_RESTS, by_mark: Mutex::default() }
    }

    /// Gives one. Whoever has too many loses the oldest; `None`: all have too many.
    pub(crate) fn give(&self, holder: Arc<Holder>, now: Instant) -> Option<WebToken> {
        let mut passes = self.lock();
        passes.retain(|_, pass| self.counts(pass, now));
        let own = passes.iter().filter(|(_, pass)| pass.holder.name == holder.name);
        let (count, oldest) = (own.clone().count(), own.min_by_key(|(_, pass)| pass.given));
        if let Some(oldest) = oldest.map(|(mark, _)| mark.clone()).filter(|_| count >= OF_ONE_MAX) {
            passes.remove(&oldest);
        }
        if passes.len() >= PASSES_MAX {
            return None;
        }
        let token = WebToken::random();
        passes.insert(token.mark(), Pass { holder, given: now, used: now });
        Some(token)
    }

    /// Whose it is, and notes that it was used.
    pub(super) fn look(&self, token: &WebToken, now: Instant) -> Option<Arc<Holder>> {
        let mut passes = self.lock();
        let pass = passes.get_mut(&token.mark()).filter(|pass| self.counts(pass, now))?;
        pass.used = now;
        Some(pass.holder.clone())
    }

    /// Takes it: it counts no more.
    pub(super) fn take(&self, token: &WebToken, now: Instant) -> Option<Arc<Holder>> {
        let pass = self.lock().remove(&token.mark())?;
        self.counts(&pass, now).then_some(pass.holder)
    }

    fn counts(&self, pass: &Pass, now: Instant) -> bool {
        now.saturating_duration_since(pass.given) < self.lasts
            && now.saturating_duration_since(pass.used) < self.rests
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Pass>> {
        self.by_mark.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use trust::certificate::HolderName;
    use trust::role::Role;

    use super::*;

    fn holder(name: &str) -> Arc<Holder> {
        let serial = "ab".repeat(16).parse().unwrap();
        let name = HolderName::new(name).unwrap();
        Arc::new(Holder { name, role: Role::Viewer, serial, from_s: 0, until_s: u64::MAX })
    }

    #[test]
    fn a_link_counts_once_and_for_five_minutes() {
        let (links, now) = (Passes::links(), Instant::now());
        let link = links.give(holder("me"), now).unwrap();
        assert_eq!(links.take(&link, now).unwrap().name.as_str(), "me");
        assert_eq!(links.take(&link, now), None);
        let late = links.give(holder("me"), now).unwrap();
        assert_eq!(links.take(&late, now + LINK_COUNTS), None);
        assert_eq!(links.take(&WebToken::random(), now), None);
    }

    #[test]
    fn a_session_lasts_while_it_is_used_but_never_too_long() {
        let (sessions, now) = (Passes::sessions(), Instant::now());
        let rested = sessions.give(holder("me"), now).unwrap();
        let used = sessions.give(holder("me"), now).unwrap();
        for half_hours in 1..24 {
            assert!(sessions.look(&used, now + half_hours * SESSION_RESTS / 2).is_some(), "{half_hours}");
        }
        assert_eq!(sessions.look(&rested, now + SESSION_RESTS), None);
        assert_eq!(sessions.look(&used, now + SESSION_LASTS), None);
    }

    #[test]
    fn nobody_has_too_many_and_nobody_loses_those_of_others() {
        let (sessions, now) = (Passes::sessions(), Instant::now());
        let theirs = sessions.give(holder("other"), now).unwrap();
        let first = sessions.give(holder("me"), now).unwrap();
        let later = now + Duration::from_secs(1);
        let newer: Vec<_> = (0..OF_ONE_MAX).map(|_| sessions.give(holder("me"), later).unwrap()).collect();
        assert_eq!(sessions.look(&first, later), None);
        assert!(newer.iter().chain([&theirs]).all(|token| sessions.look(token, later).is_some()));
        for number in 0..PASSES_MAX {
            sessions.give(holder(&format!("n{number}")), later);
        }
        assert_eq!(sessions.give(holder("one-more"), later), None);
        assert_eq!(sessions.lock().len(), PASSES_MAX);
    }
}
