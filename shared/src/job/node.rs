//! A value of the job file with its place: what all reading and checking steps through.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::error::{JobError, quoted};
use crate::units;

/// Deepest nesting of tables and lists: the grammar needs 7. Keeps every walk over a stranger's file shallow.
pub(super) const DEPTH_MAX: usize = 32;

/// A value, where it stands, and the path that leads to it.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    value: &'a Spanned<DeValue<'a>>,
    key_span: Option<Range<usize>>,
    path: String,
}

impl<'a> Node<'a> {
    /// The whole file.
    pub(super) fn root(value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { value, key_span: None, path: String::new() }
    }

    /// The value itself.
    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// The path from the file's top: `load.rate`, `workload.operations.read.url`.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Where the value stands; `None` for the whole file.
    pub(super) fn span(&self) -> Option<Range<usize>> {
        (!self.path.is_empty()).then(|| self.value.span())
    }

    /// Where its key stands, or the value when it has none.
    pub(super) fn key_span(&self) -> Option<Range<usize>> {
        self.key_span.clone().or_else(|| self.span())
    }

    /// An error about the value.
    pub(super) fn error(&self, message: impl Into<String>) -> JobError {
        JobError::new(self.span(), &self.path, message)
    }

    /// An error about the key.
    pub(super) fn key_error(&self, message: impl Into<String>) -> JobError {
        JobError::new(self.key_span(), &self.path, message)
    }

    /// That the key is understood, and nothing is built behind it.
    pub(super) fn unsupported_key(&self) -> JobError {
        let name = self.path.rsplit('.').next().unwrap_or_default();
        self.key_error(format!("{} is not supported by this version", quoted(name)))
    }

    /// That the value is understood, and nothing is built behind it.
    pub(super) fn unsupported_value(&self, what: &str) -> JobError {
        self.error(format!("{what} is not supported by this version"))
    }

    /// The entry of a table; `None` when it is absent or this is no table.
    pub(super) fn child(&self, key: &str) -> Option<Node<'a>> {
        let (key, value) = self.value().as_table()?.get_key_value(key)?;
        Some(self.entry(key.get_ref(), key.span(), value))
    }

    /// The entry that a path of keys leads to.
    pub(super) fn descendant(&self, keys: &[&str]) -> Option<Node<'a>> {
        keys.iter().try_fold(self.clone(), |node, key| node.child(key))
    }

    /// All entries of a table with their keys; none when it is no table.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let entries = self.value().as_table().into_iter().flat_map(DeTable::iter);
        entries.map(|(key, value)| (key.get_ref().as_ref(), self.entry(key.get_ref(), key.span(), value)))
    }

    /// All elements of a list; none when it is no list. Tables with a name are found under it, workloads without one under
    /// their kind.
    pub(super) fn items(&self) -> impl Iterator<Item = Node<'a>> {
        let items = self.value().as_array().into_iter().flat_map(|array| array.iter());
        items.enumerate().map(|(place, value)| {
            let text = |key: &str| value.get_ref().get(key).and_then(|text| text.get_ref().as_str());
            let name = text("name").or_else(|| text("kind").filter(|_| self.path == "workloads"));
            let step = name.map_or_else(|| place.to_string(), shortened);
            Node { value, key_span: None, path: format!("{}.{step}", self.path) }
        })
    }

    /// The text; `None` when it is none.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.value().as_str()
    }

    /// True or false; `None` when it is neither.
    pub(super) fn boolean(&self) -> Option<bool> {
        self.value().as_bool()
    }

    /// The whole number; `None` when it is none or does not fit.
    pub(super) fn integer(&self) -> Option<i64> {
        self.value().as_integer().and_then(integer_of)
    }

    /// The whole number as a smaller type; `None` when it is none or does not fit.
    pub(super) fn whole<T: TryFrom<i64>>(&self) -> Option<T> {
        self.integer().and_then(|integer| T::try_from(integer).ok())
    }

    /// The number, whole or not; `None` when it is none or not finite.
    pub(super) fn number(&self) -> Option<f64> {
        match self.value() {
            DeValue::Integer(integer) => integer_of(integer).map(|integer| integer as f64),
            DeValue::Float(float) => float.as_str().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// The duration that its text means; `None` when it means none.
    pub(super) fn duration(&self) -> Option<Duration> {
        units::parse_duration(self.text()?).ok()
    }

    /// The share that its number or text means; `None` when it means none.
    pub(super) fn share(&self) -> Option<f64> {
        match self.text() {
            Some(text) => units::parse_share(text).ok(),
            None => self.number().filter(|share| (0.0..=1.0).contains(share)),
        }
    }

    /// The value as JSON, as settings keep it.
    ///
    /// # Errors
    /// At the first number that JSON cannot hold.
    pub(super) fn json(&self) -> Result<serde_json::Value, JobError> {
        let unfit = || self.error("expected a finite number that fits 64 bits");
        Ok(match self.value() {
            DeValue::String(text) => text.as_ref().into(),
            DeValue::Boolean(boolean) => (*boolean).into(),
            DeValue::Integer(_) => self.integer().ok_or_else(unfit)?.into(),
            DeValue::Float(_) => self.number().ok_or_else(unfit)?.into(),
            DeValue::Datetime(datetime) => datetime.to_string().into(),
            DeValue::Array(_) => self.items().map(|item| item.json()).collect::<Result<_, _>>()?,
            DeValue::Table(_) => self.json_object(|_| true)?.into(),
        })
    }

    /// The entries of a table as JSON, those whose key is wanted.
    ///
    /// # Errors
    /// As [`Node::json`].
    pub(super) fn json_object(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<serde_json::Map<String, serde_json::Value>, JobError> {
        let wanted = self.entries().filter(|(key, _)| is_wanted(key));
        wanted.map(|(key, entry)| Ok((key.to_owned(), entry.json()?))).collect()
    }

    /// The first value that is nested deeper than [`DEPTH_MAX`].
    pub(super) fn too_deep(&self) -> Option<Node<'a>> {
        self.deeper_than(DEPTH_MAX)
    }

    fn deeper_than(&self, levels: usize) -> Option<Node<'a>> {
        if levels == 0 {
            return Some(self.clone());
        }
        let nested = |node: &Node<'_>| node.value().is_table() || node.value().is_array();
        let in_table = self
            .entries()
            .map(|(_, entry)| entry)
            .filter(nested)
            .find_map(|entry| entry.deeper_than(levels - 1));
        in_table.or_else(|| self.items().filter(nested).find_map(|item| item.deeper_than(levels - 1)))
    }

    fn entry(&self, key: &str, key_span: Range<usize>, value: &'a Spanned<DeValue<'a>>) -> Node<'a> {
        let key = shortened(key);
        let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
        Node { value, key_span: Some(key_span), path }
    }
}

/// A key as a step of a path: one that is itself dotted is quoted, one beyond reading is cut.
fn shortened(key: &str) -> String {
    let is_bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !key.is_empty() && key.len() <= crate::ids::NAME_LENGTH_MAX && key.chars().all(is_bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

fn integer_of(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
