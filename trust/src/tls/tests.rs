//! Both ends of a connection, without a network between: who is let in, and who is not.

use std::io::{self, Read};
use std::sync::Arc;

use rustls::{ClientConnection, ConnectionCommon, ServerConnection};

use super::*;
use crate::certificate::{Holder, HolderName};
use crate::credentials::Draft;
use crate::registry::Registry;
use crate::role::Role;

struct Scene {
    registry: Registry,
    valid: Arc<Valid>,
    _folder: tempfile::TempDir,
}

fn now_s() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (registry, _) = Registry::open(folder.path(), now_s()).unwrap();
        Self { registry, valid: Arc::default(), _folder: folder }
    }

    /// As if the clock had been elsewhere when the certificate was given.
    fn newcomer_at(&mut self, name: &str, at_s: u64) -> Credentials {
        let token = self.registry.give_token(Role::Agent, 1, 3_600, "", at_s).unwrap();
        let draft = Draft::new().unwrap();
        let name = HolderName::new(name).unwrap();
        let enrolled = self.registry.enrol(&token.secret, name, draft.request(), at_s).unwrap();
        self.valid.set(self.registry.valid_serials(at_s));
        let authorities = enrolled.authorities.iter().map(|authority| authority.to_vec()).collect();
        draft.complete(enrolled.certificate.to_vec(), authorities).unwrap()
    }

    fn server(&self) -> ServerConfig {
        let shown = self.registry.coordinator(&[], now_s()).unwrap();
        server(&shown, &self.registry.trusted(), self.valid.clone()).unwrap()
    }

    /// Whom the server sees, once both ends are content.
    fn meet(&self, client: ClientConfig) -> Result<Option<Holder>, String> {
        let mut client = ClientConnection::new(Arc::new(client), coordinator_name()).unwrap();
        let mut server = ServerConnection::new(Arc::new(self.server())).unwrap();
        for _ in 0..8 {
            pass(&mut client, &mut server)?;
            pass(&mut server, &mut client)?;
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        let shown = server.peer_certificates().and_then(|shown| shown.first());
        Ok(shown.map(|certificate| Holder::of(certificate).unwrap()))
    }
}

/// Carries what one end has to say to the other.
fn pass<A, B>(
    from: &mut impl std::ops::DerefMut<Target = ConnectionCommon<A>>,
    to: &mut impl std::ops::DerefMut<Target = ConnectionCommon<B>>,
) -> Result<(), String> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).map_err(|error: io::Error| error.to_string())?;
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest.by_ref()).map_err(|error| error.to_string())?;
        to.process_new_packets().map_err(|error| error.to_string())?;
    }
    Ok(())
}

#[test]
fn both_ends_know_each_other() {
    let mut scene = Scene::new();
    let credentials = scene.newcomer_at("a1", now_s());
    let seen = scene.meet(client(&credentials).unwrap()).unwrap().unwrap();
    assert_eq!(&seen, credentials.holder());
}

#[test]
fn a_newcomer_shows_nothing_and_believes_its_token_alone() {
    let scene = Scene::new();
    assert_eq!(scene.meet(newcomer(scene.registry.digest()).unwrap()), Ok(None));
    let other = Scene::new().registry.digest();
    let refused = scene.meet(newcomer(other).unwrap()).unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
}

#[test]
fn a_certificate_of_another_authority_is_refused_by_either_end() {
    let (mut scene, mut other) = (Scene::new(), Scene::new());
    let (ours, theirs) = (scene.newcomer_at("a1", now_s()), other.newcomer_at("a1", now_s()));
    let refused = scene.meet(client(&theirs).unwrap()).unwrap_err();
    assert!(refused.contains("UnknownIssuer"), "{refused}");
    assert!(other.meet(client(&ours).unwrap()).is_err());
}

#[test]
fn revoked_and_expired_certificates_are_refused() {
    let mut scene = Scene::new();
    let revoked = scene.newcomer_at("a1", now_s());
    let expired = scene.newcomer_at("a2", now_s() - 40 * crate::DAY_S);
    let refused = scene.meet(client(&expired).unwrap()).unwrap_err();
    assert!(refused.contains("expired"), "{refused}");
    scene.registry.revoke(&revoked.holder().name.clone(), now_s()).unwrap();
    scene.valid.set(scene.registry.valid_serials(now_s()));
    let refused = scene.meet(client(&revoked).unwrap()).unwrap_err();
    assert!(refused.contains("Revoked"), "{refused}");
}

#[test]
fn an_agent_is_no_coordinator() {
    let mut scene = Scene::new();
    let agent = scene.newcomer_at("a1", now_s());
    let posing = server(&agent, &scene.registry.trusted(), scene.valid.clone()).unwrap();
    let mut client =
        ClientConnection::new(Arc::new(newcomer(scene.registry.digest()).unwrap()), coordinator_name())
            .unwrap();
    let mut server = ServerConnection::new(Arc::new(posing)).unwrap();
    pass(&mut client, &mut server).unwrap();
    assert!(pass(&mut server, &mut client).is_err());
}

#[test]
fn nothing_older_than_tls_1_3_is_spoken() {
    let scene = Scene::new();
    let provider = provider();
    let old = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned::new(scene.registry.digest(), provider)))
        .with_no_client_auth();
    assert!(scene.meet(old).is_err());
}
