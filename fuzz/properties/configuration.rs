//! What must hold of any text that says it is a configuration, or a file of secrets.

use agent::policy::Policy;
use coordinator::schedule::Deadlines;
use shared::job::configuration;
use shared::job::schema::{Key, Shape};
use shared::secret::file;

const COORDINATOR: &[Key] = &[
    Key::optional("deadlines", Shape::Table(Deadlines::KEYS), "How long what a run waits for may take."),
    Key::optional("secrets", Shape::Text, "The file of secrets."),
];

/// Panics unless the text is refused with words, or understood; and unless what is wrong with secrets is told without them.
pub fn holds(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(errors) = Policy::read(text) {
        assert!(!errors.to_string().is_empty());
    }
    if let Err(errors) = configuration::read(text, COORDINATOR) {
        assert!(!errors.to_string().is_empty());
    }
    match file::read(text) {
        Ok(entries) => {
            assert!(entries.values().all(|entry| !format!("{entry:?}").contains(entry.text.reveal())))
        }
        Err(error) => assert!(error.to_string().len() < 1_000),
    }
}
