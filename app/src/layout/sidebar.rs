//! The sidebar: team switcher, navigation, the person. A drawer on small screens, opened by a checkbox, so that it needs
//! no script.

use control::can;
use domain::Permission;
use domain::view::{Me, TeamRef};
use leptos::prelude::*;
use leptos::server_fn::ServerFn;

use super::ThemeSwitch;
use crate::api::session::SignOut;
use crate::components::{Icon, Symbol};
use crate::islands::{PaletteLink, Shortcuts};
use crate::server;

/// A line of the navigation: name, last part of the address, drawing, what it takes to see it.
type Line = (&'static str, &'static str, Symbol, Permission);

const MAIN: [Line; 8] = [
    ("Overview", "", Symbol::Overview, Permission::View),
    ("Requests", "/requests", Symbol::Requests, Permission::View),
    ("Costs", "/costs", Symbol::Cost, Permission::View),
    ("Gateways", "/gateways", Symbol::Gateway, Permission::View),
    ("Provider keys", "/keys", Symbol::Key, Permission::View),
    ("Tokens", "/tokens", Symbol::Token, Permission::View),
    ("Policies", "/policies", Symbol::Policy, Permission::View),
    ("Prices", "/prices", Symbol::Price, Permission::View),
];
const TEAM: [Line; 2] = [
    ("Members", "/members", Symbol::Members, Permission::View),
    ("Audit log", "/audit", Symbol::Audit, Permission::ViewAudit),
];

/// Everything left of the page.
#[component]
pub fn Sidebar(me: Me, team: Option<TeamRef>, path: String) -> impl IntoView {
    let switcher = view! { <TeamSwitch teams=me.teams.clone() current=team.clone() /> };
    let navigation = team.clone().map(|team| {
        view! {
            <nav aria-label="Team">{lines(&team, &path, &MAIN)}<hr />{lines(&team, &path, &TEAM)}</nav>
        }
    });
    view! {
        <input type="checkbox" id="drawer" class="hidden" aria-label="Show the navigation" />
        <header class="topbar">
            <label for="drawer" class="button quiet" aria-hidden="true"><Icon symbol=Symbol::Menu /></label>
            <a class="brand" href="/"><Icon symbol=Symbol::Mark />"Weir"</a>
        </header>
        <label for="drawer" class="scrim" aria-hidden="true"></label>
        <aside class="sidebar" aria-label="Sidebar">
            {switcher}
            <button type="button" class="search" data-palette="">
                <Icon symbol=Symbol::Search /><span>"Go to…"</span><kbd>"Ctrl K"</kbd>
            </button>
            {navigation}
            <div class="sidebar-end">
                <Person me=me.clone() path=path.clone() />
            </div>
        </aside>
        <Palette me team />
    }
}

fn lines(team: &TeamRef, path: &str, lines: &[Line]) -> impl IntoView + use<> {
    let base = format!("/{}", team.slug);
    let shown = lines.iter().filter(|(_, _, _, permission)| team.role.allows(*permission));
    shown
        .map(|(name, end, symbol, _)| {
            let href = format!("{base}{end}");
            let below = !end.is_empty() && path.strip_prefix(&href).is_some_and(|rest| rest.starts_with('/'));
            let current = if path.trim_end_matches('/') == href { Some("page") } else { below.then_some("true") };
            view! { <a href=href aria-current=current title=*name><Icon symbol=*symbol /><span>{*name}</span></a> }
        })
        .collect_view()
}

#[component]
fn TeamSwitch(teams: Vec<TeamRef>, current: Option<TeamRef>) -> impl IntoView {
    let name = current.as_ref().map_or_else(|| "Choose a team".to_owned(), |team| team.name.clone());
    let others = teams.into_iter().map(|team| {
        let open = current.as_ref().is_some_and(|current| current.id == team.id).then_some("true");
        view! {
            <a href=format!("/{}", team.slug) aria-current=open>
                <span>{team.name}</span><span class="muted">{team.role.to_string()}</span>
            </a>
        }
    });
    let others = others.collect_view();
    let title = name.clone();
    view! {
        <details class="menu team">
            <summary title=title>
                <Icon symbol=Symbol::Mark />
                <span class="cut">{name}</span>
                <Icon symbol=Symbol::ChevronDown />
            </summary>
            <div class="popup">{others}</div>
        </details>
    }
}

#[component]
fn Person(me: Me, path: String) -> impl IntoView {
    let current = (path == "/account").then_some("page");
    view! {
        <ThemeSwitch />
        <a class="person" href="/account" aria-current=current title=me.email.clone()>
            <Icon symbol=Symbol::Person /><span class="cut">{me.name}</span>
        </a>
        <form method="post" action=SignOut::url()>
            <button type="submit" class="sign-out" title="Sign out"><Icon symbol=Symbol::SignOut /><span>"Sign out"</span></button>
        </form>
    }
}

/// What Ctrl-K offers: the pages and gateways of the team, the other teams, the account.
#[component]
fn Palette(me: Me, team: Option<TeamRef>) -> impl IntoView {
    Suspend::new(async move {
        let mut links = Vec::new();
        if let Some(team) = &team {
            links.extend(pages(team));
            links.extend(gateways(team).await);
        }
        let others = me.teams.iter().filter(|other| team.as_ref().is_none_or(|team| team.id != other.id));
        links.extend(others.map(|other| link(&other.name, "Team", format!("/{}", other.slug))));
        links.push(link("Account", "Page", "/account".to_owned()));
        let requests = team.map(|team| format!("/{}/requests", team.slug));
        view! { <Shortcuts links requests /> }
    })
}

fn pages(team: &TeamRef) -> impl Iterator<Item = PaletteLink> {
    let shown = MAIN.iter().chain(&TEAM).filter(|(_, _, _, permission)| team.role.allows(*permission));
    let pages = shown.map(|(name, end, _, _)| link(name, "Page", format!("/{}{end}", team.slug)));
    let actions = [
        ("New gateway", "/gateways/new", Permission::EditGateways),
        ("New token", "/tokens/new", Permission::ManageTokens),
        ("New policy", "/policies/new", Permission::EditPolicies),
        ("New price", "/prices/new", Permission::EditPrices),
        ("Invite a member", "/members/new", Permission::ManageMembers),
    ];
    let allowed = actions.into_iter().filter(|(_, _, permission)| team.role.allows(*permission));
    pages.chain(allowed.map(|(name, end, _)| link(name, "Action", format!("/{}{end}", team.slug))))
}

/// The palette is a convenience: where the gateways cannot be listed it goes without them.
async fn gateways(team: &TeamRef) -> Vec<PaletteLink> {
    let listed = async {
        let grant = server::grant::<can::View>(&team.slug).await?;
        Ok::<_, crate::AppError>(server::control()?.list_gateways(&grant).await?)
    };
    let found = listed.await.unwrap_or_default();
    let base = format!("/{}/gateways", team.slug);
    let both = found.into_iter().flat_map(|gateway| {
        let settings = link(&gateway.slug, "Gateway", format!("{base}/{}", gateway.slug));
        let connect =
            link(&format!("Connect to {}", gateway.slug), "Action", format!("{base}/{}/connect", gateway.slug));
        [settings, connect]
    });
    both.collect()
}

fn link(name: &str, kind: &str, href: String) -> PaletteLink {
    PaletteLink { name: name.to_owned(), kind: kind.to_owned(), href }
}
