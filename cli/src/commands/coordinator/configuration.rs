//! The configuration file of a coordinator: what nobody types each time.

use std::path::{Path, PathBuf};

use coordinator::export::{Destination, settings};
use coordinator::schedule::Deadlines;
use coordinator::secrets::SecretStore;
use serde_json::{Map, Value};
use shared::job;
use shared::job::schema::{Key, Shape};
use shared::units::parse_duration;

use crate::configuration;
use crate::exit_code::{Failure, USAGE};

const DEADLINES: &str = "deadlines";
const EXPORT: &str = "export";
const SECRETS: &str = "secrets";
/// Every key that there is.
const KEYS: &[Key] = &[
    Key::optional(
        DEADLINES,
        Shape::Table(Deadlines::KEYS),
        "How long what a run waits for may take, before the run goes on without it or ends.",
    ),
    Key::optional(
        EXPORT,
        Shape::Table(settings::KEYS),
        "Where figures of runs are sent while they go on: those that `/metrics` tells, once a second.",
    ),
    Key::optional(
        SECRETS,
        Shape::Text,
        "The file of secrets that jobs use as `{{secret:NAME}}`, relative to this one; only its owner may read it. \
         `--secrets` comes first. Default none.",
    ),
];

/// What a configuration says.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Configuration {
    /// How long what runs wait for may take.
    pub(super) deadlines: Deadlines,
    /// The file of secrets.
    pub(super) secrets: Option<PathBuf>,
    /// Where figures are sent, as it is written: secrets may stand in it that are read later.
    export: Map<String, Value>,
    /// Where the configuration lies.
    folder: PathBuf,
}

impl Configuration {
    /// Where figures are sent.
    ///
    /// # Errors
    /// 64 when a secret is not there, or a header cannot be sent.
    pub(super) fn exports(&self, secrets: &SecretStore) -> anyhow::Result<Vec<Destination>> {
        let read = settings::read(&self.export, &self.folder, secrets);
        read.map_err(|error| Failure::with_code(USAGE, format!("failed to {error}")))
    }
}

/// Reads the configuration.
///
/// # Errors
/// 64 when it cannot be read, or with every error of it, each with its place.
pub(super) fn read(path: &Path) -> anyhow::Result<Configuration> {
    let read = configuration::read(path, |text| job::configuration::read(text, KEYS))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let secrets = read.get(SECRETS).and_then(|secrets| secrets.as_str()).map(|secrets| folder.join(secrets));
    let mut deadlines = Deadlines::default();
    for (key, value) in read.get(DEADLINES).and_then(|table| table.as_object()).into_iter().flatten() {
        let written = value.as_str().and_then(|text| parse_duration(text).ok());
        if let (Some(deadline), Some(written)) = (deadlines.named_mut(key), written) {
            *deadline = written;
        }
    }
    let export = read.get(EXPORT).and_then(|table| table.as_object()).cloned().unwrap_or_default();
    Ok(Configuration { deadlines, secrets, export, folder: folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use shared::job::reference::reference_of_configuration;

    use super::*;

    /// Set to write the reference anew instead of comparing it.
    const REWRITE: &str = "FLEETMARK_REWRITE_DOCS";
    const INTRODUCTION: &str = "# Keys of a coordinator's configuration\n\n\
        `fleetmark coordinator --config FILE.toml`. Written from the tables that check the file.\n";

    fn read_text(text: &str) -> anyhow::Result<Configuration> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("coordinator.toml");
        fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn what_is_not_written_keeps_its_default() {
        let read = read_text("[deadlines]\nprepare = \"2m\"\n").unwrap();
        assert_eq!(read.deadlines, Deadlines { prepare: Duration::from_secs(120), ..Deadlines::default() });
        assert_eq!(read_text("").unwrap().deadlines, Deadlines::default());
    }

    #[test]
    fn figures_are_sent_where_it_says_and_what_is_wrong_is_shown_without_headers() {
        let written =
            "[export.otlp]\nurl = \"http://127.0.0.1:4318/v1/metrics\"\nheaders = { x = \"word\" }\n";
        let exports = |text: &str| read_text(text)?.exports(&SecretStore::default());
        assert_eq!(exports(written).unwrap()[0].to_string(), "http://127.0.0.1:4318/v1/metrics");
        for (written, named) in [
            ("[export.otlp]\nurl = \"127.0.0.1\"\n", "http"),
            ("[export.otlp]\nheaders = {}\n", "url"),
            (
                "[export.prometheus]\nurl = \"http://x/\"\nheaders = { a = \"{{secret:none}} word\" }\n",
                "secret:none",
            ),
            (
                "[export.prometheus]\nurl = \"http://x/\"\nheaders = { a = \"{{env:A}} word\" }\n",
                "secret:NAME",
            ),
        ] {
            let error = exports(written).unwrap_err();
            assert_eq!(Failure::code_of(&error), USAGE);
            let told = error.to_string();
            assert!(told.contains(named) && !told.contains("word"), "{told}");
        }
    }

    #[test]
    fn secrets_are_looked_for_beside_the_configuration() {
        let secrets = |text: &str| read_text(text).unwrap().secrets.unwrap();
        assert_eq!(secrets("secrets = \"/etc/secrets.toml\"\n"), Path::new("/etc/secrets.toml"));
        let beside = secrets("secrets = \"secrets.toml\"\n");
        assert!(beside.is_absolute() && beside.ends_with("secrets.toml"), "{}", beside.display());
    }

    #[test]
    fn every_key_can_be_set() {
        for key in Deadlines::KEYS {
            let mut read = read_text(&format!("[deadlines]\n{} = \"7ms\"\n", key.name)).unwrap().deadlines;
            assert_eq!(read.named_mut(key.name), Some(&mut Duration::from_millis(7)), "{}", key.name);
        }
    }

    #[test]
    fn an_error_shows_its_line_and_the_nearest_key() {
        let error = read_text("[deadlines]\ncolect = \"2m\"\n").unwrap_err();
        assert_eq!(Failure::code_of(&error), USAGE);
        let told = error.to_string();
        assert!(
            told.contains("coordinator.toml:2:1") && told.contains("did you mean \"collect\"?"),
            "{told}"
        );
    }

    #[test]
    fn what_is_no_text_file_is_not_read() {
        for path in ["/dev/zero", "/", "/nowhere/at/all"] {
            let error = read(Path::new(path)).unwrap_err();
            assert_eq!(Failure::code_of(&error), USAGE);
            assert!(error.to_string().starts_with(&format!("--config {path} cannot be read: ")), "{error}");
        }
    }

    #[test]
    fn the_reference_of_configurations_is_fresh() {
        let wanted = reference_of_configuration(INTRODUCTION, KEYS);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/coordinator-keys.md");
        if std::env::var_os(REWRITE).is_some() {
            fs::write(&path, &wanted).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, wanted, "docs/coordinator-keys.md is stale: run this test with {REWRITE}=1");
    }
}
