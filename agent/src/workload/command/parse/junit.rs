//! JUnit XML, as pytest (`--junit-xml`), Gradle, Maven, nextest and many others write it.
//!
//! Each test that passed becomes a metric in ns: how long it took. One that failed or was skipped has no value, so that `[expect]`
//! finds it missing. `suite.tests`, `suite.failed` (errors included), `suite.skipped` and `suite.time` count all of them. A test
//! that stands there several times counts once, and as failed if it did so once.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use shared::metric::Summary;

use super::output::{Document, OUTPUT_BYTES_MAX};
use super::reading::{Benchmark, Figure, Reading, Values};
use super::request::Request;
use super::seconds::NS_PER_S;
use super::{ParseError, Parser, only};

/// Its line of the table.
pub(super) const PARSER: Parser = Parser {
    name: "junit",
    keys: &[],
    required: &[],
    in_folder: None,
    bytes_max: OUTPUT_BYTES_MAX,
    tells_machine: false,
    read,
};

/// One test, under its class and name.
#[derive(Default)]
struct Test {
    times: Summary,
    is_failed: bool,
    is_skipped: bool,
}

/// Tests by class and name.
type Tests = BTreeMap<(String, String), Test>;

fn read(documents: &[Document], _request: &Request) -> Result<Reading, ParseError> {
    let text = str::from_utf8(only(documents)?).map_err(|error| ParseError::Xml(error.to_string()))?;
    let tests = tests(text)?;
    if tests.is_empty() {
        return Err(ParseError::NoBenchmark("test"));
    }
    let count = |is_meant: fn(&Test) -> bool| tests.values().filter(|test| is_meant(test)).count() as f64;
    let time = |test: &Test| test.times.mean().unwrap_or_default() * test.times.count() as f64;
    let totals = vec![
        Figure::new("tests", "", tests.len() as f64),
        Figure::new("failed", "", count(|test| test.is_failed)),
        Figure::new("skipped", "", count(|test| test.is_skipped && !test.is_failed)),
        Figure::new("time", "ns", tests.values().map(time).sum()),
    ];
    let passed = tests.into_iter().filter(|(_, test)| !test.is_failed && !test.is_skipped);
    // Of a test without a time nobody knows how long it took.
    let timed = passed.filter(|(_, test)| test.times.count() > 0);
    let benchmarks = timed.map(|((class, name), test)| Benchmark {
        full_label: if class.is_empty() { name.clone() } else { format!("{class} {name}") },
        label: name,
        unit: "ns".to_owned(),
        values: Values::Summary(test.times),
        figures: Vec::new(),
    });
    Ok(Reading { benchmarks: benchmarks.collect(), totals, machine: None })
}

fn tests(text: &str) -> Result<Tests, ParseError> {
    let xml = |error: quick_xml::Error| ParseError::Xml(error.to_string());
    let mut reader = Reader::from_str(text);
    let mut tests = Tests::new();
    let mut depth = 0_usize;
    // The test within which we are, if any, and how deep it stands.
    let mut within: Option<(usize, (String, String))> = None;
    loop {
        let (element, is_open) = match reader.read_event().map_err(xml)? {
            Event::Start(element) => (element, true),
            Event::Empty(element) => (element, false),
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                within = within.filter(|(at, _)| *at < depth);
                continue;
            }
            Event::Eof if depth > 0 => return Err(ParseError::Half("its elements do".to_owned())),
            Event::Eof => return Ok(tests),
            _ => continue,
        };
        match (element.local_name().as_ref(), &within) {
            ("testcase", None) => {
                let name = note(&element, &mut tests)?;
                within = is_open.then_some((depth, name));
            }
            (outcome @ ("failure" | "error" | "skipped"), Some((_, name))) => {
                let test = tests.entry(name.clone()).or_default();
                test.is_failed |= outcome != "skipped";
                test.is_skipped |= outcome == "skipped";
            }
            _ => {}
        }
        depth += usize::from(is_open);
    }
}

/// Notes a test that begins, and says which it is.
fn note(element: &BytesStart<'_>, tests: &mut Tests) -> Result<(String, String), ParseError> {
    let name = attribute(element, "name")?;
    let name = name.ok_or_else(|| ParseError::Missing("the name of a testcase".to_owned()))?;
    let key = (attribute(element, "classname")?.unwrap_or_default(), name);
    let test = tests.entry(key.clone()).or_default();
    // GoogleTest says so of disabled tests, without an element of its own.
    let status = attribute(element, "status")?.or(attribute(element, "result")?);
    test.is_skipped |=
        status.is_some_and(|status| ["notrun", "disabled", "suppressed"].contains(&status.as_str()));
    // A test without a time is counted, and has no value: nobody knows how long it took.
    let Some(written) = attribute(element, "time")? else { return Ok(key) };
    // Some group thousands.
    let seconds = written.replace(',', "").parse::<f64>().ok().filter(|seconds| *seconds >= 0.0);
    if !seconds.is_some_and(|seconds| test.times.record(seconds * NS_PER_S)) {
        return Err(ParseError::value(format!("the time of {:?}", key.1), format!("{written:?}"), "time"));
    }
    Ok(key)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, ParseError> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| ParseError::Xml(error.to_string()))?;
        if attribute.key.local_name().as_ref() == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| ParseError::Xml(error.to_string()))?;
            return Ok(Some(value.into_owned()));
        }
    }
    Ok(None)
}
