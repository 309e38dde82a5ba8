//! `fleetmark store prune` and `compact`: room on the disk.

use serde_json::json;
use shared::units::human::human_bytes;

use super::existing;
use crate::args::{AskArgs, PruneArgs};
use crate::exit_code::{DONE, Failure, USAGE};
use crate::output;
use crate::rpc::store::{FoldedRun, Pruned, Pruning};

/// Writes the store anew without what was removed.
pub(super) async fn compact(ask: AskArgs) -> anyhow::Result<u8> {
    let compaction = existing(&ask.place).await?.compact_store().await?;
    let (before, after) = (compaction.size_bytes_before, compaction.size_bytes_after);
    output::print(&if ask.json {
        format!("{:#}\n", json!({ "size_bytes_before": before, "size_bytes_after": after }))
    } else {
        format!("{} on disk, {} before\n", human_bytes(after as f64), human_bytes(before as f64))
    })?;
    Ok(DONE)
}

/// Removes finished runs, and folds those that stay.
pub(super) async fn prune(options: PruneArgs, ask: AskArgs) -> anyhow::Result<u8> {
    if options.older_than.is_none() && options.keep.is_none() && options.fold_older_than.is_none() {
        let problem = "nothing to prune: say --older-than 30d, --keep N or --fold-older-than 7d";
        return Err(Failure::with_code(USAGE, problem));
    }
    let is_dry_run = options.dry_run;
    let pruning = Pruning {
        remove_older_than: options.older_than,
        keep: options.keep,
        fold_older_than: options.fold_older_than,
        is_dry_run,
    };
    let pruned = existing(&ask.place).await?.prune_store(pruning).await?;
    output::print(&if ask.json { as_json(&pruned, is_dry_run) } else { in_words(&pruned, is_dry_run) })?;
    Ok(DONE)
}

fn as_json(pruned: &Pruned, is_dry_run: bool) -> String {
    let folded = |folded: &FoldedRun| {
        json!({
            "run": folded.run,
            "intervals_before": folded.intervals_before,
            "intervals_after": folded.intervals_after,
            "size_bytes_before": folded.size_bytes_before,
            "size_bytes_after": folded.size_bytes_after,
        })
    };
    let folded: Vec<_> = pruned.folded.iter().map(folded).collect();
    format!("{:#}\n", json!({ "dry_run": is_dry_run, "removed": pruned.removed, "folded": folded }))
}

fn in_words(pruned: &Pruned, is_dry_run: bool) -> String {
    let would = if is_dry_run { "would be " } else { "" };
    let mut text = String::new();
    for run in &pruned.removed {
        text.push_str(&format!("{would}removed: run {} of {}\n", run.id, run.name));
    }
    for folded in &pruned.folded {
        text.push_str(&format!(
            "{would}folded: run {}, {} intervals to {}, {} to {}\n",
            folded.run,
            folded.intervals_before,
            folded.intervals_after,
            human_bytes(folded.size_bytes_before as f64),
            human_bytes(folded.size_bytes_after as f64),
        ));
    }
    if text.is_empty() {
        return "nothing to prune\n".to_owned();
    }
    if !is_dry_run {
        text.push_str("the room on disk comes back with `fleetmark store compact`\n");
    }
    text
}
