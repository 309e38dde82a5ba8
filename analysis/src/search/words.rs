//! The answer of a search in sentences.

use shared::job::Search;
use shared::plan::search::{Bracket, Ending};

use super::Step;

/// Why a search says what it says. `steps` are its values, lowest first.
pub(super) fn reason(search: &Search, bracket: &Bracket, steps: &[Step]) -> String {
    let keep = &search.keep_text;
    let at = |place: usize| format!("{} = {}", search.vary, search.values[place]);
    let found = |place: usize| {
        let step = steps.iter().find(|step| step.tried.place == place);
        step.map_or("nothing says why", |step| step.claim.reason.as_str())
    };
    match bracket.ending {
        Ending::Open => format!("the search for {keep} did not come to its end{}", so_far(search, bracket)),
        Ending::Found { at_least, below } => format!(
            "{keep} holds at {} and no longer at {}{}",
            at(at_least),
            search.values[below],
            width(at_least, below, steps)
        ),
        Ending::HoldsThroughout => format!(
            "{keep} holds up to {}, the highest value that could be tried: the limit lies above it",
            at(search.values.len() - 1)
        ),
        Ending::FailsThroughout => {
            format!("{keep} fails already at {}, the lowest value: {}", at(0), found(0))
        }
        Ending::Contradicted { fails, holds } => format!(
            "{keep} fails at {} and holds at {}: what is searched for is not the end of a range; a sweep over {} would show where it holds",
            at(fails),
            search.values[holds],
            search.vary
        ),
        Ending::Undecided(place) => {
            format!("{}cannot be told at {}: {}", held(search, bracket), at(place), found(place))
        }
        Ending::Invalid(place) => format!(
            "{}cannot be measured at {}, so it is not known what the limit is there: {}",
            held(search, bracket),
            at(place),
            found(place)
        ),
    }
}

/// `latency.p99 < 50ms holds at load.rate = 400, and `, or where nothing holds what would have to.
fn held(search: &Search, bracket: &Bracket) -> String {
    match bracket.at_least {
        Some(place) => {
            format!("{} holds at {} = {}, and ", search.keep_text, search.vary, search.values[place])
        }
        None => format!("{} ", search.keep_text),
    }
}

fn so_far(search: &Search, bracket: &Bracket) -> String {
    let value = |place: usize| search.values[place];
    match (bracket.at_least.map(value), bracket.below.map(value)) {
        (Some(at_least), Some(below)) => {
            format!(": {} lies between {at_least} and {below} so far", search.vary)
        }
        (Some(at_least), None) => format!(": it holds at {} = {at_least} so far", search.vary),
        (None, Some(below)) => format!(": it fails at {} = {below} so far", search.vary),
        (None, None) => String::new(),
    }
}

/// Why the two are further apart than the resolution, where they are.
fn width(at_least: usize, below: usize, steps: &[Step]) -> String {
    let is_between = |step: &&Step| (at_least + 1..below).contains(&step.tried.place);
    match steps.iter().filter(is_between).count() {
        0 => String::new(),
        1 => "; a value between them could not be decided".to_owned(),
        many => format!("; {many} values between them could not be decided"),
    }
}
