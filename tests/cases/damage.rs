//! What a damaged disk does to results: each damaged run is named and never shown as smaller; whole ones still show.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use fleetmark_tests::cast::{Coordinator, Said, Scene};
use fleetmark_tests::job;
use fleetmark_tests::seed::dice;
use rand::RngExt;
use rustix::process::Signal;
use serde_json::Value;

/// How many single bytes of the database are flipped, each in a store of its own, spread over the whole file.
const FLIPS: u64 = 24;
/// The same for the ledger, which is short.
const LEDGER_FLIPS: u64 = 8;
const DATABASE: &str = "sled/db";
const LEDGER: &str = "runs.ledger";
/// Exit code of a run that may not be shown, and of a check that found damage.
const DAMAGED: i32 = 3;
const WITHIN: Duration = Duration::from_secs(20);

/// A store with finished runs, whose coordinator has stopped, and what was read of it then.
struct Original {
    scene: Scene,
    /// By run id: the report, and the export.
    readings: BTreeMap<String, (String, String)>,
}

impl Original {
    fn make() -> Self {
        let scene = Scene::new();
        let load = "workers = 2\nduration = \"1500ms\"";
        scene.write("job.toml", &job::with_target("kept", load, 2, "[fleet]\nagents = 2"));
        let mut coordinator = Coordinator::start(&scene, "original");
        for _ in 0..2 {
            let said =
                scene.run(&["run", "job.toml", "--coordinator", &coordinator.url, "--local-agents", "2"]);
            assert_eq!(said.code, 0, "{said:?}");
        }
        let asked = Asked { scene: &scene, url: &coordinator.url };
        let readings: BTreeMap<_, _> =
            asked.runs().keys().map(|run| (run.clone(), asked.whole(run))).collect();
        assert_eq!(readings.len(), 2);
        coordinator.process.signal(Signal::TERM);
        coordinator.process.wait(WITHIN);
        Self { scene, readings }
    }

    /// Damages a copy of the store and holds what is then said of it.
    fn check_damaged(&self, what: &str, damage: impl FnOnce(&Path)) -> Damage {
        let copy = self.scene.path().join("copy");
        copy_folder(&self.scene.path().join("original"), &copy);
        damage(&copy);
        let mut coordinator = Coordinator::start(&self.scene, "copy");
        let asked = Asked { scene: &self.scene, url: &coordinator.url };
        let damage = self.check_answers(what, &asked);
        coordinator.process.kill();
        fs::remove_dir_all(&copy).expect("the copy can be removed");
        println!("{what}: {damage:?}");
        damage
    }

    fn check_answers(&self, what: &str, asked: &Asked<'_>) -> Damage {
        let check = asked.say(&["store", "check", "--json"]);
        assert!([0, DAMAGED].contains(&check.code), "{what}: {check:?}");
        let found = check.json();
        let found = found["damage"].as_array().expect("a list");
        assert_eq!(check.code == DAMAGED, !found.is_empty(), "{what}: {check:?}");
        let listed = asked.runs();
        let mut damage = Damage { is_named: check.code == DAMAGED, runs: 0 };
        for (run, before) in &self.readings {
            let row = listed
                .get(run)
                .unwrap_or_else(|| panic!("{what}: run {run} is no longer listed: {listed:?}"));
            if row["damage"] == Value::Null {
                // A line of the ledger may be lost without harm, when a later one says more.
                assert_eq!(&asked.whole(run), before, "{what}: {run} reads otherwise than before");
            } else {
                let is_named = found.iter().any(|damage| damage["run"] == run.as_str());
                assert!(is_named, "{what}: the list knows of damage of {run}, the check does not: {check:?}");
                self.check_refused(what, asked, run);
                damage.runs += 1;
            }
        }
        damage
    }

    /// A damaged run is refused by name, in every way of reading it.
    fn check_refused(&self, what: &str, asked: &Asked<'_>, run: &str) {
        for words in [vec!["show", run], vec!["show", run, "--json"], vec!["export", run, "--format", "csv"]]
        {
            let said = asked.say(&words);
            assert_eq!(said.code, DAMAGED, "{what}: {words:?}: {said:?}");
            assert!(
                said.errors.contains(run) && said.errors.contains("damaged"),
                "{what}: {words:?}: {said:?}"
            );
            assert_eq!(said.out, "", "{what}: nothing of a damaged run is shown");
        }
        let list = asked.say(&["runs"]);
        let row = list.out.lines().find(|line| line.contains(run)).unwrap_or_default();
        assert!(row.contains("damaged"), "{what}: {list:?}");
        let check = asked.say(&["store", "check"]);
        assert!(check.out.contains(&format!("run {run}")), "{what}: {check:?}");
    }
}

/// What was found in a damaged store.
#[derive(Debug, Clone, Copy)]
struct Damage {
    /// Whether `store check` found any.
    is_named: bool,
    /// How many runs are refused for it.
    runs: usize,
}

/// Questions to one coordinator.
struct Asked<'a> {
    scene: &'a Scene,
    url: &'a str,
}

impl Asked<'_> {
    fn say(&self, words: &[&str]) -> Said {
        self.scene.run(&[words, &["--coordinator", self.url]].concat())
    }

    /// The runs as listed, by id.
    fn runs(&self) -> BTreeMap<String, Value> {
        let said = self.say(&["runs", "--json"]);
        assert_eq!(said.code, 0, "{said:?}");
        let rows = said.json();
        let rows = rows.as_array().expect("a list").iter();
        rows.map(|row| (row["id"].as_str().expect("an id").to_owned(), row.clone())).collect()
    }

    /// The report and the export of a run that is whole.
    fn whole(&self, run: &str) -> (String, String) {
        let show = self.say(&["show", run, "--json"]);
        let export = self.say(&["export", run, "--format", "csv"]);
        assert_eq!((show.code, export.code), (0, 0), "{show:?} {export:?}");
        (show.out, export.out)
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder for the copy");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a folder's entry");
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &copy);
        } else {
            fs::copy(entry.path(), copy).expect("a file can be copied");
        }
    }
}

fn flip(file: &Path, at: u64, bits: u8) {
    let mut bytes = fs::read(file).expect("the file");
    bytes[usize::try_from(at).expect("a small file")] ^= bits;
    fs::write(file, bytes).expect("the file can be written");
}

fn cut_in_half(file: &Path) {
    let bytes = fs::read(file).expect("the file");
    fs::write(file, &bytes[..bytes.len() / 2]).expect("the file can be written");
}

/// Flips single bytes of a file of the store, one in each of so many parts of it; returns how often that was noticed.
fn flips(original: &Original, file: &str, parts: u64) -> usize {
    let mut dice = dice();
    let length = fs::metadata(original.scene.path().join("original").join(file)).expect("the file").len();
    let mut noticed = 0;
    for part in 0..parts {
        let at = dice.random_range(length * part / parts..length * (part + 1) / parts);
        let bits = 1 << dice.random_range(0..8_u32);
        let what = format!("{file}, byte {at} of {length} changed by {bits:#04x}");
        let damage = original.check_damaged(&what, |store| flip(&store.join(file), at, bits));
        noticed += usize::from(damage.is_named);
    }
    noticed
}

#[test]
fn a_flipped_byte_of_the_database_is_named_or_touches_nothing() {
    let original = Original::make();
    let noticed = flips(&original, DATABASE, FLIPS);
    assert!(noticed >= 5, "only {noticed} of {FLIPS} flips did damage: too few to prove something");
}

#[test]
fn a_database_cut_in_half_is_named() {
    let original = Original::make();
    let damage =
        original.check_damaged("the database cut in half", |store| cut_in_half(&store.join(DATABASE)));
    assert!(damage.runs > 0, "half of the database is gone and no run is damaged");
}

#[test]
fn a_damaged_ledger_is_named_or_touches_nothing() {
    let original = Original::make();
    let noticed = flips(&original, LEDGER, LEDGER_FLIPS);
    assert!(noticed >= 2, "only {noticed} of {LEDGER_FLIPS} flips did damage: too few to prove something");
    let damage = original.check_damaged("the ledger cut in half", |store| cut_in_half(&store.join(LEDGER)));
    assert!(damage.runs > 0, "half of the ledger is gone and no run is damaged");
    let remove = |store: &Path| fs::remove_file(store.join(LEDGER)).expect("the ledger can be removed");
    assert_eq!(original.check_damaged("the ledger removed", remove).runs, 2);
}
