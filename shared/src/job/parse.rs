//! From a job file's text to a [`Job`], or to everything that is wrong with it.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ERRORS_MAX, Findings, JobError, JobErrors};
use super::grammar::ROOT;
use super::names::{Definitions, Names};
use super::node::{DEPTH_MAX, Node};
use super::resolve::{RESOLVED_BYTES_MAX, ResolveError};
use super::schema::KindSchema;
use super::walk::Walker;
use super::{
    JOB_BYTES_MAX, Job, claims, contradictions, decode, names, search, submission_texts, variants, workload,
};
use crate::ids::Name;

/// Which workload kinds there are.
#[derive(Debug, Clone, Copy)]
pub enum Kinds<'a> {
    /// These: their keys are checked, and the files they name are collected.
    Known(&'a [KindSchema]),
    /// Not known here: any kind and any key of a workload or an operation is taken as it is, and no file is
    /// collected. What runs the workload checks it.
    Unchecked,
}

/// Reads a job file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file.
pub fn parse(text: &str, kinds: Kinds<'_>) -> Result<Job, JobErrors> {
    parse_within(text, kinds, RESOLVED_BYTES_MAX)
}

/// Reads a job file into whose early texts params put at most so many bytes.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_within(text: &str, kinds: Kinds<'_>, filled_bytes_max: usize) -> Result<Job, JobErrors> {
    let mut findings = Findings::default();
    if text.len() > JOB_BYTES_MAX {
        let message = format!("the job file has {} bytes; at most {JOB_BYTES_MAX} are read", text.len());
        findings.push(
            JobError::new(None, "", message).with_help("keep large bodies in files of their own (body_file)"),
        );
        return Err(findings.into_errors(""));
    }
    let (document, syntax_errors) = DeTable::parse_recoverable(text);
    let mut value = Spanned::new(document.span(), DeValue::Table(document.into_inner()));
    if !syntax_errors.is_empty() {
        return Err(with_syntax_errors(&mut value, text, kinds, &syntax_errors));
    }
    let mut reading = Reading { text, kinds, is_whole: true, filled_bytes_max, findings };
    let job = reading.read(&mut value);
    let mut findings = reading.findings;
    if let Some(mut job) = job.filter(|_| findings.is_empty()) {
        variants::read(&Node::root(&value), text, &mut job, kinds, &mut findings);
        if findings.is_empty() {
            return Ok(job);
        }
    }
    Err(findings.into_errors(text))
}

/// The syntax errors first, then what else is wrong with what could be read; but nothing on their lines, since
/// that is likely their consequence.
fn with_syntax_errors(
    value: &mut Spanned<DeValue<'_>>,
    text: &str,
    kinds: Kinds<'_>,
    errors: &[toml::de::Error],
) -> JobErrors {
    let mut findings = Findings::default();
    for error in errors {
        findings.push(JobError::new(error.span(), "", error.message()));
    }
    let line_of =
        |at: usize| text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count();
    let shown = errors.iter().take(ERRORS_MAX);
    let broken: Vec<usize> = shown.filter_map(|error| Some(line_of(error.span()?.start))).collect();
    let mut reading = Reading {
        text,
        kinds,
        is_whole: false,
        filled_bytes_max: RESOLVED_BYTES_MAX,
        findings: Findings::default(),
    };
    reading.read(value);
    findings.absorb(reading.findings, |error| {
        error.span.as_ref().is_none_or(|span| !broken.contains(&line_of(span.start)))
    });
    findings.into_errors(text)
}

/// A file on its way to a job.
struct Reading<'a> {
    text: &'a str,
    kinds: Kinds<'a>,
    /// Whether no part of the file was lost to a syntax error.
    is_whole: bool,
    /// Most bytes that params may put into what is read early.
    filled_bytes_max: usize,
    findings: Findings,
}

impl Reading<'_> {
    /// Checks everything and decodes.
    fn read(&mut self, value: &mut Spanned<DeValue<'_>>) -> Option<Job> {
        if let Some(node) = Node::root(value).too_deep() {
            self.findings.push(node.error(format!("tables and lists are nested deeper than {DEPTH_MAX}")));
            return None;
        }
        self.fill_early(value);
        let (findings, is_whole) = (&mut self.findings, self.is_whole);
        let root = &Node::root(value);
        let definitions = Definitions::of(root);
        let names = Names { definitions: &definitions, source: self.text };
        let mut files = Vec::new();
        let mut walker = Walker { findings, names: None, is_whole, files: &mut files };
        walker.table(root, &[ROOT]);
        let mut walker = Walker { findings, names: Some(names), is_whole, files: &mut files };
        workload::check(&mut walker, root, self.kinds);
        if !is_whole {
            return None;
        }
        names.check(root, findings);
        contradictions::check(root, findings);
        claims::check(root, findings);
        variants::check(root, findings);
        let job = decoded(root, self.text, files, findings)?;
        check_size(&job, findings);
        Some(job)
    }

    /// Puts params into what is read when a job is submitted.
    fn fill_early(&mut self, value: &mut Spanned<DeValue<'_>>) {
        let params = {
            let root = Node::root(value);
            let definitions = Definitions::of(&root);
            if self.is_whole {
                let names = Names { definitions: &definitions, source: self.text };
                submission_texts::check(&root, &names, &mut self.findings);
            }
            definitions.params()
        };
        if submission_texts::fill(value.get_mut(), &params, self.filled_bytes_max).is_err() {
            let error = ResolveError::TooLong(self.filled_bytes_max);
            self.findings.push(JobError::new(None, "params", error.to_string()));
        }
    }
}

fn decoded(root: &Node<'_>, text: &str, files: Vec<String>, findings: &mut Findings) -> Option<Job> {
    let load = decode::load(root, findings);
    let fleet = decode::surroundings::fleet(root, text, findings);
    let target = decode::surroundings::target(root, text, findings);
    let hooks = decode::surroundings::hooks(root, findings);
    let profile = decode::surroundings::profile(root, load.window, findings);
    let texts = root.child("tags");
    let tags = texts.iter().flat_map(Node::entries);
    let values = root.child("params");
    let params = values.iter().flat_map(Node::entries);
    let search = search::decode(root);
    Some(Job {
        name: Name::new(root.child("name")?.text()?).ok()?,
        description: root.child("description").and_then(|node| node.text()).map(str::to_owned),
        tags: tags.filter_map(|(key, node)| Some((key.to_owned(), node.text()?.to_owned()))).collect(),
        workload: workload::decode(root, findings)?,
        data: decode::data::columns(root),
        params: params.filter_map(|(key, node)| Some((key.to_owned(), node.json().ok()?))).collect(),
        load,
        fleet,
        target,
        hooks,
        profile,
        observe: super::observe::Observe::decode(root, findings),
        // What a search keeps is claimed of every value that it tries.
        claims: match &search {
            Some(search) => vec![search.keep.clone()],
            None => decode::claims::claims(root),
        },
        expect: decode::claims::expectation(root),
        limits: decode::limits(root),
        files,
        variants: Vec::new(),
        search,
    })
}

/// A name used often may blow the job up: told now rather than when it runs.
fn check_size(job: &Job, findings: &mut Findings) {
    if !findings.is_empty() {
        return;
    }
    // Long enough for any host name and port.
    let placeholder = "x".repeat(255);
    let extra = names::TRIAL_NAMES.map(|name| (name.to_owned(), placeholder.clone())).into();
    if let Err(error) = job.resolved(&extra) {
        findings.push(JobError::new(None, "params", error.to_string()));
    }
}
