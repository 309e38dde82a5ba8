//! What is watched beside the load, on every host of a trial.

use serde::{Deserialize, Serialize};

use super::node::Node;

/// What is watched beside the load.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observe {
    /// A process with its children; `None`: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ObservedProcess>,
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
    /// Decodes `[observe]`.
    pub(super) fn decode(root: &Node<'_>) -> Self {
        let process = root.descendant(&["observe", "process"]).and_then(|node| match node.text() {
            Some(name) => Some(ObservedProcess::Name(name.to_owned())),
            None => Some(ObservedProcess::PidFile(node.child("pid_file")?.text()?.to_owned())),
        });
        Self { process }
    }
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
}
