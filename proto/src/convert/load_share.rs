//! One agent's share of a trial's load.

use std::time::Duration;

use shared::arrivals::{ArrivalPlan, Spread, Stretch};
use shared::delay::Delay;
use shared::job::grammar::load::{RATE_MAX, STRETCHES_MAX};
use shared::job::{LoadModel, WORKERS_MAX, Warmup, Window};
use shared::plan::LoadShare;

use super::{ConvertError, non_empty};
use crate::load_share;

impl From<LoadShare> for crate::LoadShare {
    fn from(load: LoadShare) -> Self {
        let model = match load.model {
            LoadModel::Closed => crate::LoadModel::Closed,
            LoadModel::Open => crate::LoadModel::Open,
        };
        Self {
            model: model.into(),
            workers: load.workers,
            warmup: Some(match load.warmup {
                Warmup::For(length) => load_share::Warmup::WarmupNs(nanoseconds(length)),
                Warmup::Iterations(iterations) => load_share::Warmup::WarmupIterations(iterations),
            }),
            window: Some(match load.window {
                Window::For(length) => load_share::Window::WindowNs(nanoseconds(length)),
                Window::Iterations(iterations) => load_share::Window::WindowIterations(iterations),
            }),
            drain_ns: nanoseconds(load.drain),
            threads: load.threads.unwrap_or(0),
            seed: load.seed,
            workers_max: load.workers_max,
            arrivals: load.arrivals.map(Into::into),
            think: load.think.map(|think| think.to_string()).unwrap_or_default(),
            pace_ns: load.pace.map_or(0, nanoseconds),
            connect_rate: load.connect_rate.unwrap_or(0.0),
            connections_per_worker: load.connections_per_worker,
            streams_per_connection: load.streams_per_connection,
            new_connection_every: load.new_connection_every.unwrap_or(0),
            pins_threads: load.pins_threads,
        }
    }
}

impl TryFrom<crate::LoadShare> for LoadShare {
    type Error = ConvertError;

    fn try_from(load: crate::LoadShare) -> Result<Self, ConvertError> {
        let model = match load.model() {
            crate::LoadModel::Closed => LoadModel::Closed,
            crate::LoadModel::Open => LoadModel::Open,
            crate::LoadModel::Unspecified => return Err(ConvertError::missing("model")),
        };
        if load.workers == 0 || load.workers > WORKERS_MAX {
            return Err(ConvertError::new("workers", format!("{} are not 1 to {WORKERS_MAX}", load.workers)));
        }
        if load.workers_max < load.workers || load.workers_max > WORKERS_MAX {
            return Err(ConvertError::new(
                "workers_max",
                format!("{} are not {} to {WORKERS_MAX}", load.workers_max, load.workers),
            ));
        }
        if (model == LoadModel::Open) != load.arrivals.is_some() {
            return Err(ConvertError::new("arrivals", "belong to the open model, and to no other"));
        }
        if model == LoadModel::Open && load.pace_ns > 0 {
            return Err(ConvertError::new("pace_ns", "belongs to the closed model"));
        }
        let window = match load.window.ok_or(ConvertError::missing("window"))? {
            load_share::Window::WindowNs(0) | load_share::Window::WindowIterations(0) => {
                return Err(ConvertError::new("window", "is empty"));
            }
            load_share::Window::WindowNs(length) => Window::For(Duration::from_nanos(length)),
            load_share::Window::WindowIterations(iterations) => Window::Iterations(iterations),
        };
        Ok(Self {
            model,
            workers: load.workers,
            warmup: match load.warmup.ok_or(ConvertError::missing("warmup"))? {
                load_share::Warmup::WarmupNs(length) => Warmup::For(Duration::from_nanos(length)),
                load_share::Warmup::WarmupIterations(iterations) => Warmup::Iterations(iterations),
            },
            window,
            drain: Duration::from_nanos(load.drain_ns),
            threads: (load.threads > 0).then_some(load.threads),
            seed: load.seed,
            workers_max: load.workers_max,
            arrivals: load.arrivals.map(TryInto::try_into).transpose()?,
            think: non_empty(load.think).map(|think| delay("think", &think)).transpose()?,
            pace: (load.pace_ns > 0).then_some(Duration::from_nanos(load.pace_ns)),
            connect_rate: connect_rate(load.connect_rate)?,
            connections_per_worker: per_worker("connections_per_worker", load.connections_per_worker)?,
            streams_per_connection: per_worker("streams_per_connection", load.streams_per_connection)?,
            new_connection_every: (load.new_connection_every > 0).then_some(load.new_connection_every),
            pins_threads: load.pins_threads,
        })
    }
}

impl From<ArrivalPlan> for crate::ArrivalPlan {
    fn from(plan: ArrivalPlan) -> Self {
        let stretches = plan.stretches.into_iter().map(|stretch| crate::RateStretch {
            length_ns: nanoseconds(stretch.length),
            from_per_s: stretch.from_per_s,
            to_per_s: stretch.to_per_s,
        });
        Self { is_poisson: plan.spread == Spread::Poisson, stretches: stretches.collect() }
    }
}

impl TryFrom<crate::ArrivalPlan> for ArrivalPlan {
    type Error = ConvertError;

    fn try_from(plan: crate::ArrivalPlan) -> Result<Self, ConvertError> {
        if plan.stretches.is_empty() || plan.stretches.len() > STRETCHES_MAX {
            return Err(ConvertError::new(
                "stretches",
                format!("{} are not 1 to {STRETCHES_MAX}", plan.stretches.len()),
            ));
        }
        let is_rate = |rate: f64| (0.0..=RATE_MAX).contains(&rate);
        let stretch = |stretch: crate::RateStretch| {
            if stretch.length_ns == 0 || !is_rate(stretch.from_per_s) || !is_rate(stretch.to_per_s) {
                return Err(ConvertError::new(
                    "stretches",
                    format!("a length must be above 0 and a rate 0 to {RATE_MAX}"),
                ));
            }
            let length = Duration::from_nanos(stretch.length_ns);
            Ok(Stretch { length, from_per_s: stretch.from_per_s, to_per_s: stretch.to_per_s })
        };
        Ok(Self {
            spread: if plan.is_poisson { Spread::Poisson } else { Spread::Uniform },
            stretches: plan.stretches.into_iter().map(stretch).collect::<Result<_, _>>()?,
        })
    }
}

fn delay(field: &'static str, text: &str) -> Result<Delay, ConvertError> {
    Delay::parse(text).map_err(|error| ConvertError::new(field, error))
}

/// 0 stands for no limit.
fn connect_rate(per_s: f64) -> Result<Option<f64>, ConvertError> {
    if !(0.0..=RATE_MAX).contains(&per_s) {
        return Err(ConvertError::new("connect_rate", format!("{per_s} is not 0 to {RATE_MAX}")));
    }
    Ok((per_s > 0.0).then_some(per_s))
}

/// 0 stands for 1, as those mean it who do not know the field.
fn per_worker(field: &'static str, count: u32) -> Result<u32, ConvertError> {
    if count > WORKERS_MAX {
        return Err(ConvertError::new(field, format!("{count} is more than {WORKERS_MAX}")));
    }
    Ok(count.max(1))
}

/// Nanoseconds of a duration; one of more than 584 years is cut to that.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
