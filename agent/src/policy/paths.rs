//! Patterns of files, held against where a path really leads.

use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

/// Characters that make a part of a path a pattern.
const WILDCARDS: [char; 4] = ['*', '?', '[', '{'];

/// A path from the root in which `*` stands for anything within a part, and `**` for any parts.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PathPattern {
    /// As written, and with what comes before the first wildcard resolved: `/bin/*` is `/usr/bin/*` where one links to
    /// the other.
    globs: Vec<GlobMatcher>,
}

impl PathPattern {
    /// Reads a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("{text:?} is no path from the root: begin it with /"));
        }
        let resolved = resolved(text).and_then(|path| Some(path.to_str()?.to_owned()));
        let texts = [Some(text.to_owned()), resolved.filter(|resolved| resolved != text)];
        let globs = texts.into_iter().flatten().map(|text| {
            let glob = GlobBuilder::new(&text).literal_separator(true).build();
            glob.map(|glob| glob.compile_matcher()).map_err(|error| error.to_string())
        });
        Ok(Self { globs: globs.collect::<Result<_, _>>()? })
    }

    /// Whether a path that was resolved is meant.
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.globs.iter().any(|glob| glob.is_match(path))
    }
}

impl TryFrom<String> for PathPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// A pattern whose parts before the first wildcard are resolved; `None`: they are not there yet.
fn resolved(text: &str) -> Option<PathBuf> {
    let parts: Vec<&str> = text.split('/').collect();
    let fixed = parts.iter().position(|part| part.contains(WILDCARDS)).unwrap_or(parts.len());
    let folder = Path::new("/").join(parts[..fixed].join("/")).canonicalize().ok()?;
    Some(parts[fixed..].iter().fold(folder, |path, part| path.join(part)))
}

/// Where a path leads, all links followed.
///
/// # Errors
/// When there is nothing.
pub(super) fn destination(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// Where a file is, or would be once it is made, all links followed.
///
/// # Errors
/// When the folder that it would lie in is not there.
pub(super) fn place(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(error) };
            Ok(folder.canonicalize()?.join(name))
        }
        found => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        PathPattern::parse(pattern).unwrap().matches(Path::new(path))
    }

    #[test]
    fn a_star_stays_within_its_part() {
        assert!(matches("/run/*.sock", "/run/app.sock"));
        assert!(!matches("/run/*.sock", "/run/docker/app.sock"));
        assert!(matches("/run/**/*.sock", "/run/docker/app.sock"));
        assert!(!matches("/opt/bench", "/opt/bench2"));
    }

    #[test]
    fn a_pattern_below_a_link_means_what_the_link_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        std::fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(matches(&format!("{}/*", link.display()), &format!("{}/tool", real.display())));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        assert!(PathPattern::parse("bin/*").unwrap_err().contains("begin it with /"));
        assert!(PathPattern::parse("/bin/[").is_err());
    }
}
