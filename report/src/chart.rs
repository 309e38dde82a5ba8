//! Charts, drawn as SVG: one module for the HTML report, the pages of the coordinator and the documentation.
//!
//! A chart is drawn twice, for narrow and for wide pages, and the style shows the one that fits: text scaled down with a picture
//! cannot be read. Colours are classes of the style, so that light and dark are its affair and a strict content-security policy holds;
//! lines also differ by their dashes, so that grey is enough. What a chart shows is in a table below it too, and in its description.
//!
//! It is drawn by hand, because libraries that draw charts (plotters, charming, poloto) write colours and sizes into each
//! element, know one width, and give points neither titles nor a place in the order of the keyboard.
//!
//! Rooms: [`scale`] (where values stand), [`sheet`] (axes, marks and text), and a file for each chart.

pub mod agents;
pub mod forest;
pub mod heat_map;
pub mod links;
pub mod percentiles;
pub(crate) mod scale;
pub(crate) mod sheet;
pub mod spark;
pub mod sweep;
pub mod time_line;
pub mod trend;

use maud::{Markup, html};

use self::sheet::Sheet;

/// The style of charts: they need it, and variables for the page's colours (`--ink`, `--paper`, `--faint`, `--line`).
pub const STYLE: &str = include_str!("chart/chart.css");
/// Most lines that one chart tells apart: as many as the style has dashes and colours for.
pub const LINES_MAX: usize = 8;
/// Most rows of the table below a chart.
const ROWS_MAX: usize = 400;

/// How wide the page is that a chart is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A telephone, or a column beside others.
    Narrow,
    /// Anything wider.
    Wide,
}

impl Width {
    const ALL: [Self; 2] = [Self::Narrow, Self::Wide];

    /// Pixels.
    const fn pixels(self) -> f64 {
        match self {
            Width::Narrow => 360.0,
            Width::Wide => 880.0,
        }
    }

    /// The class by which the style shows it.
    const fn class(self) -> &'static str {
        match self {
            Width::Narrow => "narrow",
            Width::Wide => "wide",
        }
    }

    /// Columns of a heat map, and points of a line over time, that can still be told apart.
    const fn columns(self) -> usize {
        match self {
            Width::Narrow => 80,
            Width::Wide => 240,
        }
    }
}

/// The numbers behind a chart, for those who cannot see it or want to copy them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Rows, each as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// A chart with its caption, its legend and its table. `draw` is asked once for each width; where it has nothing to show, the chart
/// says so instead.
pub(crate) fn figure(
    title: &str,
    description: &str,
    legend: &[String],
    table: &Table,
    draw: impl Fn(Width) -> Option<Sheet>,
) -> Markup {
    let sheets: Vec<(Width, Sheet)> =
        Width::ALL.into_iter().filter_map(|width| Some((width, draw(width)?))).collect();
    html! {
        figure.chart {
            figcaption { (title) }
            @if sheets.is_empty() {
                p.nothing { "Nothing was measured that this chart could show." }
            }
            @if legend.len() > 1 && !sheets.is_empty() {
                ul.legend {
                    @for (place, name) in legend.iter().enumerate() {
                        li {
                            svg.sample viewBox="0 0 28 8" width="28" height="8" aria-hidden="true" {
                                path.{ "line s" (place) } d="M0 4H28" {}
                            }
                            (name)
                        }
                    }
                }
            }
            @for (width, sheet) in &sheets {
                (sheet.finish(*width, title, description))
            }
            @if !table.rows.is_empty() {
                details {
                    summary { "The same as a table" }
                    div.scroll tabindex="0" role="region" aria-label=(format!("{title}, as a table")) { (table_of(table)) }
                }
            }
        }
    }
}

fn table_of(table: &Table) -> Markup {
    html! {
        table {
            thead { tr { @for name in &table.header { th scope="col" { (name) } } } }
            tbody {
                @for row in table.rows.iter().take(ROWS_MAX) {
                    tr { @for cell in row { td { (cell) } } }
                }
            }
        }
        @if table.rows.len() > ROWS_MAX {
            p { "… and " (table.rows.len() - ROWS_MAX) " more rows: the CSV export has them all." }
        }
    }
}
