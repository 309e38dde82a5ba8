//! How the database means to do the statements: asked once in a run, before anything is measured.

use std::time::Duration;

use shared::ids::OperationIndex;
use shared::interval::{Remark, RemarkKind};

use super::SqlPlan;
use super::settings::Work;
use super::setup::waited_for;
use super::statement::Filled;
use crate::workload::Seat;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::Progress;

/// How long all of them may take: a database plans within milliseconds.
const EXPLAINED_WITHIN: Duration = Duration::from_secs(30);
/// How much of all plans is kept: it travels with the last interval of the trial.
const BYTES_MAX: usize = 128 * 1024;

/// The plans of all operations, with the first values that a worker would have. Blocks until they are told. What fails is told in
/// their place: it does not keep the trial from being run.
pub(super) fn of(plan: &SqlPlan, seat: Seat) -> Vec<(OperationIndex, Remark)> {
    let asked = waited_for(EXPLAINED_WITHIN, || explained(plan, seat));
    let told = match asked {
        Ok(Ok(told)) => told,
        Ok(Err(failure)) => vec![(OperationIndex(0), format!("there are no plans: {}", failure.message))],
        Err(error) => vec![(OperationIndex(0), format!("there are no plans: {error}"))],
    };
    let mut left = BYTES_MAX;
    let remarks = told.into_iter().filter_map(|(operation, text)| {
        left = left.checked_sub(text.len())?;
        Some((operation, Remark::new(RemarkKind::Plan, plan.secrets.mask(text))))
    });
    remarks.collect()
}

async fn explained(plan: &SqlPlan, seat: Seat) -> Result<Vec<(OperationIndex, String)>, Failure> {
    let progress = &mut Progress::new();
    let mut session = plan.database.open(&plan.operations, EXPLAINED_WITHIN, progress).await?;
    let (mut values, mut filled) = (plan.names.values(seat), Filled::default());
    values.begin_iteration();
    let mut told = Vec::new();
    for (place, index) in (0..plan.operations.len()).zip(0_u16..) {
        let Work::Statements { statements, .. } = &plan.operations[place].work else { continue };
        let text = match filled.fill_in(statements, &mut values) {
            Ok(()) => session.explain(&plan.operations, place, &mut filled).await?,
            Err(error) => format!("there is no plan: {error}"),
        };
        told.push((OperationIndex(index), text));
    }
    session.close().await;
    Ok(told)
}
