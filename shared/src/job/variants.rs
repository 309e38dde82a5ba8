//! Variants: `[[variants]]`, or the single `default`, times every combination of `[sweep]`; each a whole checked job of its own.
//!
//! A variant is made as a person would make it: its values are put into the job's text as `--set` does, and the text is read
//! like any other. Rooms: `paths` (what can be varied), `combinations` (which there are, and their names), `telling` (errors of a
//! variant at the place that brought them about).

mod combinations;
pub(super) mod paths;
mod telling;

use std::collections::BTreeMap;
use std::sync::Arc;

use toml_edit::{DocumentMut, Item, Value};

use super::error::{Findings, JobError};
use super::names::TRIAL_NAMES;
use super::node::Node;
use super::overrides;
use super::parse::{Kinds, parse_within};
use super::resolve::RESOLVED_BYTES_MAX;
use super::{Job, TargetRestart, TargetSpec};
use crate::ids::VariantIndex;
use crate::plan::TRIALS_MAX;
use combinations::Combination;
pub(super) use combinations::{check, count, meant, names};
use telling::Telling;

/// Most variants of one job: each has a table of its own in the report, and a hundred tables are more than anybody reads.
pub const VARIANTS_MAX: usize = 100;
/// Most bytes that the texts of all variants of a job may have together: each is read as if it were a job by itself.
pub const VARIANTS_TEXT_BYTES_MAX: usize = 8 * super::JOB_BYTES_MAX;

/// Sections that are the base job's alone, and do not stand in the texts of its variants.
const SECTIONS_OF_THE_BASE: [&str; 5] = ["sweep", "variants", "claims", "search", "expect"];

/// One variant of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobVariant {
    /// Its name: the parts that make it, joined by commas (`new,load.workers=8`).
    pub name: String,
    /// What it sets, by path.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// The job with that set. It has no variants; its fleet, limits, claims and expectations, its number of
    /// trials and its seed are the base job's.
    pub job: Arc<Job>,
}

impl Job {
    /// The job that a variant of its plan runs: itself where it names no variants, or none of that number.
    pub fn of_variant(&self, variant: VariantIndex) -> &Job {
        self.variants.get(variant.0 as usize).map_or(self, |variant| &variant.job)
    }

    /// The jobs that its trials run: those of its variants, of all values of its search, or itself where it names none.
    pub fn each_variant(&self) -> impl Iterator<Item = &Job> {
        let variants = self.search.as_ref().map_or(&self.variants, |search| &search.steps);
        let itself = variants.is_empty().then_some(self);
        itself.into_iter().chain(variants.iter().map(|variant| &*variant.job))
    }
}

/// Reads the variants of a job that is fine by itself, and has it know them.
pub(super) fn read(root: &Node<'_>, text: &str, job: &mut Job, kinds: Kinds<'_>, findings: &mut Findings) {
    let search = job.search.clone();
    let combinations = match &search {
        Some(search) => combinations::of_search(root, search),
        None => combinations::of(root, findings),
    };
    if combinations.is_empty() || !findings.is_empty() {
        return;
    }
    if search.is_none() {
        check_trials(root, job, combinations.len(), findings);
    }
    if text.len().saturating_mul(combinations.len()) > VARIANTS_TEXT_BYTES_MAX {
        let message = format!(
            "{} variants of a job of {} bytes are {} bytes to read; at most {VARIANTS_TEXT_BYTES_MAX} are read",
            combinations.len(),
            text.len(),
            text.len().saturating_mul(combinations.len())
        );
        let error = JobError::new(None, "", message);
        findings.push(error.with_help("keep large bodies in files of their own (body_file)"));
    }
    let base = match base_document(text) {
        Ok(base) if findings.is_empty() => base,
        // That it is TOML has been seen before.
        _ => return,
    };
    let resolved_bytes_max = RESOLVED_BYTES_MAX / combinations.len();
    let mut telling = Telling::default();
    let mut variants = Vec::new();
    for combination in &combinations {
        // What is wrong with one value of a search is wrong with many.
        if findings.is_full() || (search.is_some() && !findings.is_empty()) {
            return;
        }
        let read = read_one(&base, combination, kinds, resolved_bytes_max, &mut telling, findings);
        variants.extend(read.map(|read| of_base(job, combination, read)));
    }
    job.files = files(&variants);
    check_targets(root, &variants, findings);
    match &mut job.search {
        Some(search) => search.steps = variants,
        None => job.variants = variants,
    }
}

fn base_document(text: &str) -> Result<DocumentMut, overrides::OverrideError> {
    let mut document = overrides::read(text)?;
    for section in SECTIONS_OF_THE_BASE {
        document.remove(section);
    }
    // How many trials there are may hang on claims, which a variant does not have.
    if let Some(load) = document.get_mut("load").and_then(Item::as_table_like_mut) {
        load.remove("trials");
    }
    Ok(document)
}

fn read_one(
    base: &DocumentMut,
    combination: &Combination<'_>,
    kinds: Kinds<'_>,
    resolved_bytes_max: usize,
    telling: &mut Telling,
    findings: &mut Findings,
) -> Option<Job> {
    let mut document = base.clone();
    for setting in &combination.settings {
        let value = toml_of(&setting.value)?;
        if let Err(error) = overrides::put(&mut document, setting.path, value) {
            telling.push(setting.place.error(error.to_string()), findings);
            return None;
        }
    }
    match parse_within(&document.to_string(), kinds, resolved_bytes_max) {
        Ok(job) => Some(job),
        Err(errors) => {
            errors.0.iter().for_each(|error| telling.of_variant(combination, error, findings));
            None
        }
    }
}

/// A variant's job, with what it has of the base job.
fn of_base(base: &Job, combination: &Combination<'_>, mut job: Job) -> JobVariant {
    (job.load.trials, job.load.until_settled) = (base.load.trials, base.load.until_settled);
    job.load.seed = base.load.seed;
    job.claims = base.claims.clone();
    job.expect = base.expect.clone();
    let parameters = combination.settings.iter();
    JobVariant {
        name: combination.name.clone(),
        parameters: parameters.map(|setting| (setting.path.to_owned(), setting.value.clone())).collect(),
        job: Arc::new(job),
    }
}

/// The files of all variants, without repetition.
fn files(variants: &[JobVariant]) -> Vec<String> {
    let mut files: Vec<String> = Vec::new();
    for file in variants.iter().flat_map(|variant| &variant.job.files) {
        if !files.contains(file) {
            files.push(file.clone());
        }
    }
    files
}

fn check_trials(root: &Node<'_>, job: &Job, variants: usize, findings: &mut Findings) {
    let trials = variants.saturating_mul(job.load.trials as usize);
    if trials > TRIALS_MAX as usize {
        let message = format!(
            "{} trials of each of {variants} variants are {trials}; a run has at most {TRIALS_MAX}",
            job.load.trials
        );
        let place = root.descendant(&["load", "trials"]).or_else(|| root.child("sweep"));
        findings.push(
            place.map_or_else(|| JobError::new(None, "load.trials", &message), |it| it.error(&message)),
        );
    }
}

/// A target that outlives a trial is the same for the next one, which is another variant's.
fn check_targets(root: &Node<'_>, variants: &[JobVariant], findings: &mut Findings) {
    let lasts = |target: &TargetSpec| target.restart == TargetRestart::Run;
    let targets: Vec<Option<TargetSpec>> = variants.iter().map(|variant| started(&variant.job)).collect();
    if !targets.iter().flatten().any(lasts) || targets.windows(2).all(|pair| pair[0] == pair[1]) {
        return;
    }
    let message =
        "restart = \"run\" keeps one target for the whole run, and the variants start different ones";
    let place = root.descendant(&["target", "restart"]).or_else(|| root.child("variants"));
    let error = place.map_or_else(|| JobError::new(None, "target.restart", message), |it| it.error(message));
    findings.push(error.with_help("leave it out: each trial then starts its variant's own target afresh"));
}

/// What a job starts, with its params filled in.
fn started(job: &Job) -> Option<TargetSpec> {
    let placeholders = TRIAL_NAMES.map(|name| (name.to_owned(), format!("{{{{{name}}}}}"))).into();
    // What cannot be filled in has been told.
    job.resolved(&placeholders).ok()?.target
}

/// A value out of the file as the editor has it; `None` for one that no file can hold.
fn toml_of(value: &serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(boolean) => (*boolean).into(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::Array(items.iter().map(toml_of).collect::<Option<_>>()?),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| Some((key.as_str(), toml_of(value)?)));
            Value::InlineTable(entries.collect::<Option<_>>()?)
        }
    })
}
