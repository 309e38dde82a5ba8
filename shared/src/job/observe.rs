//! What is watched beside the load, on every host of a trial.

use serde::{Deserialize, Serialize};

use super::error::Findings;
use super::node::Node;
use crate::interval::MEASURES_MAX;
use crate::metric::spec::METRIC_NAME_BYTES_MAX;

/// What is watched beside the load.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observe {
    /// A process with its children; `None`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ObservedProcess>,
    /// Figures of the target to fetch each second; `None`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Scrape>,
}

/// Figures to fetch, in the text format of Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrape {
    /// Where: `http://host:port/path`.
    pub url: String,
    /// Which series, each 1 to [`METRIC_NAME_BYTES_MAX`] bytes long; at most [`MEASURES_MAX`].
    pub series: Vec<String>,
}

/// How a process is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservedProcess {
    /// By the name of its program: every process of that name counts.
    Name(String),
    /// By the file on the agent that holds its number.
    PidFile(String),
}

impl std::fmt::Display for ObservedProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => write!(formatter, "a process {name:?}"),
            Self::PidFile(path) => write!(formatter, "the process of {path}"),
        }
    }
}

impl Observe {
    /// The same without what one of several agents does for all.
    #[must_use]
    pub fn of_another(&self) -> Self {
        Self { prometheus: None, ..self.clone() }
    }

    /// Decodes `[observe]`.
    pub(super) fn decode(root: &Node<'_>, findings: &mut Findings) -> Self {
        let process = root.descendant(&["observe", "process"]).and_then(|node| match node.text() {
            Some(name) => Some(ObservedProcess::Name(name.to_owned())),
            None => Some(ObservedProcess::PidFile(node.child("pid_file")?.text()?.to_owned())),
        });
        let prometheus = root.descendant(&["observe", "prometheus"]).and_then(|node| scrape(&node, findings));
        Self { process, prometheus }
    }
}

fn scrape(node: &Node<'_>, findings: &mut Findings) -> Option<Scrape> {
    let (url, series) = (node.child("url")?, node.child("series")?);
    if url.text().is_some_and(|text| !text.starts_with("http://")) {
        findings.push(url.error("expected an address such as \"http://127.0.0.1:9113/metrics\""));
    }
    let names: Vec<Node<'_>> = series.items().collect();
    if names.is_empty() || names.len() > MEASURES_MAX {
        findings.push(series.error(format!("expected 1 to {MEASURES_MAX} series, found {}", names.len())));
    }
    let is_unfit = |name: &&Node<'_>| {
        name.text().is_some_and(|text| text.is_empty() || text.len() > METRIC_NAME_BYTES_MAX)
    };
    for name in names.iter().filter(is_unfit) {
        findings.push(name.error(format!("expected a name of 1 to {METRIC_NAME_BYTES_MAX} bytes")));
    }
    let series = names.iter().filter_map(|name| name.text().map(str::to_owned)).collect();
    Some(Scrape { url: url.text()?.to_owned(), series })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Kinds, parse};

    #[test]
    fn a_process_is_named_or_its_number_stands_in_a_file() {
        let observe = |text: &str| {
            let text = format!("name = \"o\"\nworkload = {{ kind = \"http\" }}\n[observe]\n{text}\n");
            parse(&text, Kinds::Unchecked).unwrap().observe.process
        };
        assert_eq!(observe("process = \"nginx\""), Some(ObservedProcess::Name("nginx".to_owned())));
        let file = ObservedProcess::PidFile("/run/x.pid".to_owned());
        assert_eq!(observe("process = { pid_file = \"/run/x.pid\" }"), Some(file));
        assert_eq!(observe(""), None);
    }

    #[test]
    fn figures_to_fetch_need_an_address_and_names() {
        let observe = |text: &str| {
            let text = format!(
                "name = \"o\"\nworkload = {{ kind = \"http\" }}\n[observe]\nprometheus = {{ {text} }}\n"
            );
            parse(&text, Kinds::Unchecked).map(|job| job.observe)
        };
        let told = observe("url = \"http://h:1/m\", series = [\"a\"]").unwrap();
        assert_eq!(told.prometheus.as_ref().map(|scrape| scrape.series.len()), Some(1));
        assert_eq!(told.of_another().prometheus, None);
        for broken in [
            "url = \"h:1\", series = [\"a\"]",
            "url = \"http://h\", series = []",
            "url = \"http://h\", series = [\"\"]",
        ] {
            assert!(observe(broken).is_err(), "{broken}");
        }
    }
}
