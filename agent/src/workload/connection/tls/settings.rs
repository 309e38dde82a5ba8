//! The keys of `tls`, read and checked.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::keys::TLS_KEYS;
use crate::workload::settings::{boolean, check_keys, text};

/// What the job says about TLS; by default the system's authorities, and tickets are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::workload) struct TlsSettings {
    /// Authorities to trust instead of the system's, in PEM.
    pub(super) authorities: Option<Vec<u8>>,
    /// Who the client is.
    pub(super) identity: Option<Identity>,
    /// Whether any certificate is taken.
    pub(super) is_insecure: bool,
    /// Whether a session is resumed where the server lets it.
    pub(super) resumes: bool,
    /// The name that the certificate must bear, and that the server is told; default: the URL's host.
    pub(super) server_name: Option<String>,
}

/// A client's certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its chain in PEM.
    pub(super) certificate: Vec<u8>,
    /// Where its key lies on the agent, in PEM.
    pub(super) key_path: String,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { authorities: None, identity: None, is_insecure: false, resumes: true, server_name: None }
    }
}

impl TlsSettings {
    /// What of it holds for a host that the job does not name: whom to trust, but neither a name nor who we are.
    pub(in crate::workload) fn for_another_host(&self) -> Self {
        Self { identity: None, server_name: None, ..self.clone() }
    }

    /// Reads the table; says what is wrong with it.
    pub(in crate::workload) fn read(
        value: &Value,
        files: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, String> {
        let table = value.as_object().ok_or_else(|| format!("must be a table, not {value}"))?;
        check_keys(table, TLS_KEYS).map_err(|(key, what)| format!("{key:?} {what}"))?;
        let certificate = file(table, "cert_file", files)?;
        let key_path = text(table, "key_file").map_err(|what| format!("key_file {what}"))?;
        let identity = match (certificate, key_path) {
            (None, None) => None,
            (Some(certificate), Some(path)) => Some(Identity { certificate, key_path: path.to_owned() }),
            _ => return Err("cert_file and key_file go together: give both".to_owned()),
        };
        let settings = Self {
            authorities: file(table, "ca_file", files)?,
            identity,
            is_insecure: boolean(table, "insecure", false)?,
            resumes: boolean(table, "resume", true)?,
            server_name: text(table, "server_name")
                .map_err(|what| format!("server_name {what}"))?
                .map(ToOwned::to_owned),
        };
        if settings.is_insecure && settings.authorities.is_some() {
            return Err(
                "insecure takes any certificate, so that ca_file says nothing: give one of them".to_owned()
            );
        }
        Ok(settings)
    }
}

/// The content of a file that came with the job.
fn file(
    table: &Map<String, Value>,
    key: &str,
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<Vec<u8>>, String> {
    let Some(path) = text(table, key).map_err(|what| format!("{key} {what}"))? else {
        return Ok(None);
    };
    let content = files.get(path).ok_or_else(|| format!("{key} {path:?} did not come with the job"))?;
    Ok(Some(content.clone()))
}
