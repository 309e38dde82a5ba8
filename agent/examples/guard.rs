//! As much of the `fleetmark` binary as the tests of `child` need: the guard, and an agent to be killed.
//!
//! * `guard guard [--confine JSON] -- PROGRAM ARGS…` is the hidden subcommand of the real binary.
//! * `guard hold PROGRAM ARGS…` starts the program under a guard, prints its process id, and stays.

use std::ffi::OsString;

use fleetmark_agent::child::guard::guard_main;
use fleetmark_agent::child::supervised::Supervised;

fn main() {
    let mut words = std::env::args_os().skip(1);
    match words.next().as_deref().and_then(std::ffi::OsStr::to_str) {
        Some("guard") => {
            let mut words: Vec<OsString> = words.collect();
            let begins = words.iter().position(|word| word == "--").expect("a command follows --");
            let command = words.split_off(begins + 1);
            let confinement = words.get(1).map(|text| {
                serde_json::from_str(&text.to_string_lossy()).expect("what a supervisor writes can be read")
            });
            std::process::exit(guard_main(command, &confinement.unwrap_or_default()))
        }
        Some("hold") => hold(words.collect()),
        _ => panic!("write `guard -- PROGRAM ARGS…` or `hold PROGRAM ARGS…`"),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn hold(command: Vec<OsString>) {
    let command: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let ourselves = std::env::current_exe().expect("a running program has a path");
    let supervised = Supervised::start(&ourselves, &command).await.expect("the program of the test starts");
    println!("{}", supervised.pid());
    std::future::pending::<()>().await;
}
