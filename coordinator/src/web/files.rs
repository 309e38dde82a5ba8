//! Files that are part of the program: the style, the script and the sign. Browsers keep them, and ask each time whether they are still
//! the same.

use std::sync::LazyLock;

use axum::body::Body;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::answer;

/// Kept, but never used unasked: a new version of fleetmark is seen at once.
const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// A file.
pub(super) struct File {
    media_type: &'static str,
    text: String,
    /// The digest of its text, in quotes.
    tag: HeaderValue,
}

/// The style of all pages: that of reports and charts, and what only pages have.
pub(super) static STYLE: LazyLock<File> = LazyLock::new(|| {
    let text = [report::html::STYLE, report::chart::STYLE, include_str!("pages/style.css")].concat();
    File::new("text/css; charset=utf-8", text)
});
/// What makes pages move.
pub(super) static SCRIPT: LazyLock<File> =
    LazyLock::new(|| File::new("text/javascript; charset=utf-8", include_str!("pages/script.js").to_owned()));
/// The sign in a browser's tab.
pub(super) static ICON: LazyLock<File> =
    LazyLock::new(|| File::new("image/svg+xml", include_str!("pages/icon.svg").to_owned()));

impl File {
    fn new(media_type: &'static str, text: String) -> Self {
        let digest: String =
            Sha256::digest(&text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let tag = HeaderValue::try_from(format!("\"{digest}\"")).expect("hexadecimal digits in quotes");
        Self { media_type, text, tag }
    }

    /// The file, unless whoever asks has it.
    pub(super) fn answer(&self, asked: &HeaderMap) -> Response<Body> {
        let mut answer = match asked.get(IF_NONE_MATCH) == Some(&self.tag) {
            true => {
                let mut answer = Response::new(Body::empty());
                *answer.status_mut() = StatusCode::NOT_MODIFIED;
                answer
            }
            false => answer::typed(StatusCode::OK, self.media_type, self.text.clone()),
        };
        answer.headers_mut().insert(CACHE_CONTROL, ASK_EACH_TIME);
        answer.headers_mut().insert(ETAG, self.tag.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_has_a_file_is_not_sent_it_again() {
        let first = STYLE.answer(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let has = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        assert_eq!(STYLE.answer(&has).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(SCRIPT.answer(&has).status(), StatusCode::OK);
    }

    #[test]
    fn files_ask_no_other_host_for_anything() {
        for file in [&*STYLE, &*SCRIPT, &*ICON] {
            let text = file.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("//cdn") && !text.contains("http:") && !text.contains("https:"), "{text}");
        }
    }
}
