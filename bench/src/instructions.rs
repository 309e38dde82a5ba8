//! User instructions that one request takes, counted by valgrind: the same on a busy machine as on a quiet one.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::arrival_recorder::ArrivalRecorder;

/// Requests of the shorter of two runs; the longer one has twice as many, so that starting up cancels, and what is done once for each of
/// the first few slow requests.
const ITERATIONS: u64 = 20_000;
/// Connections: enough that waiting for the server is a small part, as under any load worth measuring.
const WORKERS: u32 = 50;

/// Instructions per request of `closed_loop`, a program built beside this one or elsewhere: one load thread, HTTP/1.1,
/// closed model, everything recorded.
///
/// # Errors
/// When valgrind is missing ([`io::ErrorKind::NotFound`]) or the program fails under it.
pub fn per_request(closed_loop: &Path) -> io::Result<f64> {
    let server = ArrivalRecorder::start()?;
    let shorter = counted(closed_loop, &server.url(), ITERATIONS)?;
    let longer = counted(closed_loop, &server.url(), 2 * ITERATIONS)?;
    Ok((longer as f64 - shorter as f64) / ITERATIONS as f64)
}

/// All user instructions of one run.
fn counted(closed_loop: &Path, url: &str, iterations: u64) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(closed_loop)
        .args([url, &iterations.to_string(), &WORKERS.to_string()])
        .output()?;
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if out.trim().parse() != Ok(iterations) {
        return Err(io::Error::other(format!("{iterations} requests were asked for, not {out:?}: {errors}")));
    }
    collected(&errors).ok_or_else(|| io::Error::other(format!("callgrind told no count: {errors}")))
}

/// The count in what callgrind says at the end: `==1== Collected : 123`.
fn collected(said: &str) -> Option<u64> {
    let (_, count) = said.lines().find_map(|line| line.split_once("Collected :"))?;
    count.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callgrinds_count_is_found() {
        assert_eq!(collected("==9== Events    : Ir\n==9== Collected : 77400\n==9== \n"), Some(77_400));
        assert_eq!(collected("valgrind: not found"), None);
    }
}
