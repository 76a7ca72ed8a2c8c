//! One request: what was asked, what came back, where the time and the money went.

use chrono::DateTime;
use domain::ledger::CacheStatus;
use domain::view::{AttemptDetail, PayloadView, RequestDetail, RequestRow};
use domain::{Permission, RequestId};
use leptos::prelude::*;

use super::body::{pretty, streamed_text};
use super::list::outcome;
use super::{cost, curl, timing};
use crate::components::{CopyBox, Duration, Money, Notice, Page, StatusDot, Tabs, Tone, format, load};
use crate::pages::address;
use crate::pages::connect::origin;
use crate::pages::overview::encoded;
use crate::{AppError, server};

/// The tabs: word in the URL, name.
const TABS: [(&str, &str); 5] = [
    ("request", "Request"),
    ("response", "Response"),
    ("timing", "Timing"),
    ("cost", "Cost"),
    ("policy", "Cache & policy"),
];

/// Request.
#[component]
pub fn RequestPage() -> impl IntoView {
    let team = address::part("team");
    let id = address::part("id");
    load(find(team.clone(), id), move |data| show(&team, &data))
}

struct Data {
    detail: RequestDetail,
    may_see_bodies: bool,
}

async fn find(team: String, id: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let id: RequestId = id.parse().map_err(|_| AppError::NotFound)?;
    let payloads = match server::grant::<control::can::ViewPayloads>(&team).await {
        Ok(grant) => Some(grant),
        Err(AppError::Forbidden(Permission::ViewPayloads)) => None,
        Err(error) => return Err(error),
    };
    let detail = server::control()?.find_request(&grant, payloads.as_ref(), id).await?;
    if detail.attempts.is_empty() {
        return Err(AppError::NotFound);
    }
    Ok(Data { detail, may_see_bodies: payloads.is_some() })
}

fn show(team: &str, data: &Data) -> impl IntoView + use<> {
    let query = address::query();
    let tab =
        query.get_str("tab").and_then(|asked| TABS.into_iter().find(|(word, _)| *word == asked)).unwrap_or(TABS[0]);
    let attempts = &data.detail.attempts;
    let last = attempts.iter().find(|attempt| attempt.row.last).unwrap_or(&attempts[attempts.len() - 1]);
    let base = format!("/{team}/requests/{}", last.row.request_id);
    let tabs = TABS.map(|(word, name)| (format!("{base}?tab={word}"), name)).to_vec();
    let content = match tab.0 {
        "response" => response(last, data.may_see_bodies).into_any(),
        "timing" => timing::timing(attempts).into_any(),
        "cost" => cost::cost(last).into_any(),
        "policy" => policy(&last.row).into_any(),
        _ => request(last, data.may_see_bodies).into_any(),
    };
    let head = head(team, &last.row, attempts);
    let title = format!("Request {}", last.row.request_id.to_string().get(..8).unwrap_or_default());
    view! {
        <Page title above=(format!("/{team}/requests"), "Requests")>
            {head}
            <Tabs tabs current=tab.1 />
            {content}
        </Page>
    }
}

/// What everybody looks for first.
fn head(team: &str, row: &RequestRow, attempts: &[AttemptDetail]) -> impl IntoView + use<> {
    let at = DateTime::from_timestamp_millis(row.at_ms).unwrap_or_default();
    let whole = Some(timing::total_us(attempts));
    let cost: domain::Nanos = attempts.iter().filter_map(|attempt| attempt.row.cost).sum();
    let known = attempts.iter().any(|attempt| attempt.row.cost.is_some()).then_some(cost);
    let gateway = row.gateway.clone().map(|gateway| {
        let href = format!("/{team}/gateways/{}", encoded(&gateway));
        view! { <a href=href>{gateway}</a> }
    });
    let token = row.token.clone().zip(row.token_id).map(|(name, id)| {
        view! { <a href=format!("/{team}/tokens/{id}")>{name}</a> }
    });
    let user = row.user.clone().map(|user| {
        let href = format!("/{team}/requests?user={}", encoded(&user));
        view! { <div><dt>"User"</dt><dd><a href=href>{user}</a></dd></div> }
    });
    view! {
        <p class="request-line">
            <StatusDot code=row.status outcome=row.outcome word=outcome(row) />
            <span>{sentence(row)}</span>
            <code class="cut">{row.method.clone()} " " {row.path.clone()}</code>
        </p>
        <dl class="facts">
            {fact("Model", models(row))}
            <div><dt>"Cost"</dt><dd><Money amount=known /></dd></div>
            <div><dt>"First byte"</dt><dd><Duration microseconds=row.first_byte_us /></dd></div>
            <div><dt>"Total"</dt><dd><Duration microseconds=whole /></dd></div>
            <div><dt>"Tokens"</dt><dd class="number">{format!(
                "{} in, {} out", format::grouped(row.usage.input), format::grouped(row.usage.output),
            )}</dd></div>
            {fact("Provider", row.provider.clone())}
            {fact("Route", row.way.clone())}
            <div><dt>"Gateway"</dt><dd>{gateway}</dd></div>
            <div><dt>"Token"</dt><dd>{token}</dd></div>
            {user}
            {fact("Time", Some(format::exact(at)))}
            {fact("Request id", Some(row.request_id.to_string()))}
        </dl>
    }
}

/// A fact; nothing where it is not known.
fn fact(name: &'static str, value: Option<String>) -> impl IntoView {
    value.filter(|value| !value.is_empty()).map(|value| {
        view! { <div><dt>{name}</dt><dd class="wrap">{value}</dd></div> }
    })
}

fn sentence(row: &RequestRow) -> String {
    let what = outcome(row);
    let what = format!("{}{}", what[..1].to_uppercase(), &what[1..]);
    match &row.error_code {
        Some(code) => format!("{what}: {code}"),
        None => what,
    }
}

/// `asked → answered`, or the one name where they are the same.
fn models(row: &RequestRow) -> Option<String> {
    match (&row.model_asked, &row.model) {
        (Some(asked), Some(model)) if asked != model => Some(format!("{asked} → {model}")),
        (asked, model) => model.clone().or(asked.clone()),
    }
}

fn request(attempt: &AttemptDetail, may_see: bool) -> impl IntoView + use<> {
    let row = &attempt.row;
    let body = match &attempt.payload {
        Some(payload) => {
            let command = curl::command(
                &origin(),
                &row.method,
                &row.path,
                payload.request_content_type.as_deref(),
                &payload.request,
            );
            let again = (!payload.request_cut).then(|| {
                view! {
                    <section>
                        <h2>"Run it again"</h2>
                        <p class="help">"Put a token into WEIR_TOKEN first: credentials are never stored with a request."</p>
                        <CopyBox label="The request as a curl command" text=command />
                    </section>
                }
            });
            view! {
                {cut(payload.request_cut, &payload.request)}
                {text("Request body", &payload.request)}
                {again}
            }
            .into_any()
        }
        None => no_bodies(may_see).into_any(),
    };
    view! {
        {body}
        <dl class="facts">
            {fact("Size", Some(format!("{} bytes", format::grouped(row.request_bytes))))}
            {fact("Client", row.user_agent.clone())}
            {fact("Event id", row.event_id.clone())}
        </dl>
        {row.metadata.as_deref().map(|metadata| view! { <section><h2>"Metadata"</h2>{text("Metadata", metadata)}</section> })}
    }
}

fn response(attempt: &AttemptDetail, may_see: bool) -> impl IntoView + use<> {
    let row = &attempt.row;
    let body = match &attempt.payload {
        Some(payload) => bodies_of_response(payload).into_any(),
        None => no_bodies(may_see).into_any(),
    };
    view! {
        {body}
        <dl class="facts">
            {fact("Size", Some(format!("{} bytes", format::grouped(row.response_bytes))))}
            {fact("Streamed", Some(if row.streamed { "yes" } else { "no" }.to_owned()))}
        </dl>
    }
}

fn bodies_of_response(payload: &PayloadView) -> impl IntoView + use<> {
    let content_type = payload.response_content_type.as_deref().unwrap_or_default();
    let assembled = content_type.starts_with("text/event-stream").then(|| streamed_text(&payload.response)).flatten();
    let assembled = assembled.map(|answer| {
        view! { <section><h2>"Text of the answer"</h2>{text("Text of the answer", &answer)}</section> }
    });
    view! {
        {cut(payload.response_cut, &payload.response)}
        {assembled}
        {text("Response body", &payload.response)}
    }
}

/// A body to read and take away.
fn text(label: &'static str, body: &str) -> impl IntoView + use<> {
    if body.is_empty() {
        view! { <p class="muted">"There is nothing to show."</p> }.into_any()
    } else {
        view! { <CopyBox label text=pretty(body) /> }.into_any()
    }
}

fn cut(was_cut: bool, kept: &str) -> impl IntoView + use<> {
    let why = if kept.is_empty() {
        "This body is no text, so the log does not keep it."
    } else {
        "The log keeps less than all of this body: its beginning, or of a form its fields without the files."
    };
    was_cut.then(|| {
        view! {
            <Notice tone=Tone::Warn><p>{why}</p></Notice>
        }
    })
}

fn no_bodies(may_see: bool) -> impl IntoView {
    let why = if may_see {
        "The bodies of this request were not kept: the gateway's logging is off for bodies, the caller asked not to log \
         them, or the server was too busy to keep them."
    } else {
        "Your role in this team does not see the bodies of requests."
    };
    view! { <Notice><p>{why}</p></Notice> }
}

fn policy(row: &RequestRow) -> impl IntoView + use<> {
    let cache = match row.cache {
        CacheStatus::Off => "Caching was off for this request.",
        CacheStatus::Miss => "Looked for in the cache and not found, so the provider was asked.",
        CacheStatus::Hit => "Answered from the cache, without asking the provider.",
        CacheStatus::Bypass => "The caller asked to skip the cache.",
    };
    let refused = match row.error_code.as_deref() {
        Some(code) => format!("The gateway itself made the answer, with the code {code}."),
        None => "The request passed every policy of the gateway.".to_owned(),
    };
    view! {
        <dl class="facts facts-tall">
            {fact("Cache", Some(cache.to_owned()))}
            {fact("Policies", Some(refused))}
            {fact("Surface", Some(row.surface.as_str().replace('_', " ")))}
        </dl>
    }
}
