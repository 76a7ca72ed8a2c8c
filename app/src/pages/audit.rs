//! What was changed, when and by whom, and what happened to the members' accounts.

pub(super) mod diff;

use chrono::{DateTime, Utc};
use domain::view::AuditView;
use leptos::prelude::*;

use self::diff::{Change, changes};
use crate::components::{EmptyState, Page, Pager, Symbol, Table, Time, load};
use crate::pages::account::browser;
use crate::pages::address;
use crate::{AppError, server};

/// Events on a page.
const EVENTS: u32 = 50;

/// Audit log.
#[component]
pub fn AuditPage() -> impl IntoView {
    let team = address::part("team");
    let before = address::query().get_str("before").and_then(|text| text.parse().ok());
    load(find(team.clone(), before), move |events| show(&team, before, &events))
}

async fn find(team: String, before: Option<i64>) -> Result<Vec<AuditView>, AppError> {
    let grant = server::grant::<control::can::ViewAudit>(&team).await?;
    Ok(server::control()?.list_audit(&grant, before, EVENTS).await?)
}

fn show(team: &str, before: Option<i64>, events: &[AuditView]) -> impl IntoView + use<> {
    let path = format!("/{team}/audit");
    let full = events.len() == EVENTS as usize;
    let older = events.last().filter(|_| full).map(|event| format!("{path}?before={}", event.id));
    let newest = before.map(|_| path);
    let now = server::now();
    let content = if events.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Audit title="Nothing happened here">
                <p>"Every change to gateways, provider keys, tokens and members is kept here with its author, and so is \
                    every sign-in of a member."</p>
            </EmptyState>
        }
        .into_any()
    } else {
        let rows = events.iter().map(|event| row(event, now)).collect_view();
        view! {
            <Table label="Changes, newest first">
                <thead>
                    <tr>
                        <th>"Time"</th>
                        <th>"Who"</th>
                        <th>"What"</th>
                        <th>"Target"</th>
                        <th class="wide">"Change"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    view! {
        <Page title="Audit log">
            {content}
            <Pager newer=newest older />
        </Page>
    }
}

fn row(event: &AuditView, now: DateTime<Utc>) -> impl IntoView + use<> {
    let mut differences = changes(event.before.as_deref(), event.after.as_deref());
    for change in differences.iter_mut().filter(|change| change.field == "browser") {
        change.after = change.after.as_deref().map(browser);
    }
    view! {
        <tr class="tall">
            <td><Time at=event.at now /></td>
            <td class="cut" title=event.actor.clone()>{event.actor.clone()}</td>
            <td class="mono">{event.action.clone()}</td>
            <td class="cut" title=event.target.clone()>{event.target.clone()}</td>
            <td class="wide"><ul class="diff">{differences.into_iter().map(line).collect_view()}</ul></td>
        </tr>
    }
}

fn line(change: Change) -> impl IntoView {
    let Change { field, before, after } = change;
    let (was, is) = (before.is_some(), after.is_some());
    view! {
        <li>
            <span class="diff-field">{field}</span>
            " "
            {before.map(|text| view! { <del>{text}</del> })}
            {(was && is).then_some(" → ")}
            {after.map(|text| view! { <ins>{text}</ins> })}
        </li>
    }
}
