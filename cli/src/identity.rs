//! Whom this person's commands speak as: credentials by coordinator, one context each.
//!
//! ```text
//! ~/.config/fleetmark/contexts/NAME/url               where the coordinator is
//!                                   credentials.pem   who we are there
//!                                   agents/N/         agents that belong to one command
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use shared::ids::AgentName;
use trust::credentials::Credentials;

use crate::exit_code::{Failure, OUTPUT, REFUSED, USAGE};

const URL: &str = "url";
/// Longest URL that is read, bytes.
const URL_BYTES_MAX: u64 = 4_096;

/// Where a coordinator is, and who we are there.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Where its credentials are.
    pub(crate) folder: PathBuf,
    /// The coordinator.
    pub(crate) url: String,
    /// Who we are.
    pub(crate) credentials: Credentials,
}

/// The identity of a context.
///
/// # Errors
/// 64 when there is none of that name, 77 when its credentials cannot be used.
pub(crate) fn of_context(name: &str) -> anyhow::Result<Identity> {
    let folder = folder(name)?;
    let url = url_of(&folder).ok_or_else(|| {
        let known = contexts().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        let known =
            if known.is_empty() { "there are none".to_owned() } else { format!("there are: {known}") };
        Failure::with_code(
            USAGE,
            format!("there is no context {name:?} ({known}); `fleetmark login --join TOKEN` makes one"),
        )
    })?;
    of_folder(&folder, url)
}

/// The identity for a coordinator.
///
/// # Errors
/// 77 when there is none, or its credentials cannot be used.
pub(crate) fn of_url(url: &str) -> anyhow::Result<Identity> {
    let wanted = url.trim_end_matches('/');
    let found = contexts().into_iter().find(|(_, folder)| url_of(folder).as_deref() == Some(wanted));
    let (_, folder) = found.ok_or_else(|| {
        Failure::with_code(
            REFUSED,
            format!("nobody has logged in to {url} here: `fleetmark login --join TOKEN`, with a token that `fleetmark ca token --role operator` gives there"),
        )
    })?;
    of_folder(&folder, wanted.to_owned())
}

/// The identity of this machine's own user for the coordinator of a store's folder.
///
/// # Errors
/// 77 when it cannot be read: it is somebody else's.
pub(crate) fn of_store(store: &Path, url: String) -> anyhow::Result<Identity> {
    let folder = store.join(coordinator::server::AUTHORITY_FOLDER).join(trust::registry::LOCAL);
    of_folder(&folder, url)
}

/// Makes a context, or replaces one.
///
/// # Errors
/// 64 when the name cannot be one, 73 when it cannot be written.
pub(crate) fn keep(name: &str, url: &str, credentials: &Credentials) -> anyhow::Result<PathBuf> {
    let folder = folder(name)?;
    let unwritable = |problem: String| Failure::with_code(OUTPUT, format!("failed to {problem}"));
    credentials.save(&folder).map_err(|error| unwritable(error.to_string()))?;
    let path = folder.join(URL);
    fs::write(&path, format!("{}\n", url.trim_end_matches('/')))
        .map_err(|error| unwritable(format!("write {}: {error}", path.display())))?;
    Ok(folder)
}

/// Where an agent keeps what it has for longer, if nobody says.
///
/// # Errors
/// 64 when this user has no home.
pub(crate) fn agent_folder(name: &AgentName) -> anyhow::Result<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let data = data.or_else(|| home().map(|home| home.join(".local/share")));
    let data = data.ok_or_else(|| {
        Failure::with_code(
            USAGE,
            "this user has no home to keep the agent's certificate in: name a folder with --data",
        )
    })?;
    Ok(data.join("fleetmark/agents").join(name.as_str()))
}

fn of_folder(folder: &Path, url: String) -> anyhow::Result<Identity> {
    let unusable = |problem: String| Failure::with_code(REFUSED, problem);
    let credentials = Credentials::load(folder)
        .map_err(|error| unusable(format!("failed to {error}")))?
        .ok_or_else(|| unusable(format!("there are no credentials for {url} in {}", folder.display())))?;
    Ok(Identity { folder: folder.to_owned(), url, credentials })
}

fn folder(name: &str) -> anyhow::Result<PathBuf> {
    // An agent's name keeps to what a folder may be called.
    let is_name = AgentName::new(name).is_ok() && !name.starts_with('.');
    if !is_name {
        return Err(Failure::with_code(
            USAGE,
            format!("{name:?} cannot be a context: it has 1 to 64 of letters, digits, '.', '_' and '-'"),
        ));
    }
    let root = root().ok_or_else(|| {
        Failure::with_code(USAGE, "this user has no home to keep credentials in: set XDG_CONFIG_HOME")
    })?;
    Ok(root.join(name))
}

fn contexts() -> Vec<(String, PathBuf)> {
    let entries = root().and_then(|root| fs::read_dir(root).ok()).into_iter().flatten().flatten();
    let mut found: Vec<_> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect();
    found.sort();
    found
}

fn url_of(folder: &Path) -> Option<String> {
    let path = folder.join(URL);
    if fs::metadata(&path).ok()?.len() > URL_BYTES_MAX {
        return None;
    }
    fs::read_to_string(path).ok().map(|url| url.trim().to_owned())
}

fn root() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let config = config.or_else(|| home().map(|home| home.join(".config")))?;
    Some(config.join("fleetmark/contexts"))
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute())
}
