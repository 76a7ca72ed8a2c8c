//! Providers of the team's own: any address that speaks one of the known dialects.

use domain::provider::{AuthScheme, Dialect};
use domain::view::CustomProviderView;
use leptos::prelude::*;

use crate::api::provider_keys::{CreateCustomProvider, DeleteCustomProvider, SetCustomProviderEnabled};
use crate::components::{Badge, Confirm, Field, FormErrors, FormState, PostForm, Select, SubmitButton, Table, Tone};

/// The section: the list where there is one, and the form for another.
pub(super) fn custom_providers(team: &str, custom: &[CustomProviderView], may_edit: bool) -> impl IntoView + use<> {
    let list = (!custom.is_empty()).then(|| table(team, custom, may_edit));
    let refused = FormState::of::<CreateCustomProvider>().error().is_some();
    let add = may_edit.then(|| {
        let team = team.to_owned();
        view! {
            <details class="more" open=refused>
                <summary>"Add a provider of your own"</summary>
                {form(team)}
            </details>
        }
    });
    let failed = FormState::of::<SetCustomProviderEnabled>().error().cloned();
    let failed = failed.or_else(|| FormState::of::<DeleteCustomProvider>().error().cloned());
    view! {
        <section id="custom">
            <h2>"Your own providers"</h2>
            <p class="help">"A model server or a provider Weir does not know: call it as custom-{short name}."</p>
            <FormErrors error=failed />
            {list}
            {add}
        </section>
    }
}

fn table(team: &str, custom: &[CustomProviderView], may_edit: bool) -> impl IntoView + use<> {
    let rows = custom.iter().map(|provider| {
        let badge = if provider.enabled {
            view! { <Badge tone=Tone::Good>"On"</Badge> }
        } else {
            view! { <Badge tone=Tone::Warn>"Off"</Badge> }
        };
        let actions = may_edit.then(|| actions(team, provider));
        view! {
            <tr>
                <td class="cut" title=provider.name.clone()>{provider.name.clone()}</td>
                <td class="cut mono" title=format!("custom-{}", provider.slug)>{format!("custom-{}", provider.slug)}</td>
                <td class="cut mono" title=provider.base_url.clone()>{provider.base_url.clone()}</td>
                <td>{dialect(provider.dialect)}</td>
                <td>{badge}</td>
                <td class="actions">{actions}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Your own providers">
            <thead>
                <tr>
                    <th>"Name"</th>
                    <th>"Called as"</th>
                    <th>"Address"</th>
                    <th>"Speaks"</th>
                    <th>"State"</th>
                    <th><span class="hidden">"Actions"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

fn actions(team: &str, provider: &CustomProviderView) -> impl IntoView + use<> {
    let (team, id, enabled) = (team.to_owned(), provider.id.to_string(), provider.enabled);
    let delete = vec![("team", team.clone()), ("id", id.clone())];
    view! {
        <PostForm action={ServerAction::<SetCustomProviderEnabled>::new()} errors=false>
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="id" value=id />
            {(!enabled).then(|| view! { <input type="hidden" name="enabled" value="on" /> })}
            <button type="submit" class="button small">{if enabled { "Turn off" } else { "Turn on" }}</button>
        </PostForm>
        <Confirm
            action={ServerAction::<DeleteCustomProvider>::new()}
            label="Delete"
            question="Requests to this provider fail from now on."
            yes="Delete this provider"
            fields=delete
        />
    }
}

fn form(team: String) -> impl IntoView {
    let longest = domain::validate::MAX_NAME as u64;
    let dialects = Dialect::ALL.map(|known| (known.as_str().to_owned(), dialect(known).to_owned())).to_vec();
    let schemes = AuthScheme::HEADERS.map(|scheme| (scheme.as_str().to_owned(), header(scheme).to_owned())).to_vec();
    view! {
        <PostForm action={ServerAction::<CreateCustomProvider>::new()} class="narrow">
            <input type="hidden" name="team" value=team />
            <Field label="Name" name="name" required=true longest placeholder="Inference cluster" />
            <Field label="Short name" name="slug" required=true longest mono=true pattern="[a-z0-9]+(-[a-z0-9]+)*"
                placeholder="cluster" help="Requests call it custom-cluster. Lower-case letters, digits, hyphens." />
            <Field label="Address" name="base_url" kind="url" required=true mono=true placeholder="https://llm.example.com/v1"
                help="What comes before chat/completions or its like." />
            <Select label="Speaks" name="dialect" options=dialects value="openai" />
            <Select label="Takes its key in" name="auth" options=schemes value="bearer" />
            <SubmitButton>"Add provider"</SubmitButton>
        </PostForm>
    }
}

fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Openai => "OpenAI Chat Completions",
        Dialect::Anthropic => "Anthropic Messages",
        Dialect::Gemini => "Gemini generateContent",
    }
}

/// The header, as a person knows it.
fn header(scheme: AuthScheme) -> &'static str {
    match scheme {
        AuthScheme::Bearer | AuthScheme::Aws | AuthScheme::Google => "Authorization: Bearer",
        AuthScheme::Token => "Authorization: Token",
        AuthScheme::Key => "Authorization: Key",
        AuthScheme::XApiKey | AuthScheme::XGoogApiKey | AuthScheme::ApiKey | AuthScheme::XiApiKey => scheme.as_str(),
    }
}
