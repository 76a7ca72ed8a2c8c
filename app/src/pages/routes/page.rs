//! A new route, and one that exists: what is deployed, the newest version as a drawing and as text, and the history.

use control::{RouteDetail, can};
use domain::view::{GatewayView, RouteElementsView, RouteVersionView, RouteView};
use leptos::prelude::*;

use super::drawing::{Marks, drawing, elements};
use super::form::{EXAMPLE, form};
use super::problems::problems;
use super::state;
use super::version::{deploy, row_of};
use crate::api::routes::{DeleteRoute, DeployRoute, Draft, RenameRoute, pretty};
use crate::components::{
    CopyBox, DangerZone, Field, FormErrors, FormState, Page, PostForm, Saved, SubmitButton, Table, Time, load,
};
use crate::pages::{address, gateways};
use crate::{AppError, server};

/// New route.
#[component]
pub fn NewRoutePage() -> impl IntoView {
    let (team, gateway) = (address::part("team"), address::part("gateway"));
    let kept = address::asked(&address::query(), "kept");
    load(new_data(team.clone(), gateway, kept), move |(gateway, draft)| {
        let page = format!("/{team}/gateways/{}/routes", gateway.slug);
        let content = form(&team, &gateway.slug, None, draft);
        view! {
            <Page title="New route" above=(page, "Routes")>
                <p class="lead">
                    "A route is a graph of elements that leads each request to a model. What you save is a draft: it answers nothing \
                     until you deploy it."
                </p>
                {content}
            </Page>
        }
    })
}

async fn new_data(team: String, gateway: String, kept: Option<String>) -> Result<(GatewayView, Draft), AppError> {
    server::grant::<can::EditGateways>(&team).await?;
    let grant = server::grant::<can::View>(&team).await?;
    let gateway = server::control()?.find_gateway(&grant, &gateway).await?;
    let fresh = || Draft { elements: EXAMPLE.to_owned(), ..Draft::default() };
    Ok((gateway, take(kept.as_deref())?.unwrap_or_else(fresh)))
}

fn take(kept: Option<&str>) -> Result<Option<Draft>, AppError> {
    let (control, actor) = (server::control()?, server::actor()?);
    Ok(kept.and_then(|id| Draft::take(&control, &actor, id)))
}

/// Route.
#[component]
pub fn RoutePage() -> impl IntoView {
    let team = address::part("team");
    let kept = address::asked(&address::query(), "kept");
    let found = find(team.clone(), address::part("gateway"), address::part("route"), kept);
    load(found, move |data| show(&team, data))
}

struct Data {
    gateway: GatewayView,
    detail: RouteDetail,
    /// The newest version, judged by what there is now.
    newest: RouteElementsView,
    kept: Option<Draft>,
    may_edit: bool,
}

async fn find(team: String, gateway: String, name: String, kept: Option<String>) -> Result<Data, AppError> {
    let grant = server::grant::<can::View>(&team).await?;
    let may_edit = server::grant::<can::EditGateways>(&team).await.is_ok();
    let control = server::control()?;
    let detail = control.find_route(&grant, &gateway, &name).await?;
    let stored = control.find_route_elements(&grant, &gateway, &name, detail.route.newest).await?;
    let newest =
        RouteElementsView { elements: stored.elements.clone(), ..control.check_route(&grant, &stored.elements).await? };
    let gateway = control.find_gateway(&grant, &gateway).await?;
    Ok(Data { gateway, detail, newest, kept: take(kept.as_deref())?, may_edit })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { gateway, detail, newest, kept, may_edit } = data;
    let RouteDetail { route, versions, deployments } = detail;
    let routes = format!("/{team}/gateways/{}/routes", gateway.slug);
    let page = format!("{routes}/{}", route.name);
    let outline = route::read(&newest.elements, &()).outline;
    let valid = newest.problems.iter().all(|problem| problem.severity == domain::route::Severity::Warning);
    let toolbar =
        (may_edit && valid && route.draft().is_some()).then(|| deploy(team, &gateway.slug, &route, route.newest));
    let edit = may_edit.then(|| view! { <a class="button primary" href=format!("{page}/edit")>"Edit"</a> });
    let toolbar =
        view! { <a class="button" href=format!("{page}/test")>"Test with a sample request"</a>{toolbar}{edit} };
    let drawn = view! { {drawing(&outline, &Marks::of_page(&newest.problems))}{elements(&outline)} };
    let problems = problems(&newest.problems, &|id| row_of(&outline, id));
    let heading = format!("Version {}, the newest", route.newest);
    let content = if may_edit {
        let fresh = || Draft { elements: pretty(&newest.elements), ..Draft::default() };
        form(team, &gateway.slug, Some(&route), kept.unwrap_or_else(fresh)).into_any()
    } else {
        view! { <CopyBox label="Elements" text=pretty(&newest.elements) /> }.into_any()
    };
    let history = history(team, &gateway.slug, &page, &route, &versions, may_edit);
    let last = deployments.first().map(|deployment| {
        let (now, author) = (server::now(), deployment.author.clone());
        view! { <span class="muted">"deployed "<Time at=deployment.created_at now />" by "{author}</span> }
    });
    let ends = may_edit.then(|| ends(team, &gateway.slug, &route));
    let error = FormState::of::<DeployRoute>().error().cloned();
    let tabs = gateways::tabs(team, &gateway.slug, "Routes");
    let (state, called) = (state(&route), format!("dynamic/{}", route.name));
    view! {
        <Page title=route.name.clone() above=(routes, "Routes") toolbar=move || toolbar>
            {tabs}
            <FormErrors error />
            <Saved word="version"><p>"Saved. What answers requests is the version that is deployed."</p></Saved>
            <Saved word="deployed"><p>"Deployed. Requests from now on take this version; those that are under way end in theirs."</p></Saved>
            <Saved word="renamed"><p>"Renamed. Applications must use the new name from now on."</p></Saved>
            <p class="state">{state}{last}<code>{called}</code></p>
            <section>
                <h2>{heading}</h2>
                {problems}
                {drawn}
            </section>
            <section>
                <h2>"As text"</h2>
                {content}
            </section>
            {history}
            {ends}
        </Page>
    }
}

fn history(
    team: &str,
    gateway: &str,
    page: &str,
    route: &RouteView,
    versions: &[RouteVersionView],
    may_edit: bool,
) -> impl IntoView + use<> {
    let now = server::now();
    let rows = versions.iter().map(|version| {
        let number = version.number;
        let is_live = route.deployed == Some(number);
        let state = match (is_live, version.valid) {
            (true, _) => "deployed",
            (false, true) => "can be deployed",
            (false, false) => "has errors",
        };
        let button = (may_edit && version.valid && !is_live).then(|| deploy(team, gateway, route, number));
        view! {
            <tr>
                <td><a href=format!("{page}/versions/{number}")>{format!("Version {number}")}</a></td>
                <td>{state}</td>
                <td class="wrap">{version.comment.clone()}</td>
                <td class="cut">{version.author.clone()}</td>
                <td><Time at=version.created_at now /></td>
                <td>{button}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section>
            <h2>"Versions"</h2>
            <Table label="Versions">
                <thead>
                    <tr><th>"Version"</th><th>"State"</th><th>"Comment"</th><th>"Saved by"</th><th>"Saved"</th><th>"Action"</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
}

/// Another name, and the end.
fn ends(team: &str, gateway: &str, route: &RouteView) -> impl IntoView + use<> {
    let (id, name, expected) = (route.id.to_string(), route.name.clone(), route.name.clone());
    let fields = vec![("team", team.to_owned()), ("gateway", gateway.to_owned()), ("id", id.clone())];
    let (team, gateway) = (team.to_owned(), gateway.to_owned());
    let longest = domain::validate::MAX_NAME as u64;
    view! {
        <section>
            <h2>"Rename"</h2>
            <PostForm action={ServerAction::<RenameRoute>::new()}>
                <input type="hidden" name="team" value=team />
                <input type="hidden" name="gateway" value=gateway />
                <input type="hidden" name="id" value=id />
                <div class="line">
                    <Field label="New name" name="name" value=name required=true longest mono=true />
                    <SubmitButton quiet=true>"Rename"</SubmitButton>
                </div>
            </PostForm>
        </section>
        <DangerZone
            action={ServerAction::<DeleteRoute>::new()}
            title="Delete this route"
            text="Applications that name it get an error at once. All its versions are lost; what was deployed stays in the audit log."
            expected
            fields
        />
    }
}
