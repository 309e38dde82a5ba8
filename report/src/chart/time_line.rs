//! The whole run over time: throughput, errors, latency, and how the hosts fared, under one axis; trials with findings are marked.

use maud::Markup;
use shared::units::{human_duration, human_ns, human_rate, human_share};
use std::time::Duration;

use super::scale::{Scale, Spread};
use super::sheet::{Panel, Sheet};
use super::{Table, Width, figure};
use crate::figures::ABSENT;
use crate::series::{Column, HostColumn, Line, Series};

const PANEL: f64 = 110.0;
const SMALL_PANEL: f64 = 64.0;
/// Height of the strip on which trials with findings are marked.
const STRIP: f64 = 12.0;
/// About how many times are marked on the axis.
const TIMES: usize = 8;

/// A line over time: a figure for each column that has some.
type Points = Vec<(usize, Option<f64>)>;

/// One line's figures in one column, decoded once for both widths.
struct Reading {
    column: usize,
    throughput: Option<f64>,
    errors: Option<f64>,
    p50: Option<f64>,
    p99: Option<f64>,
}

/// Draws it.
pub fn chart(series: &Series) -> Markup {
    let readings: Vec<Vec<Reading>> = series.lines.iter().map(readings).collect();
    let legend: Vec<String> = series.lines.iter().map(|line| line.name.clone()).collect();
    let mut description = "Throughput and errors per second, and the 50th (thin) and 99th percentile (thick) of the latency, from the \
        run's first start to its end; gaps are where nothing was measured. Below: how the hosts of the agents fared."
        .to_owned();
    if series.left_out > 0 {
        description += &format!(" {} more lines would not be told apart and are left out.", series.left_out);
    }
    if !series.marks.is_empty() {
        description += " Triangles mark trials with findings.";
    }
    figure("The run over time", &description, &legend, &table(series, &readings), |width| {
        draw(series, &readings, width)
    })
}

fn readings(line: &Line) -> Vec<Reading> {
    let read = |(column, of_it): (&usize, &Column)| Reading {
        column: *column,
        throughput: of_it.throughput_per_s(),
        errors: of_it.errors_per_s(),
        p50: of_it.latency_ns(0.5).map(|value| value as f64),
        p99: of_it.latency_ns(0.99).map(|value| value as f64),
    };
    line.columns.iter().map(read).collect()
}

fn draw(series: &Series, readings: &[Vec<Reading>], width: Width) -> Option<Sheet> {
    let mut sheet = Sheet::new(width);
    let columns = readings.iter().flatten().map(|reading| reading.column);
    let last = columns.max()? + 1;
    let end_ns = last as f64 * series.column_ns as f64;
    let panel = sheet.panel(PANEL);
    let across = Scale::over(Spread::Linear, [0.0, end_ns], panel.across)?;
    let middle = |column: usize| across.at((column as f64 + 0.5) * series.column_ns as f64);
    let lines = |of: fn(&Reading) -> Option<f64>| -> Vec<Points> {
        let points = |line: &Vec<Reading>| line.iter().map(|reading| (reading.column, of(reading))).collect();
        readings.iter().map(points).collect()
    };
    let panel = Plot { panel, name: "successes per second", label: human_rate, class: "" }
        .draw(&mut sheet, &lines(|reading| reading.throughput), &middle)
        .unwrap_or(panel);
    marks(&mut sheet, series, &panel, &across);
    let errors = lines(|reading| reading.errors);
    if errors.iter().flatten().any(|(_, rate)| rate.is_some_and(|rate| rate > 0.0)) {
        let panel = sheet.panel(SMALL_PANEL);
        Plot { panel, name: "errors per second", label: human_rate, class: "" }
            .draw(&mut sheet, &errors, &middle);
    }
    let (p50, p99) = (lines(|reading| reading.p50), lines(|reading| reading.p99));
    if p50.iter().chain(&p99).flatten().any(|(_, value)| value.is_some()) {
        let panel = sheet.panel(PANEL);
        latency(&mut sheet, panel, (&p50, &p99), &middle);
    }
    let below = hosts(&mut sheet, series, &middle)
        .unwrap_or_else(|| Panel { up: (sheet.room(0.0), panel.up.1), ..panel });
    let times = across.marks(TIMES).into_iter().map(|at_ns| (across.at(at_ns), time(at_ns)));
    sheet.axis_across(&below, "since the run's first start", times);
    Some(sheet)
}

/// A panel of lines over time from zero up.
struct Plot {
    panel: Panel,
    name: &'static str,
    label: fn(f64) -> String,
    class: &'static str,
}

impl Plot {
    fn draw(&self, sheet: &mut Sheet, lines: &[Points], middle: &dyn Fn(usize) -> f64) -> Option<Panel> {
        let values = lines.iter().flatten().filter_map(|(_, value)| *value);
        let up =
            Scale::over(Spread::Linear, values.chain([0.0]), self.panel.up)?.to_marks(self.panel.marks());
        sheet.axis_up(&self.panel, &up, self.name, self.label);
        for (place, line) in lines.iter().enumerate() {
            path(sheet, &format!("s{place} {}", self.class), line, middle, &up);
        }
        Some(self.panel)
    }
}

/// A line, broken where a column is missing.
fn path(
    sheet: &mut Sheet,
    class: &str,
    line: &[(usize, Option<f64>)],
    middle: &dyn Fn(usize) -> f64,
    up: &Scale,
) {
    let mut points = Vec::with_capacity(line.len());
    let mut before = None;
    for (column, value) in line {
        if before.is_some_and(|before| before + 1 != *column) {
            points.push(None);
        }
        points.push(value.map(|value| (middle(*column), up.at(value))));
        before = Some(*column);
    }
    sheet.line(class, points);
}

/// The median and the 99th percentile of every line on one axis.
fn latency(
    sheet: &mut Sheet,
    panel: Panel,
    (p50, p99): (&[Points], &[Points]),
    middle: &dyn Fn(usize) -> f64,
) {
    let values = || p50.iter().chain(p99).flatten().filter_map(|(_, value)| *value);
    let Some(up) = Scale::over(Spread::Logarithmic, values(), panel.up) else { return };
    let up = up.to_marks(panel.marks());
    sheet.axis_up(&panel, &up, "latency p50 and p99, logarithmic", human_ns);
    for (place, (median, tail)) in p50.iter().zip(p99).enumerate() {
        path(sheet, &format!("s{place} thin"), median, middle, &up);
        path(sheet, &format!("s{place}"), tail, middle, &up);
    }
}

/// How the hosts fared; `None`: nobody could tell.
fn hosts(sheet: &mut Sheet, series: &Series, middle: &dyn Fn(usize) -> f64) -> Option<Panel> {
    let line = |of: fn(&HostColumn) -> Option<f64>| -> Points {
        series.hosts.iter().map(|(column, host)| (*column, of(host))).collect()
    };
    let is_told = |points: &Points| points.iter().any(|(_, value)| value.is_some());
    let (busy, steal) = (line(HostColumn::cpu_busy), line(HostColumn::cpu_steal));
    let frequency = line(HostColumn::frequency_mhz);
    let mut lowest = None;
    if is_told(&busy) || is_told(&steal) {
        let panel = sheet.panel(SMALL_PANEL);
        let up = Scale::over(Spread::Linear, [0.0, 1.0], panel.up)?;
        sheet.axis_up(&panel, &up, "CPU of the agents' hosts: busy, and stolen (dotted)", human_share);
        path(sheet, "host", &busy, middle, &up);
        path(sheet, "host stolen", &steal, middle, &up);
        lowest = Some(panel);
    }
    if is_told(&frequency) {
        let panel = sheet.panel(SMALL_PANEL);
        let values = frequency.iter().filter_map(|(_, value)| *value);
        let up = Scale::over(Spread::Linear, values.chain([0.0]), panel.up)?.to_marks(panel.marks());
        sheet.axis_up(&panel, &up, "their cores' frequency", |mhz| format!("{mhz:.0} MHz"));
        path(sheet, "host", &frequency, middle, &up);
        lowest = Some(panel);
    }
    lowest
}

/// A triangle at the start of each trial with findings.
fn marks(sheet: &mut Sheet, series: &Series, panel: &Panel, across: &Scale) {
    let top = panel.up.1;
    for mark in &series.marks {
        let at = across.at(mark.at_ns as f64);
        let class = if mark.is_invalid { "found invalid" } else { "found" };
        sheet.triangle(class, (at, top + STRIP), STRIP / 2.0, &mark.says.join("; "));
    }
}

fn time(at_ns: f64) -> String {
    if at_ns <= 0.0 {
        "0 s".to_owned()
    } else {
        human_duration(Duration::from_nanos(at_ns as u64)).replace(".00", "")
    }
}

fn table(series: &Series, readings: &[Vec<Reading>]) -> Table {
    let header =
        ["from", "line", "successes per s", "errors per s", "p50", "p99"].map(str::to_owned).to_vec();
    let figure =
        |value: Option<f64>, print: fn(f64) -> String| value.map_or_else(|| ABSENT.to_owned(), print);
    let mut rows: Vec<(usize, Vec<String>)> = Vec::new();
    for (line, of_it) in series.lines.iter().zip(readings) {
        rows.extend(of_it.iter().map(|reading| {
            let from = time(reading.column as f64 * series.column_ns as f64);
            let rates = [figure(reading.throughput, human_rate), figure(reading.errors, human_rate)];
            let times = [figure(reading.p50, human_ns), figure(reading.p99, human_ns)];
            (reading.column, [from, line.name.clone()].into_iter().chain(rates).chain(times).collect())
        }));
    }
    rows.sort_by_key(|(column, _)| *column);
    Table { header, rows: rows.into_iter().map(|(_, row)| row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::series::gather;

    #[test]
    fn every_second_stands_in_the_table_and_findings_are_marked() {
        let series = fixture::with_source(gather).unwrap();
        let text = chart(&series).into_string();
        let rows = text.matches("<td>default</td>").count();
        assert_eq!(rows, series.lines[0].columns.len());
        assert!(text.contains("found invalid"), "the trial that lost an interval is marked");
        assert!(text.contains("errors per second") && text.contains("CPU of the agents"), "{text}");
    }

    #[test]
    fn a_run_that_measured_nothing_says_so() {
        let text = chart(&Series::default()).into_string();
        assert!(text.contains("Nothing was measured"), "{text}");
    }
}
