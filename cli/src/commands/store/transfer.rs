//! `fleetmark store export` and `import`: everything as one stream, for backup and migration.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::existing;
use crate::args::AskArgs;
use crate::client;
use crate::exit_code::{DONE, Failure, INTERNAL, INVALID, OUTPUT, USAGE};
use crate::output;
use crate::rpc::Client;
use crate::rpc::store::{Exported, Imported};

/// Writes all finished runs to a file, or to standard output for `-`. Damaged runs are left out, and said to be.
pub(super) async fn export(file: PathBuf, ask: AskArgs) -> anyhow::Result<u8> {
    let mut client = existing(&ask.place).await?;
    let exported = write(&mut client, None, &file).await?;
    tell(&exported, file == Path::new("-"), ask.json)?;
    Ok(if exported.damage.is_empty() { DONE } else { INVALID })
}

/// Writes one finished run to a file, or to standard output for `-`, in the form that an import reads.
///
/// # Errors
/// 64 when the run is unknown or not over, 3 when it is damaged, 73 when the file cannot be written.
pub(in crate::commands) async fn export_run(
    client: &mut Client,
    run: &str,
    file: &Path,
) -> anyhow::Result<u8> {
    let exported = write(client, Some(run), file).await?;
    match exported.runs.as_slice() {
        [_] => Ok(DONE),
        runs => {
            let several = format!("the coordinator is older and wrote {} runs: update it", runs.len());
            Err(Failure::with_code(INTERNAL, several))
        }
    }
}

async fn write(client: &mut Client, only: Option<&str>, file: &Path) -> anyhow::Result<Exported> {
    let unwritable =
        |error| Failure::with_code(OUTPUT, format!("{} cannot be written: {error}", file.display()));
    if file == Path::new("-") {
        let mut out = std::io::stdout();
        let exported = client.export_store(only, &mut out, file).await?;
        out.flush().map_err(unwritable)?;
        return Ok(exported);
    }
    // Only a whole export takes the name: an older one is not lost to one that fails.
    let partial = PathBuf::from(format!("{}.partial", file.display()));
    let mut out = BufWriter::new(File::create(&partial).map_err(unwritable)?);
    let exported = client.export_store(only, &mut out, &partial).await;
    let kept = match exported {
        Ok(exported) => out
            .into_inner()
            .map_err(|error| unwritable(error.into_error()))
            .and_then(|file| file.sync_all().map_err(unwritable))
            .and_then(|()| std::fs::rename(&partial, file).map_err(unwritable))
            .map(|()| exported),
        Err(error) => Err(error),
    };
    // Nobody has use for half an export, and that it cannot be removed is not what went wrong.
    kept.inspect_err(|_| drop(std::fs::remove_file(&partial)))
}

/// Takes up the runs of an export that the store does not have.
pub(super) async fn import(file: PathBuf, ask: AskArgs) -> anyhow::Result<u8> {
    let source: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        let opened = File::open(&file);
        Box::new(opened.map_err(|error| {
            Failure::with_code(USAGE, format!("{} cannot be read: {error}", file.display()))
        })?)
    };
    let imported = client::connect(&ask.place).await?.import_store(source, &file).await?;
    output::print(&if ask.json {
        let (baselines, known) = (&imported.baselines, &imported.baselines_already_there);
        let answer = json!({
            "runs": imported.runs,
            "already_there": imported.already_there,
            "baselines": baselines,
            "baselines_already_there": known,
        });
        format!("{answer:#}\n")
    } else {
        format!(
            "{} runs imported, {} were there already\n{}",
            imported.runs.len(),
            imported.already_there.len(),
            baselines_taken_up(&imported)
        )
    })?;
    Ok(DONE)
}

/// What became of the baselines of an import; nothing where it had none.
fn baselines_taken_up(imported: &Imported) -> String {
    let line = |names: &[String], what: &str| {
        if names.is_empty() { String::new() } else { format!("baselines {what}: {}\n", names.join(", ")) }
    };
    let known = "that were there already and stayed as they were";
    line(&imported.baselines, "imported") + &line(&imported.baselines_already_there, known)
}

/// Says what the export holds: to standard error where standard output is the export itself.
fn tell(exported: &Exported, is_standard_output: bool, is_json: bool) -> anyhow::Result<()> {
    let text = if is_json {
        let damage: Vec<_> =
            exported.damage.iter().map(|(run, what)| json!({ "run": run, "what": what })).collect();
        let runs = (&exported.runs, &exported.unfinished);
        format!(
            "{:#}\n",
            json!({ "runs": runs.0, "unfinished": runs.1, "damage": damage, "baselines": exported.baselines })
        )
    } else {
        let mut text = format!("{} runs exported\n", exported.runs.len());
        if !exported.baselines.is_empty() {
            text.push_str(&format!("baselines exported: {}\n", exported.baselines.join(", ")));
        }
        for run in &exported.unfinished {
            text.push_str(&format!("left out: run {run} is not finished\n"));
        }
        for (run, what) in &exported.damage {
            let whose = run.map_or_else(|| "the store".to_owned(), |run| format!("run {run}"));
            text.push_str(&format!("left out: {whose} is damaged: {what}\n"));
        }
        text
    };
    if is_standard_output {
        eprint!("{text}");
        return Ok(());
    }
    output::print(&text)
}
