//! The editor of a route: its drawing, the form of the element that is chosen in it, and the text beside. Each step is a form that
//! is sent; what it makes waits for the session, under an address of its own, until it is saved.

use control::can;
use domain::route::{MAX_COMMENT, RouteProblem};
use domain::validate::Problem;
use domain::view::{GatewayView, RouteView};
use leptos::prelude::*;
use route::Outline;
use route::edit::{Editor, field};
use wire::price::PriceBook;

use super::drawing::{Marks, box_name, drawing};
use super::inspector::{Offers, inspector};
use super::problems::problems;
use crate::api::routes::{EditRoute, Work, pretty, query};
use crate::components::{Field, Notice, Page, PostForm, TextArea, Tone, load};
use crate::pages::address;
use crate::{AppError, server};

/// Rows of the text.
const ROWS: u16 = 22;
/// Most models that are offered while typing.
const OFFERED: usize = 200;

/// The editor.
#[component]
pub fn EditRoutePage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let place = Place {
        draft: address::asked(&query, "draft"),
        element: address::asked(&query, "element"),
        refused: address::asked(&query, "refused"),
    };
    let found = find(team.clone(), address::part("gateway"), address::part("route"), place);
    load(found, move |data| show(&team, data))
}

/// What the address says.
struct Place {
    draft: Option<String>,
    element: Option<String>,
    refused: Option<String>,
}

struct Data {
    gateway: GatewayView,
    route: RouteView,
    place: Place,
    work: Work,
    /// Whether what the address names is gone.
    gone: bool,
    problems: Vec<RouteProblem>,
    providers: Vec<String>,
}

async fn find(team: String, gateway: String, name: String, place: Place) -> Result<Data, AppError> {
    server::grant::<can::EditGateways>(&team).await?;
    let grant = server::grant::<can::View>(&team).await?;
    let (control, actor) = (server::control()?, server::actor()?);
    let route = control.find_route(&grant, &gateway, &name).await?.route;
    let kept = place.draft.as_deref().map(|id| Work::look(&control, &actor, id));
    let gone = matches!(kept, Some(None));
    let work = match kept.flatten() {
        Some(work) => work,
        None => {
            let stored = control.find_route_elements(&grant, &gateway, &name, route.newest).await?;
            Work { elements: pretty(&stored.elements), made_from: route.newest, ..Work::default() }
        }
    };
    let place = if gone { Place { draft: None, ..place } } else { place };
    let problems = control.check_route(&grant, &work.elements).await?.problems;
    let custom = control.list_custom_providers(&grant).await?;
    let custom = custom.into_iter().map(|provider| format!("custom-{}", provider.slug));
    let providers = wire::providers::all().iter().map(|provider| provider.slug.to_owned()).chain(custom).collect();
    let gateway = control.find_gateway(&grant, &gateway).await?;
    Ok(Data { gateway, route, place, work, gone, problems, providers })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { gateway, route, place, work, gone, problems: found, providers } = data;
    let page = format!("/{team}/gateways/{}/routes/{}", gateway.slug, route.name);
    let here = format!("{page}/edit");
    let draft = place.draft.clone().unwrap_or_default();
    let element_address =
        |id: &str, part: &str| format!("{here}?{}#{part}", query(&[("draft", &draft), ("element", id)]));
    let outline = route::read(&work.elements, &()).outline;
    let editor = Editor::new(&work.elements);
    let chosen = place.element.as_deref().and_then(|id| outline.iter().position(|element| element.id == id));
    let marks = Marks {
        label: "The route as a drawing",
        // Chosen, a box is in sight and has the focus; chosen again, it leads to its form.
        link: &|at, id| {
            if Some(at) == chosen { "#inspector".to_owned() } else { element_address(id, &box_name(at)) }
        },
        chosen,
        problems: &found,
        way: None,
    };
    let drawn = (!outline.is_empty()).then(|| drawing(&outline, &marks));
    let link = |id: &str| outline.iter().any(|element| element.id == id).then(|| element_address(id, "inspector"));
    let told = editor.is_ok().then(|| problems(&found, &link));
    let inspected = editor.as_ref().ok().map(|editor| {
        let id = chosen.map(|at| outline[at].id.as_str());
        inspector(editor, id, &found, &offers(editor, id, providers), place.refused.as_deref())
    });
    let undo = place.draft.as_ref().map(|_| undo(&work, &here, &outline, chosen));
    let discard = place.draft.is_some().then(|| view! { <a class="button" href=here.clone()>"Discard all"</a> });
    let toolbar = view! { {undo}{discard} };
    let notices = notices(&work, gone, place.draft.is_some());
    let text = text(&work, editor.err());
    let hidden = [
        ("team", team.to_owned()),
        ("gateway", gateway.slug.clone()),
        ("id", route.id.to_string()),
        ("name", route.name.clone()),
        // Who was told that somebody else was faster, and saves again, means it.
        ("made_from", if is_outdated(&work) { route.newest } else { work.made_from }.to_string()),
        ("parent", draft.clone()),
    ];
    let hidden =
        hidden.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value /> }).collect_view();
    view! {
        <Page title=format!("Edit {}", route.name) above=(page, "Route") toolbar=move || toolbar>
            {notices}
            {told}
            {drawn}
            <PostForm action={ServerAction::<EditRoute>::new()} class="editor">
                {hidden}
                {inspected}
                {text}
            </PostForm>
        </Page>
    }
}

/// What a model's fields offer.
fn offers(editor: &Editor, chosen: Option<&str>, providers: Vec<String>) -> Offers {
    let element = chosen.and_then(|id| editor.element(id));
    let provider = element.map(|element| field(element, "provider")).unwrap_or_default();
    let models = PriceBook::builtin().models(&provider).map(|price| price.model.clone());
    Offers { providers, models: models.filter(|model| !model.contains('*')).take(OFFERED).collect() }
}

/// The way back to what was one step before.
fn undo(work: &Work, here: &str, outline: &[Outline], chosen: Option<usize>) -> impl IntoView + use<> {
    let id = chosen.map_or("", |at| outline[at].id.as_str());
    let place = chosen.map(|at| format!("#{}", box_name(at))).unwrap_or_default();
    let before = query(&[("draft", work.parent.as_deref().unwrap_or_default()), ("element", id)]);
    view! { <a class="button" href=format!("{here}?{before}{place}")>"Undo"</a> }
}

fn is_outdated(work: &Work) -> bool {
    work.wrong.iter().any(|wrong| wrong.field == "made_from")
}

fn notices(work: &Work, gone: bool, is_draft: bool) -> impl IntoView + use<> {
    let outdated = is_outdated(work);
    let refused = !work.wrong.is_empty() && !outdated;
    view! {
        {gone.then(|| view! {
            <Notice tone=Tone::Warn>
                <p>"What was not saved is gone: it is kept for two hours. This is the newest version."</p>
            </Notice>
        })}
        {refused.then(|| view! { <Notice tone=Tone::Bad><p>"Nothing was saved: look at the marked fields."</p></Notice> })}
        {outdated.then(|| view! {
            <Notice tone=Tone::Warn>
                <p>
                    "Somebody else saved a version after you began, so nothing was saved. Saving again makes what stands here the newest."
                </p>
            </Notice>
        })}
        {(is_draft && work.wrong.is_empty()).then(|| view! {
            <p class="help">"Not saved yet. It is kept for two hours, under this page's address."</p>
        })}
    }
}

/// The text beside, and what is done with the whole.
fn text(work: &Work, fault: Option<String>) -> impl IntoView + use<> {
    let problem = |field: &str| work.wrong.iter().find(|wrong| wrong.field == field).map(|wrong| wrong.problem.clone());
    let (elements_error, comment_error) =
        (problem("elements").or(fault.as_ref().map(|_| Problem::NotARoute)), problem("comment"));
    let fault =
        fault.map(|fault| view! { <div class="notice bad" role="alert"><p>{format!("The text {fault}.")}</p></div> });
    let (elements, comment) = (work.elements.clone(), work.comment.clone());
    view! {
        <section class="form" id="text">
            <h2>"As text"</h2>
            {fault}
            <TextArea label="Elements" name="elements" value=elements rows=ROWS error=elements_error
                help="JSON, in Weir's or in Cloudflare's spelling. What is changed here and in the form of an element is taken together." />
            <div class="line"><button type="submit" class="button" name="step" value="text">"Show in the drawing"</button></div>
            <Field label="Comment" name="comment" value=comment longest={MAX_COMMENT as u64} error=comment_error
                help="Why, for whoever looks at the versions later." />
            <div class="line">
                <button type="submit" class="button primary" name="step" value="save">"Save version"</button>
                <button type="submit" class="button" name="step" value="test">"Test with a sample request"</button>
            </div>
            <p class="help">"A saved version is a draft: it answers nothing until it is deployed. It may be saved with errors."</p>
        </section>
    }
}
