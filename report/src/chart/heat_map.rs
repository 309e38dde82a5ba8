//! How latencies spread over time: a column for each stretch of the run, a row for each band of latency, darker where more fell.

use maud::Markup;
use shared::units::{human_count, human_ns};

use super::scale::{Scale, Spread};
use super::sheet::Sheet;
use super::{Table, Width, figure};
use crate::series::{Line, Series};

/// Bands of latency, each the same ratio wide.
const BANDS: usize = 24;
/// Degrees of darkness that the style has.
const DEGREES: f64 = 6.0;
const HEIGHT: f64 = 168.0;
/// Variants that are drawn, each as a chart of its own.
pub const MAPS_MAX: usize = 4;

/// Counts of one line: by column and band.
struct Heat {
    low_ns: f64,
    high_ns: f64,
    counts: Vec<(usize, [u64; BANDS])>,
}

/// Draws one for each of the first variants, or agents that stand apart.
pub fn charts(series: &Series) -> Vec<Markup> {
    let several = series.lines.len() > 1;
    series.lines.iter().take(MAPS_MAX).map(|line| chart(series, line, several)).collect()
}

fn chart(series: &Series, line: &Line, several: bool) -> Markup {
    let heat = heat_of(line);
    let title = if several {
        format!("Latencies over time: {}", line.name)
    } else {
        "Latencies over time".to_owned()
    };
    let description = "How many successes had which latency, over the run; the darker, the larger their share of that \
        stretch of time.";
    let table = heat.as_ref().map(table).unwrap_or_default();
    figure(&title, description, &[], &table, |width| draw(heat.as_ref()?, series.column_ns, width))
}

/// Counts by column and band; `None`: there was no success.
fn heat_of(line: &Line) -> Option<Heat> {
    let histograms: Vec<_> =
        line.columns.iter().filter_map(|(column, of_it)| Some((*column, of_it.histogram()?))).collect();
    let lowest = histograms.iter().filter_map(|(_, histogram)| histogram.min()).min()?;
    let highest = histograms.iter().filter_map(|(_, histogram)| histogram.max()).max()?;
    // A band needs a width, and no success takes less than nothing.
    let low_ns = lowest.max(1) as f64;
    let high_ns = (highest as f64).max(low_ns * 1.01);
    let band_of = |value: f64| {
        let share = (value.max(low_ns) / low_ns).ln() / (high_ns / low_ns).ln();
        ((share * BANDS as f64) as usize).min(BANDS - 1)
    };
    let counts = histograms.into_iter().map(|(column, histogram)| {
        let mut bands = [0; BANDS];
        histogram.recorded().for_each(|bucket| bands[band_of(bucket.midpoint())] += bucket.count);
        (column, bands)
    });
    Some(Heat { low_ns, high_ns, counts: counts.collect() })
}

impl Heat {
    /// The lower edge of a band, ns.
    fn edge(&self, band: usize) -> f64 {
        self.low_ns * (self.high_ns / self.low_ns).powf(band as f64 / BANDS as f64)
    }
}

fn draw(heat: &Heat, column_ns: u64, width: Width) -> Option<Sheet> {
    let last = heat.counts.last()?.0 + 1;
    let joined = last.div_ceil(width.columns());
    let mut sheet = Sheet::new(width);
    let panel = sheet.panel(HEIGHT);
    let up = Scale::over(Spread::Logarithmic, [heat.low_ns, heat.high_ns], panel.up)?;
    let across = Scale::over(Spread::Linear, [0.0, last as f64 * column_ns as f64], panel.across)?;
    sheet.axis_up(&panel, &up, "latency, logarithmic", human_ns);
    for (column, bands) in joined_columns(&heat.counts, joined) {
        let total: u64 = bands.iter().sum();
        let edge = |column: usize| across.at((column * joined) as f64 * column_ns as f64);
        for (band, count) in bands.iter().enumerate().filter(|(_, count)| **count > 0) {
            // The square root shows what is rare: a tail of 1 % is what one looks for.
            let degree = ((*count as f64 / total as f64).sqrt() * DEGREES).ceil().clamp(1.0, DEGREES);
            let (left, right) = (edge(column), edge(column + 1));
            let (bottom, top) = (up.at(heat.edge(band)), up.at(heat.edge(band + 1)));
            sheet.rectangle(&format!("heat h{degree}"), (left, top), (right, bottom), "");
        }
    }
    let times =
        across.marks(8).into_iter().map(|at_ns| (across.at(at_ns), human_ns(at_ns).replace(".00", "")));
    sheet.axis_across(&panel, "since the run's first start", times);
    Some(sheet)
}

/// Columns taken together so that few enough are left.
fn joined_columns(counts: &[(usize, [u64; BANDS])], joined: usize) -> Vec<(usize, [u64; BANDS])> {
    let mut columns: Vec<(usize, [u64; BANDS])> = Vec::new();
    for (column, bands) in counts {
        let place = column / joined.max(1);
        match columns.last_mut() {
            Some((last, sum)) if *last == place => {
                sum.iter_mut().zip(bands).for_each(|(sum, count)| *sum += count);
            }
            _ => columns.push((place, *bands)),
        }
    }
    columns
}

/// Over the whole run, each band: the columns are many, and the time line's table has them.
fn table(heat: &Heat) -> Table {
    let header = ["latency from", "to", "successes"].map(str::to_owned).to_vec();
    let of_band = |band: usize| heat.counts.iter().map(|(_, bands)| bands[band]).sum::<u64>();
    let row = |band: usize| {
        vec![human_ns(heat.edge(band)), human_ns(heat.edge(band + 1)), human_count(of_band(band) as f64)]
    };
    Table { header, rows: (0..BANDS).map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::series::gather;

    #[test]
    fn every_success_is_in_one_band() {
        let series = fixture::with_source(gather).unwrap();
        let heat = heat_of(&series.lines[0]).unwrap();
        let counted: u64 = heat.counts.iter().flat_map(|(_, bands)| bands).sum();
        assert_eq!(counted, series.lines[0].columns.values().map(|column| column.succeeded).sum::<u64>());
        let joined: u64 = joined_columns(&heat.counts, 7).iter().flat_map(|(_, bands)| bands).sum();
        assert_eq!(joined, counted);
    }

    #[test]
    fn bands_reach_from_the_lowest_to_the_highest_latency() {
        let series = fixture::with_source(gather).unwrap();
        let heat = heat_of(&series.lines[0]).unwrap();
        assert!((heat.edge(0) - heat.low_ns).abs() < 1.0 && (heat.edge(BANDS) - heat.high_ns).abs() < 1.0);
    }
}
