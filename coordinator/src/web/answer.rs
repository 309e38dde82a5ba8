//! How answers look: pages, JSON, errors, and the headers that all of them carry.

use axum::body::{Body, Bytes};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use maud::Markup;
use serde_json::{Value, json};

/// What every answer carries unless it says otherwise. Strict-Transport-Security is not among it: certificates here are of the
/// coordinator's own authority, and a browser that was told so would let nobody past its warning any more, nor to other
/// services on other ports of the same host over plain HTTP.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; \
             frame-ancestors 'none'; base-uri 'none'",
        ),
    ),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
];
/// The media type of errors for programs.
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Adds what every answer carries.
pub(super) fn sealed(mut answer: Response<Body>) -> Response<Body> {
    for (name, value) in HEADERS {
        answer.headers_mut().entry(name).or_insert(value);
    }
    answer
}

/// A page.
pub(super) fn page(status: StatusCode, markup: Markup) -> Response<Body> {
    typed(status, "text/html; charset=utf-8", markup.into_string())
}

/// JSON.
pub(super) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let text = serde_json::to_vec(value).expect("answers have text keys and finite numbers only");
    raw_json(status, text)
}

/// JSON that is written already.
pub(super) fn raw_json(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    typed(status, "application/json", text)
}

/// An error, for programs: a word that never changes, a sentence, and what to do.
pub(super) fn problem(status: StatusCode, code: &str, message: &str, help: Option<&str>) -> Response<Body> {
    refusal(status, json!({ "code": code, "message": message, "help": help }))
}

/// The same with more to tell: `error` has at least a `code` and a `message`. The frame around it is that of RFC 9457.
pub(super) fn refusal(status: StatusCode, error: Value) -> Response<Body> {
    let problem = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": error["message"],
        "error": error,
    });
    let mut answer = json(status, &problem);
    answer.headers_mut().insert(CONTENT_TYPE, PROBLEM);
    answer
}

/// Go on there, with a GET.
pub(super) fn see_other(path: &str) -> Response<Body> {
    let mut answer = typed(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    let place = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    answer.headers_mut().insert(LOCATION, place);
    answer
}

/// Something of a type.
pub(super) fn typed(
    status: StatusCode,
    media_type: &'static str,
    content: impl Into<Bytes>,
) -> Response<Body> {
    let mut answer = Response::new(Body::from(content.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}
