//! Many worlds, one after the other, until one shows that something does not hold.

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};

use super::disk::Disk;
use super::fault::Family;
use super::invariants::Violation;
use super::trace::Trace;
use super::truth::Events;
use super::world::World;

/// The environment variable that says how many worlds are tried.
pub const WORLDS_VARIABLE: &str = "FLEETMARK_WORLDS";
/// The environment variable that repeats one world.
pub const WORLD_VARIABLE: &str = "FLEETMARK_WORLD";
/// How many worlds of each family are tried unless told otherwise: what tests can take the time for.
const WORLDS: u64 = 2_000;

/// A world in which something did not hold.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its seed.
    pub seed: u64,
    /// What.
    pub violation: Violation,
}

/// Tries the worlds of a family, as many as the environment says.
///
/// # Panics
/// When something does not hold in one of them: with its trace and the command that repeats it.
pub fn try_worlds(test: &str, family: Family) {
    let seeds = match (number(WORLD_VARIABLE), number(WORLDS_VARIABLE)) {
        (Some(seed), _) => seed..seed + 1,
        (None, worlds) => 0..worlds.unwrap_or(WORLDS),
    };
    if let Some(Found { seed, violation }) = search(family, seeds, Disk::honest) {
        story(family, seed).iter().for_each(|line| eprintln!("{line}"));
        panic!(
            "{violation}\nthe same world again: {WORLD_VARIABLE}={seed} cargo test -p fleetmark-tests --test simulation {test} -- --exact --nocapture"
        );
    }
}

/// How much happens in the worlds of these seeds.
pub fn events(family: Family, seeds: Range<u64>) -> Events {
    seeds.fold(Events::default(), |events, seed| {
        let mut world = World::new(seed, family, Disk::honest(), Trace::default());
        // Whether everything holds in them is another's question.
        let _another_question = ended(&mut world);
        events.and(world.events())
    })
}

/// All that happens in a world, line by line.
pub fn story(family: Family, seed: u64) -> Vec<String> {
    let mut world = World::new(seed, family, Disk::honest(), Trace::kept());
    let _another_question = ended(&mut world);
    world.trace().lines().cloned().collect()
}

/// The first of the worlds of these seeds in which something does not hold; `None`: everything holds in all of them.
pub fn search(family: Family, seeds: Range<u64>, disk: impl Fn() -> Disk) -> Option<Found> {
    seeds.into_iter().find_map(|seed| {
        let outcome = ended(&mut World::new(seed, family, disk(), Trace::default()));
        outcome.err().map(|violation| Found { seed, violation })
    })
}

/// Lets a world come to its end; a machine that panics does not hold either.
fn ended(world: &mut World) -> Result<(), Violation> {
    panic::catch_unwind(AssertUnwindSafe(|| world.run())).unwrap_or_else(|panicked| {
        let text = panicked.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panicked.downcast_ref::<&str>().copied()).unwrap_or("no text was given");
        Err(Violation { invariant: "no machine panics", what: text.to_owned() })
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text:?} is not a number")))
}
