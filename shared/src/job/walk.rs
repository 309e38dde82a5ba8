//! The walk over a file along its grammar: unknown keys, wrong types, wrong units, missing keys, keys not built yet.

use toml::de::DeValue;

use super::describe;
use super::error::{Findings, JobError, proposal, quoted};
use super::names::Names;
use super::node::Node;
use super::schema::{Key, Shape};
use super::template::Template;
use crate::delay::Delay;
use crate::ids::Name;
use crate::units;

/// Longest text, and longest value in it, that is rendered while checking: no amount or path is longer.
const RENDERED_BYTES_MAX: usize = 256;

/// Walks values along shapes and collects what is wrong.
pub(super) struct Walker<'a> {
    /// Where errors go.
    pub(super) findings: &'a mut Findings,
    /// The names that may stand in texts; `None`: texts are read as they stand.
    pub(super) names: Option<Names<'a>>,
    /// Whether absent keys are errors: not where syntax errors may have swallowed them.
    pub(super) is_whole: bool,
    /// Files that the job names, as written.
    pub(super) files: &'a mut Vec<String>,
}

impl Walker<'_> {
    /// Checks the entries of a table against keys in groups.
    pub(super) fn table(&mut self, node: &Node<'_>, groups: &[&[Key]]) {
        if !node.value().is_table() {
            return self.mismatch(node, "a table");
        }
        let known = groups.iter().copied().flatten();
        for (name, entry) in node.entries() {
            match known.clone().find(|key| key.name == name) {
                Some(key) => self.entry(&entry, key),
                None => self.unknown_key(name, &entry, known.clone().map(|key| key.name)),
            }
        }
        for key in known.filter(|key| key.is_required && node.child(key.name).is_none()) {
            self.missing(node, key);
        }
    }

    /// Checks those entries of a table that are known, and leaves all others to whom they belong.
    pub(super) fn open_table(&mut self, node: &Node<'_>, groups: &[&[Key]]) {
        if !node.value().is_table() {
            return self.mismatch(node, "a table");
        }
        for key in groups.iter().copied().flatten() {
            match node.child(key.name) {
                Some(entry) => self.entry(&entry, key),
                None if key.is_required => self.missing(node, key),
                None => {}
            }
        }
    }

    /// Checks a value against a shape.
    pub(super) fn shape(&mut self, node: &Node<'_>, shape: &Shape) {
        if !accepts_type(shape, node.value()) {
            return self.wrong_type(node, shape);
        }
        if let (Some(names), true) = (self.names, is_read_early(shape)) {
            names.check_is_known_early(node, self.findings);
        }
        match shape {
            Shape::Table(keys) => self.table(node, &[keys]),
            Shape::Tables(keys) => node.items().for_each(|item| self.table(&item, &[keys])),
            Shape::List(item_shape) => node.items().for_each(|item| self.shape(&item, item_shape)),
            Shape::Map(value_shape) => node.entries().for_each(|(_, entry)| self.shape(&entry, value_shape)),
            Shape::Any(shapes) => self.any(node, shapes),
            Shape::Integer { .. } | Shape::Number { .. } => self.number(node, shape),
            Shape::Scalar | Shape::Free => {
                if let Err(error) = node.json() {
                    self.findings.push(error);
                }
            }
            Shape::Text | Shape::Template | Shape::Boolean => {}
            Shape::Confidential { check, .. } => {
                if let Err(message) = node.text().map_or(Ok(()), check) {
                    self.findings.push(JobError { span: None, ..node.error(message) });
                }
            }
            Shape::File => self.file(node),
            Shape::Name
            | Shape::Share
            | Shape::Duration
            | Shape::Delay
            | Shape::Size
            | Shape::Parsed { .. }
            | Shape::OneOf(_) => self.amount(node, shape),
        }
    }

    fn entry(&mut self, entry: &Node<'_>, key: &Key) {
        if !key.is_supported {
            self.findings.push(entry.unsupported_key());
        }
        self.shape(entry, &key.shape);
    }

    /// Exactly one alternative takes values of this type: its own errors say most. Several: one must be content.
    fn any(&mut self, node: &Node<'_>, shapes: &'static [Shape]) {
        let mut fitting = shapes.iter().filter(|shape| accepts_type(shape, node.value()));
        if let (Some(only), None) = (fitting.next(), fitting.next()) {
            return match (only, node.text()) {
                (Shape::OneOf(words), Some(text)) if !words.contains(&text) => {
                    self.unknown_word(node, text, &Shape::Any(shapes), words);
                }
                _ => self.shape(node, only),
            };
        }
        let is_content = |shape: &Shape| {
            let mut findings = Findings::default();
            let mut files = Vec::new();
            let mut walker = Walker {
                findings: &mut findings,
                names: self.names,
                is_whole: self.is_whole,
                files: &mut files,
            };
            walker.shape(node, shape);
            let is_content = findings.is_empty();
            if is_content {
                files.into_iter().for_each(|file| self.note_file(file));
            }
            is_content
        };
        if !shapes.iter().filter(|shape| accepts_type(shape, node.value())).any(is_content) {
            self.mismatch(node, &describe::expected(&Shape::Any(shapes)));
        }
    }

    fn number(&mut self, node: &Node<'_>, shape: &Shape) {
        let is_within = match shape {
            Shape::Integer { min, max } => {
                node.integer().is_some_and(|integer| (*min..=*max).contains(&integer))
            }
            Shape::Number { min, max } => node.number().is_some_and(|number| (*min..=*max).contains(&number)),
            _ => true,
        };
        if !is_within {
            self.mismatch(node, &describe::expected(shape));
        }
    }

    /// A text with a meaning of its own: a name, a word out of several, an amount with a unit.
    fn amount(&mut self, node: &Node<'_>, shape: &Shape) {
        let Some(written) = node.text() else {
            let is_within = match shape {
                Shape::Share => node.share().is_some(),
                _ => node.integer().is_some_and(|size_bytes| size_bytes >= 0),
            };
            if !is_within {
                self.mismatch(node, &describe::expected(shape));
            }
            return;
        };
        // A name is what others refer to: it stands as it is.
        let is_name = matches!(shape, Shape::Name);
        let Some(text) = (if is_name { Some(written.to_owned()) } else { self.rendered(written) }) else {
            return;
        };
        let result = match shape {
            Shape::Name => Name::new(text).map(drop).map_err(|error| error.to_string()),
            Shape::Share => units::parse_share(&text).map(drop).map_err(|error| error.to_string()),
            Shape::Duration => units::parse_duration(&text).map(drop).map_err(|error| error.to_string()),
            Shape::Delay => Delay::parse(&text).map(drop).map_err(|error| error.to_string()),
            Shape::Size => units::parse_size(&text).map(drop).map_err(|error| error.to_string()),
            Shape::Parsed { check, .. } => check(&text),
            Shape::OneOf(words) if !words.contains(&text.as_str()) => {
                return self.unknown_word(node, &text, shape, words);
            }
            _ => Ok(()),
        };
        if let Err(message) = result {
            self.findings.push(node.error(message));
        }
    }

    fn file(&mut self, node: &Node<'_>) {
        match node.text().and_then(|written| self.rendered(written)) {
            Some(path) if path.is_empty() => self
                .findings
                .push(node.error("expected a path relative to the job file, found an empty text")),
            Some(path) => self.note_file(path),
            // A name that is unknown, or known too late, has been told.
            None => {}
        }
    }

    fn note_file(&mut self, path: String) {
        if !self.files.contains(&path) {
            self.files.push(path);
        }
    }

    /// A text with params put in; `None` when a name in it has no value yet, so that nothing can be said.
    fn rendered(&self, text: &str) -> Option<String> {
        let Some(names) = self.names.filter(|_| text.len() <= RENDERED_BYTES_MAX && text.contains("{{"))
        else {
            return Some(text.to_owned());
        };
        let value_of =
            |name: &str| names.definitions.param(name).filter(|value| value.len() <= RENDERED_BYTES_MAX);
        Template::parse(text).ok()?.render(&|name| value_of(name).map(str::to_owned)).ok()
    }

    fn unknown_key<'k>(
        &mut self,
        name: &str,
        entry: &Node<'_>,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        let mut error = entry.key_error(format!("unknown key {}", quoted(name)));
        if !self.findings.is_full() {
            error.help = proposal(name, known);
        }
        self.findings.push(error);
    }

    fn unknown_word(&mut self, node: &Node<'_>, text: &str, shape: &Shape, words: &'static [&'static str]) {
        let error =
            node.error(format!("expected {}, found the text {}", describe::expected(shape), quoted(text)));
        let help = proposal(text, words.iter().copied()).filter(|help| help.starts_with("did you mean"));
        self.findings.push(JobError { help, ..error });
    }

    fn missing(&mut self, node: &Node<'_>, key: &Key) {
        if self.is_whole {
            let path = if node.path().is_empty() {
                key.name.to_owned()
            } else {
                format!("{}.{}", node.path(), key.name)
            };
            let error = JobError::new(node.key_span(), path, format!("{} is missing", quoted(key.name)));
            self.findings.push(error.with_help(format!("it takes {}", describe::expected(&key.shape))));
        }
    }

    fn wrong_type(&mut self, node: &Node<'_>, shape: &Shape) {
        let message =
            format!("expected {}, found {}", describe::expected(shape), describe::found(node.value()));
        let help = match (shape, node.value()) {
            (Shape::Duration | Shape::Delay, DeValue::Integer(number)) => {
                Some(format!("a number needs a unit: \"{}s\"", number.as_str()))
            }
            (Shape::Tables(_), DeValue::Table(_)) => Some(format!("write [[{}]]", node.path())),
            (
                Shape::Text | Shape::Template,
                DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_),
            ) => Some("put it in quotation marks".to_owned()),
            (Shape::List(_), DeValue::String(_)) => Some("put it in square brackets".to_owned()),
            _ => None,
        };
        self.findings.push(JobError { help, ..node.error(message) });
    }

    fn mismatch(&mut self, node: &Node<'_>, expected: &str) {
        let message = format!("expected {expected}, found {}", describe::found(node.value()));
        self.findings.push(node.error(message));
    }
}

/// Whether a text of this shape must be known before operations run; others are looked at piece by piece.
fn is_read_early(shape: &Shape) -> bool {
    match shape {
        Shape::Text
        | Shape::Name
        | Shape::Share
        | Shape::Duration
        | Shape::Delay
        | Shape::Size
        | Shape::Parsed { .. }
        | Shape::OneOf(_)
        | Shape::File
        | Shape::Scalar => true,
        Shape::Template
        | Shape::Confidential { .. }
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Number { .. }
        | Shape::List(_)
        | Shape::Map(_)
        | Shape::Table(_)
        | Shape::Tables(_)
        | Shape::Any(_)
        | Shape::Free => false,
    }
}

/// Whether a value's TOML type is one that the shape can take.
fn accepts_type(shape: &Shape, value: &DeValue<'_>) -> bool {
    match shape {
        Shape::Text
        | Shape::Template
        | Shape::Confidential { .. }
        | Shape::Name
        | Shape::Parsed { .. }
        | Shape::OneOf(_)
        | Shape::Duration
        | Shape::Delay
        | Shape::File => value.is_str(),
        Shape::Boolean => value.is_bool(),
        Shape::Integer { .. } => value.is_integer(),
        Shape::Number { .. } => value.is_integer() || value.is_float(),
        Shape::Share => value.is_str() || value.is_integer() || value.is_float(),
        Shape::Size => value.is_str() || value.is_integer(),
        Shape::List(_) | Shape::Tables(_) => value.is_array(),
        Shape::Map(_) | Shape::Table(_) => value.is_table(),
        Shape::Scalar => value.is_str() || value.is_bool() || value.is_integer() || value.is_float(),
        Shape::Any(shapes) => shapes.iter().any(|shape| accepts_type(shape, value)),
        Shape::Free => true,
    }
}
