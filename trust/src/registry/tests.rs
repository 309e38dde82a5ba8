//! What the registry promises, gives and takes, over days that are passed in.

use super::ledger::PromiseRefusal;
use super::*;

const NOW_S: u64 = 1_800_000_000;
const HOUR_S: u64 = 3_600;
const URL: &str = "https://bench:7411";

fn name(name: &str) -> HolderName {
    HolderName::new(name).unwrap()
}

fn registry() -> (tempfile::TempDir, Registry) {
    let folder = tempfile::tempdir().unwrap();
    let (registry, is_new) = Registry::open(&folder.path().join("ca"), NOW_S).unwrap();
    assert!(is_new);
    (folder, registry)
}

fn enrol(registry: &mut Registry, token: &JoinToken, who: &str, now_s: u64) -> Result<Enrolled, EnrolError> {
    registry.enrol(&token.secret, name(who), Draft::new().unwrap().request(), now_s)
}

#[test]
fn a_token_makes_as_many_as_it_says_and_no_more() {
    let (_folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 2, HOUR_S, URL, NOW_S).unwrap();
    assert_eq!(
        (token.role, token.until_s, token.authority),
        (Role::Agent, NOW_S + HOUR_S, registry.digest())
    );
    assert_eq!(enrol(&mut registry, &token, "a1", NOW_S).unwrap().holder.role, Role::Agent);
    enrol(&mut registry, &token, "a2", NOW_S).unwrap();
    let third = enrol(&mut registry, &token, "a3", NOW_S).unwrap_err();
    assert!(matches!(third, EnrolError::Promise(PromiseRefusal::Used)), "{third}");
}

#[test]
fn expired_forged_and_wasted_tokens() {
    let (_folder, mut registry) = registry();
    let token = registry.give_token(Role::Viewer, 1, HOUR_S, URL, NOW_S).unwrap();
    let late = enrol(&mut registry, &token, "v", NOW_S + HOUR_S).unwrap_err();
    assert!(matches!(late, EnrolError::Promise(PromiseRefusal::Expired)), "{late}");
    let forged = JoinToken { secret: Secret::random(), ..token.clone() };
    let forged = enrol(&mut registry, &forged, "v", NOW_S).unwrap_err();
    assert!(matches!(forged, EnrolError::Promise(PromiseRefusal::Unknown)), "{forged}");
    // What cannot be signed does not use the token up.
    assert!(registry.enrol(&token.secret, name("v"), b"none", NOW_S).is_err());
    enrol(&mut registry, &token, "v", NOW_S).unwrap();
}

#[test]
fn a_name_belongs_to_one_until_it_is_revoked() {
    let (_folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 9, HOUR_S, URL, NOW_S).unwrap();
    let first = enrol(&mut registry, &token, "a1", NOW_S).unwrap();
    let second = enrol(&mut registry, &token, "a1", NOW_S).unwrap_err();
    assert!(matches!(second, EnrolError::NameTaken(_)), "{second}");
    assert!(registry.valid_serials(NOW_S).contains(&first.holder.serial));
    assert_eq!(registry.revoke(&name("a1"), NOW_S).unwrap().certificates.len(), 1);
    assert!(!registry.valid_serials(NOW_S).contains(&first.holder.serial));
    enrol(&mut registry, &token, "a1", NOW_S).unwrap();
    assert!(registry.revoke(&name("nobody"), NOW_S).unwrap().is_empty());
}

#[test]
fn a_revoked_certificate_is_not_renewed() {
    let (_folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 9, HOUR_S, URL, NOW_S).unwrap();
    let first = enrol(&mut registry, &token, "a1", NOW_S).unwrap().holder;
    let later_s = NOW_S + 20 * DAY_S;
    let draft = Draft::new().unwrap();
    let second = registry.renew(&first, draft.request(), later_s).unwrap().holder;
    assert_eq!((&second.name, second.role), (&first.name, first.role));
    assert!(second.until_s > first.until_s && second.serial != first.serial);
    // The younger one may not have arrived: the older one counts to its end, and goes with its name.
    assert!(registry.valid_serials(later_s).contains(&first.serial));
    assert_eq!(registry.revoke(&name("a1"), later_s).unwrap().certificates.len(), 2);
    for holder in [first, second] {
        let refused = registry.renew(&holder, draft.request(), later_s).unwrap_err();
        assert!(matches!(refused, EnrolError::Revoked), "{refused}");
    }
}

#[test]
fn what_was_given_is_known_after_a_restart() {
    let (folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 1, HOUR_S, URL, NOW_S).unwrap();
    let holder = enrol(&mut registry, &token, "a1", NOW_S).unwrap().holder;
    let digest = registry.digest();
    drop(registry);
    let (mut again, is_new) = Registry::open(&folder.path().join("ca"), NOW_S).unwrap();
    assert!(!is_new && again.digest() == digest);
    assert_eq!(again.valid_serials(NOW_S), HashSet::from([holder.serial]));
    let used = enrol(&mut again, &token, "a2", NOW_S).unwrap_err();
    assert!(matches!(used, EnrolError::Promise(PromiseRefusal::Used)), "{used}");
    let text = std::fs::read_to_string(folder.path().join("ca/ledger.json")).unwrap();
    assert!(text.contains(&token.secret.mark()), "only its mark is kept");
}

#[test]
fn both_authorities_are_trusted_until_all_have_moved() {
    let (folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 9, HOUR_S, URL, NOW_S).unwrap();
    let before = enrol(&mut registry, &token, "a1", NOW_S).unwrap();
    let (old, hosts) = (registry.digest(), ["bench".to_owned()]);
    let shown = registry.coordinator(&hosts, NOW_S).unwrap();
    registry.rotate(NOW_S).unwrap();
    assert!(!registry.settle(NOW_S).unwrap(), "a1 has not moved");
    assert!(matches!(registry.rotate(NOW_S), Err(RegistryError::StillRotating(1))));

    // Across a restart: the coordinator still shows what all believe, and newcomers learn both.
    let (mut registry, _) = Registry::open(&folder.path().join("ca"), NOW_S).unwrap();
    assert_eq!((registry.digest(), registry.trusted().len()), (old, 2));
    assert_eq!(registry.coordinator(&hosts, NOW_S).unwrap().certificate(), shown.certificate());
    assert_eq!(enrol(&mut registry, &token, "a2", NOW_S).unwrap().authorities, registry.trusted());
    assert!(!registry.is_current(before.holder.serial));
    let moved = registry.renew(&before.holder, Draft::new().unwrap().request(), NOW_S).unwrap();
    assert!(registry.is_current(moved.holder.serial));

    assert!(registry.settle(NOW_S).unwrap());
    assert_ne!(registry.digest(), old);
    assert_eq!(registry.trusted().len(), 1);
    assert_ne!(registry.coordinator(&hosts, NOW_S).unwrap().certificate(), shown.certificate());
    registry.rotate(NOW_S).unwrap();
}

#[test]
fn the_coordinators_own_certificate_is_made_anew_when_it_must_be() {
    let (_folder, registry) = registry();
    let one = registry.coordinator(&["bench".to_owned()], NOW_S).unwrap();
    let same = registry.coordinator(&["bench".to_owned()], NOW_S).unwrap();
    assert_eq!(one.certificate(), same.certificate());
    let elsewhere = registry.coordinator(&["10.0.0.1".to_owned()], NOW_S).unwrap();
    assert_ne!(one.certificate(), elsewhere.certificate());
    let later = registry.coordinator(&["10.0.0.1".to_owned()], NOW_S + 300 * DAY_S).unwrap();
    assert_ne!(elsewhere.certificate(), later.certificate());
}

#[test]
fn damaged_files_say_what_to_do() {
    for (file, says) in [
        ("authority.pem", "use the authority"),
        ("authority-key.pem", "use the authority"),
        ("ledger.json", "restore it"),
    ] {
        let (folder, mut registry) = registry();
        registry.give_token(Role::Agent, 1, HOUR_S, URL, NOW_S).unwrap();
        let path = folder.path().join("ca").join(file);
        std::fs::write(&path, "garbage").unwrap();
        let refused = Registry::open(&folder.path().join("ca"), NOW_S).unwrap_err().to_string();
        assert!(refused.contains(says), "{file}: {refused}");
    }
}

#[test]
fn what_cannot_be_written_down_has_not_happened_and_can_be_asked_again() {
    let (folder, mut registry) = registry();
    let token = registry.give_token(Role::Agent, 1, HOUR_S, URL, NOW_S).unwrap();
    let (path, aside) = (folder.path().join("ca/ledger.json"), folder.path().join("ledger.json"));
    let block = || {
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
    };
    let unblock = || {
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
    };
    block();
    assert!(enrol(&mut registry, &token, "a1", NOW_S).is_err());
    unblock();
    let holder = enrol(&mut registry, &token, "a1", NOW_S).unwrap().holder;
    block();
    assert!(registry.revoke(&name("a1"), NOW_S).is_err());
    assert!(registry.valid_serials(NOW_S).contains(&holder.serial));
    unblock();
    assert_eq!(registry.revoke(&name("a1"), NOW_S).unwrap().certificates.len(), 1);

    let digest = registry.digest();
    std::fs::create_dir(folder.path().join("ca/former.pem")).unwrap();
    assert!(registry.rotate(NOW_S).is_err());
    assert_eq!((registry.digest(), registry.trusted().len()), (digest, 1));
}

#[test]
fn a_bearer_token_counts_until_it_runs_out_or_its_name_is_revoked() {
    let (folder, mut registry) = registry();
    let token = registry.give_token(Role::Viewer, 1, HOUR_S, URL, NOW_S).unwrap();
    let holder = enrol(&mut registry, &token, "v", NOW_S).unwrap().holder;
    let (secret, bearer) = registry.give_bearer(&holder, HOUR_S, NOW_S).unwrap();
    assert_eq!((&bearer.name, bearer.role, bearer.until_s), (&holder.name, Role::Viewer, NOW_S + HOUR_S));
    assert_ne!(bearer.serial, holder.serial);
    let written = std::fs::read_to_string(folder.path().join("ca/ledger.json")).unwrap();
    assert!(written.contains(&secret.mark()) && !written.contains(&secret.to_string()));

    let revoked = registry.revoke(&holder.name, NOW_S + 1).unwrap();
    assert_eq!((revoked.certificates.len(), revoked.bearers.len()), (1, 1));
    assert!(registry.revoke(&holder.name, NOW_S + 2).unwrap().is_empty());
    let (again, _) = Registry::open(&folder.path().join("ca"), NOW_S + 3).unwrap();
    assert_eq!(again.bearers()[0].revoked_at_s, Some(NOW_S + 1));
    // One that has run out is forgotten when another is given.
    registry.give_bearer(&holder, HOUR_S, NOW_S + HOUR_S).unwrap();
    assert_eq!(registry.bearers().len(), 1);
}
