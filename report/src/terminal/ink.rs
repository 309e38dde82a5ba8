//! Colour when it is wanted, and text from strangers made safe to print.

use shared::finding::Severity;

/// How good a piece of news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// All is well.
    Good,
    /// It may or may not be.
    Doubtful,
    /// It is not.
    Bad,
    /// Worth knowing only.
    Aside,
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Invalid => Weight::Bad,
            Severity::Suspect => Weight::Doubtful,
            Severity::Note => Weight::Aside,
        }
    }
}

/// Colours, or leaves as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    /// Whether to colour.
    pub(super) is_coloured: bool,
}

impl Ink {
    pub(super) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// Paints a text by how good its news is.
    pub(super) fn weighed(self, weight: Weight, text: &str) -> String {
        match weight {
            Weight::Good => self.paint("1;32", text),
            Weight::Doubtful => self.paint("1;33", text),
            Weight::Bad => self.paint("1;31", text),
            Weight::Aside => self.faint(text),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A text of strangers on one line: what a server answered must not move the cursor or end the line.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A text of strangers, cut to so many characters.
pub(super) fn cut(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A text in lines of at most `width` characters, broken between words; a longer word keeps a line to itself.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("it begins with one line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
