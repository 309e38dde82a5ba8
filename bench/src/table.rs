//! Figures of several tools over interleaved rounds, printed as one table of ratios.

use std::fmt;

use crate::ratio::Spread;

/// Width of a column: a figure with its least and most.
const COLUMN: usize = 36;
/// Width of the column of names.
const NAMES: usize = 12;

/// A table that fills round by round. The first tool is the one that all others are compared with.
#[derive(Debug)]
pub struct Table {
    title: String,
    figures: &'static [&'static str],
    tools: Vec<(String, Vec<Vec<f64>>)>,
}

impl Table {
    /// An empty table of these figures.
    pub fn new(title: impl Into<String>, figures: &'static [&'static str]) -> Self {
        Self { title: title.into(), figures, tools: Vec::new() }
    }

    /// Adds what a tool did in one round: its figures, in the table's order.
    pub fn note(&mut self, tool: &str, figures: Vec<f64>) {
        match self.tools.iter_mut().find(|(name, _)| name == tool) {
            Some((_, rounds)) => rounds.push(figures),
            None => self.tools.push((tool.to_owned(), vec![figures])),
        }
    }

    /// One figure of a tool, by round.
    fn figure(&self, tool: usize, figure: usize) -> Vec<f64> {
        self.tools[tool].1.iter().filter_map(|round| round.get(figure).copied()).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, rounds)) = self.tools.first() else { return Ok(()) };
        writeln!(formatter, "\n{}; {} rounds: median (least to most)", self.title, rounds.len())?;
        write!(formatter, "{:<NAMES$}", "")?;
        for figure in self.figures {
            write!(formatter, "  {figure:<COLUMN$}  {:<COLUMN$}", format!("{first} / it"))?;
        }
        writeln!(formatter)?;
        for (tool, (name, _)) in self.tools.iter().enumerate() {
            write!(formatter, "{name:<NAMES$}")?;
            for figure in 0..self.figures.len() {
                let (ours, its) = (self.figure(0, figure), self.figure(tool, figure));
                let ratio = if tool == 0 { None } else { Spread::of_ratios(&ours, &its) };
                let cell =
                    |spread: Option<Spread>| spread.map_or_else(|| "–".to_owned(), |it| it.to_string());
                write!(formatter, "  {:<COLUMN$}  {:<COLUMN$}", cell(Spread::of(its)), cell(ratio))?;
            }
            writeln!(formatter)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_its_figures_and_its_ratio_to_the_first() {
        let mut table = Table::new("CPU", &["µs"]);
        for (ours, its) in [(1.0, 2.0), (3.0, 4.0), (2.0, 8.0)] {
            table.note("fleetmark", vec![ours]);
            table.note("wrk", vec![its]);
        }
        let text = table.to_string();
        let line = |name| text.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(text.contains("CPU; 3 rounds"), "{text}");
        assert!(line("fleetmark").contains("2.000 (1.000 to 3.000)"), "{text}");
        assert!(line("wrk").contains("4.000 (2.000 to 8.000)"), "{text}");
        assert!(line("wrk").contains("0.500 (0.250 to 0.750)"), "{text}");
    }
}
