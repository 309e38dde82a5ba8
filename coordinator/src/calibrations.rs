//! Which calibration vouches for the hosts of a run: the newest one of them, if it passed and has not lapsed.
//!
//! A calibration is two stored runs and nothing else: whoever removes one of them removes it.

use shared::calibration::{
    CalibrationMark, CalibrationPart, CalibrationReading, CalibrationVerdict, JOB_NAME, LAPSES_AFTER, TAG,
};
use shared::ids::{Name, RunId};
use shared::job::Limits;
use shared::run_figures::RunFigures;
use shared::run_record::{RunRecord, RunSummary};
use shared::run_report::HostReport;

use crate::figures;
use crate::reporting::ReportingError;
use crate::store::{ResultStore, StoreError, SummaryFilter};

/// Most calibrations that are looked at, the newest: a fleet of many sets of hosts has some of each. Each takes some milliseconds
/// of reading.
const LOOKED_AT_MAX: usize = 50;

/// The calibration that vouches for the hosts of a run; `None`: none does, or the run is itself part of one.
///
/// The newest that passed or failed on these hosts decides: one that could not tell, or does not count, says nothing. `hosts`: as
/// the run's report has them.
///
/// # Errors
/// When the store cannot be read. A damaged calibration is none.
pub fn of_run(
    store: &mut dyn ResultStore,
    record: &RunRecord,
    hosts: &[HostReport],
) -> Result<Option<CalibrationMark>, ReportingError> {
    if record.tags.contains_key(TAG) {
        return Ok(None);
    }
    // What a job that does not read any more was compared by is not known: the usual margin then.
    let job = shared::job::parse(&record.job_toml, shared::job::Kinds::Unchecked);
    let margin = job.map_or_else(|_| Limits::default().margin, |job| job.limits.margin);
    let vouched = Vouched { hosts, margin };
    for control in controls(store)? {
        let Some(calibrated_at_ms) = control.finished_at_ms.filter(|at_ms| counts_at(*at_ms, record)) else {
            continue;
        };
        match of_control(store, &control, &vouched) {
            Ok(Some((CalibrationVerdict::Passed, same_run))) => {
                return Ok(Some(CalibrationMark { same_run, slower_run: control.id, calibrated_at_ms }));
            }
            Ok(Some((CalibrationVerdict::Failed, _))) => return Ok(None),
            Ok(_) => {}
            Err(ReportingError::Store(error @ (StoreError::Closed | StoreError::Io { .. }))) => {
                return Err(error.into());
            }
            Err(error) => tracing::warn!(run = %control.id, %error, "a calibration is passed over"),
        }
    }
    Ok(None)
}

/// The controls of all calibrations, newest first. Only runs of that name are read, and others are passed over unread.
fn controls(store: &dyn ResultStore) -> Result<Vec<RunSummary>, StoreError> {
    let name = Name::new(JOB_NAME).expect("the constant is a name");
    let tags = [(TAG.to_owned(), CalibrationPart::Slower.as_str().to_owned())].into();
    let filter =
        SummaryFilter { name: Some(name), tags, limit: Some(LOOKED_AT_MAX), ..SummaryFilter::default() };
    let mut controls = store.summaries(&filter)?;
    controls.retain(|control| control.damage.is_none());
    Ok(controls)
}

/// Whether a calibration of this moment still counts for a run.
fn counts_at(calibrated_at_ms: u64, record: &RunRecord) -> bool {
    let lapses_after_ms = u64::try_from(LAPSES_AFTER.as_millis()).unwrap_or(u64::MAX);
    record.submitted_at_ms <= calibrated_at_ms.saturating_add(lapses_after_ms)
}

/// What came of the calibration that a control is part of, with its A/A; `None`: it is about other hosts, or about none.
fn of_control(
    store: &mut dyn ResultStore,
    control: &RunSummary,
    vouched: &Vouched<'_>,
) -> Result<Option<(CalibrationVerdict, RunId)>, ReportingError> {
    let slower = figures::of_run(store, control.id)?;
    let Some((read, same_run)) = part(&slower, vouched).and_then(|read| Some((read, read.same_run?))) else {
        return Ok(None);
    };
    let same = figures::of_run(store, same_run)?;
    let verdict = part(&same, vouched).map(|same| analysis::calibration::verdict(same, Some(read)).0);
    Ok(verdict.map(|verdict| (verdict, same_run)))
}

/// What somebody is to vouch for.
struct Vouched<'a> {
    hosts: &'a [HostReport],
    /// The largest difference that counts as none: a calibration by a larger one says nothing of it.
    margin: f64,
}

/// What a run read as part of a calibration of these hosts.
fn part<'a>(figures: &'a RunFigures, vouched: &Vouched<'_>) -> Option<&'a CalibrationReading> {
    let reading = figures.calibration.as_ref()?;
    let covers =
        reading.margin <= vouched.margin && analysis::calibration::covers(&figures.hosts, vouched.hosts);
    covers.then_some(reading)
}

#[cfg(test)]
mod tests;
