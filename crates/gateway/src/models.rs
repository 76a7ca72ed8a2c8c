//! `GET /v1/models`: what chat completions and the endpoints beside it take, in OpenAI's shape. The list is the price book's,
//! narrowed to the providers that the team has keys for and the models that the token may use.

use domain::ledger::Surface;
use http::Response;
use serde::Serialize;
use wire::price::Price;
use wire::task::Task;

use crate::answer;
use crate::authenticate::Access;
use crate::body::Body;
use crate::ingress::surface;
use crate::settle::Settlement;
use crate::snapshot::{ProviderState, TokenState};

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

/// Whether some endpoint takes a model from a token.
fn may_call(token: &TokenState, provider: &ProviderState, price: &Price) -> bool {
    /// Where conversations are asked for.
    const CHAT: [Surface; 4] =
        [Surface::ChatCompletions, Surface::Responses, Surface::Messages, Surface::GenerateContent];
    let may_use = |surface: &Surface| token.allows_endpoint(*surface);
    let reachable = match Task::of_mode(&price.mode) {
        // What a recording says is asked for in its own language or in English.
        Some(Task::Transcriptions) => [Surface::Transcriptions, Surface::Translations].iter().any(may_use),
        Some(task) => may_use(&surface(task)),
        None => CHAT.iter().any(may_use),
    };
    (reachable || may_use(&Surface::Native))
        && token.allows_provider(&provider.slug)
        && token.allows_model(&provider.slug, &price.model)
}

fn models(access: &Access, now_ms: i64) -> Vec<Model> {
    let team = &access.team;
    let usable = team.providers_with_keys(now_ms).filter_map(|slug| team.provider(slug));
    let mut models = Vec::new();
    for provider in usable.filter(|provider| provider.enabled) {
        let Some(name) = provider.book else { continue };
        let offered = |mode: &str| mode == "chat" || Task::of_mode(mode).is_some_and(|task| provider.offers(task));
        for price in team.prices.book().models(name).filter(|price| offered(&price.mode)) {
            if access.token.as_deref().is_none_or(|token| may_call(token, provider, price)) {
                let id = format!("{}/{}", provider.slug, price.model);
                models.push(Model { id, object: "model", created: 0, owned_by: provider.slug.clone() });
            }
        }
    }
    models.sort_unstable_by(|a, b| a.id.cmp(&b.id));
    models
}
