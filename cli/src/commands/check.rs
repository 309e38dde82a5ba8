//! `fleetmark check`: is a job valid?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use shared::job::data::read_csv_column;
use shared::job::schema::KindSchema;
use shared::job::{
    ATTACHED_FILE_BYTES_MAX, DataSource, JOB_BYTES_MAX, Job, Kinds, WorkloadPart, overrides, parse,
};

use crate::args::JobArgs;
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
        let data: Vec<&String> = job.data.keys().collect();
        let answer = serde_json::json!({
            "valid": true,
            "name": job.name,
            "kind": job.workload.kind,
            "scenario": job.workload.has_scenario(),
            "workloads": parts_json(&job),
            "operations": operations,
            "data": data,
            "trials": job.load.trials,
            "search": job.search.as_ref().map(|search| &search.vary),
            "variants": job.variants.iter().map(|variant| &variant.name).collect::<Vec<_>>(),
        });
        output::print(&format!("{answer:#}\n"))?;
    } else {
        output::print(&format!(
            "{}: valid: job {}, {} with {}{}{}; `fleetmark plan` says what it would run\n",
            args.job.display(),
            job.name,
            job.workload.kind,
            if job.workload.is_scenario { "the scenario " } else { "" },
            operations.join(", "),
            match job.variants.len() {
                0 => String::new(),
                1 => ", 1 variant".to_owned(),
                variants => format!(", {variants} variants"),
            }
        ))?;
    }
    Ok(DONE)
}

/// The workloads of a job for programs to read: of a mix each, with its name.
fn parts_json(job: &Job) -> Vec<serde_json::Value> {
    let part = |part: &WorkloadPart<'_>| {
        let operations: Vec<&str> = part.operations.iter().map(|operation| operation.name.as_str()).collect();
        serde_json::json!({
            "name": part.name.map_or(part.kind, |name| name.as_str()),
            "kind": part.kind,
            "scenario": part.is_scenario,
            "weight": part.weight(),
            "operations": operations,
        })
    };
    job.workload.parts().iter().map(part).collect()
}

/// Reads and checks a job with all that it names.
///
/// # Errors
/// 65 with every error of it, each with its place.
pub(crate) fn read(path: &Path, set: &[String]) -> anyhow::Result<CheckedJob> {
    let name = path.display().to_string();
    let unreadable =
        |error: &dyn std::fmt::Display| Failure::with_code(JOB, format!("{name} cannot be read: {error}"));
    let size = fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if size > JOB_BYTES_MAX as u64 {
        return Err(unreadable(&format!("it has {size} bytes, more than {JOB_BYTES_MAX}")));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
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
        Failure::with_code(JOB, format!("the job is in error\n{}", output::job_errors(&name, &toml, &errors)))
    })?;
    let files: BTreeMap<_, _> = job
        .files
        .iter()
        .map(|path| Ok((path.clone(), attached(&name, folder, path)?)))
        .collect::<anyhow::Result<_>>()?;
    check_data(&name, &job, &files)?;
    check_operations(&name, &job, &files)?;
    Ok(CheckedJob { toml, job, files })
}

/// Whether every column of data is in its file.
fn check_data(name: &str, job: &Job, files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    let mut read = BTreeSet::new();
    for (data, column) in job.each_variant().flat_map(|variant| &variant.data) {
        let DataSource::Csv { file, column } = &column.source else { continue };
        // Most variants take the same data.
        if !read.insert((file, column)) {
            continue;
        }
        let content = files.get(file).map(Vec::as_slice).unwrap_or_default();
        read_csv_column(content, column).map_err(|error| {
            Failure::with_code(
                JOB,
                format!("{name} takes data.{data} from the column {column:?} of the file {file:?}: {error}"),
            )
        })?;
    }
    Ok(())
}

/// Whether operations can be done, as far as the job's own files tell.
fn check_operations(name: &str, job: &Job, files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    for variant in job.each_variant() {
        for part in variant.workload.parts() {
            agent::workload::examine(part.kind, part.operations, files)
                .map_err(|error| Failure::with_code(JOB, format!("{name}: {error}")))?;
        }
    }
    Ok(())
}

fn attached(job: &str, folder: &Path, path: &str) -> anyhow::Result<Vec<u8>> {
    let place = folder.join(path);
    let failed = |problem: String| {
        Failure::with_code(
            JOB,
            format!("{job} names the file {path:?}, which {problem} ({})", place.display()),
        )
    };
    let unreadable = |error: io::Error| failed(format!("cannot be read: {error}"));
    let metadata = fs::metadata(&place).map_err(unreadable)?;
    // A pipe would keep us waiting, and a device may never end.
    if !metadata.is_file() {
        return Err(failed("is no regular file".to_owned()));
    }
    if metadata.len() > ATTACHED_FILE_BYTES_MAX as u64 {
        return Err(failed(format!("has {} bytes, more than {ATTACHED_FILE_BYTES_MAX}", metadata.len())));
    }
    fs::read(&place).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What checking a job says that takes its data from a file.
    fn checked(content: Option<&[u8]>) -> Result<CheckedJob, String> {
        let folder = tempfile::tempdir().unwrap();
        if let Some(content) = content {
            fs::write(folder.path().join("ids.csv"), content).unwrap();
        }
        let text = "name = \"j\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = \"true {{id}}\"\n\
            [data.id]\ncsv = \"ids.csv\"\ncolumn = \"id\"\n";
        check("job.toml", text.to_owned(), &[], folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_of_data_comes_along() {
        let job = checked(Some(b"id,name\n1,a\n")).map(|job| job.files).unwrap();
        assert_eq!(job["ids.csv"], b"id,name\n1,a\n");
    }

    #[test]
    fn data_that_is_not_in_its_file_is_told_with_file_and_column() {
        let error = |content| checked(content).map(|_| ()).unwrap_err();
        let place = "job.toml takes data.id from the column \"id\" of the file \"ids.csv\": ";
        assert_eq!(
            error(Some(b"a,b\n1,2\n")),
            format!("{place}it has no column \"id\"; its first line names: a, b")
        );
        assert_eq!(error(Some(b"id\n")), format!("{place}it has no row below its first line"));
        assert!(error(None).contains("names the file \"ids.csv\", which cannot be read"));
    }

    #[test]
    fn what_is_no_regular_file_is_not_read() {
        let text = "name = \"j\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = \"true\"\n\
            [data.id]\ncsv = \"/dev/zero\"\ncolumn = \"id\"\n";
        let error = check("job.toml", text.to_owned(), &[], Path::new(".")).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("is no regular file"), "{error}");
    }
}
