//! An endpoint beside chat, at any provider that offers it. Where the provider's words are the caller's, the caller's bytes go
//! on, with the model's name changed in place; where they are not, the question is translated.

mod said;

use domain::provider::Dialect;
use wire::api::{Target, adapt, gemini};
use wire::chat::Losses;
use wire::embed::{self, Front};
use wire::rerank;
use wire::task::{Retelling, Task, own_count};

use super::chat::{is_strict, restate};
use super::model::{provider_for, resolve_task};
use super::{Plan, Request, Rest, call as call_upstream, spliced};
use crate::admit::restrictions::{check_batch, check_model, check_provider};
use crate::error::Refusal;
use crate::ingress::Call;
use crate::memory::Purpose;
use crate::settle::{self, Settlement};
use crate::snapshot::ProviderState;
use crate::state::After;
use said::Said;

/// Plans a call; `instead` is the model that a policy leads to.
///
/// # Errors
/// Those of a question in chat, and `not_offered` and `provider_required`.
pub(crate) fn task(
    settlement: &mut Settlement,
    request: &Request<'_>,
    call: Call<'_>,
    query: Option<&str>,
    instead: Option<&str>,
) -> Result<Plan, Refusal> {
    if call.task.keeps() {
        return kept(settlement, request, call, query);
    }
    let said = Said::read(request.headers, request.body, call.task)?;
    if let Said::Json(scan) = &said {
        settle::note_user(settlement, scan);
    }
    let named = call.model.or(said.model()).filter(|model| !model.is_empty());
    settlement.row.model_asked = named.map(settle::bounded);
    let (provider, model) = match instead.or(named) {
        Some(asked) => {
            let (provider, model) = resolve_task(request.access, call, asked, request.now_ms)?;
            (provider, Some(model))
        }
        // OpenAI has a model for those who name none.
        None if call.task == Task::Moderations => {
            (provider_for(request.access, call.task, request.controls.provider.as_deref(), request.now_ms)?, None)
        }
        None => return Err(Refusal::model_required()),
    };
    settlement.row.provider = Some(provider.slug.clone());
    check_model(request.access, &provider.slug, model, true)?;
    said.check_fallbacks(request.access)?;
    if !provider.offers(call.task) {
        return Err(Refusal::not_offered(&provider.slug, call.task));
    }
    let id = settlement.id().0.simple().to_string();
    let mut plan = match (call.task, model) {
        (Task::Embeddings, Some(model)) => embeddings(request, &provider, model, call.front, &said)?,
        (Task::Rerank, Some(model)) => ranking(request, &provider, model, &said, &id)?,
        (task, model) => same(request, &provider, model, task, &said)?,
    };
    plan.model = model.map(str::to_owned);
    plan.hides_model = model.is_none() || said.has_list();
    plan.asks = said.asks();
    plan.stream = said.stream();
    plan.task = Some(call.task);
    plan.shapes_errors = true;
    plan.must_be_json = matches!(call.task, Task::Rerank | Task::Moderations);
    if call.task == Task::Speech {
        plan.measure.count = own_count(call.task, request.body).map_err(Refusal::invalid_json)?.map(Box::new);
    }
    if call.task.paints() {
        plan.measure.pictures = said.size(request.body)?;
    }
    Ok(plan)
}

/// In OpenAI's words, at a provider that has the same.
fn same(
    request: &Request<'_>,
    provider: &ProviderState,
    model: Option<&str>,
    task: Task,
    said: &Said<'_>,
) -> Result<Plan, Refusal> {
    let mut edits: Vec<_> = model.and_then(|model| said.replace_model(model)).into_iter().collect();
    let mut losses = Losses::default();
    if let (Task::Embeddings, Some(model)) = (task, model) {
        let adapted = adapt(request.body, Target { model, quirks: provider.embeds().1 });
        edits.extend(adapted.edits);
        losses = adapted.losses;
    }
    if let Some(loss) = losses.refused(is_strict(&request.gateway.settings, request.controls)) {
        return Err(Refusal::not_expressible(&provider.slug, loss));
    }
    let path = provider.task_path(task);
    let rest = Rest::Endpoint(&path, model.unwrap_or_default());
    let mut plan = call_upstream(request, provider, rest, Dialect::Openai, spliced(request, &edits)?)?;
    plan.dropped = losses.fields();
    Ok(plan)
}

fn embeddings(
    request: &Request<'_>,
    provider: &ProviderState,
    model: &str,
    front: Front,
    said: &Said<'_>,
) -> Result<Plan, Refusal> {
    let (api, quirks) = provider.embeds();
    let _room = if api == embed::Api::Openai && api.is(front) { None } else { Some(said.room(request)?) };
    match front {
        Front::Openai if api.is(front) => return same(request, provider, Some(model), Task::Embeddings, said),
        Front::Gemini { batch } if api.is(front) => {
            let edits = gemini::embed::replace_models(request.body, model);
            let path = embed::gemini_path(model, batch);
            let mut plan = call_upstream(
                request,
                provider,
                Rest::Endpoint(&path, model),
                Dialect::Gemini,
                spliced(request, &edits)?,
            )?;
            // Not all of Google's models say what they counted.
            plan.measure.count =
                own_count(Task::Embeddings, request.body).map_err(Refusal::invalid_json)?.map(Box::new);
            return Ok(plan);
        }
        _ => {}
    }
    let target = Target { model, quirks };
    let asked = embed::request(front, api, request.body, target).map_err(Refusal::invalid_request)?;
    let dialect = match api {
        embed::Api::Openai => Dialect::Openai,
        embed::Api::Gemini | embed::Api::Vertex => Dialect::Gemini,
        embed::Api::Cohere | embed::Api::Ollama | embed::Api::Bedrock => provider.dialect,
    };
    let path = asked.path.unwrap_or_else(|| provider.task_path(Task::Embeddings));
    let mut plan = translated(request, provider, Rest::Endpoint(&path, model), dialect, asked.body, &asked.losses)?;
    plan.retelling = Some(Retelling::Embeddings(asked.retelling));
    // The two questions of Gemini's API may have the same bytes.
    plan.form = (front == Front::Gemini { batch: true }).then_some("gemini batch");
    Ok(plan)
}

fn ranking(
    request: &Request<'_>,
    provider: &ProviderState,
    model: &str,
    said: &Said<'_>,
    id: &str,
) -> Result<Plan, Refusal> {
    let api = provider.reranks();
    if api.takes(request.body) {
        return same(request, provider, Some(model), Task::Rerank, said);
    }
    let _room = said.room(request)?;
    let asked = rerank::request(api, request.body, model, id).map_err(Refusal::invalid_request)?;
    let path = provider.task_path(Task::Rerank);
    let mut plan =
        translated(request, provider, Rest::Endpoint(&path, model), Dialect::Openai, asked.body, &asked.losses)?;
    plan.retelling = Some(Retelling::Rerank(asked.retelling));
    Ok(plan)
}

/// A question that was put into the provider's words.
fn translated(
    request: &Request<'_>,
    provider: &ProviderState,
    rest: Rest<'_>,
    dialect: Dialect,
    body: Vec<u8>,
    losses: &Losses,
) -> Result<Plan, Refusal> {
    if let Some(loss) = losses.refused(is_strict(&request.gateway.settings, request.controls)) {
        return Err(Refusal::not_expressible(&provider.slug, loss));
    }
    let body = request.memory.hold_made(Purpose::Request, body)?;
    let mut plan = call_upstream(request, provider, rest, dialect, body)?;
    restate(&mut plan.headers, provider.api);
    if let Some(brought) = &request.access.credential {
        brought.rewrite(&mut plan.headers, provider.auth);
    }
    plan.dropped = losses.fields();
    Ok(plan)
}

/// Files and batches: they name no model, and go on as they are.
fn kept(
    settlement: &mut Settlement,
    request: &Request<'_>,
    call: Call<'_>,
    query: Option<&str>,
) -> Result<Plan, Refusal> {
    request.choice.keep();
    let named = request.controls.provider.as_deref();
    let provider = provider_for(request.access, call.task, named, request.now_ms)?;
    settlement.row.provider = Some(provider.slug.clone());
    check_provider(request.access, &provider.slug)?;
    if call.task == Task::Batches {
        // To end one asks nothing.
        if !call.rest.ends_with("/cancel") {
            check_batch(request.access, request.headers, request.body)?;
        }
    } else if !request.body.is_empty() && request.access.limits_models() {
        // A batch that is made of the file may ask any model.
        return Err(Refusal::file_not_allowed());
    }
    if !provider.offers(call.task) {
        return Err(Refusal::not_offered(&provider.slug, call.task));
    }
    let mut path = format!("{}{}", provider.task_path(call.task), call.rest);
    path.extend(query.into_iter().flat_map(|query| ["?", query]));
    let mut plan = call_upstream(request, &provider, Rest::Endpoint(&path, ""), Dialect::Openai, request.body.clone())?;
    plan.task = Some(call.task);
    if call.task == Task::Batches {
        plan.after = Some(After::Told(request.access.team.id, request.gateway.id));
    }
    // A batch may ask any model, and so may the file that it is made of.
    plan.hides_model = !request.body.is_empty();
    plan.shapes_errors = true;
    Ok(plan)
}
