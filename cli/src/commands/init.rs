//! `fleetmark init`: a first job to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::exit_code::{DONE, Failure, OUTPUT};
use crate::output;

/// A job that runs as it stands and says where to change it.
const FIRST_JOB: &str = include_str!("init/first_job.toml");

pub(super) fn run(file: &Path) -> anyhow::Result<u8> {
    let failed = |error: std::io::Error| {
        let advice =
            if error.kind() == std::io::ErrorKind::AlreadyExists { "; name another file" } else { "" };
        Failure::with_code(OUTPUT, format!("{} cannot be written: {error}{advice}", file.display()))
    };
    let mut created = OpenOptions::new().write(true).create_new(true).open(file).map_err(failed)?;
    created.write_all(FIRST_JOB.as_bytes()).map_err(failed)?;
    output::print(&format!("wrote {0}; it runs as it stands: fleetmark run {0}\n", file.display()))?;
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::*;

    #[test]
    fn the_first_job_is_valid() {
        check::check("first_job.toml", FIRST_JOB.to_owned(), &[], Path::new(".")).map(drop).unwrap();
    }
}
