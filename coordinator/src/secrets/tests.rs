//! Who gets which secret, and from which files they come.

use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn folder_with(name: &str, text: &str, mode: u32) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

fn store(text: &str) -> SecretStore {
    let (_folder, path) = folder_with("secrets.toml", text, 0o600);
    SecretStore::open(Some(&path), None).unwrap()
}

fn wanted(names: &[&str]) -> Confidences {
    let secrets = names.iter().map(|name| SecretName::new(*name).unwrap()).collect();
    Confidences { secrets, ..Confidences::default() }
}

fn job(name: &str) -> Name {
    Name::new(name).unwrap()
}

const FILE: &str = "KEY = \"k-0123456789\"\nDB = { text = \"correct horse\", jobs = [\"nightly\"] }\n";

#[test]
fn a_job_gets_what_it_uses_and_nothing_else() {
    let given = store(FILE).confide(&job("any"), wanted(&["KEY"]), &BTreeMap::new()).unwrap();
    assert_eq!(given.secrets.keys().map(SecretName::as_str).collect::<Vec<_>>(), ["KEY"]);
    let both = store(FILE).confide(&job("nightly"), wanted(&["KEY", "DB"]), &BTreeMap::new()).unwrap();
    assert_eq!(both.secrets.len(), 2);
}

#[test]
fn a_secret_that_is_unknown_or_for_others_is_refused_by_name() {
    let refused = |names: &[&str]| {
        let error = store(FILE).confide(&job("any"), wanted(names), &BTreeMap::new()).unwrap_err();
        error.to_string()
    };
    let unknown = refused(&["KEYS"]);
    assert_eq!(
        unknown,
        "the job uses {{secret:KEYS}}, which this coordinator does not know; for this job it has KEY"
    );
    assert!(refused(&["DB"]).contains("{{secret:DB}}, which is not for jobs of its name"));
    let none = SecretStore::default().confide(&job("any"), wanted(&["KEY"]), &BTreeMap::new());
    assert!(none.unwrap_err().to_string().contains("it has none for this job"));
}

#[test]
fn what_came_with_the_job_comes_first() {
    let own = (SecretName::new("DB").unwrap(), SecretText::new("my own password").unwrap());
    let given = store(FILE).confide(&job("any"), wanted(&["DB"]), &[own].into()).unwrap();
    assert_eq!(given.secrets.values().next().unwrap().reveal(), "my own password");
}

#[test]
fn a_file_that_others_may_read_is_not_read() {
    for mode in [0o640, 0o604, 0o620] {
        let (_folder, path) = folder_with("secrets.toml", FILE, mode);
        let told = SecretStore::open(Some(&path), None).unwrap_err().to_string();
        assert!(told.contains("chmod 600"), "{mode:o}: {told}");
    }
    let (_folder, path) = folder_with("secrets.toml", "KEY = \"hunter2hunter2", 0o400);
    let told = SecretStore::open(Some(&path), None).unwrap_err().to_string();
    assert!(told.contains("line 1 is not TOML") && !told.contains("hunter"), "{told}");
    for path in ["/dev/zero", "/", "/nowhere/at/all"] {
        assert!(SecretStore::open(Some(Path::new(path)), None).is_err(), "{path}");
    }
}

#[test]
fn credentials_of_the_service_manager_are_secrets_by_their_names() {
    let (folder, _) = folder_with("fleetmark.API_KEY", "k-0123456789\n", 0o400);
    fs::write(folder.path().join("tls.key"), "somebody else's").unwrap();
    let store = SecretStore::open(None, Some(folder.path())).unwrap();
    let given = store.confide(&job("any"), wanted(&["API_KEY"]), &BTreeMap::new()).unwrap();
    assert_eq!(given.secrets.values().next().unwrap().reveal(), "k-0123456789");
    assert_eq!(store.entries.len(), 1);
    let (_file, path) = folder_with("secrets.toml", "API_KEY = \"another text\"", 0o600);
    let told = SecretStore::open(Some(&path), Some(folder.path())).unwrap_err().to_string();
    assert!(told.contains("API_KEY stands both"), "{told}");
    fs::write(folder.path().join("fleetmark.SHORT"), "hunter").unwrap();
    let told = SecretStore::open(None, Some(folder.path())).unwrap_err().to_string();
    assert!(told.contains("fleetmark.SHORT: it has fewer") && !told.contains("hunter"), "{told}");
}

#[test]
fn the_mask_hides_all_of_them() {
    let mask = store(FILE).mask();
    assert_eq!(mask.hide("k-0123456789 correct horse".to_owned()), "{{secret:KEY}} {{secret:DB}}");
}
