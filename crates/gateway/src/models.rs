//! `GET /v1/models`: what chat completions and the endpoints beside it take, in OpenAI's shape. The list is the price book's,
//! narrowed to the providers that the team has keys for and the models that the token may use.

use http::Response;
use serde::Serialize;
use wire::price::PriceBook;
use wire::task::Task;

use crate::answer;
use crate::authenticate::Access;
use crate::body::Body;
use crate::settle::Settlement;

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
    answer::json(settlement, serde_json::to_vec(&list).expect("plain structs of strings and numbers always serialise"))
}

fn models(access: &Access, now_ms: i64) -> Vec<Model> {
    let team = &access.team;
    let usable = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    let mut models = Vec::new();
    for provider in usable.filter(|provider| provider.enabled) {
        let Some(name) = provider.price_provider.as_deref() else { continue };
        let offered = |mode: &str| mode == "chat" || Task::of_mode(mode).is_some_and(|task| provider.offers(task));
        for price in PriceBook::builtin().models(name).filter(|price| offered(&price.mode)) {
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
