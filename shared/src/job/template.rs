//! Texts with `{{names}}` in them: split once, checked by name, rendered when the values are known. What is known
//! early can be filled in early; the rest stays a template.

use serde_json::{Map, Value};

/// A text split at its `{{names}}`.
///
/// `{{{{` is a literal `{{`. Of exactly three braces the first is literal, so that JSON like
/// `{"a":{{{id}}}}` means what it seems to. A lone `}}` is text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

/// Why a text is not a template, or cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{{` without `}}`.
    #[error(
        "{0:?} opens a name with \"{{{{\" and never closes it; write \"{{{{{{{{\" for a literal \"{{{{\""
    )]
    Unclosed(String),
    /// `{{}}`.
    #[error("\"{{{{}}}}\" names nothing; write \"{{{{{{{{\" for a literal \"{{{{\"")]
    Empty,
    /// A name that has no value where the text is rendered.
    #[error("\"{{{{{0}}}}}\" has no value here")]
    NoValue(String),
}

/// How values are found while rendering, by name.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Which names, by themselves, get their values only later.
pub type IsDeferred<'a> = &'a dyn Fn(&str) -> bool;

impl Template {
    /// Splits a text.
    ///
    /// # Errors
    /// A name that is not closed, or empty.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            literal.push_str(&rest[..at]);
            let opened = &rest[at..];
            // Four at a time: a long run of braces is not counted again and again.
            let braces = opened.bytes().take(4).take_while(|byte| *byte == b'{').count();
            if braces >= 4 {
                literal.push_str("{{");
                rest = &opened[4..];
                continue;
            }
            if braces == 3 {
                literal.push('{');
            }
            let inside = &opened[braces..];
            let end = inside.find("}}").ok_or_else(|| TemplateError::Unclosed(beginning_of(opened)))?;
            let name = inside[..end].trim();
            if name.is_empty() {
                return Err(TemplateError::Empty);
            }
            push_text(&mut parts, &mut literal);
            parts.push(Part::Name(name.to_owned()));
            rest = &inside[end + 2..];
        }
        literal.push_str(rest);
        push_text(&mut parts, &mut literal);
        Ok(Self { parts })
    }

    /// The names in it, in order, with repetitions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Name(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The template with every name replaced by its value but those that are deferred and have none yet.
    ///
    /// A value is no template: braces in it are literal.
    ///
    /// # Errors
    /// The first name for which `lookup` has nothing and which is not deferred.
    pub fn fill(&self, lookup: Lookup<'_>, is_deferred: IsDeferred<'_>) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => literal.push_str(text),
                Part::Name(name) => match lookup(name) {
                    Some(value) => literal.push_str(&value),
                    None if is_deferred(name) => {
                        push_text(&mut parts, &mut literal);
                        parts.push(part.clone());
                    }
                    None => return Err(TemplateError::NoValue(name.clone())),
                },
            }
        }
        push_text(&mut parts, &mut literal);
        Ok(Self { parts })
    }

    /// The text that [`Template::parse`] splits into this template again.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                // Of an odd run of braces one is left over; before a name it makes three, and is literal there too.
                Part::Text(literal) => text.push_str(&literal.replace("{{", "{{{{")),
                // A brace at either end of a name must not touch those around it.
                Part::Name(name) if name.starts_with('{') || name.ends_with('}') => {
                    text.push_str(&format!("{{{{ {name} }}}}"));
                }
                Part::Name(name) => text.push_str(&format!("{{{{{name}}}}}")),
            }
        }
        text
    }

    /// The text with every name replaced by its value.
    ///
    /// # Errors
    /// The first name for which `lookup` has nothing.
    pub fn render(&self, lookup: Lookup<'_>) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Name(name) => {
                    text.push_str(&lookup(name).ok_or_else(|| TemplateError::NoValue(name.clone()))?)
                }
            }
        }
        Ok(text)
    }
}

/// Renders one text.
///
/// # Errors
/// A text that is no template, or a name without a value.
pub fn render_text(text: &str, lookup: Lookup<'_>) -> Result<String, TemplateError> {
    Template::parse(text)?.render(lookup)
}

/// Fills in one text, which stays a template.
///
/// # Errors
/// A text that is no template, or a name that has no value and is not deferred.
pub fn fill_text(
    text: &str,
    lookup: Lookup<'_>,
    is_deferred: IsDeferred<'_>,
) -> Result<String, TemplateError> {
    Ok(Template::parse(text)?.fill(lookup, is_deferred)?.to_text())
}

/// Fills in every text within a value, however deep; keys stay as they are.
///
/// # Errors
/// As [`fill_text`], for the first text that fails.
pub fn fill_value(
    value: &Value,
    lookup: Lookup<'_>,
    is_deferred: IsDeferred<'_>,
) -> Result<Value, TemplateError> {
    let fill = |value: &Value| fill_value(value, lookup, is_deferred);
    match value {
        Value::String(text) => fill_text(text, lookup, is_deferred).map(Value::String),
        Value::Array(items) => items.iter().map(fill).collect::<Result<_, _>>().map(Value::Array),
        Value::Object(map) => fill_map(map, lookup, is_deferred).map(Value::Object),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
    }
}

/// Fills in every text within the settings of a workload or an operation.
///
/// # Errors
/// As [`fill_text`], for the first text that fails.
pub fn fill_map(
    map: &Map<String, Value>,
    lookup: Lookup<'_>,
    is_deferred: IsDeferred<'_>,
) -> Result<Map<String, Value>, TemplateError> {
    map.iter().map(|(key, value)| Ok((key.clone(), fill_value(value, lookup, is_deferred)?))).collect()
}

fn push_text(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Text(std::mem::take(literal)));
    }
}

/// Enough of a text to recognise it in an error.
fn beginning_of(text: &str) -> String {
    const CHARACTERS: usize = 30;
    text.chars().take(CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(text: &str) -> Result<String, TemplateError> {
        render_text(text, &|name| (name != "absent").then(|| format!("<{name}>")))
    }

    #[test]
    fn names_are_replaced_and_four_braces_are_literal() {
        assert_eq!(render("/session/{{id}}/{{ n }}").as_deref(), Ok("/session/<id>/<n>"));
        assert_eq!(render("{{{{id}}").as_deref(), Ok("{{id}}"));
        assert_eq!(render("{{random.int(1, 5)}}").as_deref(), Ok("<random.int(1, 5)>"));
        assert_eq!(render("{\"a\":{{{id}}}}").as_deref(), Ok("{\"a\":{<id>}}"));
        assert_eq!(render("{ plain } }}").as_deref(), Ok("{ plain } }}"));
    }

    #[test]
    fn broken_templates_say_how_to_write_the_braces() {
        assert_eq!(
            render("x{{id").unwrap_err().to_string(),
            "\"{{id\" opens a name with \"{{\" and never closes it; write \"{{{{\" for a literal \"{{\""
        );
        assert_eq!(
            render("{{ }}").unwrap_err().to_string(),
            "\"{{}}\" names nothing; write \"{{{{\" for a literal \"{{\""
        );
        assert_eq!(render("{{absent}}").unwrap_err().to_string(), "\"{{absent}}\" has no value here");
    }

    #[test]
    fn every_text_in_a_setting_is_filled_in_and_stays_a_template() {
        let setting =
            serde_json::json!({ "url": "/{{a}}/{{later}}", "list": ["{{b}}", 7], "deep": { "x": "{{{{c" } });
        let lookup = |name: &str| (name != "later").then(|| format!("{{{{{name}"));
        let filled = fill_value(&setting, &lookup, &|name| name == "later").unwrap();
        assert_eq!(
            filled,
            serde_json::json!({ "url": "/{{{{a/{{later}}", "list": ["{{{{b", 7], "deep": { "x": "{{{{c" } })
        );
        let missing = fill_value(&setting, &|_| None, &|_| false).unwrap_err();
        assert!(matches!(missing, TemplateError::NoValue(_)), "{missing}");
    }

    #[test]
    fn a_value_with_braces_is_no_template() {
        for value in ["{{a}}", "{", "{{{", "{{{{", "}}"] {
            let lookup = |name: &str| (name == "param").then(|| value.to_owned());
            let text = fill_text("{{{param}}-{{param}}{{later}}", &lookup, &|name| name == "later").unwrap();
            let seen = render_text(&text, &|name| Some(format!("<{name}>")));
            assert_eq!(seen, Ok(format!("{{{value}-{value}<later>")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_template(text in "[{}a ]{0,24}") {
            let _ = render(&text);
        }

        #[test]
        fn a_template_written_out_is_split_as_before(text in "[{}a ]{0,24}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_text()), Ok(template));
            }
        }

        #[test]
        fn filling_in_early_or_late_makes_no_difference(text in "[{}ab]{0,24}", value in "[{}ab]{0,6}") {
            let early = |name: &str| (name == "a").then(|| value.clone());
            let late = |name: &str| early(name).or_else(|| Some(format!("<{name}>")));
            if let Ok(template) = Template::parse(&text) {
                let filled = template.fill(&early, &|_| true).unwrap();
                prop_assert_eq!(Template::parse(&filled.to_text()), Ok(filled.clone()));
                prop_assert_eq!(filled.render(&late), template.render(&late));
            }
        }

        #[test]
        fn a_text_without_double_braces_stays_as_it_is(text in "[a-z{ ]{0,20}") {
            prop_assume!(!text.contains("{{"));
            prop_assert_eq!(render(&text), Ok(text));
        }
    }
}
