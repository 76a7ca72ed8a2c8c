//! The log: newest first, narrowed by filters, paged by key.

use chrono::{DateTime, Utc};
use domain::filter::{Cursor, Page as Slice};
use domain::ledger::CacheStatus;
use domain::view::{FilterChoices, GatewayView, RequestRow, TokenView};
use leptos::prelude::*;

use super::filter::{Asked, Filters};
use crate::components::{
    Badge, Duration, EmptyState, Money, Page, Pager, StatusDot, Symbol, Table, Time, Tokens, Tone, load,
};
use crate::islands::LiveRefresh;
use crate::pages::address;
use crate::{AppError, server};

/// Rows on a page.
const ROWS: u32 = 50;
/// Seconds between looks at the newest rows.
const REFRESH_S: u32 = 5;

/// Requests.
#[component]
pub fn RequestsPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let asked = Asked::of(&query, server::now());
    let cursor = query.get_str("at").and_then(Cursor::decode);
    load(find(team.clone(), asked.clone(), cursor), move |data| show(&team, asked, cursor, data))
}

struct Data {
    rows: Slice<RequestRow>,
    choices: FilterChoices,
    gateways: Vec<GatewayView>,
    tokens: Vec<TokenView>,
}

async fn find(team: String, asked: Asked, cursor: Option<Cursor>) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let control = server::control()?;
    let gateways = control.list_gateways(&grant).await?;
    let tokens = control.list_tokens(&grant).await?;
    let choices = control.filter_choices(&grant).await?;
    let rows = control.list_requests(&grant, &asked.filter(&gateways), cursor, ROWS).await?;
    Ok(Data { rows, choices, gateways, tokens })
}

fn show(team: &str, asked: Asked, cursor: Option<Cursor>, data: Data) -> impl IntoView + use<> {
    let path = format!("/{team}/requests");
    let Slice { rows, older, newer } = data.rows;
    let to = |cursor: Option<Cursor>| cursor.map(|cursor| format!("{path}?{}", asked.query(Some(cursor))));
    let (older, newer) = (to(older), to(newer));
    let now = server::now();
    let nothing_yet = rows.is_empty() && asked.is_empty() && cursor.is_none();
    let content =
        if rows.is_empty() { empty(team, nothing_yet).into_any() } else { table(team, &rows, now).into_any() };
    // Somebody who reads older rows is not disturbed.
    let live = cursor.is_none().then(|| view! { <LiveRefresh every_s=REFRESH_S /> });
    let (choices, gateways, tokens) = (data.choices, data.gateways, data.tokens);
    let filters = (!nothing_yet).then(|| view! { <Filters path asked choices gateways tokens /> });
    view! {
        <Page title="Requests">
            {filters}
            <div data-live="requests">{content}</div>
            <Pager newer older />
            {live}
        </Page>
    }
}

fn empty(team: &str, nothing_yet: bool) -> impl IntoView + use<> {
    if nothing_yet {
        let overview = format!("/{team}");
        view! {
            <EmptyState symbol=Symbol::Requests title="No requests yet">
                <p>"Every request through one of your gateways shows here within a second: status, tokens, cost and timing."</p>
                <p><a class="button primary" href=overview>"Send the first request"</a></p>
            </EmptyState>
        }
        .into_any()
    } else {
        let all = format!("/{team}/requests");
        view! {
            <EmptyState symbol=Symbol::Search title="No request matches these filters">
                <p>"Widen the time range, or look at all requests."</p>
                <p><a class="button" href=all>"Show all requests"</a></p>
            </EmptyState>
        }
        .into_any()
    }
}

fn table(team: &str, rows: &[RequestRow], now: DateTime<Utc>) -> impl IntoView + use<> {
    let rows = rows.iter().map(|row| line(team, row, now)).collect_view();
    view! {
        <Table label="Requests, newest first">
            <thead>
                <tr>
                    <th>"Time"</th>
                    <th>"Status"</th>
                    <th>"Model"</th>
                    <th class="roomy">"Provider"</th>
                    <th class="roomy">"Gateway"</th>
                    <th class="roomy">"Token"</th>
                    <th class="right roomy">"In"</th>
                    <th class="right roomy">"Out"</th>
                    <th class="right">"Cost"</th>
                    <th class="right">"Latency"</th>
                    <th>"Cache"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

fn line(team: &str, row: &RequestRow, now: DateTime<Utc>) -> impl IntoView + use<> {
    let href = format!("/{team}/requests/{}", row.request_id);
    let at = DateTime::from_timestamp_millis(row.at_ms).unwrap_or_default();
    let model = row.model.clone().or_else(|| row.model_asked.clone());
    let word = row.error_code.clone().unwrap_or_else(|| outcome(row).to_owned());
    let tokens = |count: u64| (row.usage.input + row.usage.output > 0).then(|| view! { <Tokens count /> });
    view! {
        <tr>
            <td><a class="row-link" href=href><Time at now /></a></td>
            <td><StatusDot code=row.status outcome=row.outcome word /></td>
            {text(model, "cut mono")}
            {text(row.provider.clone(), "cut roomy")}
            {text(row.gateway.clone(), "cut roomy")}
            {text(row.token.clone(), "cut roomy")}
            <td class="right roomy">{tokens(row.usage.input)}</td>
            <td class="right roomy">{tokens(row.usage.output)}</td>
            <td class="right"><Money amount=row.cost /></td>
            <td class="right"><Duration microseconds=row.duration_us /></td>
            <td>{cache(row.cache)}</td>
        </tr>
    }
}

/// A cell that is cut where it is too long, with the whole text on hover.
fn text(text: Option<String>, class: &'static str) -> impl IntoView {
    match text {
        Some(text) => view! { <td class=class title=text.clone()>{text.clone()}</td> }.into_any(),
        None => view! { <td class=format!("{class} muted")>"–"</td> }.into_any(),
    }
}

/// What happened, in a word or two.
pub(in crate::pages) fn outcome(row: &RequestRow) -> &'static str {
    use domain::ledger::Outcome;
    match row.outcome {
        Outcome::Ok => "succeeded",
        Outcome::UpstreamError => "error of the provider",
        Outcome::UpstreamFailed => "the provider gave no usable answer",
        Outcome::Refused => "refused by the gateway",
        Outcome::ClientGone => "the client left before the end",
        Outcome::Interrupted => "cut off because the server was stopping",
    }
}

fn cache(status: CacheStatus) -> impl IntoView {
    match status {
        CacheStatus::Hit => view! { <Badge tone=Tone::Good>"Hit"</Badge> }.into_any(),
        CacheStatus::Miss => view! { <span>"Miss"</span> }.into_any(),
        CacheStatus::Bypass => view! { <span class="muted">"Skipped"</span> }.into_any(),
        CacheStatus::Off => view! { <span class="muted">"–"</span> }.into_any(),
    }
}
