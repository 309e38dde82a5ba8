//! Whose page asks: browsers say so themselves, where that page cannot lie.

use http::HeaderMap;
use http::header::ORIGIN;
use http::uri::Authority;

const FETCH_SITE: &str = "sec-fetch-site";

/// Whose page asks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// One of ours.
    Same,
    /// Somebody else's.
    Foreign,
    /// Nothing said so: a program, or a browser of long ago.
    Unsaid,
}

impl Origin {
    /// What a request that names us says of it.
    ///
    /// `Sec-Fetch-Site` comes first: our pages tell browsers to send no referrer, and then a form of theirs has the origin `null`.
    pub(super) fn of(headers: &HeaderMap, is_encrypted: bool, ourselves: Option<&Authority>) -> Self {
        if let Some(site) = headers.get(FETCH_SITE) {
            return if site == "same-origin" { Self::Same } else { Self::Foreign };
        }
        let Some(origin) = headers.get(ORIGIN) else { return Self::Unsaid };
        let scheme = if is_encrypted { "https" } else { "http" };
        let ours = ourselves.map(|authority| format!("{scheme}://{authority}"));
        let is_ours = ours.is_some_and(|ours| origin.as_bytes().eq_ignore_ascii_case(ours.as_bytes()));
        if is_ours { Self::Same } else { Self::Foreign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[(&'static str, &str)]) -> Origin {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Origin::of(&headers, true, Some(&"bench.example:7412".parse().unwrap()))
    }

    #[test]
    fn only_our_own_pages_are_ours() {
        assert_eq!(seen(&[("sec-fetch-site", "same-origin"), ("origin", "null")]), Origin::Same);
        assert_eq!(seen(&[("origin", "https://Bench.example:7412")]), Origin::Same);
        assert_eq!(seen(&[]), Origin::Unsaid);
        for site in ["cross-site", "same-site", "none", "?"] {
            assert_eq!(seen(&[("sec-fetch-site", site)]), Origin::Foreign, "{site}");
        }
        for origin in
            ["null", "http://bench.example:7412", "https://bench.example", "https://evil.example", ""]
        {
            assert_eq!(seen(&[("origin", origin)]), Origin::Foreign, "{origin}");
        }
    }
}
