//! What a request costs, in instructions, which no busy machine changes: it must not creep up.

use bench::instructions;
use fleetmark_tests::cast::fleetmark;

/// User instructions per request when this was last set: closed model, HTTP/1.1, 50 connections, everything recorded.
/// Set it anew, to what the test prints, in the commit that makes a request cost more for a good reason, or less.
const LANDED: f64 = 3_137.0;
/// What compilers and C libraries may change.
const SLACK: f64 = 0.10;

#[test]
fn a_request_takes_no_more_instructions_than_when_it_landed() {
    // Only optimised code is worth counting: tests/run.sh builds this one program in release.
    let profile = fleetmark();
    let closed_loop =
        profile.parent().and_then(|folder| folder.parent()).expect("target/<profile>/fleetmark");
    let closed_loop = closed_loop.join("release/closed_loop");
    assert!(closed_loop.exists(), "{} is not built; run tests/run.sh", closed_loop.display());
    let counted = match instructions::per_request(&closed_loop) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!(
                "NOT JUDGED: valgrind is missing; tests/run.sh installs it, or: apt-get install valgrind"
            );
            return;
        }
        counted => counted.expect("what was counted"),
    };
    println!("{counted:.0} instructions per request");
    assert!(
        counted <= LANDED * (1.0 + SLACK),
        "a request takes {counted:.0} instructions; {LANDED:.0} and {:.0} % are allowed",
        SLACK * 100.0
    );
}
