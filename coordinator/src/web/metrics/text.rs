//! Lines of the text format.

use std::fmt::Write as _;

/// The text so far.
#[derive(Debug)]
pub(super) struct Text {
    prefix: &'static str,
    text: String,
}

impl Text {
    /// A text whose names all begin alike.
    pub(super) const fn of(prefix: &'static str) -> Self {
        Self { prefix, text: String::new() }
    }

    /// What follows is of this figure.
    pub(super) fn begin(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        let prefix = self.prefix;
        self.line(format_args!("# HELP {prefix}{name} {help}"));
        self.line(format_args!("# TYPE {prefix}{name} {kind}"));
        self
    }

    /// A value.
    pub(super) fn value(&mut self, name: &str, labels: &str, value: f64) {
        let prefix = self.prefix;
        match labels {
            "" => self.line(format_args!("{prefix}{name} {value}")),
            labels => self.line(format_args!("{prefix}{name}{{{labels}}} {value}")),
        }
    }

    /// All of it.
    pub(super) fn written(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{line}").expect("a string takes all that is written");
    }
}
