//! `GET /v1/limits`: what the caller's limits and budgets leave, before it asks for anything. The same figures come with each
//! answer in headers; here they are without a question.
//!
//! `?model=provider/model` shows the limits of a question to that model, `?endpoint=embeddings` those of another endpoint than
//! chat completions. `weir-user` and `cf-aig-metadata` count as in a question.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::ledger::Surface;
use domain::policy::{Action, Field, Limit, Measure, Window};
use http::Response;
use serde::Serialize;
use serde_json::Value;
use wire::api::Api;

use crate::admit::policies;
use crate::admit::restrictions::check_model;
use crate::answer;
use crate::authenticate::Access;
use crate::body::Body;
use crate::clock::now_ms;
use crate::error::Refusal;
use crate::plan;
use crate::policy::{Place, Target};
use crate::settle::{self, Settlement};
use crate::snapshot::GatewayState;

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    object: &'static str,
    /// The policy's name; `default` is the gateway's own rate limit.
    policy: String,
    measure: Measure,
    /// `requests`, `tokens`, `usd`.
    unit: &'static str,
    limit: Value,
    /// With what is reserved for requests under way.
    used: Value,
    remaining: Value,
    window: Option<Shape>,
    /// When some of it comes back, or a new window begins; none where time does not bring it, or nothing is used.
    resets_at: Option<String>,
    /// `refuse`, `warn`, or `fallback` with a model.
    action: Action,
}

/// The time in which the limit holds.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Shape {
    Fixed { seconds: u32 },
    Sliding { seconds: u32 },
    Bucket { seconds: u32, burst: Value },
    Calendar { per: &'static str, time_zone: String },
    Ever,
}

/// Settles the request and answers it.
///
/// # Errors
/// `denied_by_policy`, `token_not_allowed`, and what a question to the model would be refused for.
pub(crate) fn answer(
    settlement: &mut Settlement,
    access: &Access,
    gateway: &GatewayState,
    query: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let now_ms = now_ms();
    let asked = Asked::read(query)?;
    let planned = match asked.model.as_deref() {
        None => None,
        Some(model) => {
            settlement.row.model_asked = Some(settle::bounded(model));
            let (provider, model) = plan::resolve(access, Api::OpenaiChat, model, now_ms)?;
            check_model(access, &provider.slug, Some(model), true)?;
            Some((provider, model))
        }
    };
    let target = planned.as_ref().map_or(Target::Nobody, |(provider, model)| Target::Model(&provider.slug, model));
    policies::show(settlement, access, gateway, (target, asked.endpoint.as_str())).map_err(|stop| stop.refusal)?;
    // Nobody's model has no count.
    let counts = |place: &&Place| {
        planned.is_some() || !place.limit.limit.group_by.iter().any(|by| matches!(by, Field::Model | Field::Provider))
    };
    let data = settlement.held.places().iter().filter(counts).map(|place| entry(place, now_ms)).collect();
    let list = serde_json::to_vec(&List { object: "list", data }).map_err(|_| Refusal::internal())?;
    Ok(answer::json(settlement, list))
}

/// What is asked about.
struct Asked {
    model: Option<String>,
    endpoint: Surface,
}

impl Asked {
    fn read(query: Option<&str>) -> Result<Self, Refusal> {
        let mut asked = Self { model: None, endpoint: Surface::ChatCompletions };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "model" if !value.is_empty() => asked.model = Some(value.into_owned()),
                "endpoint" => {
                    let bounds = "an endpoint as the log names it, such as `chat_completions`";
                    asked.endpoint =
                        Surface::parse(&value).ok_or_else(|| Refusal::invalid_query("endpoint", bounds))?;
                }
                _ => {}
            }
        }
        Ok(asked)
    }
}

fn entry(place: &Place, now_ms: i64) -> Entry {
    let limit = &place.limit.limit;
    let amount = |amount: u64| match limit.measure {
        // Decimals, exact: a number of JSON would be read as a float.
        Measure::Cost => Value::from(Limit::nanos(amount).to_string().replace('$', "")),
        _ => Value::from(amount),
    };
    let window = match &limit.window {
        _ if limit.measure == Measure::Concurrency => None,
        Window::Fixed { seconds } => Some(Shape::Fixed { seconds: *seconds }),
        Window::Sliding { seconds } => Some(Shape::Sliding { seconds: *seconds }),
        Window::Bucket { seconds, burst } => Some(Shape::Bucket { seconds: *seconds, burst: amount(*burst) }),
        Window::Calendar { unit, zone } => {
            let time_zone = zone.clone().unwrap_or_else(|| "UTC".to_owned());
            Some(Shape::Calendar { per: unit.as_str(), time_zone })
        }
        Window::Ever => Some(Shape::Ever),
    };
    let resets = place.reset_ms.and_then(|ms| DateTime::<Utc>::from_timestamp_millis(now_ms.saturating_add(ms)));
    Entry {
        object: "limit",
        policy: place.limit.name.clone(),
        measure: limit.measure,
        unit: match limit.measure {
            Measure::Requests | Measure::Concurrency => "requests",
            Measure::Tokens => "tokens",
            Measure::Cost => "usd",
        },
        limit: amount(place.amount),
        used: amount(place.used()),
        remaining: amount(place.left),
        window,
        resets_at: resets.map(|moment| moment.to_rfc3339_opts(SecondsFormat::Millis, true)),
        action: place.limit.action.clone(),
    }
}
