//! What one worker knows from one operation to the next: values, cookies, and the requests that it fills in.

use std::sync::Arc;
use std::time::SystemTime;

use super::HttpOperation;
use super::answer::Answer;
use super::cookies::{Destination, Jar};
use super::http2::Http2RequestError;
use super::request::{self, RequestError};
use super::url::Url;
use crate::values::Values;

/// One worker's knowledge. In a scenario it lasts for one pass.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) values: Values,
    is_scenario: bool,
    jar: Jar,
    /// The body of a request, or an expected text, while it is rendered.
    pub(super) buffer: Vec<u8>,
    line: Vec<u8>,
}

/// Why a request cannot be filled in.
#[derive(Debug, thiserror::Error)]
pub(super) enum FillError {
    /// It cannot be rendered.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It cannot be sent over HTTP/2.
    #[error(transparent)]
    Http2(#[from] Http2RequestError),
}

impl Pass {
    /// A worker that has done nothing yet.
    pub(super) fn new(values: Values, is_scenario: bool) -> Self {
        Self { values, is_scenario, jar: Jar::default(), buffer: Vec::new(), line: Vec::new() }
    }

    /// Begins an operation, by its place; the first step of a scenario begins a new pass.
    #[inline]
    pub(super) fn begin(&mut self, place: usize) {
        if !self.is_scenario {
            self.values.begin_iteration();
        } else if place == 0 {
            self.values.begin_iteration();
            self.values.forget_extracted();
            self.jar.clear();
        }
    }

    /// The operation as it is sent this time: as it was planned, or a draft that is filled in.
    #[inline]
    pub(super) fn fill_in<'a>(
        &mut self,
        planned: &'a HttpOperation,
        draft: &'a mut Option<Box<HttpOperation>>,
    ) -> Result<&'a HttpOperation, FillError> {
        let script = &planned.script;
        let may_have_cookies = !self.jar.is_empty() && !script.has_own_cookie;
        if script.template.is_none() && script.text.is_none() && !may_have_cookies {
            return Ok(planned);
        }
        let draft = draft.get_or_insert_with(|| Box::new(planned.clone()));
        match &script.template {
            Some(template) => {
                draft.body_at = template.render(&mut self.values, &mut draft.request, &mut self.buffer)?;
            }
            None => {
                draft.request.clone_from(&planned.request);
                draft.body_at = planned.body_at;
            }
        }
        if let Some(text) = &script.text {
            self.buffer.clear();
            text.render(&mut self.values, &mut self.buffer).map_err(RequestError::from)?;
            Arc::make_mut(draft.expectation.text.get_or_insert_default()).set(&self.buffer);
        }
        self.complete(draft, &script.url)?;
        Ok(draft)
    }

    /// Adds the cookies that go to a URL's host, and makes the rest fit the rendered request.
    pub(super) fn complete(&mut self, draft: &mut HttpOperation, url: &Url) -> Result<(), FillError> {
        if !self.jar.is_empty() && !draft.script.has_own_cookie {
            self.line.clear();
            self.line.extend_from_slice(b"cookie: ");
            let (_, path) = request::line_of(&draft.request);
            let to = Destination { host: url.host(), path, is_secure: url.is_tls };
            if self.jar.write(to, SystemTime::now(), &mut self.line) {
                self.line.extend_from_slice(b"\r\n");
                draft.body_at = request::insert_line(&mut draft.request, draft.body_at, &self.line)?;
            }
        }
        let has_body = draft.body_at < draft.request.len();
        draft.continue_after = (draft.asks_first && has_body).then_some(draft.body_at);
        if let Some(request) = &mut draft.http2 {
            request.set(&draft.request, url.is_tls)?;
        }
        Ok(())
    }

    /// Keeps the cookies of an answer to a request.
    pub(super) fn take_cookies(&mut self, answer: &Answer, request: &[u8], url: &Url) {
        if !self.is_scenario {
            return;
        }
        let (_, path) = request::line_of(request);
        let from = Destination { host: url.host(), path, is_secure: url.is_tls };
        for cookie in answer.values("set-cookie") {
            self.jar.take(cookie, from, SystemTime::now());
        }
    }

    /// Whether the answers' cookies are kept.
    #[inline]
    pub(super) fn has_cookies(&self) -> bool {
        self.is_scenario
    }
}
