//! The JSON API: what the command line asks over gRPC, for other programs. Rooms: [`query`] (what stands behind `?`), [`refusal`] (why
//! something was not done).

pub(super) mod profiles;
pub(super) mod query;
pub(super) mod refusal;

use analysis::compare_runs::Terms;
use axum::body::Body;
use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;
use shared::units::parse_share;

use super::answer;
use super::guard::Visit;
use crate::control::{ControlError, Submittal, TrendQuestion};
use query::Query;

/// Lists runs, newest first, a page at a time.
pub(super) async fn runs(visit: Visit) -> Response<Body> {
    let wanted = Query::parse(&visit.query, &["limit", "before", "name", "state", "verdict", "tag"])
        .and_then(|query| Ok((query.filter()?, query.limit()?, query.one("before").map(str::to_owned))));
    let (mut filter, limit, before) = match wanted {
        Ok(wanted) => wanted,
        Err(problem) => return refusal::malformed(&problem),
    };
    if let Some(before) = before {
        match visit.site.control.resolve(before).await {
            Ok(run) => filter.before = Some(run),
            Err(error) => return refusal::of(error),
        }
    }
    // One more than asked for: whether there is another page.
    filter.limit = Some(limit + 1);
    match visit.site.control.runs(filter).await {
        Ok(mut runs) => {
            let is_more = runs.len() > limit;
            runs.truncate(limit);
            let next = runs.last().filter(|_| is_more).map(|run| run.id);
            answer::json(StatusCode::OK, &json!({ "runs": runs, "next": next }))
        }
        Err(error) => refusal::of(error),
    }
}

/// Shows the report of a run, as the contract's JSON.
pub(super) async fn run(visit: Visit) -> Response<Body> {
    let control = &visit.site.control;
    let shown = async { control.show(control.resolve(visit.id).await?).await }.await;
    match shown {
        Ok(report) => answer::raw_json(StatusCode::OK, report),
        Err(error) => refusal::of(error),
    }
}

/// Compares two runs, baselines, or variants of them, as `fleetmark compare --json` does.
pub(super) async fn compare(visit: Visit) -> Response<Body> {
    let wanted = Query::parse(&visit.query, &["a", "b", "margin", "across_machines"]).and_then(|query| {
        let side = |word| query.one(word).map(str::to_owned).ok_or_else(|| format!("{word}: name a side"));
        Ok((side("a")?, side("b")?, terms(&query)?))
    });
    let (a, b, terms) = match wanted {
        Ok(wanted) => wanted,
        Err(problem) => return refusal::malformed(&problem),
    };
    match visit.site.control.compare(&a, &b, terms).await {
        Ok(comparison) => answer::json(StatusCode::OK, &comparison),
        Err(error) => refusal::of(error),
    }
}

/// What counts when two sides are compared.
///
/// # Errors
/// When a margin is none.
pub(super) fn terms(query: &Query<'_>) -> Result<Terms, String> {
    let across_machines = query.parsed("across_machines", "true or false")?.unwrap_or(false);
    let Some(margin) = query.one("margin") else { return Ok(Terms { margin: None, across_machines }) };
    let share = parse_share(margin).map_err(|error| format!("margin: {error}"))?;
    match share > 0.0 {
        true => Ok(Terms { margin: Some(share), across_machines }),
        false => Err("margin: it is above 0".to_owned()),
    }
}

/// Tells how a metric went from run to run, as `fleetmark trend --json` does.
pub(super) async fn trend(visit: Visit) -> Response<Body> {
    let question = Query::parse(&visit.query, &["metric", "job", "limit"]).and_then(|query| {
        Ok(TrendQuestion {
            metric: query.one("metric").ok_or("metric: name one, such as read.latency.p95")?.to_owned(),
            job: query.one("job").unwrap_or_default().to_owned(),
            runs_max: query.parsed("limit", "a whole number")?.unwrap_or_default(),
        })
    });
    let question = match question {
        Ok(question) => question,
        Err(problem) => return refusal::malformed(&problem),
    };
    match visit.site.control.trend(question).await {
        Ok(trend) => answer::json(StatusCode::OK, &trend),
        Err(error) => refusal::of(error),
    }
}

/// Lists agents, by name.
pub(super) async fn agents(visit: Visit) -> Response<Body> {
    match visit.site.control.agents().await {
        Ok(agents) => answer::json(StatusCode::OK, &json!({ "agents": agents })),
        Err(error) => refusal::of(error),
    }
}

/// Takes in a job, as the TOML of its file.
pub(super) async fn submit(visit: Visit) -> Response<Body> {
    let submittal = match submittal(&visit) {
        Ok(submittal) => submittal,
        Err(problem) => return refusal::malformed(&problem),
    };
    match visit.site.control.submit(&visit.peer, submittal).await {
        Ok(run) => {
            let mut answer = answer::json(StatusCode::CREATED, &json!({ "run": run }));
            let place = HeaderValue::try_from(format!("/api/v1/runs/{run}"));
            answer.headers_mut().insert(LOCATION, place.expect("ids are digits, letters and '-'"));
            answer
        }
        Err(error) => refusal::of(error),
    }
}

/// Cancels a run.
pub(super) async fn cancel(visit: Visit) -> Response<Body> {
    let Visit { site, peer, id, .. } = visit;
    let cancelled = async {
        let run = site.control.resolve(id).await?;
        site.control.cancel(&peer, run, "cancelled".to_owned()).await?;
        Ok::<_, ControlError>(run)
    };
    match cancelled.await {
        Ok(run) => answer::json(StatusCode::OK, &json!({ "run": run })),
        Err(error) => refusal::of(error),
    }
}

fn submittal(visit: &Visit) -> Result<Submittal, String> {
    let query = Query::parse(&visit.query, &["tag", "wait", "priority"])?;
    let job_toml = String::from_utf8(visit.body.to_vec());
    Ok(Submittal {
        job_toml: job_toml.map_err(|_| "the job is no text in UTF-8".to_owned())?,
        tags: query.tags()?,
        refuse_to_wait: !query.parsed("wait", "true or false")?.unwrap_or(true),
        priority: query.parsed("priority", "a whole number")?.unwrap_or_default(),
        kinds: Some(visit.site.kinds.clone()),
        ..Submittal::default()
    })
}
