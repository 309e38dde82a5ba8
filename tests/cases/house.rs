//! The house rules that a compiler does not hold: who may say `proto::`, how files begin, how long they are.

use std::fs;
use std::path::{Path, PathBuf};

/// Rooms whose sources are looked at.
const ROOMS: [&str; 10] =
    ["proto", "shared", "trust", "analysis", "agent", "coordinator", "report", "cli", "tests", "bench"];
/// No file is longer: it is then two.
const LINES_MAX: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the workspace").to_owned()
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = ROOMS.iter().map(|room| root().join(room)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("a folder's entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are text");
                let path = path.strip_prefix(root()).expect("a room stands in the house").to_owned();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found
}

#[test]
fn only_the_wires_own_rooms_say_proto() {
    let may_say = |path: &Path| {
        let path = path.to_string_lossy();
        path.starts_with("proto/")
            || path.starts_with("tests/")
            || path.contains("/src/rpc/")
            || path.ends_with("/src/rpc.rs")
    };
    let says = |text: &str| {
        text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
            line.match_indices("proto::").any(|(at, _)| {
                !line[..at]
                    .ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':')
            })
        })
    };
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| !may_say(path) && says(text))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "only proto/ and the rpc rooms may say `proto::`: {wrong:?}");
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let wrong: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect();
    assert!(wrong.is_empty(), "these do not open with a //! sentence: {wrong:?}");
}

#[test]
fn no_file_is_too_long_to_be_one_thing() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (text.lines().count(), path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(wrong.is_empty(), "these are longer than {LINES_MAX} lines: {wrong:?}");
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the map is there");
    let missing: Vec<_> = ROOMS.iter().filter(|room| !map.contains(&format!("{room}/"))).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name {missing:?}");
}

#[test]
fn names_of_files_are_nouns_of_the_domain() {
    let banned = ["utils", "util", "helpers", "helper", "common", "manager", "imp", "misc", "mod"];
    let is_banned = |path: &PathBuf| {
        path.file_stem().is_some_and(|stem| banned.contains(&stem.to_string_lossy().as_ref()))
    };
    let wrong: Vec<_> = sources().into_iter().map(|(path, _)| path).filter(is_banned).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
