//! Baselines in lists, and histories.

use shared::baseline::{BaselineRunSummary, BaselineSummary};
use shared::history::{History, HistoryPoint};
use shared::ids::{BaselineName, Name};

use super::{ConvertError, non_empty, run_id};

impl From<&BaselineSummary> for crate::Baseline {
    fn from(baseline: &BaselineSummary) -> Self {
        Self {
            name: baseline.name.to_string(),
            runs: baseline.runs.iter().map(Into::into).collect(),
            damage: baseline.damage.clone().unwrap_or_default(),
        }
    }
}

impl TryFrom<crate::Baseline> for BaselineSummary {
    type Error = ConvertError;

    fn try_from(baseline: crate::Baseline) -> Result<Self, ConvertError> {
        Ok(Self {
            name: BaselineName::new(baseline.name).map_err(|error| ConvertError::new("name", error))?,
            runs: baseline.runs.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            damage: non_empty(baseline.damage),
        })
    }
}

impl From<&BaselineRunSummary> for crate::BaselineRun {
    fn from(run: &BaselineRunSummary) -> Self {
        Self {
            run_id: run.run.as_bytes().to_vec(),
            job: run.job.to_string(),
            job_sha256: run.job_sha256.clone(),
            submitted_at_ms: run.submitted_at_ms,
            added_at_ms: run.added_at_ms,
            added_by: run.added_by.clone(),
            tags: run.tags.clone(),
        }
    }
}

impl TryFrom<crate::BaselineRun> for BaselineRunSummary {
    type Error = ConvertError;

    fn try_from(run: crate::BaselineRun) -> Result<Self, ConvertError> {
        Ok(Self {
            run: run_id(&run.run_id)?,
            job: Name::new(run.job).map_err(|error| ConvertError::new("job", error))?,
            job_sha256: run.job_sha256,
            submitted_at_ms: run.submitted_at_ms,
            added_at_ms: run.added_at_ms,
            added_by: run.added_by,
            tags: run.tags,
        })
    }
}

impl From<&History> for crate::ReadHistoryResponse {
    fn from(history: &History) -> Self {
        Self {
            job: history.job.clone(),
            points: history.points.iter().map(Into::into).collect(),
            runs_left_out: history.runs_left_out,
            has_older: history.has_older,
        }
    }
}

impl TryFrom<crate::ReadHistoryResponse> for History {
    type Error = ConvertError;

    fn try_from(history: crate::ReadHistoryResponse) -> Result<Self, ConvertError> {
        Ok(Self {
            job: history.job,
            points: history.points.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            runs_left_out: history.runs_left_out,
            has_older: history.has_older,
        })
    }
}

impl From<&HistoryPoint> for crate::HistoryPoint {
    fn from(point: &HistoryPoint) -> Self {
        Self {
            run_id: point.run.as_bytes().to_vec(),
            submitted_at_ms: point.submitted_at_ms,
            tags: point.tags.clone(),
            variant: point.variant.clone(),
            subject: point.subject.clone(),
            unit: point.unit.clone(),
            trials: point.trials,
            mean: point.mean,
            low: point.ci95.map(|[low, _]| low),
            high: point.ci95.map(|[_, high]| high),
        }
    }
}

impl TryFrom<crate::HistoryPoint> for HistoryPoint {
    type Error = ConvertError;

    fn try_from(point: crate::HistoryPoint) -> Result<Self, ConvertError> {
        if !point.mean.is_finite() {
            return Err(ConvertError::new("mean", format!("{} is no number", point.mean)));
        }
        Ok(Self {
            run: run_id(&point.run_id)?,
            submitted_at_ms: point.submitted_at_ms,
            tags: point.tags,
            variant: point.variant,
            subject: point.subject,
            unit: point.unit,
            trials: point.trials,
            mean: point.mean,
            ci95: point.low.zip(point.high).map(|(low, high)| [low, high]),
        })
    }
}
