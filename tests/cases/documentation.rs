//! The documentation is true: every block of commands says whether it can be run here, and those that can are run as written.
//!
//! A block's info string says which: `sh run` (`sh run exit=1` where another exit code is meant), or `sh not-run: REASON`. A block
//! `toml file=NAME` is written to that file first, as its text tells the reader to do. CONTRIBUTING.md has the same for writers.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetmark_tests::cast::{Scene, fleetmark};
use fleetmark_tests::process::Process;
use rustix::process::{Pid, Signal, kill_process_group};

/// How long one block may take, however busy the machine: the tutorial's longest is some twenty seconds of trials.
const BLOCK_TAKES_AT_MOST: Duration = Duration::from_secs(180);

/// A fenced block that means something to a reader who follows the text.
#[derive(Debug)]
enum Block {
    /// A file to write.
    File { name: String, text: String },
    /// Commands to run, and the exit code that they end with.
    Run { line: usize, commands: String, code: i32 },
    /// Commands that cannot be run here, and why.
    NotRun { reason: String },
    /// Commands of which nobody said.
    Unmarked { line: usize },
}

#[test]
fn every_block_of_commands_says_whether_it_is_run() {
    for page in pages() {
        for block in blocks(&page) {
            match block {
                Block::Unmarked { line } => panic!(
                    "{}:{line}: write ```sh run, ```sh run exit=N, or ```sh not-run: REASON",
                    page.display()
                ),
                Block::NotRun { reason } => assert!(reason.len() > 5, "{}: {reason:?}", page.display()),
                Block::File { .. } | Block::Run { .. } => {}
            }
        }
    }
}

#[test]
fn commands_in_the_documentation_run_as_written() {
    let mut count = 0;
    for page in pages() {
        let scene = Scene::new();
        for block in blocks(&page) {
            match block {
                Block::File { name, text } => drop(scene.write(&name, &text)),
                Block::Run { line, commands, code } => {
                    run(&scene, &format!("{}:{line}", page.display()), &commands, code);
                    count += 1;
                }
                Block::NotRun { .. } | Block::Unmarked { .. } => {}
            }
        }
    }
    assert!(count >= 5, "only {count} blocks were run: are the pages still where they were?");
}

/// Runs the commands of a block in a shell of its own, and ends whatever they leave behind.
fn run(scene: &Scene, place: &str, commands: &str, code: i32) {
    let programs = fleetmark().parent().expect("a program lies in a folder").to_owned();
    let path = std::env::var("PATH").unwrap_or_default();
    let log = fs::File::create(scene.path().join("said.log")).expect("a file for what it says");
    let errors = log.try_clone().expect("the same file for errors");
    let mut shell = Command::new("sh");
    shell
        .args(["-eu", "-c", commands])
        .current_dir(scene.path())
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("XDG_CONFIG_HOME", scene.path().join("config"))
        .env("XDG_DATA_HOME", scene.path().join("data"))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    let mut shell = Process::start(place, &mut shell);
    let group = Pid::from_raw(i32::try_from(shell.pid()).expect("a process id")).expect("no zero");
    let status = shell.wait(BLOCK_TAKES_AT_MOST);
    let _nobody_may_be_left = kill_process_group(group, Signal::KILL);
    let said = fs::read_to_string(scene.path().join("said.log")).unwrap_or_default();
    assert_eq!(status.code(), Some(code), "{place}\n{commands}\nsaid:\n{said}");
}

/// README.md and all pages of docs/.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let listed = fs::read_dir(root.join("docs")).expect("the folder docs").flatten();
    let mut pages: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages.push(root.join("README.md"));
    pages
}

/// The blocks of a page that a reader follows, in order.
fn blocks(page: &Path) -> Vec<Block> {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let text: String = inside.map(|line| format!("{}\n", line.get(indent..).unwrap_or(""))).collect();
        blocks.extend(block(number + 1, info.trim(), text));
    }
    blocks
}

fn block(line: usize, info: &str, text: String) -> Option<Block> {
    if let Some(name) = info.strip_prefix("toml file=") {
        return Some(Block::File { name: name.to_owned(), text });
    }
    let marker = info.strip_prefix("sh").or(info.strip_prefix("bash")).or(info.strip_prefix("console"))?;
    Some(match marker.trim() {
        "run" => Block::Run { line, commands: text, code: 0 },
        marker => match (marker.strip_prefix("run exit="), marker.strip_prefix("not-run:")) {
            (Some(code), _) => {
                let code = code.parse().unwrap_or_else(|_| panic!("line {line}: {code:?} is no exit code"));
                Block::Run { line, commands: text, code }
            }
            (None, Some(reason)) => Block::NotRun { reason: reason.trim().to_owned() },
            (None, None) => Block::Unmarked { line },
        },
    })
}
