//! What programs can ask for, as an OpenAPI document. It is made from the table of routes, each of which carries what is told of it, so
//! that nothing is served that is not told, and nothing told that is not served.
//!
//! Rooms: [`calls`] (what is told of each), [`schemas`] (what answers look like).

pub(super) mod calls;
mod schemas;

use axum::body::Body;
use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::answer;
use super::guard::Visit;
use super::routes::{Method, Route, TABLE};
use crate::admission::needs::Needs;

/// The version of the document's own language.
const OPENAPI: &str = "3.1.0";

/// What is told of something that programs ask for.
pub(super) struct Call {
    /// A word for it, unique.
    pub(super) id: &'static str,
    /// One sentence.
    pub(super) summary: &'static str,
    /// What may stand behind `?`.
    pub(super) query: &'static [Parameter],
    /// What comes with it.
    pub(super) body: Option<Sent>,
    /// What it is answered with.
    pub(super) answer: Answer,
    /// Why it may be refused, beside what every call may be refused for.
    pub(super) refusals: &'static [(u16, &'static str)],
}

/// What may stand behind `?`.
pub(super) struct Parameter {
    /// The word.
    pub(super) name: &'static str,
    /// One sentence.
    pub(super) doc: &'static str,
    /// What it may be.
    pub(super) schema: fn() -> Value,
    /// Whether it must be there.
    pub(super) is_required: bool,
}

/// What comes with a request.
pub(super) struct Sent {
    /// Its media type.
    pub(super) media_type: &'static str,
    /// One sentence.
    pub(super) doc: &'static str,
    /// An example.
    pub(super) example: &'static str,
}

/// What a request is answered with.
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// One sentence.
    pub(super) doc: &'static str,
    /// The media type.
    pub(super) media_type: &'static str,
    /// What it looks like.
    pub(super) schema: fn() -> Value,
}

/// Why any call may be refused.
const REFUSALS: [(u16, &str); 6] = [
    (400, "malformed: what was asked cannot be meant"),
    (401, "unauthorized: nobody has signed in, or the token does not count"),
    (403, "forbidden: the role may not; cross_site: a page of another site asked"),
    (421, "misdirected: asked under a name that is not the coordinator's"),
    (429, "too_many_attempts: too many wrong tokens from one address"),
    (503, "busy, too_many_runs, stopping: try again later"),
];
/// Why a call that names a run may be refused.
const REFUSALS_OF_RUNS: [(u16, &str); 3] = [
    (404, "unknown_run: there is none of that name"),
    (409, "ambiguous: several runs begin so; over: the run has ended"),
    (500, "damaged: `fleetmark store check` says what; internal: see the coordinator's log"),
];
/// Why a call with a body may be refused.
const REFUSALS_OF_BODIES: [(u16, &str); 3] =
    [(408, "too_slow: what was sent did not arrive within 15 s"), (413, "too_large"), (507, "disk_full")];

/// Shows the document.
pub(super) async fn document(_visit: Visit) -> Response<Body> {
    answer::json(StatusCode::OK, &described())
}

fn described() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for (route, call) in TABLE.iter().filter_map(|route| Some((route, route.call?))) {
        let method = match route.method {
            Method::Get => "get",
            Method::Post => "post",
        };
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[method] = operation(route, call);
    }
    json!({
        "openapi": OPENAPI,
        "info": {
            "title": "fleetmark coordinator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the command line asks over gRPC, for other programs. docs/web.md says more.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{}, { "bearer": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "description": "`fleetmark web-login --bearer` gives one; none is needed where nobody is asked who they are." } },
        },
    })
}

fn operation(route: &Route, call: &Call) -> Value {
    let run = route.path.contains("{id}").then(|| {
        json!({ "name": "id", "in": "path", "required": true, "description": "An id, a unique beginning of one, or `latest`.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[0-9a-z-]+$" } })
    });
    let number = route.path.contains("{number}").then(|| {
        json!({ "name": "number", "in": "path", "required": true, "description": "Its number in the run's report.",
            "schema": { "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u32 } })
    });
    let query = call.query.iter().map(|parameter| {
        json!({ "name": parameter.name, "in": "query", "required": parameter.is_required, "description": parameter.doc, "schema": (parameter.schema)() })
    });
    let mut operation = json!({
        "operationId": call.id,
        "summary": call.summary,
        "description": needed(route.needs),
        "parameters": run.into_iter().chain(number).chain(query).collect::<Vec<_>>(),
        "responses": responses(route, call),
    });
    if let Some(sent) = &call.body {
        operation["requestBody"] = json!({ "required": true, "description": sent.doc,
            "content": { sent.media_type: { "schema": { "type": "string" }, "example": sent.example } } });
    }
    operation
}

fn needed(needs: Needs) -> String {
    match needs {
        Needs::Nothing => "Anybody may.".to_owned(),
        Needs::Certificate => "Whoever is known may.".to_owned(),
        Needs::OneOf(roles) => {
            let roles: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
            format!("Needs the role {}, where anybody is asked.", roles.join(" or "))
        }
    }
}

fn responses(route: &Route, call: &Call) -> Value {
    let names_run = route.path.contains("{id}");
    let further = [(names_run, &REFUSALS_OF_RUNS), (route.method == Method::Post, &REFUSALS_OF_BODIES)];
    let further = further.into_iter().filter(|(is_so, _)| *is_so).flat_map(|(_, refusals)| refusals);
    let mut responses: Map<String, Value> = Map::new();
    for (status, doc) in REFUSALS.iter().chain(further).chain(call.refusals) {
        let refused = json!({ "description": doc,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } });
        responses.insert(status.to_string(), refused);
    }
    let Answer { status, doc, media_type, schema } = &call.answer;
    let answered = json!({ "description": doc, "content": { *media_type: { "schema": schema() } } });
    responses.insert(status.to_string(), answered);
    responses.sort_keys();
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_programs_ask_for_is_told_of_and_nothing_else() {
        for route in TABLE {
            assert_eq!(route.call.is_some(), route.is_for_programs(), "{}", route.name());
        }
        let document = described();
        assert_eq!(document["paths"]["/api/v1/runs"].as_object().map(Map::len), Some(2));
    }

    #[test]
    fn every_reference_leads_somewhere_and_no_word_stands_twice() {
        let document = described();
        let text = document.to_string();
        let known = document["components"]["schemas"].as_object().unwrap();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(known.contains_key(name), "{name}");
        }
        let mut ids: Vec<&str> = TABLE.iter().filter_map(|route| Some(route.call?.id)).collect();
        ids.sort_unstable();
        assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
    }
}
