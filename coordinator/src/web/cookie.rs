//! How a session is carried: a cookie that scripts cannot read, and that no other site's page can have sent.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use trust::web_token::WebToken;

use super::passes::SESSION_LASTS;

/// Over TLS: the prefix has browsers refuse one that is not `Secure`, is for a path, or comes from a sibling domain.
const ENCRYPTED: &str = "__Host-fleetmark";
/// Over plain loopback, where browsers take no `Secure` cookie.
const PLAIN: &str = "fleetmark";
/// Cookies of our name that are looked at: others on the same host may have set some of their own.
const LOOKED_AT_MAX: usize = 4;

/// The sessions that a request carries.
pub(super) fn sessions(headers: &HeaderMap, is_encrypted: bool) -> Vec<WebToken> {
    let name = name(is_encrypted);
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let ours = pairs.filter(|(known, _)| *known == name).take(LOOKED_AT_MAX);
    ours.filter_map(|(_, value)| value.parse().ok()).collect()
}

/// Has a browser keep a session.
pub(super) fn kept(session: &WebToken, is_encrypted: bool) -> HeaderValue {
    of(&session.to_string(), SESSION_LASTS.as_secs(), is_encrypted)
}

/// Has a browser forget its session.
pub(super) fn forgotten(is_encrypted: bool) -> HeaderValue {
    of("", 0, is_encrypted)
}

fn of(value: &str, seconds: u64, is_encrypted: bool) -> HeaderValue {
    let secure = if is_encrypted { "Secure; " } else { "" };
    let text = format!(
        "{}={value}; {secure}HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}",
        name(is_encrypted)
    );
    let mut value = HeaderValue::try_from(text).expect("tokens are letters, digits, '-' and '_'");
    value.set_sensitive(true);
    value
}

fn name(is_encrypted: bool) -> &'static str {
    if is_encrypted { ENCRYPTED } else { PLAIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_back_among_others() {
        let session = WebToken::random();
        for is_encrypted in [true, false] {
            let set = kept(&session, is_encrypted).to_str().unwrap().to_owned();
            let pair = set.split(';').next().unwrap();
            let mut headers = HeaderMap::new();
            headers.append(COOKIE, format!("a=b; {pair}; fleetmark=x").parse().unwrap());
            assert_eq!(sessions(&headers, is_encrypted), std::slice::from_ref(&session));
            assert!(sessions(&headers, !is_encrypted).is_empty());
            assert!(set.ends_with("HttpOnly; SameSite=Strict; Path=/; Max-Age=43200"), "{set}");
            assert_eq!(set.contains("; Secure;"), is_encrypted);
            assert_eq!(set.starts_with("__Host-"), is_encrypted);
        }
        assert!(forgotten(true).to_str().unwrap().starts_with("__Host-fleetmark=; Secure;"));
    }
}
