//! The network as a matrix: a row for each host that made load, a column for each that was measured, darker where the figure is larger.
//!
//! Figures stand in the cells as far as these are wide enough, and what is to be noticed is a sign beside them, so that grey is enough.

use maud::{Markup, html};
use shared::host_comparison::{LinkMatrix, LinkValue};
use shared::units::human_count;

use super::scale::{Scale, Spread};
use super::sheet::{Anchor, LINE_HEIGHT, Sheet, cut, text_width};
use super::{Table, Width, figure};
use crate::figures::{self, ABSENT};

/// Hosts that are drawn, at most: with more a cell is too narrow to be met. The table has all.
const HOSTS_MAX: usize = 24;
/// Two directions that differ by less are alike, as the usual margin of comparisons has it.
const ALIKE: f64 = 0.05;
/// Degrees of darkness that the style has; the darkest leaves text readable.
const DEGREES: f64 = 4.0;
const CELL_HEIGHT: f64 = 34.0;
/// Room below for the name of the axis.
const BELOW: f64 = LINE_HEIGHT + 4.0;
/// Most of the sheet that the names of rows take.
const NAMES_SHARE: f64 = 0.3;
/// Left of a name, and between it and its row.
const PADDING: f64 = 6.0;
/// Stands beside the figure of a link that lies apart from the others.
const APART: &str = "!";
/// Stands beside the figure of a link that is unlike its way back.
const UNLIKE: &str = "≠";

/// Draws one.
pub fn chart(matrix: &LinkMatrix) -> Markup {
    let hosts = hosts(matrix);
    let variant = if matrix.variant == "default" { String::new() } else { format!(" ({})", matrix.variant) };
    let title = format!("{} of each link, from row to column{variant}", matrix.metric);
    let mut description = String::from("Darker cells hold larger figures; dashed ones were not measured.");
    for link in matrix.links.iter().filter(|link| link.is_outlier) {
        description += &format!(" Apart from the others: {}.", says(link, matrix));
    }
    if hosts.len() > HOSTS_MAX {
        description +=
            &format!(" The first {HOSTS_MAX} of {} hosts are drawn; the table has all.", hosts.len());
    }
    let drawn = &hosts[..hosts.len().min(HOSTS_MAX)];
    let key = format!(
        "{APART} lies apart from the other links · {UNLIKE} unlike its way back by more than 5 % and both intervals · dashed: not measured"
    );
    html! {
        (figure(&title, &description, &[], &table(matrix), |width| draw(matrix, drawn, width)))
        p.key { (key) }
    }
}

/// All hosts, in the order of the matrix.
fn hosts(matrix: &LinkMatrix) -> Vec<&str> {
    let mut hosts: Vec<&str> = Vec::new();
    for name in matrix.links.iter().flat_map(|link| [link.from.as_str(), link.to.as_str()]) {
        if !hosts.contains(&name) {
            hosts.push(name);
        }
    }
    hosts.sort_unstable();
    hosts
}

/// `None`: no link was measured.
fn draw(matrix: &LinkMatrix, hosts: &[&str], width: Width) -> Option<Sheet> {
    let measured = matrix.links.iter().filter_map(|link| link.mean);
    let darkness = Scale::over(Spread::Logarithmic, measured.clone(), (0.0, 1.0))
        .or_else(|| Scale::over(Spread::Linear, measured, (0.0, 1.0)))?;
    let mut sheet = Sheet::new(width);
    let panel = sheet.panel(CELL_HEIGHT * hosts.len() as f64 + LINE_HEIGHT);
    let (right, top) = (panel.across.1, panel.up.1 + LINE_HEIGHT);
    let widest = hosts.iter().map(|name| text_width(name)).fold(0.0, f64::max);
    let left = (widest + 2.0 * PADDING).min(right * NAMES_SHARE);
    let cell_width = (right - left) / hosts.len() as f64;
    // Columns that are too narrow for names have the numbers of rows.
    let is_numbered = widest > cell_width;
    sheet.text((2.0, panel.up.1 - 8.0), Anchor::Start, "axis", "from ↓  to →");
    for (place, name) in hosts.iter().enumerate() {
        let middle_y = top + CELL_HEIGHT * (place as f64 + 0.5) + 4.0;
        let number = (place + 1).to_string();
        let (row, column) = if is_numbered {
            (format!("{number} {name}"), number)
        } else {
            ((*name).to_owned(), (*name).to_owned())
        };
        sheet.text((PADDING, middle_y), Anchor::Start, "row", &cut(&row, left - PADDING));
        let middle_x = left + cell_width * (place as f64 + 0.5);
        sheet.text((middle_x, top - 5.0), Anchor::Middle, "mark", &column);
    }
    for link in &matrix.links {
        let place = |name: &str| hosts.iter().position(|host| *host == name);
        let (Some(row), Some(column)) = (place(link.from.as_str()), place(link.to.as_str())) else {
            continue;
        };
        let corner = (left + cell_width * column as f64, top + CELL_HEIGHT * row as f64);
        cell(&mut sheet, matrix, link, &darkness, corner, cell_width);
    }
    sheet.room(BELOW);
    Some(sheet)
}

fn cell(
    sheet: &mut Sheet,
    matrix: &LinkMatrix,
    link: &LinkValue,
    darkness: &Scale,
    (left, top): (f64, f64),
    width: f64,
) {
    let (inner, opposite) = ((left + 1.5, top + 1.5), (left + width - 1.5, top + CELL_HEIGHT - 1.5));
    let middle = (left + width / 2.0, top + CELL_HEIGHT / 2.0 + 4.0);
    let Some(mean) = link.mean else {
        sheet.cell("missing", inner, opposite, &says(link, matrix));
        sheet.text(middle, Anchor::Middle, "absent", ABSENT);
        return;
    };
    let degree = (darkness.at(mean) * DEGREES).ceil().clamp(1.0, DEGREES);
    let apart = if link.is_outlier { " apart" } else { "" };
    sheet.cell(&format!("c{degree}{apart}"), inner, opposite, &says(link, matrix));
    let signs = signs(link, matrix);
    let told = format!("{} {signs}", figures::figure(mean, &matrix.unit));
    let shown = if text_width(told.trim()) <= width { told.trim() } else { &signs };
    if !shown.is_empty() {
        sheet.text(middle, Anchor::Middle, "figure", shown);
    }
}

/// What is to be noticed of a link, as signs.
fn signs(link: &LinkValue, matrix: &LinkMatrix) -> String {
    let apart = if link.is_outlier { APART } else { "" };
    let unlike = if is_unlike_its_way_back(link, matrix) { UNLIKE } else { "" };
    format!("{apart}{unlike}")
}

/// Whether both directions differ by more than counts as none; where both have intervals, these must not meet either.
fn is_unlike_its_way_back(link: &LinkValue, matrix: &LinkMatrix) -> bool {
    let Some(asymmetry) = link.asymmetry.filter(|ratio| *ratio > 0.0) else { return false };
    let back = matrix.links.iter().find(|other| other.from == link.to && other.to == link.from);
    let meet = match (link.ci95, back.and_then(|back| back.ci95)) {
        (Some([low, high]), Some([back_low, back_high])) => low <= back_high && back_low <= high,
        _ => false,
    };
    asymmetry.ln().abs() > ALIKE.ln_1p() && !meet
}

/// A link as a sentence.
fn says(link: &LinkValue, matrix: &LinkMatrix) -> String {
    let mut sentence = format!("{} → {}: ", link.from, link.to);
    if link.mean.is_none() {
        return sentence + "not measured";
    }
    sentence += &figures::with_interval(link.mean, link.ci95, &matrix.unit);
    if let Some(ratio) = link.by_median.filter(|_| link.is_outlier) {
        sentence += &format!(", {} times the median link", human_count(ratio));
    }
    if let Some(ratio) = link.asymmetry.filter(|_| is_unlike_its_way_back(link, matrix)) {
        sentence += &format!(", {} times its way back", human_count(ratio));
    }
    sentence
}

fn table(matrix: &LinkMatrix) -> Table {
    let header = ["from", "to", "trials", "mean (95 % interval)", "beside its way back", "beside the median"];
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| ABSENT.to_owned(), human_count);
    let row = |link: &LinkValue| {
        let apart = if link.is_outlier { ", apart" } else { "" };
        vec![
            link.from.to_string(),
            link.to.to_string(),
            link.n.to_string(),
            figures::with_interval(link.mean, link.ci95, &matrix.unit),
            ratio(link.asymmetry),
            format!("{}{apart}", ratio(link.by_median)),
        ]
    };
    Table { header: header.map(str::to_owned).to_vec(), rows: matrix.links.iter().map(row).collect() }
}

#[cfg(test)]
mod tests {
    use shared::ids::AgentName;

    use super::*;

    fn link(from: &str, to: &str, mean: Option<f64>) -> LinkValue {
        LinkValue {
            from: AgentName::new(from).unwrap(),
            to: AgentName::new(to).unwrap(),
            n: mean.map_or(0, |_| 3),
            mean,
            ci95: mean.map(|mean| [mean * 0.98, mean * 1.02]),
            asymmetry: None,
            by_median: None,
            is_outlier: false,
        }
    }

    fn matrix(links: Vec<LinkValue>) -> LinkMatrix {
        LinkMatrix {
            variant: "default".to_owned(),
            metric: "link.latency.p50".to_owned(),
            unit: "ns".to_owned(),
            median: Some(1e6),
            links,
        }
    }

    #[test]
    fn a_missing_cell_looks_missing_and_is_told_so() {
        let text = chart(&matrix(vec![link("a", "b", Some(1e6)), link("b", "a", None)])).into_string();
        assert!(text.contains("cell missing") && text.contains("b → a: not measured"), "{text}");
        assert!(text.contains("a → b: 1.00 ms (980 µs to 1.02 ms)"), "{text}");
    }

    #[test]
    fn a_link_that_is_unlike_its_way_back_and_one_that_lies_apart_carry_signs() {
        let slow = LinkValue {
            asymmetry: Some(3.0),
            by_median: Some(3.0),
            is_outlier: true,
            ..link("a", "b", Some(3e6))
        };
        let back = LinkValue { asymmetry: Some(1.0 / 3.0), ..link("b", "a", Some(1e6)) };
        let text = chart(&matrix(vec![slow, back])).into_string();
        assert!(text.contains("3.00 ms !≠") && text.contains("1.00 ms ≠"), "{text}");
        assert!(text.contains("3 times the median link, 3 times its way back"), "{text}");
    }

    #[test]
    fn directions_whose_intervals_meet_are_not_called_unlike() {
        let wide = |from: &str, to: &str, mean: f64, asymmetry: f64| LinkValue {
            ci95: Some([0.5e6, 2e6]),
            asymmetry: Some(asymmetry),
            ..link(from, to, Some(mean))
        };
        let links = vec![wide("a", "b", 1.2e6, 1.2), wide("b", "a", 1e6, 1.0 / 1.2)];
        let text = chart(&matrix(links)).into_string();
        assert!(!text.contains(" ≠<"), "{text}");
    }

    #[test]
    fn many_hosts_are_counted_and_the_table_has_all() {
        let names: Vec<String> = (0..30).map(|place| format!("host-{place:02}")).collect();
        let links = names.iter().flat_map(|from| {
            names.iter().filter(move |to| *to != from).map(move |to| link(from, to, Some(1e6)))
        });
        let text = chart(&matrix(links.collect())).into_string();
        assert!(text.contains("The first 24 of 30 hosts are drawn"), "{text}");
        assert!(!text.contains("NaN"), "{text}");
    }

    #[test]
    fn without_a_measured_link_it_says_so() {
        let text = chart(&matrix(vec![link("a", "b", None)])).into_string();
        assert!(text.contains("Nothing was measured"), "{text}");
    }
}
