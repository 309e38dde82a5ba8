//! What must hold of whatever a tool writes: for a fuzzer, and for tests.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use shared::metric::MetricSpec;

use super::naming::named;
use super::output::Document;
use super::request::{MetricKeys, Request, RequestKeys};
use super::{Parser, TABLE};

/// Panics unless every parser refuses the bytes with words, or reads metrics that an interval may hold. The first byte says which
/// parser: its place in the table.
pub fn holds(bytes: &[u8]) {
    let Some((first, content)) = bytes.split_first() else { return };
    holds_for(&TABLE[usize::from(*first) % TABLE.len()], content);
}

/// The same for one parser.
pub(super) fn holds_for(parser: &'static Parser, content: &[u8]) {
    let mut documents = vec![Document::alone(content.to_vec())];
    if parser.in_folder.is_some() {
        let path = "group/it/new/estimates.json".into();
        documents.push(Document { path, content: content.to_vec() });
    }
    let reading = match (parser.read)(&documents, request(parser)) {
        Ok(reading) => reading,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    match named(reading, false, &|label| label) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(metrics) => {
            let specs: Vec<MetricSpec> = metrics.iter().map(|metric| metric.spec().clone()).collect();
            assert_eq!(MetricSpec::check_all(&specs), Ok(()), "an interval takes every metric");
            for metric in &metrics {
                let interval = metric.encode().expect("a metric that is reported has values");
                let counted = interval.histogram.map(|histogram| histogram.count());
                assert!(counted.is_none_or(|count| count == interval.summary.count()), "both count the same");
            }
        }
    }
}

/// What is asked of a parser that knows nothing by itself.
fn request(parser: &'static Parser) -> &'static Request {
    static REQUESTS: OnceLock<BTreeMap<&str, Request>> = OnceLock::new();
    let requests = REQUESTS.get_or_init(|| {
        let request = |parser: &'static Parser| {
            let keys = match parser.name {
                "json" => RequestKeys {
                    metrics: serde_json::from_str::<BTreeMap<String, MetricKeys>>(
                        r#"{"p99":{"from":"/latency/p99","unit":"ms"},"times":{"from":"/times","kind":"histogram"}}"#,
                    )
                    .ok(),
                    ..RequestKeys::default()
                },
                "regex" => RequestKeys {
                    pattern: Some(r"took (?P<took>\S+) ms(?:, (?P<rows>\d+) rows)?".to_owned()),
                    ..RequestKeys::default()
                },
                _ => RequestKeys::default(),
            };
            (parser.name, keys.read(parser).expect("these keys are what the parser takes"))
        };
        TABLE.iter().map(request).collect()
    });
    &requests[parser.name]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::driver;

    #[test]
    fn no_report_of_any_tool_is_too_odd() {
        driver::try_all("reports", holds);
    }
}
