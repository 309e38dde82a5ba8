//! What there is to ask for, and who may: one table, and nothing that is not in it is served.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, RawPathParams, Request};
use axum::routing::{MethodFilter, on};
use http::{Response, StatusCode};
use shared::job::JOB_BYTES_MAX;

use super::entrance::Connection;
use super::guard::{self, Visit};
use super::openapi::{self, Call, calls};
use super::{Site, answer, api, events, files, metrics, pages, sign_in};
use crate::admission::needs::Needs;

/// Most bytes of a form: a token.
const FORM_BYTES_MAX: usize = 4 * 1024;

/// Most bytes of a form with a job: every letter may be sent as three.
const JOB_FORM_BYTES_MAX: usize = 3 * JOB_BYTES_MAX + FORM_BYTES_MAX;

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Something to ask for.
pub(super) struct Route {
    /// `GET`, which `HEAD` goes with, or `POST`, which changes something.
    pub(super) method: Method,
    /// Where it is; `{id}` stands for one part, and another name behind it for a second.
    pub(super) path: &'static str,
    /// Who may have it.
    pub(super) needs: Needs,
    /// Most bytes that may come with it.
    pub(super) body_bytes_max: usize,
    /// What answers.
    pub(super) answer: fn(Visit) -> Answering,
    /// What programs are told of it; `None`: it is not for them.
    pub(super) call: Option<&'static Call>,
}

/// How something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Reads.
    Get,
    /// Changes something.
    Post,
}

const fn get(path: &'static str, needs: Needs, answer: fn(Visit) -> Answering) -> Route {
    Route { method: Method::Get, path, needs, body_bytes_max: 0, answer, call: None }
}

const fn post(path: &'static str, needs: Needs, bytes_max: usize, answer: fn(Visit) -> Answering) -> Route {
    Route { method: Method::Post, path, needs, body_bytes_max: bytes_max, answer, call: None }
}

/// Everything that there is.
pub(super) const TABLE: &[Route] = &[
    get("/", Needs::Nothing, |visit| Box::pin(pages::front(visit))),
    get("/style.css", Needs::Nothing, |visit| Box::pin(async move { files::STYLE.answer(&visit.headers) })),
    get("/script.js", Needs::Nothing, |visit| Box::pin(async move { files::SCRIPT.answer(&visit.headers) })),
    get("/icon.svg", Needs::Nothing, |visit| Box::pin(async move { files::ICON.answer(&visit.headers) })),
    get("/login", Needs::Nothing, |visit| Box::pin(sign_in::form(visit))),
    get("/login/{id}", Needs::Nothing, |visit| Box::pin(sign_in::link(visit))),
    post("/login", Needs::Nothing, FORM_BYTES_MAX, |visit| Box::pin(sign_in::login(visit))),
    post("/logout", Needs::Nothing, FORM_BYTES_MAX, |visit| Box::pin(sign_in::logout(visit))),
    get("/runs", Needs::READER, |visit| Box::pin(pages::runs::page(visit))),
    get("/runs/{id}", Needs::READER, |visit| Box::pin(pages::run::page(visit))),
    get("/runs/{id}/live", Needs::READER, |visit| Box::pin(pages::run::moving(visit))),
    post("/runs/{id}/cancel", Needs::OPERATOR, FORM_BYTES_MAX, |visit| Box::pin(pages::run::cancel(visit))),
    get("/fleet", Needs::READER, |visit| Box::pin(pages::fleet::page(visit))),
    get("/compare", Needs::READER, |visit| Box::pin(pages::compare::page(visit))),
    get("/trends", Needs::READER, |visit| Box::pin(pages::trends::page(visit))),
    get("/submit", Needs::OPERATOR, |visit| Box::pin(pages::submit::form(visit))),
    post("/submit", Needs::OPERATOR, JOB_FORM_BYTES_MAX, |visit| Box::pin(pages::submit::submit(visit))),
    get("/metrics", Needs::READER, |visit| Box::pin(metrics::metrics(visit))).told(&calls::METRICS),
    get("/api/v1/runs", Needs::READER, |visit| Box::pin(api::runs(visit))).told(&calls::RUNS),
    post("/api/v1/runs", Needs::OPERATOR, JOB_BYTES_MAX, |visit| Box::pin(api::submit(visit)))
        .told(&calls::SUBMIT),
    get("/api/v1/runs/{id}", Needs::READER, |visit| Box::pin(api::run(visit))).told(&calls::RUN),
    post("/api/v1/runs/{id}/cancel", Needs::OPERATOR, FORM_BYTES_MAX, |visit| Box::pin(api::cancel(visit)))
        .told(&calls::CANCEL),
    get("/api/v1/runs/{id}/profiles/{number}", Needs::READER, |visit| {
        Box::pin(api::profiles::profile(visit))
    })
    .told(&calls::PROFILE),
    get("/api/v1/runs/{id}/events", Needs::READER, |visit| Box::pin(events::events(visit)))
        .told(&calls::EVENTS),
    get("/api/v1/compare", Needs::READER, |visit| Box::pin(api::compare(visit))).told(&calls::COMPARE),
    get("/api/v1/trend", Needs::READER, |visit| Box::pin(api::trend(visit))).told(&calls::TREND),
    get("/api/v1/openapi.json", Needs::READER, |visit| Box::pin(openapi::document(visit)))
        .told(&calls::OPENAPI),
    get("/api/v1/agents", Needs::READER, |visit| Box::pin(api::agents(visit))).told(&calls::AGENTS),
];

impl Route {
    /// The same, which programs are told of.
    const fn told(mut self, call: &'static Call) -> Self {
        self.call = Some(call);
        self
    }

    /// As the record names it: never with what somebody wrote into it.
    pub(super) fn name(&self) -> String {
        let method = match self.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        format!("{method} {}", self.path)
    }

    /// Whether programs ask for it, and read its errors.
    pub(super) fn is_for_programs(&self) -> bool {
        self.path.starts_with("/api/") || self.path == "/metrics"
    }
}

/// The table at work.
pub(super) fn router(site: Arc<Site>) -> Router {
    let table = TABLE.iter().fold(Router::new(), |router, route| {
        let site = site.clone();
        let answer = move |Extension(connection): Extension<Arc<Connection>>,
                           parameters: RawPathParams,
                           request: Request| {
            let site = site.clone();
            async move {
                let mut parts = parameters.iter().map(|(_, value)| value.to_owned());
                let (id, part) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
                guard::admit(route, site, &connection, (id, part), request).await
            }
        };
        let filter = match route.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        };
        router.route(route.path, on(filter, answer))
    });
    table
        .fallback(|| async {
            let help = Some("docs/web.md says what there is");
            answer::problem(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path", help)
        })
        .method_not_allowed_fallback(|| async {
            let help = Some("docs/web.md says what there is");
            let message = "this path is not asked for in that way";
            answer::problem(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message, help)
        })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use trust::certificate::{Holder, HolderName};
    use trust::role::Role;

    use super::*;
    use crate::admission::peer::Who;

    fn known(role: Role) -> Who {
        let name = HolderName::new("x").unwrap();
        let serial = "ab".repeat(16).parse().unwrap();
        Who::Known(Arc::new(Holder { name, role, serial, from_s: 0, until_s: u64::MAX }))
    }

    fn denied(who: &Who) -> Vec<String> {
        TABLE.iter().filter(|route| route.needs.check(who).is_err()).map(Route::name).collect()
    }

    /// Every route, with every role and with none.
    #[test]
    fn the_table_says_what_is_meant() {
        let reads = [
            "GET /runs",
            "GET /runs/{id}",
            "GET /runs/{id}/live",
            "GET /fleet",
            "GET /compare",
            "GET /trends",
            "GET /metrics",
            "GET /api/v1/runs",
            "GET /api/v1/runs/{id}",
            "GET /api/v1/runs/{id}/profiles/{number}",
            "GET /api/v1/runs/{id}/events",
            "GET /api/v1/compare",
            "GET /api/v1/trend",
            "GET /api/v1/openapi.json",
            "GET /api/v1/agents",
        ];
        let changes = [
            "POST /runs/{id}/cancel",
            "GET /submit",
            "POST /submit",
            "POST /api/v1/runs",
            "POST /api/v1/runs/{id}/cancel",
        ];
        let protected: Vec<String> = TABLE
            .iter()
            .map(Route::name)
            .filter(|name| reads.contains(&name.as_str()) || changes.contains(&name.as_str()))
            .collect();
        assert_eq!(protected.len(), reads.len() + changes.len());
        assert_eq!(denied(&Who::Newcomer), protected);
        assert_eq!(denied(&known(Role::Agent)), protected);
        assert_eq!(denied(&known(Role::Coordinator)), protected);
        assert_eq!(denied(&known(Role::Viewer)), changes);
        assert!(denied(&known(Role::Operator)).is_empty() && denied(&Who::Unasked).is_empty());
    }

    #[test]
    fn whatever_is_for_programs_is_protected() {
        for route in TABLE {
            assert!(!route.is_for_programs() || route.needs != Needs::Nothing, "{}", route.name());
        }
    }
}
