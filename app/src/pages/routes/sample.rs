//! A made-up request and its way through a version of a route, or through one that is being edited. Nothing is sent to a provider, and
//! nothing is counted.

use control::can;
use domain::view::{GatewayView, RouteVersionView, RouteView};
use leptos::prelude::*;
use route::{Fault, Kind, Outline, Route};

use super::drawing::{Marks, drawing};
use super::inspector::{area, select};
use super::problems::problems;
use super::way::{lit, steps};
use crate::api::routes::{Request, TestRoute, Work};
use crate::components::{Fieldset, Notice, Page, PostForm, SubmitButton, Tone, load};
use crate::pages::address;
use crate::{AppError, server};

/// The version's name where it is one that is being edited.
const DRAFT: &str = "draft";
/// What the form begins with.
const BODY: &str = r#"{
  "model": "dynamic/NAME",
  "messages": [{ "role": "user", "content": "Hello" }]
}"#;

/// The page.
#[component]
pub fn TestRoutePage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let asked = Asked {
        version: address::asked(&query, "version"),
        draft: address::asked(&query, "draft"),
        request: address::asked(&query, "asked"),
    };
    let found = find(team.clone(), address::part("gateway"), address::part("route"), asked);
    load(found, move |data| show(&team, data))
}

/// What the address says.
struct Asked {
    version: Option<String>,
    draft: Option<String>,
    request: Option<String>,
}

struct Data {
    gateway: GatewayView,
    route: RouteView,
    versions: Vec<RouteVersionView>,
    /// What is being edited, where the address names it and it is not gone.
    draft: Option<String>,
    /// The chosen version: its number, or [`DRAFT`].
    version: String,
    elements: String,
    request: Option<Request>,
    /// Whether what the address names is gone.
    gone: bool,
}

async fn find(team: String, gateway: String, name: String, asked: Asked) -> Result<Data, AppError> {
    let grant = server::grant::<can::View>(&team).await?;
    let (control, actor) = (server::control()?, server::actor()?);
    let detail = control.find_route(&grant, &gateway, &name).await?;
    let work = asked.draft.as_deref().and_then(|id| Work::look(&control, &actor, id));
    let request = asked.request.as_deref().and_then(|id| Request::look(&control, &actor, id));
    let gone = (asked.draft.is_some() && work.is_none()) || (asked.request.is_some() && request.is_none());
    let number = asked.version.filter(|version| version != DRAFT);
    let (version, elements) = match (number, &work) {
        (None, Some(work)) => (DRAFT.to_owned(), work.elements.clone()),
        (number, _) => {
            let number = number.map(|text| text.parse().map_err(|_| AppError::NotFound)).transpose()?;
            let number: i64 = number.unwrap_or(detail.route.newest);
            let stored = control.find_route_elements(&grant, &gateway, &name, number).await?;
            (number.to_string(), stored.elements)
        }
    };
    let draft = asked.draft.filter(|_| work.is_some());
    let gateway = control.find_gateway(&grant, &gateway).await?;
    Ok(Data { gateway, route: detail.route, versions: detail.versions, draft, version, elements, request, gone })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let page = format!("/{team}/gateways/{}/routes/{}", data.gateway.slug, data.route.name);
    let outline = route::read(&data.elements, &()).outline;
    let result = data.request.as_ref().map(|request| result(&data.elements, &outline, request));
    let form = form(team, &data, &outline);
    let back = data.draft.as_ref().map(|draft| {
        view! { <a class="button" href=format!("{page}/edit?draft={draft}")>"Back to the editor"</a> }
    });
    let gone = data.gone.then(|| {
        view! { <Notice tone=Tone::Warn><p>"What was asked for is gone: it is kept for two hours. Begin again."</p></Notice> }
    });
    view! {
        <Page title=format!("Test {}", data.route.name) above=(page, "Route") toolbar=move || back>
            <p class="lead">
                "The way of a request that nobody sends: the gateway's own walk, with nothing asked of a provider and nothing counted."
            </p>
            {gone}
            {form}
            {result}
        </Page>
    }
}

fn form(team: &str, data: &Data, outline: &[Outline]) -> impl IntoView + use<> {
    let fresh = || Request { body: BODY.replace("NAME", &data.route.name), ..Request::default() };
    let request = data.request.clone().unwrap_or_else(fresh);
    let faults = request.read().err().unwrap_or_default();
    let fault = |field: &str| faults.iter().find(|(known, _)| *known == field).map(|(_, fault)| fault.clone());
    let draft = data.draft.as_ref().map(|_| (DRAFT.to_owned(), "What is being edited".to_owned()));
    let numbers = data.versions.iter().map(|version| {
        let live = if data.route.deployed == Some(version.number) { ", deployed" } else { "" };
        (version.number.to_string(), format!("Version {}{live}", version.number))
    });
    let versions = draft.into_iter().chain(numbers).collect();
    let limits = outline.iter().filter(|element| matches!(element.kind, Some(Kind::Limit(_))));
    let limits: Vec<_> = limits.map(|element| (element.id.clone(), request.over.contains(&element.id))).collect();
    let limits = (!limits.is_empty()).then(|| view! {
        <Fieldset legend="Limits and budgets" help="They count nothing here: those that are ticked have no room, the others have.">
            <div class="groups">{limits.into_iter().enumerate().map(|(nth, (id, over))| used_up(nth, id, over)).collect_view()}</div>
        </Fieldset>
    });
    let hidden = [
        ("team", team.to_owned()),
        ("gateway", data.gateway.slug.clone()),
        ("name", data.route.name.clone()),
        ("draft", data.draft.clone().unwrap_or_default()),
    ];
    let hidden =
        hidden.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view();
    let version = select("Version", "version", versions, data.version.clone()).show();
    let body =
        area("Body", "body", request.body, 6).help("JSON, as an application sends it.").error(fault("body")).show();
    let metadata = area("Metadata", "metadata", request.metadata, 3)
        .placeholder(r#"{"plan": "free", "user_id": "u-1"}"#)
        .help("JSON, as the header cf-aig-metadata says it.")
        .error(fault("metadata"))
        .show();
    let headers = area("Headers", "headers", request.headers, 3)
        .placeholder("x-tier: gold")
        .help("One a line. Those that carry credentials are not seen by routes.")
        .error(fault("headers"))
        .show();
    let names = Fault::ALL.map(|fault| (fault.as_str().to_owned(), fault.as_str().replace('_', " "))).to_vec();
    let chosen = Fault::parse(&request.fault).unwrap_or(Fault::ServerError).as_str().to_owned();
    let fault = select("Models fail by", "fault", names, chosen)
        .help("The way goes on behind models as if they had no answer, for this reason.")
        .show();
    view! {
        <PostForm action={ServerAction::<TestRoute>::new()} class="settings">
            {hidden}
            {version}
            {body}
            <div class="pair">{metadata}{headers}</div>
            {limits}
            {fault}
            <SubmitButton>"Show the way"</SubmitButton>
        </PostForm>
    }
}

/// A limit that has no room.
fn used_up(nth: usize, id: String, over: bool) -> impl IntoView {
    let name = format!("over-{nth}");
    view! {
        <div class="field check">
            <input id=name.clone() type="checkbox" name="over[]" value=id.clone() checked=over />
            <label for=name>{format!("{id} is used up")}</label>
        </div>
    }
}

/// The way, or why there is none.
fn result(elements: &str, outline: &[Outline], request: &Request) -> AnyView {
    let Ok(sample) = request.read() else { return ().into_any() };
    let heading = view! { <h2>"The way it takes"</h2> };
    let route = match Route::parse(elements) {
        Ok(route) => route,
        Err(found) => {
            return view! { <section id="way">{heading}{problems(&found, &|_| None)}</section> }.into_any();
        }
    };
    let fault = Fault::parse(&request.fault).unwrap_or(Fault::ServerError);
    let trace =
        route::trace(&route, &sample, request.draw, &|limit| request.over.iter().any(|over| over == limit), fault);
    let lit = lit(&trace, outline);
    let link = |at: usize, _: &str| match lit.boxes.get(&at) {
        Some((number, _)) => format!("#step-{number}"),
        None => "#way".to_owned(),
    };
    let marks = Marks { label: "The way as a drawing", link: &link, chosen: None, problems: &[], way: Some(&lit) };
    let drawn = drawing(outline, &marks);
    view! {
        <section id="way" tabindex="-1">
            {heading}
            {drawn}
            {steps(&trace, outline, &sample)}
        </section>
    }
    .into_any()
}
