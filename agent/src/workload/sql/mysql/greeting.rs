//! Being let in: the server greets, we say who we are, encrypted if the job wants it, and show the password as the server asks for it.

use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::MySerialize;
use shared::interval::ErrorKind;

use super::refusal;
use super::wire::{Unreadable, Wire};
use crate::workload::connection::failure::Failure;
use crate::workload::connection::tls::Tls;

/// What we would like, as far as the server can do it.
const WISHES: CapabilityFlags = CapabilityFlags::CLIENT_PROTOCOL_41
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_LONG_PASSWORD)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);
/// Largest packet that we take. Rows are not kept, and so may be as large as the server makes them.
const PACKET_BYTES_MAX: u32 = 1 << 30;
/// Of text in UTF-8, as we send it.
const CHARACTER_SET: u8 = 45;
/// Most packets until we are in: two rounds are usual.
const ROUNDS_MAX: usize = 8;
/// The server knows the password already by what we sent.
const KNOWN: u8 = 0x03;
/// The server wants the password itself.
const WANTS_PASSWORD: u8 = 0x04;

/// Who we are.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) user: String,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
}

/// Let in.
pub(super) struct Admission {
    pub(super) wire: Wire,
    pub(super) capabilities: CapabilityFlags,
    /// The connection's number, by which another one can have its statement given up.
    pub(super) connection: u32,
}

/// Answers a server's greeting.
pub(super) async fn enter(
    mut wire: Wire,
    identity: &Identity,
    tls: Option<&Tls>,
) -> Result<Admission, Failure> {
    let packet = wire.packet().await?;
    if packet.first() == Some(&refusal::ERROR) {
        return Err(refusal::connecting(&packet));
    }
    let greeting = read_greeting(&packet)?;
    let mut capabilities = WISHES & greeting.capabilities();
    if identity.database.is_some() {
        capabilities |= CapabilityFlags::CLIENT_CONNECT_WITH_DB;
    }
    if let Some(tls) = tls {
        if !greeting.capabilities().contains(CapabilityFlags::CLIENT_SSL) {
            let message = "the server offers no TLS: give it a certificate, or leave ssl-mode and tls out";
            return Err(Failure::new(ErrorKind::Tls, message.to_owned()));
        }
        capabilities |= CapabilityFlags::CLIENT_SSL;
        wire.send(&written(&SslRequest::new(capabilities, PACKET_BYTES_MAX, CHARACTER_SET))).await?;
        wire = wire.encrypted(tls).await?;
    }
    let nonce = greeting.nonce();
    let plugin = greeting.auth_plugin().unwrap_or(AuthPlugin::MysqlNativePassword);
    // One that we do not know is answered with nothing; the server then names one that is the user's.
    let shown = shown(&plugin, identity, &nonce, wire.is_encrypted).unwrap_or_default();
    let response = HandshakeResponse::new(
        Some(shown),
        greeting.server_version_parsed().unwrap_or_default(),
        Some(identity.user.as_bytes()),
        identity.database.as_deref().map(str::as_bytes),
        Some(plugin.borrow()),
        capabilities,
        None,
        PACKET_BYTES_MAX,
    );
    wire.send(&written(&response)).await?;
    be_admitted(&mut wire, identity).await?;
    Ok(Admission { wire, capabilities, connection: greeting.connection_id() })
}

/// Shows what the server asks for, until it lets us in or not.
async fn be_admitted(wire: &mut Wire, identity: &Identity) -> Result<(), Failure> {
    let refused =
        |what: &str| Failure::new(ErrorKind::Connect, format!("the database lets us not in: {what}"));
    for _ in 0..ROUNDS_MAX {
        let packet = wire.packet().await?;
        match packet.as_slice() {
            [0x00, ..] => return Ok(()),
            [refusal::ERROR, ..] => return Err(refusal::connecting(&packet)),
            [0x01, KNOWN] => {}
            [0x01, WANTS_PASSWORD] if wire.is_encrypted => {
                let password = identity.password.as_deref().unwrap_or_default();
                wire.send(&[password.as_bytes(), &[0]].concat()).await?;
            }
            [0x01, WANTS_PASSWORD] => {
                return Err(refused(
                    "it wants the password itself, which is not sent in the clear: ask for TLS, ?ssl-mode=required",
                ));
            }
            [0xfe, _, ..] => {
                let wanted =
                    ParseBuf(&packet).parse::<AuthSwitchRequest<'_>>(()).map_err(Unreadable::from)?;
                let plugin = wanted.auth_plugin();
                let Some(shown) = shown(&plugin, identity, wanted.plugin_data(), wire.is_encrypted) else {
                    let name = String::from_utf8_lossy(plugin.as_bytes()).into_owned();
                    return Err(refused(&format!(
                        "its user is known by {name}, which is not known here: mysql_native_password and \
                         caching_sha2_password are, and with TLS mysql_clear_password"
                    )));
                };
                wire.send(&shown).await?;
            }
            _ => return Err(refused("it asks for what is not known here")),
        }
    }
    Err(refused("it asks again and again"))
}

/// How we show a password to a plugin; `None`: we cannot.
fn shown(plugin: &AuthPlugin<'_>, identity: &Identity, nonce: &[u8], is_encrypted: bool) -> Option<Vec<u8>> {
    match plugin {
        AuthPlugin::MysqlNativePassword | AuthPlugin::CachingSha2Password => {}
        AuthPlugin::MysqlClearPassword if is_encrypted => {}
        _ => return None,
    }
    let data = plugin.gen_data(identity.password.as_deref(), nonce);
    Some(data.map(|data| written(&data)).unwrap_or_default())
}

/// A greeting that the library can read: it would stumble over a length that no server gives.
fn read_greeting(packet: &[u8]) -> Result<HandshakePacket<'_>, Failure> {
    let strange = || Unreadable::from(std::io::Error::other("its greeting is none of MySQL's"));
    // Behind the version and its zero, and 20 bytes of numbers.
    let version_ends = packet.iter().position(|byte| *byte == 0).ok_or_else(strange)?;
    match packet.get(version_ends + 21) {
        Some(length) if *length < 128 => {}
        _ => return Err(strange().into()),
    }
    Ok(ParseBuf(packet).parse::<HandshakePacket<'_>>(()).map_err(Unreadable::from)?)
}

fn written(message: &impl MySerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.serialize(&mut bytes);
    bytes
}
