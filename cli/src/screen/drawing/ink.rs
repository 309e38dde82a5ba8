//! Colours, or none where somebody asked for none: what they say is always said in words too.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders};
use shared::finding::Severity;
use shared::run_report::Verdict;

/// How things are marked.
#[derive(Debug, Clone, Copy)]
pub(in crate::screen) struct Ink {
    /// Whether there are colours.
    pub(in crate::screen) is_coloured: bool,
}

impl Ink {
    pub(super) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn aside(self) -> Style {
        self.coloured(Color::DarkGray)
    }

    pub(super) fn first(self) -> Style {
        self.coloured(Color::Cyan)
    }

    pub(super) fn second(self) -> Style {
        self.coloured(Color::Magenta)
    }

    pub(super) fn good(self) -> Style {
        self.coloured(Color::Green)
    }

    pub(super) fn doubtful(self) -> Style {
        self.coloured(Color::Yellow)
    }

    pub(super) fn bad(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn of_verdict(self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Supported => self.good(),
            Verdict::Inconclusive => self.doubtful(),
            Verdict::Refuted | Verdict::Invalid => self.bad(),
            Verdict::None => self.aside(),
        }
    }

    pub(super) fn of_severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Note => self.aside(),
            Severity::Suspect => self.doubtful(),
            Severity::Invalid => self.bad(),
        }
    }

    /// A part of the screen under a line with its title.
    pub(super) fn titled<'a>(self, title: impl Into<Line<'a>>) -> Block<'a> {
        Block::new()
            .borders(Borders::TOP)
            .border_style(self.aside())
            .title(title.into())
            .title_style(self.strong())
    }

    /// A part of the screen in a frame.
    pub(super) fn framed<'a>(self, title: impl Into<Line<'a>>) -> Block<'a> {
        Block::bordered().title(title.into()).title_style(self.strong())
    }

    fn coloured(self, colour: Color) -> Style {
        if self.is_coloured { Style::new().fg(colour) } else { Style::new() }
    }
}
