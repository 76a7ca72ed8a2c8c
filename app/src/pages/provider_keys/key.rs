//! One provider key: test it, put another in its place, turn it off, delete it.

use domain::health::TeamHealth;
use domain::view::{ConnectionTestCode, CustomProviderView, ProviderKeyView};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::health::{explained, state};
use super::list::{alias, pooling, share};
use super::provider_name;
use crate::api::provider_keys::{
    DeleteProviderKey, OVERLAPS, PoolProviderKey, RotateProviderKey, SetProviderKeyEnabled, TestProviderKey,
    read_test_code,
};
use crate::components::{
    Confirm, Field, FormErrors, FormState, Notice, Page, PostForm, Saved, Select, SubmitButton, Time, Tone, format,
    load,
};
use crate::pages::address;
use crate::pages::overview::{Progress, ProgressLine};
use crate::{AppError, server};

/// Provider key.
#[component]
pub fn ProviderKeyPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone(), address::part("id")), move |data| show(team, data))
}

struct Data {
    key: ProviderKeyView,
    keys: Vec<ProviderKeyView>,
    custom: Vec<CustomProviderView>,
    progress: Progress,
    may_edit: bool,
    health: TeamHealth,
}

async fn find(team: String, id: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::ManageProviderKeys>(&team).await.is_ok();
    let id: domain::ProviderKeyId = id.parse().map_err(|_| AppError::NotFound)?;
    let control = server::control()?;
    let keys = control.list_provider_keys(&grant).await?;
    let key = keys.iter().find(|key| key.id == id).cloned().ok_or(AppError::NotFound)?;
    let custom = control.list_custom_providers(&grant).await?;
    let gateways = control.list_gateways(&grant).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    let health = control.provider_health(&grant);
    Ok(Data { key, keys, custom, progress, may_edit, health })
}

fn show(team: String, data: Data) -> impl IntoView {
    let Data { key, keys, custom, progress, may_edit, health } = data;
    let name = provider_name(&key.provider, &custom);
    let above = (format!("/{team}/keys"), "Provider keys");
    let tools = may_edit.then(|| tools(&team, &key));
    let rotate = may_edit.then(|| rotate(&team, &key));
    let pool = (may_edit && key.expires_at.is_none()).then(|| pool(&team, &key));
    let on = (!progress.has_tokens).then(|| {
        view! { " "<a href=format!("/{team}/tokens/new")>"Next: issue a token"</a> }
    });
    let explained = explained(&key, &health, server::now());
    let (facts, tested) = (facts(&key, &keys, &health), tested(&address::query(), &name));
    view! {
        <Page title=format!("{name} · {}", alias(&key)) above toolbar=move || tools>
            <ProgressLine team progress />
            <FormErrors error=refused() />
            <Saved word="created"><p>"The key is stored and in use. Test the connection, or go on."{on}</p></Saved>
            <Saved word="rotated"><p>"The new key is in use. The old one ends at the chosen time."</p></Saved>
            <Saved word="pooled"><p>"The key's share of the requests was changed."</p></Saved>
            <Saved word="enabled"><p>"The key is in use again."</p></Saved>
            <Saved word="disabled"><p>"The key is off: requests are not sent with it."</p></Saved>
            {tested}
            {explained}
            {facts}
            {rotate}
            {pool}
        </Page>
    }
}

/// Why a button at the top was refused.
fn refused() -> Option<AppError> {
    let states = [
        FormState::of::<TestProviderKey>(),
        FormState::of::<SetProviderKeyEnabled>(),
        FormState::of::<DeleteProviderKey>(),
    ];
    states.iter().find_map(|state| state.error().cloned())
}

fn facts(key: &ProviderKeyView, others: &[ProviderKeyView], health: &TeamHealth) -> impl IntoView + use<> {
    let now = server::now();
    let address = key.base_url.clone().unwrap_or_else(|| "the provider's own".to_owned());
    let rotated = key.rotated_at.map(|at| view! { <div><dt>"Rotated"</dt><dd><Time at now /></dd></div> });
    let expires = key.expires_at.map(|at| view! { <div><dt>"Ends"</dt><dd><Time at now /></dd></div> });
    view! {
        <dl class="facts">
            <div><dt>"State"</dt><dd>{state(key, health, now)}</dd></div>
            <div><dt>"Key"</dt><dd class="mono">{key.hint.clone()}</dd></div>
            <div><dt>"Alias"</dt><dd class="mono wrap">{alias(key)}</dd></div>
            <div><dt>"Share"</dt><dd>{share(key, others)}</dd></div>
            <div><dt>"Region"</dt><dd>{key.pooling.region.clone().unwrap_or_else(|| "none".to_owned())}</dd></div>
            <div><dt>"Address"</dt><dd class="mono wrap">{address}</dd></div>
            <div><dt>"Stored"</dt><dd><Time at=key.created_at now /></dd></div>
            {rotated}
            {expires}
        </dl>
    }
}

fn tools(team: &str, key: &ProviderKeyView) -> impl IntoView + use<> {
    let (team, id, enabled) = (team.to_owned(), key.id.to_string(), key.enabled);
    let delete = vec![("team", team.clone()), ("id", id.clone())];
    let (test_team, test_id) = (team.clone(), id.clone());
    view! {
        <PostForm action={ServerAction::<TestProviderKey>::new()} errors=false>
            <input type="hidden" name="team" value=test_team />
            <input type="hidden" name="id" value=test_id />
            <SubmitButton>"Test connection"</SubmitButton>
        </PostForm>
        <PostForm action={ServerAction::<SetProviderKeyEnabled>::new()} errors=false>
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="id" value=id />
            {(!enabled).then(|| view! { <input type="hidden" name="enabled" value="on" /> })}
            <SubmitButton quiet=true>{if enabled { "Turn off" } else { "Turn on" }}</SubmitButton>
        </PostForm>
        <Confirm
            action={ServerAction::<DeleteProviderKey>::new()}
            label="Delete"
            question="Requests that need this key fail from now on. The secret is erased and cannot be brought back."
            yes="Delete this key"
            fields=delete
        />
    }
}

fn rotate(team: &str, key: &ProviderKeyView) -> impl IntoView + use<> {
    let options = OVERLAPS.map(|(value, words)| (value.to_owned(), words.to_owned())).to_vec();
    let (team, id) = (team.to_owned(), key.id.to_string());
    view! {
        <section>
            <h2>"Rotate"</h2>
            <p class="help">"Store the new key; requests use it at once. The old one goes on working for the overlap, so that \
                             nothing that runs is cut off."</p>
            <PostForm action={ServerAction::<RotateProviderKey>::new()} class="narrow">
                <input type="hidden" name="team" value=team />
                <input type="hidden" name="id" value=id />
                <Field label="New key" name="secret" kind="password" required=true mono=true />
                <Select label="The old key" name="overlap" options value="86400" />
                <SubmitButton>"Rotate"</SubmitButton>
            </PostForm>
        </section>
    }
}

fn pool(team: &str, key: &ProviderKeyView) -> impl IntoView + use<> {
    let (team, id, of_key) = (team.to_owned(), key.id.to_string(), key.pooling.clone());
    view! {
        <section>
            <h2>"Share of the requests"</h2>
            <p class="help">"Keys of a provider with the same alias share its requests. Where one is refused, asked too often or out of \
                             order, another answers."</p>
            <PostForm action={ServerAction::<PoolProviderKey>::new()} class="narrow">
                <input type="hidden" name="team" value=team />
                <input type="hidden" name="id" value=id />
                // Made in here, not before: a field finds its problem in the context that the form provides.
                {pooling(&of_key)}
                <SubmitButton>"Save"</SubmitButton>
            </PostForm>
        </section>
    }
}

/// What the connection test found, as the URL says in codes and numbers.
fn tested(query: &ParamsMap, provider: &str) -> Option<impl IntoView + use<>> {
    let code = read_test_code(query.get_str("tested")?)?;
    let number = |name: &str| query.get_str(name).and_then(|text| text.parse::<u32>().ok());
    let (tone, text) = verdict(code, provider, number("status").filter(|status| (100..600).contains(status)));
    let took = number("ms").map(|ms| format!(" It took {}.", format::duration(u64::from(ms) * 1_000)));
    Some(view! { <Notice tone><p>{text}{took}</p></Notice> })
}

fn verdict(code: ConnectionTestCode, provider: &str, status: Option<u32>) -> (Tone, String) {
    let status = status.map(|status| format!(" (status {status})")).unwrap_or_default();
    match code {
        ConnectionTestCode::Accepted => (Tone::Good, format!("{provider} accepted the key.")),
        ConnectionTestCode::Rejected => (
            Tone::Bad,
            format!(
                "{provider} refused the key{status}. Check that it was copied whole and is still valid, then rotate it."
            ),
        ),
        ConnectionTestCode::PrivateAddress => (
            Tone::Bad,
            "The address is private, and this server does not call private addresses. Start it with \
             WEIR_ALLOW_PRIVATE_UPSTREAMS=true to allow that."
                .to_owned(),
        ),
        ConnectionTestCode::Unreachable => (
            Tone::Bad,
            "Nothing answers at the address. Check it for typing errors, and that this server may reach it.".to_owned(),
        ),
        ConnectionTestCode::TimedOut => {
            (Tone::Bad, "No answer came in time. The provider may be slow now: try again in a minute.".to_owned())
        }
        ConnectionTestCode::Unexpected => (
            Tone::Warn,
            format!(
                "{provider} answered, but the answer{status} tells nothing about the key. Send a request to be sure."
            ),
        ),
        ConnectionTestCode::Public => (
            Tone::Warn,
            format!(
                "{provider} answers this question without a key too, so the key could not be tested. Send a request to be sure."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_says_what_to_do() {
        let codes = [
            ConnectionTestCode::Rejected,
            ConnectionTestCode::PrivateAddress,
            ConnectionTestCode::Unreachable,
            ConnectionTestCode::TimedOut,
            ConnectionTestCode::Unexpected,
            ConnectionTestCode::Public,
        ];
        for code in codes {
            let (tone, text) = verdict(code, "OpenAI", Some(401));
            assert!(tone != Tone::Good && text.split('.').count() > 2, "{text}");
        }
        assert_eq!(verdict(ConnectionTestCode::Accepted, "OpenAI", Some(200)).0, Tone::Good);
    }
}
