//! What a plan says about variants: which there are, and what each of them does.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use shared::job::{Job, JobVariant, Search};
use shared::plan::Plan;
use shared::plan::looks::ABORT_FROM;
use shared::plan::search::Course;
use shared::units::print_duration;

use super::{trial_length, words};

/// Variants listed one by one; more are only counted.
const VARIANTS_LISTED_MAX: usize = 20;

/// How many trials there are, and what makes them so many.
pub(super) fn trials(job: &Job, plan: &Plan) -> String {
    if let Some(search) = &job.search {
        return format!("up to {} trials", trials_max(job, search));
    }
    let trials = plan.trials.len();
    let trials = format!("{trials} trial{}", if trials == 1 { "" } else { "s" });
    let (blocks, variants) = (job.load.trials, job.variants.len());
    match variants {
        0 | 1 => trials,
        _ if blocks == 1 => format!("{trials} (1 block of {variants} variants)"),
        _ => format!("{trials} ({blocks} blocks of {variants} variants)"),
    }
}

/// How many trials a search has at most.
fn trials_max(job: &Job, search: &Search) -> u32 {
    Course::of(search, job.load.trials).values_tried_max().saturating_mul(job.load.trials)
}

/// What is searched for, in words; `None`: nothing is.
pub(super) fn search_in_words(job: &Job) -> Option<String> {
    let search = job.search.as_ref()?;
    let course = Course::of(search, job.load.trials);
    let looks: Vec<String> = course.looks().iter().map(ToString::to_string).collect();
    Some(format!(
        "it searches for the highest {} of {} from {} to {} at which {}: up to {} of them are tried, each looked at after {} trials",
        search.vary,
        search.values.len(),
        search.values.first().copied().unwrap_or_default(),
        search.values.last().copied().unwrap_or_default(),
        search.keep_text,
        course.values_tried_max(),
        looks.join(", ")
    ))
}

/// The search for programs to read; `null`: nothing is searched for.
pub(super) fn search(job: &Job) -> Value {
    let Some(search) = &job.search else { return Value::Null };
    let course = Course::of(search, job.load.trials);
    json!({
        "vary": search.vary,
        "keep": search.keep_text,
        "resolution": search.resolution,
        "values": search.values,
        "values_tried_max": course.values_tried_max(),
        "looks": course.looks(),
        "alpha": course.alpha(),
        "trials_max": trials_max(job, search),
    })
}

/// After how many blocks the run is looked at, and may end. Of a search that is no matter of blocks.
pub(super) fn looks(job: &Job) -> Vec<u32> {
    let looks = job.looks();
    (1..looks.blocks).filter(|blocks| looks.after(*blocks).is_some()).collect()
}

/// The same in words; `None`: nothing ends it before all is done.
pub(super) fn looks_in_words(job: &Job) -> Option<String> {
    let looks = job.looks();
    if looks.until_settled {
        let deciding: Vec<String> = looks.deciding().iter().map(ToString::to_string).collect();
        return Some(format!(
            "it ends once every claim is decided: that is looked at after {} blocks, and no other number",
            deciding.join(", ")
        ));
    }
    looks.aborts.then(|| {
        format!("it ends once a claim is refuted beyond doubt, after {ABORT_FROM} blocks at the earliest")
    })
}

/// The variants for programs to read.
pub(super) fn answer(job: &Job, plan: &Plan) -> Vec<Value> {
    let variant = |(variant, job): (&shared::plan::Variant, &Job)| {
        json!({
            "name": variant.name,
            "parameters": variant.parameters,
            "trial_seconds": trial_length(job).map(|length| length.as_secs_f64()),
        })
    };
    plan.variants.iter().zip(job.each_variant()).map(variant).collect()
}

/// A line for every variant, and below it what only some of them do; then what all of them do.
pub(super) fn page(job: &Job, files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let ways: Vec<Vec<String>> = job.each_variant().map(|variant| words::all(variant, files)).collect();
    let is_common = |sentence: &&String| ways.iter().all(|way| way.contains(sentence));
    let common: Vec<String> = ways.first().into_iter().flatten().filter(is_common).cloned().collect();
    let mut lines = Vec::new();
    for (variant, way) in job.variants.iter().zip(&ways).take(VARIANTS_LISTED_MAX) {
        lines.push(headline(variant));
        let own = way.iter().filter(|sentence| !common.contains(sentence));
        lines.extend(own.map(|sentence| format!("  {sentence}")));
    }
    if job.variants.len() > VARIANTS_LISTED_MAX {
        lines.push(format!("and {} variants more", job.variants.len() - VARIANTS_LISTED_MAX));
    }
    lines.extend(common);
    lines
}

fn headline(variant: &JobVariant) -> String {
    let length = match trial_length(&variant.job) {
        Some(length) => format!(", {}", print_duration(length)),
        None => String::new(),
    };
    format!("variant {}: {}{length}", variant.name, words::workers(&variant.job))
}
