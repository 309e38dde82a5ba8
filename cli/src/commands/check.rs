//! `fleetmark check`: is a job valid?

use std::collections::BTreeMap;
use std::path::Path;

use shared::job::schema::KindSchema;
use shared::job::{ATTACHED_FILE_BYTES_MAX, JOB_BYTES_MAX, Job, Kinds, overrides, parse};

use crate::args::JobArgs;
use crate::caret;
use crate::exit_code::{DONE, Failure, JOB};
use crate::output;

/// A job that was read from a file and checked.
pub(crate) struct CheckedJob {
    /// The text that is submitted: the file's, with `--set` applied.
    pub(crate) toml: String,
    pub(crate) job: Job,
    /// The files that it names, by the path written there.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

pub(super) fn run(args: &JobArgs, json: bool) -> anyhow::Result<u8> {
    let CheckedJob { job, .. } = read(&args.job, &args.set)?;
    let operations: Vec<&str> =
        job.workload.operations.iter().map(|operation| operation.name.as_str()).collect();
    if json {
        let answer = serde_json::json!({ "valid": true, "name": job.name, "kind": job.workload.kind, "operations": operations, "trials": job.load.trials });
        output::print(&format!("{answer:#}\n"))?;
    } else {
        output::print(&format!(
            "{}: valid: job {}, {} with {}; `fleetmark plan` says what it would run\n",
            args.job.display(),
            job.name,
            job.workload.kind,
            operations.join(", ")
        ))?;
    }
    Ok(DONE)
}

/// Reads and checks a job with all that it names.
///
/// # Errors
/// 65 with every error of it, each with its place.
pub(crate) fn read(path: &Path, set: &[String]) -> anyhow::Result<CheckedJob> {
    let name = path.display().to_string();
    let unreadable =
        |error: &dyn std::fmt::Display| Failure::with_code(JOB, format!("{name} cannot be read: {error}"));
    let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if size > JOB_BYTES_MAX as u64 {
        return Err(unreadable(&format!("it has {size} bytes, more than {JOB_BYTES_MAX}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    check(&name, text, set, folder)
}

/// Checks a job's text with changes applied. `folder` is where the files that it names are looked for.
///
/// # Errors
/// 65 with every error of it, each with its place.
pub(crate) fn check(name: &str, text: String, set: &[String], folder: &Path) -> anyhow::Result<CheckedJob> {
    let mut toml = text;
    for assignment in set {
        let failed =
            |error: overrides::OverrideError| Failure::with_code(JOB, format!("--set {assignment}: {error}"));
        let (path, value) = overrides::parse_assignment(assignment).map_err(failed)?;
        toml = overrides::apply(&toml, path, value).map_err(failed)?;
    }
    let name = if set.is_empty() { name.to_owned() } else { format!("{name} with {}", set.join(", ")) };
    let kinds: Vec<KindSchema> = agent::workload::TABLE.iter().map(|kind| kind.schema).collect();
    let job = parse(&toml, Kinds::Known(&kinds)).map_err(|errors| {
        Failure::with_code(JOB, format!("the job is in error\n{}", caret::render(&name, &toml, &errors)))
    })?;
    let files = job
        .files
        .iter()
        .map(|path| Ok((path.clone(), attached(&name, folder, path)?)))
        .collect::<anyhow::Result<_>>()?;
    Ok(CheckedJob { toml, job, files })
}

fn attached(job: &str, folder: &Path, path: &str) -> anyhow::Result<Vec<u8>> {
    let place = folder.join(path);
    let failed = |problem: String| {
        Failure::with_code(
            JOB,
            format!("{job} names the file {path:?}, which {problem} ({})", place.display()),
        )
    };
    let size = std::fs::metadata(&place).map_err(|error| failed(format!("cannot be read: {error}")))?.len();
    if size > ATTACHED_FILE_BYTES_MAX as u64 {
        return Err(failed(format!("has {size} bytes, more than {ATTACHED_FILE_BYTES_MAX}")));
    }
    std::fs::read(&place).map_err(|error| failed(format!("cannot be read: {error}")))
}
