//! Accepting a job: checked, planned and stored before its run id is given out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use shared::baseline::FrozenBaseline;
use shared::ids::RunId;
use shared::job::data::read_csv_column;
use shared::job::schema::KindSchema;
use shared::job::{
    ATTACHED_FILE_BYTES_MAX, ATTACHED_FILES_BYTES_MAX, DataSource, JOB_BYTES_MAX, Job, Kinds, confidences,
};
use shared::plan::Plan;
use shared::run_record::{AttachedFile, RunRecord};
use shared::secret::{SecretName, SecretText};

use super::{Control, ControlError};
use crate::admission::audit::Deed;
use crate::admission::peer::Peer;
use crate::baselines;
use crate::director::Message;
use crate::schedule::{self, Submission};

/// What a run's priority may be.
const PRIORITIES: RangeInclusive<i32> = -100..=100;
/// Most tags of a run, those of its job included.
const TAGS_MAX: usize = 64;
/// Longest key or value of a tag, in bytes.
const TAG_BYTES_MAX: usize = 1_024;

/// What is submitted.
#[derive(Debug, Default)]
pub(crate) struct Submittal {
    /// The job.
    pub(crate) job_toml: String,
    /// The files that it names, by the path that it writes.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// Secrets that came with it.
    pub(crate) secrets: BTreeMap<SecretName, SecretText>,
    /// Tags besides those of the job.
    pub(crate) tags: BTreeMap<String, String>,
    /// Whether it is to be refused if it cannot begin at once.
    pub(crate) refuse_to_wait: bool,
    /// The word that its agents carry; empty: any may serve it.
    pub(crate) reservation: String,
    /// Which run gets agents first, highest first.
    pub(crate) priority: i32,
    /// What its workloads may be; `None`: whoever submits it has looked, with what it knows of them.
    pub(crate) kinds: Option<Vec<KindSchema>>,
}

impl Control {
    /// Checks, plans and stores a job for somebody, and hands it to the director.
    pub(crate) async fn submit(&self, peer: &Peer, submittal: Submittal) -> Result<RunId, ControlError> {
        let what = described(&submittal.job_toml);
        let accepted = self.accept(peer, submittal).await;
        match &accepted {
            Ok(run) => self.audit.done(Deed::Submit, peer, format!("{what} as {run}")).await,
            Err(refused) => {
                let reason = refused.to_string();
                self.audit.refused(Deed::Submit, peer, what, first_line(&reason)).await;
            }
        }
        accepted
    }

    async fn accept(&self, peer: &Peer, mut submittal: Submittal) -> Result<RunId, ControlError> {
        if !self.ask(|reply| Message::HasRoom { reply }).await? {
            return Err(ControlError::Full(schedule::ACTIVE_RUNS_MAX));
        }
        let refuse_to_wait = submittal.refuse_to_wait;
        let given = std::mem::take(&mut submittal.secrets);
        if !given.is_empty() && !peer.is_private() {
            return Err(ControlError::Overheard);
        }
        let mut submission = submission(submittal)?;
        let wanted = confidences::of_job(&submission.record.job_toml);
        let confided = self.secrets.confide(&submission.job.name, wanted, &given)?;
        submission.confidential = Arc::new(confided);
        submission.record.baselines = self.freeze_baselines(&submission.job).await?;
        let run = submission.record.id;
        let (record, files) = (submission.record.clone(), submission.files.clone());
        self.store.write(move |store| store.create_run(&record, &files)).await??;
        let submission = Box::new(submission);
        if let Err(unmet) = self.ask(|reply| Message::Submit { submission, refuse_to_wait, reply }).await? {
            // A run that was refused never was: nothing of it is kept.
            self.store.write(move |store| store.remove_run(run)).await??;
            return Err(ControlError::Unmet(unmet));
        }
        Ok(run)
    }

    /// The baselines that a job's claims name, as they are now: so claims are decided the same way tomorrow.
    async fn freeze_baselines(&self, job: &Job) -> Result<BTreeMap<String, FrozenBaseline>, ControlError> {
        let job = job.clone();
        Ok(self.store.read(move |store| baselines::freeze(store, &job)).await??)
    }
}

/// A job as the record names it.
fn described(job_toml: &str) -> String {
    let digest: String = Sha256::digest(job_toml).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("job sha256:{digest}")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn submission(request: Submittal) -> Result<Submission, ControlError> {
    if request.job_toml.len() > JOB_BYTES_MAX {
        return Err(ControlError::Malformed(format!(
            "the job has {} bytes, more than {JOB_BYTES_MAX}",
            request.job_toml.len()
        )));
    }
    let kinds = request.kinds.as_deref().map_or(Kinds::Unchecked, Kinds::Known);
    let job = shared::job::parse(&request.job_toml, kinds)?;
    if !PRIORITIES.contains(&request.priority) {
        return Err(ControlError::Malformed(format!(
            "the priority {} is not {} to {}",
            request.priority,
            PRIORITIES.start(),
            PRIORITIES.end()
        )));
    }
    if let Some(path) = job.files.iter().find(|path| !request.files.contains_key(*path)) {
        return Err(ControlError::Malformed(format!(
            "the job names the file {path:?}, which did not come with it: `fleetmark run` sends files along"
        )));
    }
    check_files(&request.files)?;
    check_data(&job, &request.files)?;
    let mut tags = job.tags.clone();
    tags.extend(request.tags);
    let is_tag = |(key, value): (&String, &String)| {
        !key.is_empty() && key.len() <= TAG_BYTES_MAX && value.len() <= TAG_BYTES_MAX
    };
    if tags.len() > TAGS_MAX || !tags.iter().all(is_tag) {
        return Err(ControlError::Malformed(format!(
            "tags: at most {TAGS_MAX}, with keys and values of at most {TAG_BYTES_MAX} bytes"
        )));
    }
    let seed = job.load.seed.unwrap_or_else(rand::random);
    let now_ms = crate::unix_ms();
    let digest = |bytes: &Vec<u8>| AttachedFile {
        sha256: Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        size_bytes: bytes.len() as u64,
    };
    let id = RunId::new(now_ms, rand::random());
    let plan = Plan::of(&job, seed);
    let record = RunRecord {
        files: request.files.iter().map(|(path, bytes)| (path.clone(), digest(bytes))).collect(),
        tags,
        fleetmark_version: env!("CARGO_PKG_VERSION").to_owned(),
        priority: request.priority,
        reservation: (!request.reservation.is_empty()).then_some(request.reservation),
        ..RunRecord::submitted(id, job.name.clone(), request.job_toml, plan, now_ms)
    };
    Ok(Submission {
        record,
        job: Arc::new(job),
        files: Arc::new(request.files),
        confidential: Arc::default(),
    })
}

/// A secret that the job does not get.
/// Which files a job names is for its workload to say; here only their sizes are looked at.
fn check_files(sent: &BTreeMap<String, Vec<u8>>) -> Result<(), ControlError> {
    if let Some((path, bytes)) = sent.iter().find(|(_, bytes)| bytes.len() > ATTACHED_FILE_BYTES_MAX) {
        return Err(ControlError::Malformed(format!(
            "the file {path:?} has {} bytes, more than {ATTACHED_FILE_BYTES_MAX}",
            bytes.len()
        )));
    }
    let total: usize = sent.values().map(Vec::len).sum();
    if total > ATTACHED_FILES_BYTES_MAX {
        return Err(ControlError::Malformed(format!(
            "the job's files have {total} bytes together, more than {ATTACHED_FILES_BYTES_MAX}"
        )));
    }
    Ok(())
}

/// Whether every column of data can be read from what was sent: an agent that finds out later costs a whole run.
fn check_data(job: &Job, sent: &BTreeMap<String, Vec<u8>>) -> Result<(), ControlError> {
    let mut read = BTreeSet::new();
    for (name, data) in job.each_variant().flat_map(|variant| &variant.data) {
        let DataSource::Csv { file, column } = &data.source else { continue };
        // Most variants take the same data.
        if !read.insert((file, column)) {
            continue;
        }
        let refused = |problem: &dyn std::fmt::Display| {
            ControlError::Malformed(format!("data.{name}: the file {file:?}: {problem}"))
        };
        let content = sent.get(file).ok_or_else(|| refused(&"it did not come with the job"))?;
        read_csv_column(content, column).map_err(|error| refused(&error))?;
    }
    Ok(())
}
