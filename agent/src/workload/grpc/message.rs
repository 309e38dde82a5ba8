//! A message as the job has it, in JSON's form of its type, made ready to be filled in.
//!
//! What is the same each time is encoded once; the rest for each message, by its type as it is known at run time.

use bytes::Bytes;
use prost_reflect::prost::Message;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::frames::framed;
use crate::values::{Names, NamesError, Place, RenderError, Rendering, Values};

/// What stands around a name that is filled in.
const NAME: &str = "{{";

/// A message, ready to be filled in.
#[derive(Debug)]
pub(super) struct MessageTemplate {
    descriptor: MessageDescriptor,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// The same each time, with its prefix.
    Static(Bytes),
    /// Filled in anew.
    Changing(Part),
}

/// A part of JSON's form.
#[derive(Debug)]
enum Part {
    Plain(Value),
    Text(Rendering),
    List(Vec<Part>),
    Table(Vec<(String, Part)>),
}

/// Why there is no such message.
#[derive(Debug, thiserror::Error)]
pub(super) enum MessageError {
    /// A text that is no JSON.
    #[error("is no JSON: {0} (names that stand for numbers are quoted too)")]
    Json(serde_json::Error),
    /// Neither a table nor a text.
    #[error("must be a table, or a text with a JSON object, not {0}")]
    Form(Value),
    /// It does not fit its type.
    #[error("does not fit {kind}: {reason}")]
    Unfit {
        /// The type.
        kind: String,
        /// How it differs.
        reason: serde_json::Error,
    },
    /// A name that stands for nothing.
    #[error(transparent)]
    Names(#[from] NamesError),
    /// A value that is not there.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// More bytes than a message may have.
    #[error("has more than 4 GiB")]
    TooLong,
}

/// Reads what the job gives: a table, or a text in JSON.
///
/// # Errors
/// What is neither.
pub(super) fn written(value: Option<&Value>) -> Result<Value, MessageError> {
    let value = match value {
        None => Value::Object(Map::new()),
        Some(Value::String(text)) => serde_json::from_str(text).map_err(MessageError::Json)?,
        Some(other) => other.clone(),
    };
    if value.is_object() { Ok(value) } else { Err(MessageError::Form(value)) }
}

/// Whether a message could fit a type once its names are filled in: what depends on them is left out.
///
/// # Errors
/// How it cannot.
pub(super) fn check(written: &Value, descriptor: &MessageDescriptor) -> Result<(), MessageError> {
    encode(descriptor, without_names(written, Some(descriptor))).map(drop)
}

impl MessageTemplate {
    /// Makes a message ready.
    ///
    /// # Errors
    /// How it does not fit its type, or a name that stands for nothing.
    pub(super) fn new(
        written: Value,
        descriptor: MessageDescriptor,
        names: &Names,
    ) -> Result<Self, MessageError> {
        check(&written, &descriptor)?;
        let part = Part::of(written, names)?;
        let form = match part.constant() {
            Some(value) => Form::Static(encode(&descriptor, value)?),
            None => Form::Changing(part),
        };
        Ok(Self { descriptor, form })
    }

    /// Whether it differs from one time to the next.
    pub(super) fn changes(&self) -> bool {
        matches!(self.form, Form::Changing(_))
    }

    /// The message with its prefix.
    ///
    /// # Errors
    /// A value that is not there, or does not fit.
    #[inline]
    pub(super) fn fill_in(&self, values: &mut Values) -> Result<Bytes, MessageError> {
        match &self.form {
            Form::Static(bytes) => Ok(bytes.clone()),
            Form::Changing(part) => encode(&self.descriptor, part.fill_in(values)?),
        }
    }
}

impl Part {
    fn of(value: Value, names: &Names) -> Result<Self, NamesError> {
        Ok(match value {
            Value::String(text) => Self::Text(Rendering::compile(&text, names, Place::Anywhere)?),
            Value::Array(items) => {
                Self::List(items.into_iter().map(|item| Self::of(item, names)).collect::<Result<_, _>>()?)
            }
            Value::Object(table) => {
                let of = |(key, value)| Ok::<_, NamesError>((key, Self::of(value, names)?));
                Self::Table(table.into_iter().map(of).collect::<Result<_, _>>()?)
            }
            plain => Self::Plain(plain),
        })
    }

    /// Its value, if that is always the same.
    fn constant(&self) -> Option<Value> {
        Some(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(text) => Value::String(String::from_utf8_lossy(text.as_static()?).into_owned()),
            Self::List(items) => Value::Array(items.iter().map(Self::constant).collect::<Option<_>>()?),
            Self::Table(table) => {
                let constant = |(key, part): &(String, Self)| Some((key.clone(), part.constant()?));
                Value::Object(table.iter().map(constant).collect::<Option<_>>()?)
            }
        })
    }

    fn fill_in(&self, values: &mut Values) -> Result<Value, RenderError> {
        Ok(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(text) => {
                let mut bytes = Vec::new();
                text.render(values, &mut bytes)?;
                Value::String(String::from_utf8_lossy(&bytes).into_owned())
            }
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.fill_in(values)).collect::<Result<_, _>>()?)
            }
            Self::Table(table) => {
                let mut filled = Map::with_capacity(table.len());
                for (key, part) in table {
                    filled.insert(key.clone(), part.fill_in(values)?);
                }
                Value::Object(filled)
            }
        })
    }
}

/// The same without what names stand for. A field that its type does not have stays, for whoever reads it to refuse.
fn without_names(value: &Value, descriptor: Option<&MessageDescriptor>) -> Value {
    let is_named = |value: &Value| value.as_str().is_some_and(|text| text.contains(NAME));
    match value {
        Value::Array(items) => {
            let items = items.iter().filter(|item| !is_named(item));
            Value::Array(items.map(|item| without_names(item, descriptor)).collect())
        }
        Value::Object(table) => {
            let mut kept = Map::with_capacity(table.len());
            for (key, value) in table {
                let field = descriptor.and_then(|descriptor| field(descriptor, key));
                if is_named(value) && (field.is_some() || descriptor.is_none()) {
                    continue;
                }
                let inner = field.map(|field| field.kind());
                let inner = inner.as_ref().and_then(Kind::as_message);
                // A map is read as a message of pairs, and its keys are no fields.
                let inner = inner.filter(|inner| !inner.is_map_entry());
                kept.insert(key.clone(), without_names(value, inner));
            }
            Value::Object(kept)
        }
        plain => plain.clone(),
    }
}

/// A field by either of its names.
fn field(descriptor: &MessageDescriptor, key: &str) -> Option<FieldDescriptor> {
    descriptor.get_field_by_json_name(key).or_else(|| descriptor.get_field_by_name(key))
}

fn encode(descriptor: &MessageDescriptor, value: Value) -> Result<Bytes, MessageError> {
    let message = DynamicMessage::deserialize(descriptor.clone(), value)
        .map_err(|reason| MessageError::Unfit { kind: descriptor.full_name().to_owned(), reason })?;
    framed(&message.encode_to_vec()).ok_or(MessageError::TooLong)
}
