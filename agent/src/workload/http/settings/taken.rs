//! `extract` and `metrics`: what is taken and read out of answers.

use serde_json::{Map, Value};
use shared::ids::Name;
use shared::interval::MEASURES_MAX;
use shared::metric::spec::base_unit;
use shared::metric::{MetricKind, MetricSpec};

use super::{Wrong, at};
use crate::values::Names;
use crate::workload::http::keys::METRIC_KEYS;
use crate::workload::http::readings::Reading;
use crate::workload::http::script::Extract;
use crate::workload::http::selection::{Selection, scalar_text};
use crate::workload::settings::{Readable, check_keys};

/// Reads `extract`.
pub(super) fn extracts(settings: &Map<String, Value>, names: &Names) -> Result<Vec<Extract>, Wrong> {
    let wrong = at("extract");
    let Some(table) = settings.table("extract").map_err(&wrong)? else { return Ok(Vec::new()) };
    let mut extracts = Vec::with_capacity(table.len());
    for name in table.keys() {
        let wrong = |what: String| at("extract")(format!("{name:?} {what}"));
        let text = table.constant(name, names).map_err(wrong)?.unwrap_or_default();
        let selection =
            Selection::parse(&text).map_err(|error| wrong(format!("cannot be taken: {error}")))?;
        let index = names.extracted(name).ok_or_else(|| wrong("is not known to any text".to_owned()))?;
        extracts.push(Extract { name: name.clone(), index, selection });
    }
    Ok(extracts)
}

/// Reads `metrics`: how each is read, and how the engine knows it.
pub(super) fn metrics(
    settings: &Map<String, Value>,
    names: &Names,
) -> Result<(Vec<Reading>, Vec<MetricSpec>), Wrong> {
    let wrong = at("metrics");
    let Some(table) = settings.table("metrics").map_err(&wrong)? else { return Ok(Default::default()) };
    if table.len() > MEASURES_MAX {
        let count = table.len();
        return Err(wrong(format!("are {count}, and an operation may have at most {MEASURES_MAX}")));
    }
    let (mut readings, mut specs) = (Vec::new(), Vec::new());
    for name in table.keys() {
        let (reading, spec) =
            metric(table, name, names).map_err(|what| at("metrics")(format!("{name:?} {what}")))?;
        readings.push(reading);
        specs.push(spec);
    }
    MetricSpec::check_all(&specs).map_err(|error| wrong(error.to_string()))?;
    Ok((readings, specs))
}

fn metric(table: &Map<String, Value>, name: &str, names: &Names) -> Result<(Reading, MetricSpec), String> {
    Name::new(name).map_err(|error| format!("cannot name a metric: {error}"))?;
    let keys = table.table(name)?.ok_or("is missing")?;
    check_keys(keys, METRIC_KEYS).map_err(|(key, what)| format!("has {key:?}, which {what}"))?;
    let from = keys.constant("from", names)?.ok_or("lacks \"from\", where it stands")?;
    let selection = Selection::parse(&from).map_err(|error| format!("cannot be read: {error}"))?;
    let kind = match keys.constant("kind", names)?.as_deref() {
        None | Some("gauge") => MetricKind::Gauge,
        Some("ratio") => MetricKind::Ratio,
        Some("histogram") => MetricKind::Histogram,
        Some(other) => return Err(format!("has the kind {other:?}, not gauge, ratio or histogram")),
    };
    let equals = match keys.get("equals") {
        None => None,
        Some(Value::String(_)) => keys.constant("equals", names)?,
        Some(other) => {
            let text = scalar_text(other).ok_or_else(|| format!("equals {other}, which is no scalar"))?;
            Some(String::from_utf8_lossy(&text).into_owned())
        }
    };
    let unit = keys.constant("unit", names)?;
    match kind {
        MetricKind::Ratio if unit.is_some() => return Err("is a ratio, which has no unit".to_owned()),
        MetricKind::Gauge | MetricKind::Histogram if equals.is_some() => {
            return Err("has \"equals\", which only a ratio needs: add kind = \"ratio\"".to_owned());
        }
        _ => {}
    }
    let unit = unit.unwrap_or_default();
    let (base, factor) = base_unit(&unit);
    let spec = MetricSpec { name: name.to_owned(), unit: base.to_owned(), kind };
    Ok((Reading { selection, kind, equals, factor }, spec))
}
