//! Pages of runs that are over: drawn from all that is stored of them, once, and kept while they are looked at.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use analysis::assemble::assemble;
use report::{ExportSource, html, series};
use shared::ids::RunId;
use shared::interval::Interval;
use tokio::sync::Semaphore;

use crate::control::{Control, ControlError};
use crate::reporting::{self, ReportingError};
use crate::rpc::codec;
use crate::store::StoreError;
use crate::store::bounded::intervals_up_to;

/// Pages that are kept, of at most a megabyte each as a rule.
const PAGES_KEPT: usize = 16;
/// Most bytes of intervals that are read for one page: the store's one thread waits meanwhile.
const RUN_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Pages that were drawn.
#[derive(Debug)]
pub(super) struct DrawnPages {
    kept: Mutex<VecDeque<(RunId, Arc<Drawn>)>>,
    /// One is drawn at a time: each holds a run in memory.
    turn: Semaphore,
}

/// What the page of a run shows.
#[derive(Debug)]
pub(super) struct Drawn {
    /// The job's name.
    pub(super) title: String,
    /// Its parts, as HTML.
    pub(super) parts: String,
}

impl Default for DrawnPages {
    fn default() -> Self {
        Self { kept: Mutex::default(), turn: Semaphore::new(1) }
    }
}

impl DrawnPages {
    /// What the page of a run shows that is over; `None`: it is too large to be drawn here.
    ///
    /// # Errors
    /// When there is no such run, or what is stored of it is damaged.
    pub(super) async fn of(&self, control: &Control, run: RunId) -> Result<Option<Arc<Drawn>>, ControlError> {
        // What was damaged or removed since is not shown from memory.
        control.store.read(move |store| store.check_run(run)).await??;
        if let Some(page) = self.kept(run) {
            return Ok(Some(page));
        }
        let _turn = self.turn.acquire().await.map_err(|_| ControlError::Stopping)?;
        if let Some(page) = self.kept(run) {
            return Ok(Some(page));
        }
        let Some(page) = draw(control, run).await? else { return Ok(None) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((run, page.clone()));
        if kept.len() > PAGES_KEPT {
            kept.pop_front();
        }
        Ok(Some(page))
    }

    fn kept(&self, run: RunId) -> Option<Arc<Drawn>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| *known == run).map(|(_, page)| page.clone())
    }
}

async fn draw(control: &Control, run: RunId) -> Result<Option<Arc<Drawn>>, ControlError> {
    let read = control.store.read(move |store| {
        let record = store.run(run)?.ok_or(ReportingError::UnknownRun(run))?;
        let stored = intervals_up_to(store, run, RUN_BYTES_MAX)?;
        Ok::<_, ReportingError>(stored.map(|stored| (record, stored)))
    });
    let Some((record, stored)) = read.await?? else { return Ok(None) };
    let drawing = tokio::task::spawn_blocking(move || {
        let job = reporting::job_of(&record)?;
        let decoded: Result<Vec<Interval>, _> =
            stored.iter().map(|bytes| codec::decode_interval(bytes)).collect();
        let intervals =
            decoded.map_err(|error| ReportingError::Interval { run, problem: error.to_string() })?;
        drop(stored);
        let assembled = assemble(&record, &job, intervals.iter().cloned(), crate::unix_ms());
        let mut walk = |visit: &mut report::Visit<'_>| intervals.iter().cloned().try_for_each(visit);
        let mut source =
            ExportSource { assembled: &assembled, record: &record, job: &job, intervals: &mut walk };
        let series = series::gather(&mut source)
            .map_err(|error| ReportingError::Interval { run, problem: error.to_string() })?;
        let head = html::head(&assembled.report);
        let profiles = assembled.report.profiles.iter().filter(|profile| profile.size_bytes.is_some());
        let profiles: Vec<(String, String)> = profiles
            .map(|profile| {
                let link = format!("/api/v1/runs/{run}/profiles/{}", profile.number);
                (link, format!("{} of {}", profile.name, profile.variant))
            })
            .collect();
        let page = maud::html! {
            div.head { (head) }
            (html::parts(&source, &series))
            @if !profiles.is_empty() {
                p { "Profiles: " @for (link, text) in &profiles { a href=(link) { (text) } " " } }
            }
        };
        let title = record.name.to_string();
        Ok::<_, ReportingError>(Arc::new(Drawn { title, parts: page.into_string() }))
    });
    let drawn = drawing.await.map_err(|panicked| StoreError::Panicked(panicked.to_string()))?;
    Ok(Some(drawn?))
}
