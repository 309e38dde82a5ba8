//! Several jobs, one after another: each a run, and all of them one table, one report and one exit code.

use std::path::{Path, PathBuf};

use ::report::Reporter;
use ::report::json::Json;
use ::report::suite::{SuiteReport, SuiteRun};

use super::{Ended, Ready, check, is_data_on_stdout, measure, quick};
use crate::args::RunArgs;
use crate::commands::report;
use crate::exit_code::{Failure, INTERRUPTED, INVALID, JOB, USAGE};
use crate::output;

/// Most jobs of a suite: each of them is checked before the first one runs.
const JOBS_MAX: usize = 1_000;
/// What the file of a job ends in.
const JOB_EXTENSION: &str = "toml";

/// What is to run.
pub(super) enum Jobs {
    /// A job alone.
    One(Box<Ready>),
    /// A suite.
    Several(Vec<Ready>),
}

/// Reads and checks the jobs that the command line names. A folder stands for the job files that lie in it, by name.
///
/// # Errors
/// 65 with what is wrong with the first job that is not valid, or 64 when the command line makes no sense.
pub(super) fn jobs(args: &RunArgs) -> anyhow::Result<Jobs> {
    if let (Some(url), true) = (&args.quick.url, args.jobs.is_empty()) {
        let checked = check::check("--url", quick::job(url, &args.quick), &args.set, Path::new("."))?;
        return Ok(Jobs::One(Box::new(Ready { path: None, checked })));
    }
    let ready = |path: &PathBuf| {
        check::read(path, &args.set).map(|checked| Ready { path: Some(path.clone()), checked })
    };
    match args.jobs.as_slice() {
        [] => Err(Failure::with_code(USAGE, "name a job file, or measure a --url")),
        [path] if !path.is_dir() => ready(path).map(Box::new).map(Jobs::One),
        paths => {
            if args.save_baseline.is_some() {
                let message = "--save-baseline takes one job: a baseline holds runs of the same";
                return Err(Failure::with_code(USAGE, message));
            }
            let files = files(paths)?;
            files.iter().map(ready).collect::<Result<_, _>>().map(Jobs::Several)
        }
    }
}

/// The job files that are named, in order.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(files_in(path)?);
        } else {
            files.push(path.clone());
        }
        if files.len() > JOBS_MAX {
            return Err(Failure::with_code(USAGE, format!("a suite has at most {JOBS_MAX} jobs")));
        }
    }
    Ok(files)
}

/// The job files of a folder, by name. What lies in folders within it is no part of the suite.
fn files_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| {
        Failure::with_code(JOB, format!("{} cannot be read: {error}", folder.display()))
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_file() && path.extension().is_some_and(|extension| extension == JOB_EXTENSION) {
            files.push(path);
        }
    }
    if files.is_empty() {
        let message = format!("{} holds no job: no file ends in .{JOB_EXTENSION}", folder.display());
        return Err(Failure::with_code(USAGE, message));
    }
    files.sort();
    Ok(files)
}

/// Runs jobs one after another and tells what came out of all. One that cannot run does not keep the others from it.
pub(super) async fn run(args: &RunArgs, jobs: Vec<Ready>) -> anyhow::Result<u8> {
    let mut suite = SuiteReport { runs: Vec::new(), exit_code: 0 };
    let count = jobs.len();
    let mut is_interrupted = false;
    for (number, job) in jobs.into_iter().enumerate() {
        let name = job.path.as_deref().map_or_else(String::new, |path| path.display().to_string());
        if is_interrupted {
            let outcome = Err("the suite was interrupted before it".to_owned());
            suite.runs.push(SuiteRun { job: name, exit_code: INTERRUPTED, outcome });
            continue;
        }
        if !args.quiet {
            eprintln!("{} of {count}: {name}", number + 1);
        }
        let run = match measure(args, job).await {
            Ok(ended) => {
                is_interrupted = ended.is_interrupted;
                of_ended(name, ended)
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                let exit_code = Failure::code_of(&error);
                SuiteRun { job: name, exit_code, outcome: Err(error.to_string()) }
            }
        };
        suite.runs.push(run);
    }
    suite.exit_code = worst(suite.runs.iter().map(|run| run.exit_code));
    tell(args, &suite)?;
    Ok(suite.exit_code)
}

fn of_ended(job: String, ended: Ended) -> SuiteRun {
    let outcome = ended.report.ok_or_else(|| "its report cannot be shown".to_owned());
    SuiteRun { job, exit_code: ended.exit_code, outcome }
}

/// The worst of several exit codes: an interruption, then what kept a job from running, then the contract's 3 over 1 over 2 over 0.
fn worst(codes: impl Iterator<Item = u8>) -> u8 {
    let badness = |code: &u8| match *code {
        0 => 0,
        2 => 1,
        1 => 2,
        INVALID => 3,
        INTERRUPTED => u16::MAX,
        // Among those that could not run any tells what to look at; the highest does not depend on the order.
        other => 4 + u16::from(other),
    };
    codes.max_by_key(badness).unwrap_or(0)
}

fn tell(args: &RunArgs, suite: &SuiteReport) -> anyhow::Result<()> {
    if let Some(path) = &args.json {
        output::write(path, &Json.render_suite(suite)?)?;
    }
    report::write_suite(&args.formats, suite)?;
    if !args.quiet && !is_data_on_stdout(args) {
        output::print(&output::suite_page(suite)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_code_is_three_over_one_over_two_over_zero() {
        let of = |codes: &[u8]| worst(codes.iter().copied());
        assert_eq!([of(&[]), of(&[0, 2]), of(&[1, 2, 0]), of(&[1, 3, 2])], [0, 2, 1, 3]);
        assert_eq!([of(&[3, 69]), of(&[130, 69, 3])], [69, 130]);
    }

    #[test]
    fn a_folder_stands_for_the_jobs_that_lie_in_it_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        assert_eq!(Failure::code_of(&files_in(folder.path()).unwrap_err()), USAGE);
        for name in ["b.toml", "a.toml", "readme.md"] {
            std::fs::write(place(name), "").unwrap();
        }
        std::fs::create_dir(place("c.toml")).unwrap();
        assert_eq!(files(&[folder.path().to_owned()]).unwrap(), [place("a.toml"), place("b.toml")]);
    }
}
