//! The cookies of one worker in one pass of a scenario (RFC 6265), bounded in number and size.
//!
//! A cookie for a whole domain is taken from any host within it. Lists of public suffixes are not consulted: what is
//! measured does not set cookies for other people's domains.

use std::time::{SystemTime, UNIX_EPOCH};

use cookie::Cookie;

/// Most cookies of one pass: what browsers keep for a domain at least (RFC 6265, 6.1). The oldest goes first.
const COOKIES_MAX: usize = 64;
/// Largest name and value together, as in browsers.
const COOKIE_BYTES_MAX: usize = 4096;

/// The cookies of one worker.
#[derive(Debug, Default)]
pub(super) struct Jar {
    /// In the order in which they were first set.
    kept: Vec<Kept>,
}

/// Where a request goes, as far as cookies ask.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination<'a> {
    /// Host, without port.
    pub(super) host: &'a str,
    /// Path; a query after it does not matter.
    pub(super) path: &'a str,
    /// Whether it goes over TLS.
    pub(super) is_secure: bool,
}

#[derive(Debug)]
struct Kept {
    name: String,
    value: String,
    /// The host it is for, in small letters.
    host: String,
    /// Whether hosts below that one get it too.
    is_for_domain: bool,
    path: String,
    is_secure: bool,
    /// When it ends, seconds of Unix time; `None`: with the pass.
    ends_at: Option<i64>,
}

impl Jar {
    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Whether there is none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Takes one out of a `Set-Cookie` header; what is no cookie, or not for that host, is ignored as in browsers.
    pub(super) fn take(&mut self, header: &[u8], from: Destination<'_>, now: SystemTime) {
        let Some(cookie) = str::from_utf8(header).ok().and_then(|text| Cookie::parse(text).ok()) else {
            return;
        };
        let Some(kept) = Kept::of(&cookie, from, now) else { return };
        let is_same =
            |other: &Kept| (&other.name, &other.host, &other.path) == (&kept.name, &kept.host, &kept.path);
        let place = self.kept.iter().position(is_same);
        match (place, kept.is_over(now)) {
            (Some(place), true) => drop(self.kept.remove(place)),
            (Some(place), false) => self.kept[place] = kept,
            (None, true) => {}
            (None, false) => {
                if self.kept.len() == COOKIES_MAX {
                    self.kept.remove(0);
                }
                self.kept.push(kept);
            }
        }
    }

    /// Appends the value of a `Cookie` header for a request, the longest paths first; `false`: there is none.
    pub(super) fn write(&self, to: Destination<'_>, now: SystemTime, into: &mut Vec<u8>) -> bool {
        let mut length_below = usize::MAX;
        let mut is_first = true;
        // One turn for each length of a path, from the longest on: there are few, and nothing is allocated.
        loop {
            let fitting = || self.kept.iter().filter(|kept| kept.goes_to(to, now));
            let lengths = fitting().map(|kept| kept.path.len()).filter(|length| *length < length_below);
            let Some(length) = lengths.max() else { return !is_first };
            for kept in fitting().filter(|kept| kept.path.len() == length) {
                if !is_first {
                    into.extend_from_slice(b"; ");
                }
                is_first = false;
                into.extend_from_slice(kept.name.as_bytes());
                into.push(b'=');
                into.extend_from_slice(kept.value.as_bytes());
            }
            length_below = length;
        }
    }
}

impl Kept {
    /// A cookie that a host may set.
    fn of(cookie: &Cookie<'_>, from: Destination<'_>, now: SystemTime) -> Option<Self> {
        let (name, value) = cookie.name_value();
        let is_printable = |text: &str| text.bytes().all(|byte| !byte.is_ascii_control() && byte != b';');
        let fits = name.len() + value.len() <= COOKIE_BYTES_MAX;
        if name.is_empty() || !fits || !is_printable(name) || !is_printable(value) {
            return None;
        }
        let host = from.host.to_ascii_lowercase();
        let domain = cookie.domain().filter(|domain| !domain.is_empty()).map(str::to_ascii_lowercase);
        if domain.as_deref().is_some_and(|domain| !is_within(&host, domain)) {
            return None;
        }
        let path = cookie.path().filter(|path| path.starts_with('/') && path.len() <= COOKIE_BYTES_MAX);
        let ends_at = match cookie.max_age() {
            Some(age) => Some(unix_seconds(now).saturating_add(age.whole_seconds())),
            None => cookie.expires_datetime().map(|end| end.unix_timestamp()),
        };
        Some(Self {
            name: name.to_owned(),
            value: value.to_owned(),
            is_for_domain: domain.is_some(),
            host: domain.unwrap_or(host),
            path: path.map_or_else(|| default_path(from.path), str::to_owned),
            is_secure: cookie.secure() == Some(true),
            ends_at,
        })
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.ends_at.is_some_and(|ends_at| ends_at <= unix_seconds(now))
    }

    fn goes_to(&self, to: Destination<'_>, now: SystemTime) -> bool {
        let is_host = self.host.eq_ignore_ascii_case(to.host)
            || self.is_for_domain && is_within(&to.host.to_ascii_lowercase(), &self.host);
        is_host && (to.is_secure || !self.is_secure) && reaches(&self.path, to.path) && !self.is_over(now)
    }
}

/// Whether a host is a domain or lies within it (RFC 6265, 5.1.3). An address lies within nothing but itself, nor
/// does a host lie within a single word, such as `com`.
fn is_within(host: &str, domain: &str) -> bool {
    let is_name = host.parse::<std::net::IpAddr>().is_err();
    let is_below = host.strip_suffix(domain).is_some_and(|front| front.ends_with('.'));
    host == domain || is_name && is_below && domain.contains('.')
}

/// Whether a cookie's path covers a request's (RFC 6265, 5.1.4).
fn reaches(path: &str, requested: &str) -> bool {
    let requested = requested.split('?').next().unwrap_or_default();
    let rest = requested.strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || path.ends_with('/') || rest.starts_with('/'))
}

/// The folder of a request's path (RFC 6265, 5.1.4).
fn default_path(requested: &str) -> String {
    let path = requested.split('?').next().unwrap_or_default();
    match path.rfind('/') {
        None | Some(0) => "/".to_owned(),
        Some(at) => path[..at].to_owned(),
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: SystemTime = UNIX_EPOCH;

    fn to<'a>(host: &'a str, path: &'a str) -> Destination<'a> {
        Destination { host, path, is_secure: false }
    }

    fn jar(from: Destination<'_>, headers: &[&str]) -> Jar {
        let mut jar = Jar::default();
        headers.iter().for_each(|header| jar.take(header.as_bytes(), from, NOW));
        jar
    }

    fn sent_at(jar: &Jar, to: Destination<'_>, now: SystemTime) -> String {
        let mut into = Vec::new();
        assert_eq!(jar.write(to, now, &mut into), !into.is_empty());
        String::from_utf8(into).unwrap()
    }

    fn sent(jar: &Jar, host: &str, path: &str) -> String {
        sent_at(jar, to(host, path), NOW)
    }

    #[test]
    fn a_cookie_goes_back_to_its_host_and_path() {
        let jar = jar(to("a.example", "/shop/login?x"), &["s=1", "t=2; Path=/", "u=3; path=/shop/cart"]);
        assert_eq!(sent(&jar, "a.example", "/shop/cart/7?y=1"), "u=3; s=1; t=2");
        assert_eq!(sent(&jar, "A.example", "/shop"), "s=1; t=2");
        assert_eq!(sent(&jar, "a.example", "/shopping"), "t=2");
        assert_eq!(sent(&jar, "b.a.example", "/shop"), "");
    }

    #[test]
    fn a_domains_cookie_goes_to_hosts_within_and_no_other() {
        let jar = jar(
            to("a.example.org", "/"),
            &["s=1; Domain=.example.org", "t=2; domain=other.org", "u=3; domain=org"],
        );
        assert_eq!(sent(&jar, "b.example.org", "/"), "s=1");
        assert_eq!(sent(&jar, "example.org", "/"), "s=1");
        assert_eq!(sent(&jar, "badexample.org", "/"), "");
        assert_eq!(sent(&jar, "org", "/"), "");
    }

    #[test]
    fn a_secure_cookie_goes_over_tls_only() {
        let jar = jar(to("a", "/"), &["s=1; Secure"]);
        assert_eq!(sent(&jar, "a", "/"), "");
        assert_eq!(sent_at(&jar, Destination { is_secure: true, ..to("a", "/") }, NOW), "s=1");
    }

    #[test]
    fn a_cookie_ends_when_it_says() {
        let mut jar =
            jar(to("a", "/"), &["s=1; Max-Age=10", "t=2; Expires=Thu, 01 Jan 1970 00:00:20 GMT", "u=3"]);
        let at = |jar: &Jar, seconds| sent_at(jar, to("a", "/"), NOW + Duration::from_secs(seconds));
        assert_eq!(
            ["s=1; t=2; u=3", "t=2; u=3", "u=3"],
            [5, 15, 25].map(|seconds| at(&jar, seconds)).each_ref().map(String::as_str)
        );
        jar.take(b"u=; Max-Age=0", to("a", "/"), NOW);
        assert_eq!(at(&jar, 5), "s=1; t=2");
    }

    #[test]
    fn a_cookie_is_replaced_by_its_name() {
        assert_eq!(sent(&jar(to("a", "/"), &["s=1", "t=2", "s=3"]), "a", "/"), "s=3; t=2");
    }

    #[test]
    fn what_is_no_cookie_or_too_large_is_ignored() {
        let large = format!("s={}", "x".repeat(COOKIE_BYTES_MAX));
        let jar = jar(to("a", "/"), &["", "novalue", "=x", "s=a\x01b", "\u{fe}", &large]);
        assert_eq!(sent(&jar, "a", "/"), "");
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut jar = Jar::default();
        (0..=COOKIES_MAX).for_each(|n| jar.take(format!("c{n}=x").as_bytes(), to("a", "/"), NOW));
        let sent = sent(&jar, "a", "/");
        assert_eq!(sent.split("; ").count(), COOKIES_MAX);
        assert!(!sent.contains("c0=") && sent.ends_with("c64=x"), "{sent}");
    }
}
