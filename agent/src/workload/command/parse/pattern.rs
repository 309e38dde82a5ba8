//! Any text: the named groups of a regular expression, wherever it matches. Each match is a value of each of its groups.

use super::output::Document;
use super::reading::Reading;
use super::request::Request;
use super::{ParseError, Parser, only};

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "regex",
    keys: &["pattern", "metrics"],
    required: &["pattern"],
    in_folder: None,
    bytes_max: 16 * 1024 * 1024,
    tells_machine: false,
    read,
};

fn read(documents: &[Document], request: &Request) -> Result<Reading, ParseError> {
    let text = String::from_utf8_lossy(only(documents)?);
    let Some(pattern) = &request.pattern else { return Err(ParseError::Missing("pattern".to_owned())) };
    let mut taken: Vec<_> = request.metrics.iter().map(|wanted| (wanted, wanted.values(), false)).collect();
    for found in pattern.captures_iter(&text) {
        for (wanted, values, has_any) in &mut taken {
            let Some(group) = found.name(&wanted.name) else { continue };
            let number = group.as_str().trim().parse::<f64>().ok();
            if number.filter(|number| wanted.record(values, *number)).is_none() {
                let what = format!("what the group {:?} matches", wanted.name);
                return Err(ParseError::value(what, format!("{:?}", group.as_str()), wanted.expected()));
            }
            *has_any = true;
        }
    }
    if let Some((wanted, ..)) = taken.iter().find(|(_, _, has_any)| !has_any) {
        return Err(ParseError::Missing(format!("any match of the pattern's group {:?}", wanted.name)));
    }
    let benchmarks = taken.into_iter().map(|(wanted, values, _)| wanted.benchmark(values)).collect();
    Ok(Reading { benchmarks, ..Reading::default() })
}
