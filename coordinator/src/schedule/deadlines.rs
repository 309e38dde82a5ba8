//! How long everything that a run waits for may take. One table names it all: `[deadlines]` of the coordinator's
//! configuration, its reference and its defaults come from here.

use std::time::Duration;

use shared::job::schema::{Key, Shape};

macro_rules! deadlines {
    ($($(#[doc = $doc:literal])+ $name:ident = $default_s:literal;)*) => {
        /// How long everything that a run waits for may take, so that every run ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Deadlines { $($(#[doc = $doc])+ pub $name: Duration,)* }

        impl Deadlines {
            /// The keys of `[deadlines]`: the fields, all optional.
            pub const KEYS: &'static [Key] = &[$(Key::optional(
                stringify!($name),
                Shape::Duration,
                concat!($($doc,)+ " Default: ", $default_s, " s.").trim_ascii_start(),
            ),)*];

            /// The one of this name; `None`: there is none.
            pub fn named_mut(&mut self, name: &str) -> Option<&mut Duration> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }

        impl Default for Deadlines {
            fn default() -> Self {
                Self { $($name: Duration::from_secs($default_s),)* }
            }
        }
    };
}

deadlines! {
    /// How long an agent whose connection broke may be gone before it is lost, and how long a restarted coordinator awaits it.
    lost_after = 60;
    /// Finding a free port for the target, which is done at once: this is for the link.
    reserve_port = 10;
    /// From the start of the target until it answers.
    start_target = 60;
    /// Getting ready for a trial: connecting all workers, resolving names, starting threads. What `connect_rate` takes comes on top.
    prepare = 60;
    /// Arming a timer for the start, which is done at once: this is for the link, and for a start that is moved.
    arm = 30;
    /// The warm-up or the window of a trial that is counted in iterations, which has no stated length.
    iterations = 86400;
    /// Sending what a profiler wrote, once it has ended.
    profile = 90;
    /// Results that are still on their way when an agent is done, with room for a store that is slow.
    collect = 90;
    /// The same after a cancellation, when somebody waits for the end.
    collect_cancelled = 10;
    /// Stopping the target: SIGTERM, 5 s, SIGKILL, and the link.
    stop_target = 20;
    /// Reading what was stored of one trial, and judging it.
    judge = 120;
    /// What a link and a busy agent may add to any time that a job states: of hooks, of the target's start, twice of a trial's length.
    link_margin = 10;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::LOST_AFTER;

    #[test]
    fn every_key_names_a_deadline_and_tells_its_default() {
        let mut deadlines = Deadlines::default();
        for key in Deadlines::KEYS {
            let default_s = deadlines.named_mut(key.name).map(|deadline| deadline.as_secs()).unwrap();
            assert!(key.doc.ends_with(&format!("Default: {default_s} s.")), "{key:?}");
            assert!(key.doc.starts_with(char::is_uppercase), "{key:?}");
        }
        assert_eq!(deadlines.named_mut("lunch"), None);
        assert_eq!(deadlines.lost_after, LOST_AFTER);
    }
}
