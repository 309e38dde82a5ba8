//! Which files SQLite may open: those that a rule names, by where they really are.

use std::path::{Path, PathBuf};

use super::Refusal;
use super::paths::{PathPattern, place};

/// Which files SQLite may open, or make.
#[derive(Debug, Clone)]
pub struct DatabaseRules {
    /// `None`: all.
    allowed: Option<Vec<PathPattern>>,
}

/// No file.
impl Default for DatabaseRules {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl DatabaseRules {
    /// Files at these paths.
    pub(super) fn new(allowed: Vec<PathPattern>) -> Self {
        Self { allowed: Some(allowed) }
    }

    /// Every file.
    pub(super) fn unrestricted() -> Self {
        Self { allowed: None }
    }

    /// Finds a file that may be opened, or made where nothing is: `None` if all may, and it is then opened as always.
    ///
    /// # Errors
    /// When no rule names it, or the folder that it is to lie in is not there.
    pub fn permitted(&self, path: &Path) -> Result<Option<PathBuf>, Refusal> {
        let Some(rules) = &self.allowed else { return Ok(None) };
        let found = place(path)
            .map_err(|error| Refusal::UnknownFile { path: path.to_owned(), reason: error.to_string() })?;
        match rules.iter().any(|rule| rule.matches(&found)) {
            true => Ok(Some(found)),
            false => Err(Refusal::File { path: path.to_owned(), place: found }),
        }
    }
}
