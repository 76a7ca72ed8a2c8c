//! `GET /v1/models`: what chat completions takes, in OpenAI's shape. The list is the price book's, narrowed to the
//! providers that the team has keys for and the models that the token may use.

use bytes::Bytes;
use domain::ledger::Outcome;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use serde::Serialize;
use wire::price::PriceBook;
use wire::usage::Observed;

use crate::authenticate::Access;
use crate::body::Body;
use crate::headers::response;
use crate::settle::{End, Settlement};

const JSON: &str = "application/json";

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    object: &'static str,
    /// OpenAI's SDKs want a number; nobody knows the moment.
    created: u32,
    owned_by: String,
}

/// Settles the request and answers it.
pub(crate) fn answer(settlement: &mut Settlement, access: &Access, now_ms: i64) -> Response<Body> {
    let list = List { object: "list", data: models(access, now_ms) };
    let body = Bytes::from(serde_json::to_vec(&list).expect("plain structs of strings and numbers always serialise"));
    let mut capture = settlement.capture_for_log();
    capture.push(&body);
    settlement.finish(End {
        status: 200,
        outcome: Outcome::Ok,
        code: None,
        observed: Observed { finished: true, ..Observed::default() },
        response: Some(&capture),
        response_content_type: Some(JSON),
    });
    let mut answer = Response::new(Body::whole(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    response::complete(answer.headers_mut(), settlement);
    answer
}

fn models(access: &Access, now_ms: i64) -> Vec<Model> {
    let team = &access.team;
    let usable = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    let mut models = Vec::new();
    for provider in usable.filter(|provider| provider.enabled) {
        let Some(name) = provider.price_provider.as_deref() else { continue };
        for price in PriceBook::builtin().models(name).filter(|price| price.mode == "chat") {
            let allowed = |token: &crate::snapshot::TokenState| token.allows_model(&provider.slug, &price.model);
            if access.token.as_deref().is_none_or(allowed) {
                let id = format!("{}/{}", provider.slug, price.model);
                models.push(Model { id, object: "model", created: 0, owned_by: provider.slug.clone() });
            }
        }
    }
    models.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    models
}
