//! The two jobs of a calibration, made out of a given one: the A/A, and the control.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use analysis::calibration::slower_by;
use shared::calibration::{CalibrationPart, ControlTarget, JOB_NAME};
use shared::delay::Delay;
use shared::job::{Job, LoadModel, Window};
use shared::units::print_duration;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::commands::check::{self, CheckedJob};
use crate::exit_code::{Failure, INTERNAL};

/// What is calibrated with when no job is named.
pub(super) const DEFAULT_JOB: &str = include_str!("default_job.toml");
/// Sections that say what is compared, claimed, looked for and looked into: a calibration has its own.
const SECTIONS_LEFT_OUT: [&str; 6] = ["variants", "sweep", "claims", "search", "expect", "profile"];
/// Sections that belong to what the job measures, which a control with another target does not.
const SECTIONS_OF_THE_TARGET: [&str; 7] =
    ["workload", "workloads", "target", "params", "data", "hooks", "observe"];
/// Operations of a trial from which on it has a median to calibrate by; with fewer it is their mean.
const MEDIAN_FROM: u64 = 100;

/// The two jobs.
pub(super) struct Jobs {
    pub(super) same: CheckedJob,
    pub(super) slower: CheckedJob,
    /// What measures the slower side of the control.
    pub(super) control_target: ControlTarget,
    /// δ.
    pub(super) margin: f64,
}

/// How they are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) blocks: u32,
    /// δ; `None`: the job's own.
    pub(super) margin: Option<f64>,
    /// Workers that the load is to have at least: one for each agent.
    pub(super) workers_min: u32,
}

impl Jobs {
    /// Makes them out of a job that was checked. `folder` is where the files that it names are looked for.
    ///
    /// # Errors
    /// 65 when the job cannot be calibrated with, with the reason.
    pub(super) fn of(base: &CheckedJob, terms: Terms, folder: &Path) -> anyhow::Result<Self> {
        let margin = terms.margin.unwrap_or(base.job.limits.margin);
        let metric = metric(&base.job);
        let mut document = read(&base.toml)?;
        frame(&mut document, &base.job, terms, margin);
        let checked = |document: &DocumentMut| {
            check::check("the job of the calibration", document.to_string(), &[], folder)
        };
        let mut same = document.clone();
        compare(&mut same, CalibrationPart::Same, None);
        claim(&mut same, metric, ["again", "a"], "no_regression", margin);
        claim(&mut same, metric, ["a", "again"], "no_regression", margin);
        let (mut control, slowed, control_target) = match slowed(&base.job, margin) {
            Some(start) => (document, start, ControlTarget::Job),
            None => {
                let (document, start) = with_default_target(document, margin)?;
                (document, start, ControlTarget::Default)
            }
        };
        // The two sides start different targets, so none can last for the run.
        if let Some(target) = control.get_mut("target").and_then(Item::as_table_like_mut) {
            target.remove("restart");
        }
        compare(&mut control, CalibrationPart::Slower, Some(&slowed));
        claim(&mut control, metric, ["slower", "again"], "at_least", 1.0 + margin);
        Ok(Self { same: checked(&same)?, slower: checked(&control)?, control_target, margin })
    }
}

fn read(toml: &str) -> anyhow::Result<DocumentMut> {
    toml.parse()
        .map_err(|error| Failure::with_code(INTERNAL, format!("a checked job does not read: {error}")))
}

/// In what it is compared: the median, or of few operations the mean.
fn metric(job: &Job) -> &'static str {
    let is_few = matches!(job.load.window, Window::Iterations(count) if count < MEDIAN_FROM);
    if is_few || job.workload.kinds().any(|kind| kind == "command") { "latency.mean" } else { "latency.p50" }
}

/// What both jobs have in common: everything but what is compared and claimed.
fn frame(document: &mut DocumentMut, job: &Job, terms: Terms, margin: f64) {
    SECTIONS_LEFT_OUT.iter().for_each(|section| drop(document.remove(section)));
    document["name"] = value(JOB_NAME);
    let load = section(document, "load");
    load.insert("trials", value(i64::from(terms.blocks)));
    if let Some(workers) = job.load.workers.filter(|_| job.load.model == LoadModel::Closed) {
        load.insert("workers", value(i64::from(workers.max(terms.workers_min))));
    }
    let limits = section(document, "limits");
    limits.insert("aa", value(true));
    limits.insert("margin", value(margin));
}

fn section<'a>(document: &'a mut DocumentMut, name: &str) -> &'a mut dyn toml_edit::TableLike {
    let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut().expect("a checked job's sections are tables")
}

/// Adds the two variants of a part; the second one starts the slowed target, if there is one.
fn compare(document: &mut DocumentMut, part: CalibrationPart, slowed: Option<&[String]>) {
    let mut variants = ArrayOfTables::new();
    for (place, name) in part.sides().into_iter().enumerate() {
        let mut variant = Table::new();
        variant.insert("name", value(name));
        if let Some(start) = slowed.filter(|_| place == 1) {
            let mut set = InlineTable::new();
            set.insert("target.start", start.iter().collect::<Array>().into());
            variant.insert("set", Item::Value(Value::InlineTable(set)));
        }
        variants.push(variant);
    }
    document.insert("variants", Item::ArrayOfTables(variants));
}

/// Adds a claim that holds one variant against another.
fn claim(document: &mut DocumentMut, metric: &str, [variant, than]: [&str; 2], rule: &str, number: f64) {
    let mut claim = Table::new();
    claim.insert("metric", value(metric));
    claim.insert("variant", value(variant));
    claim.insert("than", value(than));
    claim.insert(rule, value(number));
    let claims = document.entry("claims").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if let Some(claims) = claims.as_array_of_tables_mut() {
        claims.push(claim);
    }
}

/// The job with fleetmark's own target in place of what it measures, and how that is started when it is slower.
fn with_default_target(mut document: DocumentMut, margin: f64) -> anyhow::Result<(DocumentMut, Vec<String>)> {
    let default = read(DEFAULT_JOB)?;
    SECTIONS_OF_THE_TARGET.iter().for_each(|section| drop(document.remove(section)));
    for section in ["workload", "target"] {
        document.insert(section, default[section].clone());
    }
    let job = check::check("the default job", DEFAULT_JOB.to_owned(), &[], Path::new("."))?.job;
    let slowed = slowed(&job, margin);
    let missing = || Failure::with_code(INTERNAL, "the default job starts no target whose latency is known");
    Ok((document, slowed.ok_or_else(missing)?))
}

/// How the job's target is started when it is slower by 2δ; `None`: it is not fleetmark's, or its latency is no fixed one.
fn slowed(job: &Job, margin: f64) -> Option<Vec<String>> {
    let mut words = job.target.as_ref()?.start.clone();
    let [program, verb, ..] = words.as_slice() else { return None };
    if (program.as_str(), verb.as_str()) != ("fleetmark", "target") {
        return None;
    }
    let (place, prefix) = match words.iter().position(|word| word == "--latency") {
        Some(option) => (option + 1, ""),
        None => (words.iter().position(|word| word.starts_with("--latency="))?, "--latency="),
    };
    let latency = words.get(place)?.strip_prefix(prefix)?;
    let Ok(Delay::Fixed(latency)) = Delay::parse(&filled(job, latency)?) else { return None };
    if latency.is_zero() {
        return None;
    }
    let slower = Duration::from_nanos((latency.as_nanos() as f64 * slower_by(margin)).round() as u64);
    words[place] = format!("{prefix}{}", print_duration(slower));
    Some(words)
}

/// A word of the target's command line with params filled in; `None`: it takes more than those.
fn filled(job: &Job, word: &str) -> Option<String> {
    let trial_names = ["target.host", "target.port", "peer.host"];
    let known: BTreeMap<String, String> = trial_names.map(|name| (name.to_owned(), String::new())).into();
    let mut alone = job.clone();
    alone.target.as_mut()?.start = vec![word.to_owned()];
    alone.resolved(&known).ok()?.target?.start.into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { blocks: 20, margin: None, workers_min: 1 };

    fn base(text: &str) -> CheckedJob {
        check::check("job.toml", text.to_owned(), &[], Path::new(".")).unwrap()
    }

    fn jobs(text: &str, terms: Terms) -> Jobs {
        Jobs::of(&base(text), terms, Path::new(".")).unwrap()
    }

    fn names(job: &Job) -> Vec<&str> {
        job.variants.iter().map(|variant| variant.name.as_str()).collect()
    }

    fn latency_of(job: &Job, variant: usize) -> &str {
        job.variants[variant].job.target.as_ref().unwrap().start.last().unwrap()
    }

    #[test]
    fn the_default_job_is_compared_with_itself_and_with_one_that_is_slower_by_twice_the_margin() {
        let Jobs { same, slower, control_target, margin } = jobs(DEFAULT_JOB, TERMS);
        assert_eq!((names(&same.job), names(&slower.job)), (vec!["a", "again"], vec!["again", "slower"]));
        assert_eq!((control_target, margin), (ControlTarget::Job, 0.05));
        assert_eq!((latency_of(&slower.job, 0), latency_of(&slower.job, 1)), ("5ms", "5ms500us"));
        for job in [&same.job, &slower.job] {
            assert_eq!((job.load.trials, job.load.workers, job.name.as_str()), (20, Some(4), JOB_NAME));
            assert!(job.limits.aa && job.limits.margin == 0.05);
        }
        assert_eq!((same.job.claims.len(), slower.job.claims.len()), (2, 1));
    }

    #[test]
    fn as_many_workers_as_agents_are_there_at_least() {
        let job = jobs(DEFAULT_JOB, Terms { workers_min: 9, ..TERMS }).same.job;
        assert_eq!(job.load.workers, Some(9));
    }

    #[test]
    fn a_wider_margin_makes_a_slower_control() {
        let wide = jobs(DEFAULT_JOB, Terms { margin: Some(0.2), ..TERMS });
        assert_eq!((latency_of(&wide.slower.job, 1), wide.slower.job.limits.margin), ("7ms", 0.2));
    }

    const OTHER: &str = "name = \"j\"\n[workload]\nkind = \"http\"\n[[workload.operations]]\nname = \"read\"\nurl = \"http://127.0.0.1:1/{{n}}\"\n\
        [params]\nn = 1\n[load]\nmodel = \"open\"\nrate = 50\nduration = \"2s\"\n[sweep]\n\"params.n\" = [1, 2]\n[[claims]]\nmetric = \"read.latency.p99\"\nbelow = \"1s\"\n";

    #[test]
    fn what_nobody_can_slow_down_by_a_known_amount_gets_another_target_for_its_control() {
        let Jobs { same, slower, control_target, .. } = jobs(OTHER, TERMS);
        assert_eq!(control_target, ControlTarget::Default);
        assert!(same.job.target.is_none() && slower.job.target.is_some());
        assert_eq!(names(&same.job), ["a", "again"], "what it swept and claimed is left out");
        assert_eq!(same.job.load.arrivals, slower.job.load.arrivals, "under the same load");
    }

    #[test]
    fn only_a_fixed_latency_of_fleetmarks_own_target_is_known() {
        let slowed = |start: &str| {
            let text = format!("{DEFAULT_JOB}\n[params]\nlatency = \"8ms\"\n").replace(
                "[\"fleetmark\", \"target\", \"--listen\", \"{{target.host}}:{{target.port}}\", \"--latency\", \"5ms\"]",
                start,
            );
            super::slowed(&base(&text).job, 0.05).and_then(|words| words.last().cloned())
        };
        let listen = "\"--listen\", \"{{target.host}}:{{target.port}}\"";
        let known = slowed(&format!("[\"fleetmark\", \"target\", {listen}, \"--latency={{{{latency}}}}\"]"));
        assert_eq!(known.as_deref(), Some("--latency=8ms800us"));
        for start in [
            format!("[\"fleetmark\", \"target\", {listen}, \"--latency\", \"uniform(1ms,{{{{latency}}}})\"]"),
            format!("[\"fleetmark\", \"target\", {listen}, \"{{{{latency}}}}\"]"),
            format!("[\"./server\", \"target\", {listen}, \"--latency\", \"{{{{latency}}}}\"]"),
        ] {
            assert_eq!(slowed(&start), None, "{start}");
        }
    }

    #[test]
    fn few_operations_are_compared_by_their_mean() {
        let metric = |load: &str| {
            let text = DEFAULT_JOB.replace("duration = \"3s\"", load);
            super::metric(&base(&text).job)
        };
        assert_eq!((metric("duration = \"1s\""), metric("iterations = 12")), ("latency.p50", "latency.mean"));
    }
}
