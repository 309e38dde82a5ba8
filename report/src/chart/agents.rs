//! Agents that shared a load, each in a small panel of its own: the one that does not keep up stands out.

use maud::Markup;
use shared::units::{human_count, human_rate};

use super::scale::{Scale, Spread};
use super::sheet::{Anchor, Panel, Sheet};
use super::{Table, Width, figure};
use crate::figures::ABSENT;
use crate::series::{Line, Series};

const HEIGHT: f64 = 56.0;
/// Panels beside each other on a wide page.
const BESIDE: usize = 3;
/// Room between panels beside each other, for labels.
const GAP: f64 = 22.0;
const LABELS: f64 = 62.0;

/// Draws them; `None`: one agent made all the load.
pub fn chart(series: &Series) -> Option<Markup> {
    if series.agents.is_empty() {
        return None;
    }
    let mut description = "Successes per second of each agent over the run, all on the same axes.".to_owned();
    if series.agents_left_out > 0 {
        description += &format!(" {} more agents are left out.", series.agents_left_out);
    }
    Some(figure("Agent by agent", &description, &[], &table(series), |width| draw(series, width)))
}

fn draw(series: &Series, width: Width) -> Option<Sheet> {
    let rates = |line: &Line| -> Vec<(usize, Option<f64>)> {
        line.columns.iter().map(|(column, of_it)| (*column, of_it.throughput_per_s())).collect()
    };
    let all: Vec<(&str, Vec<_>)> =
        series.agents.iter().map(|line| (line.name.as_str(), rates(line))).collect();
    let values = || all.iter().flat_map(|(_, line)| line).filter_map(|(_, rate)| *rate);
    let last = all.iter().flat_map(|(_, line)| line).map(|(column, _)| *column).max()? + 1;
    let beside = if width == Width::Wide { BESIDE } else { 1 };
    let mut sheet = Sheet::new(width);
    for row in all.chunks(beside) {
        let whole = sheet.panel(HEIGHT);
        let each = (whole.across.1 - whole.across.0 + LABELS) / beside as f64;
        for (place, (name, line)) in row.iter().enumerate() {
            let left = whole.across.0 + place as f64 * each;
            let panel = Panel {
                across: (left, left + each - LABELS - if beside > 1 { GAP } else { 0.0 }),
                up: whole.up,
            };
            let up = Scale::over(Spread::Linear, values().chain([0.0]), panel.up)?.to_marks(panel.marks());
            let across = Scale::over(Spread::Linear, [0.0, last as f64], panel.across)?;
            // The same marks on each: they are there to be held against each other.
            sheet.axis_up(&panel, &up, "", human_rate);
            sheet.text((left, panel.up.1 - 13.0), Anchor::Start, "axis", name);
            let mut points = Vec::with_capacity(line.len());
            let mut before = None;
            for (column, rate) in line {
                if before.is_some_and(|before: usize| before + 1 != *column) {
                    points.push(None);
                }
                points.push(rate.map(|rate| (across.at(*column as f64 + 0.5), up.at(rate))));
                before = Some(*column);
            }
            sheet.line("s0", points);
        }
        sheet.room(8.0);
    }
    Some(sheet)
}

fn table(series: &Series) -> Table {
    let header =
        ["agent", "successes", "errors", "slowest second or stretch", "fastest"].map(str::to_owned).to_vec();
    let row = |line: &Line| {
        let rates = || line.columns.values().filter_map(|column| column.throughput_per_s());
        let figure = |value: f64| if value.is_finite() { human_rate(value) } else { ABSENT.to_owned() };
        let sum = |of: fn(&crate::series::Column) -> u64| line.columns.values().map(of).sum::<u64>() as f64;
        vec![
            line.name.clone(),
            human_count(sum(|column| column.succeeded)),
            human_count(sum(|column| column.failed)),
            figure(rates().fold(f64::INFINITY, f64::min)),
            figure(rates().fold(f64::NEG_INFINITY, f64::max)),
        ]
    };
    Table { header, rows: series.agents.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::series::gather;

    #[test]
    fn each_agent_has_its_panel_and_its_row() {
        let series = fixture::with_source(gather).unwrap();
        let text = chart(&series).unwrap().into_string();
        assert_eq!(text.matches("<td>load-1</td>").count(), 1);
        assert_eq!(text.matches(">load-2</text>").count(), 2, "once for each width");
    }

    #[test]
    fn an_agent_alone_is_not_drawn_by_itself() {
        assert!(chart(&Series::default()).is_none());
    }
}
