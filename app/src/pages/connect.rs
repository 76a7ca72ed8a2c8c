//! How an application connects to a gateway: a token, a snippet with the real values, and the moment it works.

mod snippets;

use domain::ledger::Outcome;
use domain::view::{GatewayView, ProviderKeyView, RequestRow};
use leptos::prelude::*;

use self::snippets::{CLIENTS, Client, TOKEN_PLACEHOLDER, Target};
use crate::api::connect::IssueGatewayToken;
use crate::components::{
    CopyBox, Field, Icon, Notice, Page, PostForm, StatusDot, SubmitButton, Symbol, Tone, format, load,
};
use crate::islands::LiveRefresh;
use crate::pages::overview::{Progress, ProgressLine, encoded};
use crate::pages::requests::outcome;
use crate::pages::{address, gateways};
use crate::{AppError, server};

/// Seconds between looks for the first request.
const REFRESH_S: u32 = 2;
/// The id of the form that issues a token.
const ISSUE_FORM: &str = "issue";

/// Connect.
#[component]
pub fn ConnectPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let client = snippets::find(query.get_str("client"));
    load(find(team.clone(), address::part("gateway"), address::asked(&query, "token")), move |data| {
        show(&team, client, data)
    })
}

struct Data {
    gateway: GatewayView,
    keys: Vec<ProviderKeyView>,
    progress: Progress,
    latest: Option<RequestRow>,
    /// The token's plain text, where it was issued just now.
    token: Option<String>,
    may_issue: bool,
}

async fn find(team: String, slug: String, flash: Option<String>) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_issue = server::grant::<control::can::ManageTokens>(&team).await.is_ok();
    let control = server::control()?;
    let gateways = control.list_gateways(&grant).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    let gateway = control.find_gateway(&grant, &slug).await?;
    let keys = control.list_provider_keys(&grant).await?;
    let latest = match gateway.settings.collect_logs {
        true => control.latest_request(&grant, Some(gateway.id)).await?,
        false => None,
    };
    let actor = server::actor()?;
    let token = flash.and_then(|id| control.flash_take(&actor, &id));
    Ok(Data { gateway, keys, progress, latest, token, may_issue })
}

/// The client of that name, or the first: its name in the URL.
#[must_use]
pub fn client_slug(asked: Option<&str>) -> &'static str {
    snippets::find(asked).slug
}

/// The shortest call of a gateway, with a word in place of the token.
#[must_use]
pub fn first_snippet(team: &str, gateway: &str) -> String {
    let origin = origin();
    let target = Target { origin: &origin, team, gateway, token: TOKEN_PLACEHOLDER };
    snippets::find(None).snippets(target).into_iter().next().map(|snippet| snippet.code).unwrap_or_default()
}

/// Scheme and host the dashboard is reached at, without a slash at the end.
#[must_use]
pub fn origin() -> String {
    let public = server::control().ok().and_then(|control| control.public_url().map(str::to_owned));
    let host = || {
        let parts = server::parts()?;
        let host = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
        Some(format!("http://{}", host.or(parts.uri.authority().map(http::uri::Authority::as_str))?))
    };
    public.or_else(host).unwrap_or_default().trim_end_matches('/').to_owned()
}

fn show(team: &str, client: &'static Client, data: Data) -> impl IntoView + use<> {
    let Data { gateway, keys, progress, latest, token, may_issue } = data;
    let above = (format!("/{team}/gateways"), "Gateways");
    let answered = latest.as_ref().is_some_and(|row| row.outcome == Outcome::Ok);
    let logged = gateway.settings.collect_logs;
    let waiting = (logged && !answered).then(|| view! { <LiveRefresh every_s=REFRESH_S /> });
    let issue = token_box(team, &gateway.slug, token.as_deref(), may_issue);
    let tabs = gateways::tabs(team, &gateway.slug, "Connect");
    let clients = clients(team, &gateway.slug, client, &keys, token.as_deref());
    let arrival =
        if logged { arrival(team, latest.as_ref()).into_any() } else { unlogged(team, &gateway.slug).into_any() };
    let team = team.to_owned();
    view! {
        <Page title=gateway.name above>
            {tabs}
            <div data-live="progress"><ProgressLine team progress /></div>
            <div data-live="arrival">{arrival}</div>
            {waiting}
            <section>
                <h2>"Token"</h2>
                {issue}
            </section>
            <section>
                <h2>"Your application"</h2>
                {clients}
            </section>
        </Page>
    }
}

/// All clients, of which the style sheet shows the chosen one: another page would not know the token any more. The choice
/// is a field of the form that issues a token, so that it is kept.
fn clients(
    team: &str,
    gateway: &str,
    chosen: &Client,
    keys: &[ProviderKeyView],
    token: Option<&str>,
) -> impl IntoView + use<> {
    let clients = CLIENTS.iter().map(|client| {
        let id = format!("client-{}", client.slug);
        let checked = client.slug == chosen.slug;
        view! {
            <input
                type="radio" id=id.clone() name="client" value=client.slug checked=checked form=ISSUE_FORM
                autocomplete="off"
            />
            <label for=id>{client.name}</label>
            <div class="switch-part">
                {missing_key(team, client, keys)}
                {code(team, gateway, client, token)}
            </div>
        }
    });
    view! { <div class="switch" role="radiogroup" aria-label="Client">{clients.collect_view()}</div> }
}

/// The token where it was issued just now; otherwise the way to one.
fn token_box(team: &str, gateway: &str, token: Option<&str>, may_issue: bool) -> impl IntoView + use<> {
    if let Some(token) = token {
        return view! {
            <Notice tone=Tone::Warn>
                <p>"This is shown once, and filled into the snippets below. Store it now: Weir keeps only a fingerprint of it."</p>
            </Notice>
            <CopyBox label="New token" text=token />
        }
        .into_any();
    }
    if !may_issue {
        return view! { <p class="help">"Ask an editor or admin of the team for a token."</p> }.into_any();
    }
    let (team, gateway) = (team.to_owned(), gateway.to_owned());
    let longest = domain::validate::MAX_NAME as u64;
    let name = format!("{gateway}-app").chars().take(domain::validate::MAX_NAME).collect::<String>();
    view! {
        <PostForm action={ServerAction::<IssueGatewayToken>::new()} id=ISSUE_FORM>
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="gateway" value=gateway />
            <div class="line">
                <Field label="Name of the application" name="name" value=name required=true longest />
                <SubmitButton quiet=true>"Issue a token"</SubmitButton>
            </div>
        </PostForm>
        <p class="help">
            {format!("For this gateway only. Have one already? Put it in place of {TOKEN_PLACEHOLDER}.")}
        </p>
    }
    .into_any()
}

/// Says that the client needs a provider key which is not there.
fn missing_key(team: &str, client: &Client, keys: &[ProviderKeyView]) -> Option<impl IntoView + use<>> {
    let there = keys.iter().any(|key| key.enabled && key.provider == client.provider);
    let name = wire::providers::find(client.provider).map_or(client.provider, |provider| provider.name.as_str());
    let href = format!("/{team}/keys?provider={}#add", client.provider);
    (!there).then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <p>{format!("The team has no key for {name} yet, so this will be refused. ")}<a href=href>"Add one"</a></p>
            </Notice>
        }
    })
}

fn code(team: &str, gateway: &str, client: &'static Client, token: Option<&str>) -> impl IntoView + use<> {
    let origin = origin();
    let target = Target { origin: &origin, team, gateway, token: token.unwrap_or(TOKEN_PLACEHOLDER) };
    let snippets = client.snippets(target).into_iter().map(|snippet| {
        view! {
            <div class="snippet">
                <h3>{snippet.title}</h3>
                <CopyBox label=snippet.title text=snippet.code />
            </div>
        }
    });
    snippets.collect_view()
}

/// The panel that waits for the first request, and shows it when it came.
fn arrival(team: &str, latest: Option<&RequestRow>) -> impl IntoView + use<> {
    let Some(row) = latest else {
        return view! {
            <div class="arrival waiting" role="status">
                <span class="pulse" aria-hidden="true"></span>
                <p>"Waiting for the first request. This turns live by itself; without JavaScript, reload the page."</p>
            </div>
        }
        .into_any();
    };
    let href = format!("/{team}/requests/{}", row.request_id);
    if row.outcome != Outcome::Ok {
        return refused(row, href).into_any();
    }
    let model = row.model.clone().or_else(|| row.model_asked.clone()).unwrap_or_else(|| row.path.clone());
    let tokens = row.usage.input + row.usage.output;
    let tokens = (tokens > 0).then(|| format!(", {} tokens", format::grouped(tokens)));
    let cost = row.cost.map(|cost| format!(", {}", format::money(cost)));
    view! {
        <div class="arrival arrived" role="status">
            <Icon symbol=Symbol::Check />
            <p>
                "Connected. Latest request: "<StatusDot code=row.status outcome=row.outcome />" "{model}{tokens}{cost}
                " "<a href=href>"Look at it"</a>
            </p>
        </div>
    }
    .into_any()
}

/// Where nothing is logged, a request that came shows in the figures only.
fn unlogged(team: &str, gateway: &str) -> impl IntoView + use<> {
    let (settings, figures) = (format!("/{team}/gateways/{gateway}"), format!("/{team}?gateway={}", encoded(gateway)));
    view! {
        <div class="arrival" role="status">
            <Icon symbol=Symbol::Info />
            <p>
                "This gateway logs no requests, so the first one does not show here. It counts in the "
                <a href=figures>"figures"</a>"; logging is one of the "<a href=settings>"settings"</a>"."
            </p>
        </div>
    }
}

/// A request that came and got no answer of use: the way is open, but something on it is wrong.
fn refused(row: &RequestRow, href: String) -> impl IntoView + use<> {
    let why = row.error_code.clone().unwrap_or_else(|| outcome(row).to_owned());
    view! {
        <div class="arrival refused" role="status">
            <Icon symbol=Symbol::Alert />
            <p>
                "Not connected yet. The latest request failed: "<StatusDot code=row.status outcome=row.outcome />" "{why}
                " "<a href=href>"Look at it"</a>
            </p>
        </div>
    }
}
