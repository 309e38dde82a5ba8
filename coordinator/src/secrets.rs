//! The secrets that jobs may use: read once, at the start, from a file of their owner's and from what the service manager
//! hands over; given to the agents of a run, and written nowhere.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::ids::Name;
use shared::secret::file::{self, Entry, FILE_BYTES_MAX, FileError};
use shared::secret::mask::Mask;
use shared::secret::{
    Confidences, Confidential, SECRET_BYTES_MAX, SECRETS_MAX, SecretError, SecretName, SecretText,
};

/// How the names of files among systemd's credentials begin that are secrets of jobs: others are for others.
const CREDENTIAL: &str = "fleetmark.";
/// Permissions that anybody but the owner has.
const OF_OTHERS: u32 = 0o077;

/// The secrets of a coordinator, or of a person who runs a job.
#[derive(Debug, Clone, Default)]
pub struct SecretStore {
    entries: BTreeMap<SecretName, Entry>,
}

/// Why secrets cannot be read. Names files and secrets, and shows no text.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// A file or folder.
    #[error("read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file that others may read, too.
    #[error("read {}: others than its owner may read or write it; say chmod 600 {}", .0.display(), .0.display())]
    Open(PathBuf),
    /// A file of somebody else.
    #[error("read {}: it belongs to another user", .0.display())]
    Foreign(PathBuf),
    /// What stands in the file.
    #[error("read {}: {reason}", path.display())]
    Text {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: FileError,
    },
    /// What stands in a credential.
    #[error("read {}: {reason}", path.display())]
    Credential {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: SecretError,
    },
    /// Two secrets of one name.
    #[error("tell which is meant: the secret {0} stands both in the file and among the credentials")]
    Twice(SecretName),
    /// More than anybody looks after.
    #[error("read {}: it holds more than {SECRETS_MAX} credentials", .0.display())]
    Many(PathBuf),
}

/// Why a job does not get a secret that it uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// There is none of the name.
    #[error("the job uses {{{{secret:{name}}}}}, which this coordinator does not know; {}", told(.known))]
    Unknown {
        /// Which.
        name: SecretName,
        /// Those that the job may use.
        known: Vec<SecretName>,
    },
    /// It is for other jobs.
    #[error(
        "the job uses {{{{secret:{0}}}}}, which is not for jobs of its name (`jobs` in the coordinator's file of secrets)"
    )]
    ForOthers(SecretName),
}

impl SecretStore {
    /// Reads a file of secrets, and the credentials in a folder of the service manager's, as far as there are any.
    ///
    /// # Errors
    /// When one of them cannot be read, or others may read the file.
    pub fn open(secrets: Option<&Path>, credentials: Option<&Path>) -> Result<Self, SecretsError> {
        let mut entries = match secrets {
            Some(path) => read_file(path)?,
            None => BTreeMap::new(),
        };
        for (name, text) in credentials.map(read_credentials).transpose()?.unwrap_or_default() {
            if entries.insert(name.clone(), Entry::for_all(text)).is_some() {
                return Err(SecretsError::Twice(name));
            }
        }
        Ok(Self { entries })
    }

    /// What hides all of them.
    pub fn mask(&self) -> Arc<Mask> {
        let shown = |name: &SecretName| format!("{{{{secret:{name}}}}}");
        Arc::new(Mask::over(self.entries.iter().map(|(name, entry)| (shown(name), entry.text.reveal()))))
    }

    /// The text of one, for the coordinator's own use; `None`: there is none of the name.
    pub fn text(&self, name: &SecretName) -> Option<&SecretText> {
        self.entries.get(name).map(|entry| &entry.text)
    }

    /// Those of a job's secrets that are here and that it may use.
    pub fn for_job(&self, job: &Name, wanted: &Confidences) -> BTreeMap<SecretName, SecretText> {
        let usable = self
            .entries
            .iter()
            .filter(|(name, entry)| wanted.secrets.contains(*name) && entry.is_for(job.as_str()));
        usable.map(|(name, entry)| (name.clone(), entry.text.clone())).collect()
    }

    /// What the agents of a job are to be told and may tell nobody; `given` came with the job and comes first.
    ///
    /// # Errors
    /// The first secret that the job uses and does not get.
    pub fn confide(
        &self,
        job: &Name,
        wanted: Confidences,
        given: &BTreeMap<SecretName, SecretText>,
    ) -> Result<Confidential, Withheld> {
        let mut secrets = self.for_job(job, &wanted);
        for name in wanted.secrets {
            if let Some(text) = given.get(&name) {
                secrets.insert(name, text.clone());
            } else if self.entries.contains_key(&name) && !secrets.contains_key(&name) {
                return Err(Withheld::ForOthers(name));
            } else if !secrets.contains_key(&name) {
                let usable = self.entries.iter().filter(|(_, entry)| entry.is_for(job.as_str()));
                let known = usable.map(|(name, _)| name.clone()).collect();
                return Err(Withheld::Unknown { name, known });
            }
        }
        Ok(Confidential { secrets, variables: wanted.variables })
    }
}

fn told(known: &[SecretName]) -> String {
    if known.is_empty() {
        return "it has none for this job (coordinator --secrets FILE, or run --secrets FILE)".to_owned();
    }
    let names: Vec<&str> = known.iter().map(SecretName::as_str).collect();
    format!("for this job it has {}", names.join(", "))
}

fn read_file(path: &Path) -> Result<BTreeMap<SecretName, Entry>, SecretsError> {
    let failed = |source| SecretsError::File { path: path.to_owned(), source };
    // A pipe would keep us waiting.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is no regular file")));
    }
    let opened = File::open(path).map_err(failed)?;
    // Of what was opened: the name may stand for another file by now.
    let found = opened.metadata().map_err(failed)?;
    if found.mode() & OF_OTHERS != 0 {
        return Err(SecretsError::Open(path.to_owned()));
    }
    let owner = rustix::process::geteuid();
    if found.uid() != owner.as_raw() && found.uid() != 0 {
        return Err(SecretsError::Foreign(path.to_owned()));
    }
    let text = bounded(opened, FILE_BYTES_MAX).map_err(failed)?;
    file::read(&text).map_err(|reason| SecretsError::Text { path: path.to_owned(), reason })
}

/// Who may read these files is the service manager's affair.
fn read_credentials(folder: &Path) -> Result<BTreeMap<SecretName, SecretText>, SecretsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SecretsError::File { path: path.clone(), source }
    };
    let mut credentials = BTreeMap::new();
    for found in fs::read_dir(folder).map_err(failed(folder))? {
        let path = found.map_err(failed(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()?.strip_prefix(CREDENTIAL));
        let Some(name) = name else { continue };
        let unusable = |reason| SecretsError::Credential { path: path.clone(), reason };
        let name = SecretName::new(name).map_err(unusable)?;
        // One byte more than a secret may have, and the end of its line.
        let opened = File::open(&path).map_err(failed(&path))?;
        let text = bounded(opened, SECRET_BYTES_MAX + 2).map_err(failed(&path))?;
        let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        credentials.insert(name, SecretText::new(line.unwrap_or(&text)).map_err(unusable)?);
        if credentials.len() > SECRETS_MAX {
            return Err(SecretsError::Many(folder.to_owned()));
        }
    }
    Ok(credentials)
}

/// The text of a file, cut one byte past the most that it may have.
fn bounded(file: File, bytes_max: usize) -> io::Result<String> {
    let mut text = String::new();
    file.take(bytes_max as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
