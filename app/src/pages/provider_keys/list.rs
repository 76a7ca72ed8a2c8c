//! The team's provider keys at a glance, and the form for another.

use domain::health::TeamHealth;
use domain::provider::{MAX_REQUESTS_PER_MINUTE, MAX_WEIGHT, Pooling};
use domain::view::{CustomProviderView, ProviderKeyView};
use leptos::prelude::*;

use super::custom::custom_providers;
use super::health::state;
use super::provider_name;
use crate::api::provider_keys::CreateProviderKey;
use crate::components::{
    EmptyState, Field, FormState, Page, PostForm, Saved, Select, SubmitButton, Symbol, Table, Time, load,
};
use crate::pages::address;
use crate::pages::overview::{Progress, ProgressLine};
use crate::{AppError, server};

const WHAT_KEYS_ARE: &str = "Weir calls a provider with the key that is stored here. It is encrypted at rest, used only for the \
     call itself, and never shown again. Applications hold a Weir token instead.";

/// Provider keys.
#[component]
pub fn ProviderKeysPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone()), move |data| show(team, data))
}

struct Data {
    keys: Vec<ProviderKeyView>,
    custom: Vec<CustomProviderView>,
    progress: Progress,
    may_edit: bool,
    health: TeamHealth,
}

async fn find(team: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::ManageProviderKeys>(&team).await.is_ok();
    let control = server::control()?;
    let gateways = control.list_gateways(&grant).await?;
    let progress = Progress::find(&control, &grant, &gateways).await?;
    let keys = control.list_provider_keys(&grant).await?;
    let custom = control.list_custom_providers(&grant).await?;
    let health = control.provider_health(&grant);
    Ok(Data { keys, custom, progress, may_edit, health })
}

fn show(team: String, data: Data) -> impl IntoView {
    let Data { keys, custom, progress, may_edit, health } = data;
    let button =
        (may_edit && !keys.is_empty()).then(|| view! { <a class="button primary" href="#add">"Add a key"</a> });
    let list = if keys.is_empty() && may_edit {
        // The form follows at once, so a word before it is enough.
        view! { <p class="lead">{WHAT_KEYS_ARE}</p> }.into_any()
    } else if keys.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Key title="No provider keys yet">
                <p>{WHAT_KEYS_ARE}</p>
            </EmptyState>
        }
        .into_any()
    } else {
        table(&team, &keys, &custom, &health).into_any()
    };
    let add = may_edit.then(|| add(&team, &custom));
    let own = custom_providers(&team, &custom, may_edit);
    view! {
        <Page title="Provider keys" toolbar=move || button>
            <ProgressLine team progress />
            <Saved word="gateway"><p>"The gateway was created. Now give it a key to call a provider with."</p></Saved>
            <Saved word="deleted"><p>"The key was deleted; its secret is erased."</p></Saved>
            <Saved word="provider"><p>"The provider was saved."</p></Saved>
            <Saved word="provider-deleted"><p>"The provider was deleted."</p></Saved>
            {list}
            {add}
            {own}
        </Page>
    }
}

fn table(
    team: &str,
    keys: &[ProviderKeyView],
    custom: &[CustomProviderView],
    health: &TeamHealth,
) -> impl IntoView + use<> {
    let now = server::now();
    let rows = keys.iter().map(|key| {
        let changed = key.rotated_at.unwrap_or(key.created_at);
        let name = provider_name(&key.provider, custom);
        let address = key.base_url.clone();
        let alias = alias(key);
        let share = share(key, keys);
        view! {
            <tr>
                <td class="cut" title=name.clone()>
                    <a class="row-link" href=format!("/{team}/keys/{}", key.id)>{name.clone()}</a>
                </td>
                <td class="cut" title=alias.clone()>{alias.clone()}</td>
                <td class="mono">{key.hint.clone()}</td>
                <td>{state(key, health, now)}</td>
                <td>{share}</td>
                <td class="cut mono" title=address.clone()>
                    {match key.base_url.clone() {
                        Some(address) => view! { <span>{address}</span> }.into_any(),
                        None => view! { <span class="muted">"the provider's"</span> }.into_any(),
                    }}
                </td>
                <td><Time at=changed now /></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Provider keys">
            <thead>
                <tr>
                    <th>"Provider"</th>
                    <th>"Alias"</th>
                    <th>"Key"</th>
                    <th>"State"</th>
                    <th>"Share"</th>
                    <th>"Address"</th>
                    <th>"Stored"</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

/// The alias, with the key's own name behind it where it has one.
pub(super) fn alias(key: &ProviderKeyView) -> String {
    if key.pooling.name.is_empty() { key.alias.clone() } else { format!("{}/{}", key.alias, key.pooling.name) }
}

/// Its part of the requests beside the others with its alias.
pub(super) fn share(key: &ProviderKeyView, keys: &[ProviderKeyView]) -> String {
    let is_used = |key: &&ProviderKeyView| key.enabled && key.expires_at.is_none();
    let beside = |other: &&ProviderKeyView| other.provider == key.provider && other.alias == key.alias;
    let others: Vec<_> = keys.iter().filter(is_used).filter(beside).collect();
    let all: u64 = others.iter().map(|other| u64::from(other.pooling.weight)).sum();
    match u64::from(key.pooling.weight) {
        _ if !key.enabled => "none".to_owned(),
        0 if others.len() > 1 => "stands by".to_owned(),
        _ if key.expires_at.is_some() => "stands by".to_owned(),
        _ if others.len() == 1 => "all".to_owned(),
        weight => format!("{} %", weight * 100 / all.max(1)),
    }
}

fn add(team: &str, custom: &[CustomProviderView]) -> impl IntoView + use<> {
    let known = wire::providers::all().iter().map(|provider| (provider.slug.clone(), provider.name.clone()));
    let own = custom.iter().filter(|provider| provider.enabled);
    let own = own.map(|provider| (format!("custom-{}", provider.slug), provider.name.clone()));
    let options: Vec<_> = known.chain(own).collect();
    let chosen = address::asked(&address::query(), "provider").unwrap_or_default();
    let sources = wire::providers::all().iter().map(|provider| {
        view! { <li><a href=provider.key_url.clone() rel="noopener noreferrer" target="_blank">{provider.name.clone()}</a></li> }
    });
    let sources = sources.collect_view();
    let (team, longest) = (team.to_owned(), domain::validate::MAX_NAME as u64);
    // What is wrong must not be hidden.
    let state = FormState::of::<CreateProviderKey>();
    let is_wrong =
        ["name", "weight", "region", "requests_per_minute"].iter().any(|field| state.problem(field).is_some());
    view! {
        <section id="add">
            <h2>"Add a key"</h2>
            <PostForm action={ServerAction::<CreateProviderKey>::new()} class="narrow">
                <input type="hidden" name="team" value=team />
                <Select label="Provider" name="provider" options value=chosen />
                <Field label="Key" name="secret" kind="password" required=true mono=true
                    help="Encrypted at rest. Nobody sees it again, you neither. For AWS, Google Cloud and Azure see below." />
                <Field label="Alias" name="alias" value="default" required=true longest mono=true
                    help="Requests use the key called default unless they name another. Several keys may share an alias." />
                <Field label="Address" name="base_url" kind="url" mono=true placeholder="the provider's own"
                    help="Only to call another address than the provider's, such as a proxy of yours, or your own at Azure and AWS." />
                <details class="sources" open=is_wrong>
                    <summary>"One of several keys?"</summary>
                    <p class="help">"Keys with the same alias share the requests. Where one is refused, asked too often or out of order, \
                                     another answers."</p>
                    {pooling(&Pooling::default())}
                </details>
                <SubmitButton>"Store key"</SubmitButton>
            </PostForm>
            <Clouds />
            <details class="sources">
                <summary>"Where do I get a key?"</summary>
                <ul class="plain">{sources}</ul>
            </details>
        </section>
    }
}

/// The fields of how a key stands among others.
pub(super) fn pooling(pooling: &Pooling) -> AnyView {
    let limit = pooling.requests_per_minute.map(|most| most.to_string()).unwrap_or_default();
    view! {
        <Field label="Name" name="name" value=pooling.name.clone() mono=true placeholder="only where an alias has several"
            help="Tells it from the other keys with its alias." />
        <div class="pair">
            <Field label="Weight" name="weight" kind="number" value=pooling.weight.to_string() min=0 max=u64::from(MAX_WEIGHT)
                help="Its share beside the others. 0 stands by for when no other can be asked." />
            <Field label="At most" name="requests_per_minute" kind="number" unit="requests/min" value=limit placeholder="no limit"
                min=1 max=u64::from(MAX_REQUESTS_PER_MINUTE) help="What is beyond goes to the others." />
        </div>
        <Field label="Region" name="region" value=pooling.region.clone().unwrap_or_default() mono=true placeholder="none"
            help="In your own words, such as eu. A gateway can be held to certain regions." />
    }
    .into_any()
}

/// What to paste where a key is more than a word.
#[component]
fn Clouds() -> impl IntoView {
    view! {
        <details class="sources">
            <summary>"What do I paste for AWS, Google Cloud and Azure?"</summary>
            <dl>
                <dt>"AWS Bedrock"</dt>
                <dd>
                    "A Bedrock API key, or an access key as "<code>"ACCESS_KEY_ID:SECRET_ACCESS_KEY"</code>", with "
                    <code>":SESSION_TOKEN"</code>" behind it where there is one, or as the JSON that "
                    <code>"aws configure export-credentials"</code>" prints. The address says the region: "
                    <code>"https://bedrock-runtime.us-east-1.amazonaws.com"</code>
                    ". It can stay empty where the JSON has a "<code>"Region"</code>"."
                </dd>
                <dt>"Google Vertex AI"</dt>
                <dd>
                    "The whole JSON file of a service account; Weir fetches tokens with it. Without an address the location is "
                    <code>"global"</code>", or what the JSON says as "<code>"region"</code>". Another one: "
                    <code>"https://us-east5-aiplatform.googleapis.com"</code>"."
                </dd>
                <dt>"Azure OpenAI"</dt>
                <dd>
                    "A key of the resource, or a token of Microsoft Entra. The address is the resource's: "
                    <code>"https://acme.openai.azure.com"</code>". Models are called by the names of their deployments. For the "
                    "older form of calls add the version: "
                    <code>"https://acme.openai.azure.com/openai/deployments?api-version=2024-10-21"</code>"."
                </dd>
            </dl>
        </details>
    }
}
