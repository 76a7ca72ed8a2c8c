//! One version of a route, and how it differs from another.

use control::{RouteDetail, can};
use domain::view::{GatewayView, RouteElementsView, RouteView};
use leptos::prelude::*;
use route::Outline;
use serde_json::{Map, Value};

use super::drawing::{Marks, anchor, drawing, elements};
use super::problems::problems;
use crate::api::routes::{DeployRoute, pretty};
use crate::components::{CopyBox, FormErrors, FormState, Page, PostForm, Table, Time, load};
use crate::pages::address;
use crate::pages::audit::diff::{Change, changes};
use crate::{AppError, server};

/// A version of a route.
#[component]
pub fn RouteVersionPage() -> impl IntoView {
    let team = address::part("team");
    let against = address::asked(&address::query(), "against");
    let found = find(team.clone(), address::part("gateway"), address::part("route"), address::part("number"), against);
    load(found, move |data| show(&team, data))
}

struct Data {
    gateway: GatewayView,
    detail: RouteDetail,
    number: i64,
    version: RouteElementsView,
    /// Another one to compare it with.
    against: Option<(i64, RouteElementsView)>,
    may_edit: bool,
}

async fn find(
    team: String,
    gateway: String,
    name: String,
    number: String,
    against: Option<String>,
) -> Result<Data, AppError> {
    let grant = server::grant::<can::View>(&team).await?;
    let may_edit = server::grant::<can::EditGateways>(&team).await.is_ok();
    let number: i64 = number.parse().map_err(|_| AppError::NotFound)?;
    let control = server::control()?;
    let detail = control.find_route(&grant, &gateway, &name).await?;
    let version = control.find_route_elements(&grant, &gateway, &name, number).await?;
    let asked = against.map(|text| text.parse().map_err(|_| AppError::NotFound)).transpose()?;
    let before = detail.versions.iter().map(|version| version.number).find(|other| *other < number);
    // Unless another is asked for, what is deployed; of that itself, the one before.
    let other = asked.or(detail.route.deployed.filter(|deployed| *deployed != number)).or(before);
    let against = match other {
        Some(other) => Some((other, control.find_route_elements(&grant, &gateway, &name, other).await?)),
        None => None,
    };
    let gateway = control.find_gateway(&grant, &gateway).await?;
    Ok(Data { gateway, detail, number, version, against, may_edit })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { gateway, detail, number, version, against, may_edit } = data;
    let RouteDetail { route, versions, .. } = detail;
    let page = format!("/{team}/gateways/{}/routes/{}", gateway.slug, route.name);
    let outline = route::read(&version.elements, &()).outline;
    let is_live = route.deployed == Some(number);
    let summary = versions.iter().find(|version| version.number == number).cloned();
    let valid = summary.as_ref().is_some_and(|summary| summary.valid);
    let toolbar = (may_edit && valid && !is_live).then(|| deploy(team, &gateway.slug, &route, number));
    let test = format!("{page}/test?version={number}");
    let toolbar = view! { <a class="button" href=test>"Test with a sample request"</a>{toolbar} };
    let facts = summary.map(|summary| {
        let now = server::now();
        view! {
            <dl class="facts">
                <div><dt>"State"</dt><dd>{if is_live { "deployed" } else if valid { "can be deployed" } else { "has errors" }}</dd></div>
                <div><dt>"Saved"</dt><dd><Time at=summary.created_at now />" by "{summary.author}</dd></div>
                {(!summary.comment.is_empty()).then(|| view! { <div><dt>"Comment"</dt><dd>{summary.comment}</dd></div> })}
            </dl>
        }
    });
    let compared = against.map(|(other, elements)| compared(number, other, &elements.elements, &version.elements));
    let drawn = view! { {drawing(&outline, &Marks::of_page(&version.problems))}{elements(&outline)} };
    let problems = problems(&version.problems, &|id| row_of(&outline, id));
    let error = FormState::of::<DeployRoute>().error().cloned();
    view! {
        <Page title=format!("{}, version {number}", route.name) above=(page, "Route") toolbar=move || toolbar>
            <FormErrors error />
            {facts}
            {problems}
            {compared}
            <section><h2>"Elements"</h2>{drawn}</section>
            <CopyBox label="Elements" text=pretty(&version.elements) />
        </Page>
    }
}

/// The address of an element's row in the list of the page.
pub(super) fn row_of(outline: &[Outline], id: &str) -> Option<String> {
    let at = outline.iter().position(|element| element.id == id)?;
    Some(format!("#{}", anchor(at)))
}

/// The button that deploys a version; an older one rolls back.
pub(super) fn deploy(team: &str, gateway: &str, route: &RouteView, number: i64) -> impl IntoView + use<> {
    let back = route.deployed.is_some_and(|deployed| number < deployed);
    let word = if back { "Roll back to" } else { "Deploy" };
    let (team, gateway, id) = (team.to_owned(), gateway.to_owned(), route.id.to_string());
    view! {
        <PostForm action={ServerAction::<DeployRoute>::new()} errors=false>
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="gateway" value=gateway />
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="number" value=number.to_string() />
            <button type="submit" class="button">{format!("{word} version {number}")}</button>
        </PostForm>
    }
}

fn compared(number: i64, other: i64, before: &str, after: &str) -> impl IntoView + use<> {
    let changes = changes(Some(&by_id(before)), Some(&by_id(after)));
    let title = format!("What version {number} has otherwise than version {other}");
    let content = if changes.is_empty() {
        view! { <p class="help">"Nothing but the order."</p> }.into_any()
    } else {
        let rows = changes.into_iter().map(|Change { field, before, after }| {
            view! {
                <tr>
                    <td class="mono wrap">{field}</td>
                    <td class="mono wrap">{before.unwrap_or_else(|| "–".to_owned())}</td>
                    <td class="mono wrap">{after.unwrap_or_else(|| "–".to_owned())}</td>
                </tr>
            }
        });
        let rows = rows.collect_view();
        view! {
            <Table label="Differences">
                <thead><tr><th>"Element and field"</th><th>{format!("Version {other}")}</th><th>{format!("Version {number}")}</th></tr></thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    view! { <section><h2>{title}</h2>{content}</section> }
}

/// Elements by their ids, so that what stands elsewhere only does not differ.
fn by_id(elements: &str) -> String {
    let list: Vec<Value> = serde_json::from_str(elements).unwrap_or_default();
    let named = list.into_iter().enumerate().map(|(at, element)| {
        let id = element.get("id").and_then(Value::as_str).map_or_else(|| format!("elements[{at}]"), str::to_owned);
        (id, element)
    });
    Value::Object(named.collect::<Map<_, _>>()).to_string()
}
