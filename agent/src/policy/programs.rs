//! Which programs may be started: those that a rule names, by where they really are.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Refusal;
use super::paths::{PathPattern, destination};
use crate::child::supervised::OURSELVES;

/// Where programs are looked for when nothing says so, as the C library does.
const PATH_DEFAULT: &str = "/bin:/usr/bin";

/// Which programs workloads, targets and hooks may start.
#[derive(Debug, Clone, Default)]
pub struct ProgramRules {
    /// `None`: all.
    pub(super) allowed: Option<Vec<ProgramRule>>,
}

/// One rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum ProgramRule {
    /// fleetmark's own binary, by the word that stands for it.
    Ourselves,
    /// Programs at these paths.
    At(PathPattern),
}

impl ProgramRules {
    /// Finds a program and says whether it may be started: `None` if all may, and it is then found as always. `path` is
    /// the `PATH` that it is looked for in, `directory` where it will run.
    ///
    /// # Errors
    /// When no rule names it, or it is not there.
    pub fn permitted(
        &self,
        program: &OsStr,
        path: Option<&OsStr>,
        directory: Option<&Path>,
    ) -> Result<Option<PathBuf>, Refusal> {
        let Some(rules) = &self.allowed else { return Ok(None) };
        let shown = || program.to_string_lossy().into_owned();
        let found = find(program, path, directory)
            .map_err(|error| Refusal::UnknownProgram { program: shown(), reason: error.to_string() })?;
        match rules.iter().any(|rule| matches!(rule, ProgramRule::At(pattern) if pattern.matches(&found))) {
            true => Ok(Some(found)),
            false => Err(Refusal::Program { program: shown(), path: found }),
        }
    }

    /// The same for the command of a target or a hook, of which the first word may stand for ourselves.
    ///
    /// # Errors
    /// When no rule names its program, or it is not there.
    pub fn permitted_command(&self, mut command: Vec<String>) -> Result<Vec<String>, Refusal> {
        let Some(program) = command.first_mut() else { return Ok(command) };
        let ourselves =
            |rules: &Vec<ProgramRule>| rules.iter().any(|rule| matches!(rule, ProgramRule::Ourselves));
        if program == OURSELVES && self.allowed.as_ref().is_none_or(ourselves) {
            return Ok(command);
        }
        let path = std::env::var_os("PATH");
        if let Some(found) = self.permitted(OsStr::new(program.as_str()), path.as_deref(), None)? {
            *program = found
                .into_os_string()
                .into_string()
                .map_err(|found| Refusal::Program { program: program.clone(), path: found.into() })?;
        }
        Ok(command)
    }
}

impl TryFrom<String> for ProgramRule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == OURSELVES { Ok(Self::Ourselves) } else { PathPattern::parse(&text).map(Self::At) }
    }
}

/// Where a program really is.
fn find(program: &OsStr, path: Option<&OsStr>, directory: Option<&Path>) -> io::Result<PathBuf> {
    let directory = directory.unwrap_or(Path::new("."));
    if program.as_encoded_bytes().contains(&b'/') {
        return destination(&directory.join(program));
    }
    let is_program = |candidate: &PathBuf| {
        candidate.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let found = std::env::split_paths(path.unwrap_or(OsStr::new(PATH_DEFAULT)))
        .map(|folder| directory.join(folder).join(program))
        .find(is_program);
    destination(&found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "it is not in PATH"))?)
}
