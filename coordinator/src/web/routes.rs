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
use super::{Site, answer, api, metrics, pages, sign_in};
use crate::admission::needs::Needs;

/// Most bytes of a form: a token.
const FORM_BYTES_MAX: usize = 4 * 1024;

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// Something to ask for.
pub(super) struct Route {
    /// `GET`, which `HEAD` goes with, or `POST`, which changes something.
    pub(super) method: Method,
    /// Where it is; `{id}` stands for one part.
    pub(super) path: &'static str,
    /// Who may have it.
    pub(super) needs: Needs,
    /// Most bytes that may come with it.
    pub(super) body_bytes_max: usize,
    /// What answers.
    pub(super) answer: fn(Visit) -> Answering,
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
    Route { method: Method::Get, path, needs, body_bytes_max: 0, answer }
}

const fn post(path: &'static str, needs: Needs, bytes_max: usize, answer: fn(Visit) -> Answering) -> Route {
    Route { method: Method::Post, path, needs, body_bytes_max: bytes_max, answer }
}

/// Everything that there is.
pub(super) const TABLE: &[Route] = &[
    get("/", Needs::Nothing, |visit| Box::pin(pages::front(visit))),
    get("/style.css", Needs::Nothing, |_| Box::pin(pages::style())),
    get("/icon.svg", Needs::Nothing, |_| Box::pin(pages::icon())),
    get("/login", Needs::Nothing, |visit| Box::pin(sign_in::form(visit))),
    get("/login/{id}", Needs::Nothing, |visit| Box::pin(sign_in::link(visit))),
    post("/login", Needs::Nothing, FORM_BYTES_MAX, |visit| Box::pin(sign_in::login(visit))),
    post("/logout", Needs::Nothing, FORM_BYTES_MAX, |visit| Box::pin(sign_in::logout(visit))),
    get("/metrics", Needs::READER, |visit| Box::pin(metrics::metrics(visit))),
    get("/api/v1/runs", Needs::READER, |visit| Box::pin(api::runs(visit))),
    post("/api/v1/runs", Needs::OPERATOR, JOB_BYTES_MAX, |visit| Box::pin(api::submit(visit))),
    get("/api/v1/runs/{id}", Needs::READER, |visit| Box::pin(api::run(visit))),
    post("/api/v1/runs/{id}/cancel", Needs::OPERATOR, FORM_BYTES_MAX, |visit| Box::pin(api::cancel(visit))),
    get("/api/v1/agents", Needs::READER, |visit| Box::pin(api::agents(visit))),
];

impl Route {
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
                let id = parameters.iter().next().map(|(_, value)| value.to_owned());
                guard::admit(route, site, &connection, id.unwrap_or_default(), request).await
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
        let reads = ["GET /metrics", "GET /api/v1/runs", "GET /api/v1/runs/{id}", "GET /api/v1/agents"];
        let changes = ["POST /api/v1/runs", "POST /api/v1/runs/{id}/cancel"];
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
