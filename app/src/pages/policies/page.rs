//! A new policy, and one that exists: what it does, how far it is used up, and the two ways to write it.

use control::{Control, Grant, PolicyUsage, can};
use domain::PolicyId;
use domain::policy::PolicyState;
use domain::view::PolicyView;
use leptos::prelude::*;

use super::{Writing, about, does, form, gauge, state, switch, text};
use crate::api::policies::{DeletePolicy, Kept, PolicyForm, SetPolicyState, pretty};
use crate::components::{Confirm, FormErrors, FormState, Notice, Page, Saved, Time, Tone, load};
use crate::pages::address;
use crate::pages::overview::encoded;
use crate::{AppError, server};

/// What a new policy's text begins with.
const EXAMPLE: &str =
    r#"{"when":{},"group_by":["token"],"limit":{"cost":"50.00","per":"month","warn_at":80},"action":"refuse"}"#;

/// New policy.
#[component]
pub fn NewPolicyPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let token = address::asked(&query, "token");
    let writing = writing(query.get_str("as"));
    load(new_data(team.clone(), address::asked(&query, "kept")), move |(names, kept)| {
        let page = format!("/{team}/policies/new");
        let prefilled = token.as_deref().map(|token| format!("token={}", encoded(token)));
        let tabs = writing.tabs(&page, prefilled.as_deref());
        let content = match writing {
            Writing::Form => {
                let form = PolicyForm {
                    what: Some("cost".to_owned()),
                    per: Some("month".to_owned()),
                    tokens: token,
                    ..PolicyForm::default()
                };
                form::form(&team, None, form, &names).into_any()
            }
            Writing::Text => {
                let mut example: serde_json::Value = serde_json::from_str(EXAMPLE).unwrap_or_default();
                if let Some(token) = &token {
                    example["when"] = serde_json::json!({ "token": [token] });
                }
                let fresh = || Kept { text: pretty(&example.to_string()), ..Kept::default() };
                text::form(&team, None, kept.unwrap_or_else(fresh)).into_any()
            }
        };
        view! {
            <Page title="New policy" above=(format!("/{team}/policies"), "Policies")>
                <p class="lead">
                    "A policy looks at the requests that it is about, and allows, refuses or limits them. Save it as a draft to see \
                     what it would have done over the last days."
                </p>
                {tabs}
                {content}
            </Page>
        }
    })
}

async fn new_data(team: String, kept: Option<String>) -> Result<(form::Names, Option<Kept>), AppError> {
    server::grant::<can::EditPolicies>(&team).await?;
    let grant = server::grant::<can::View>(&team).await?;
    let control = server::control()?;
    Ok((names(&control, &grant).await?, take(&control, kept.as_deref())?))
}

fn writing(asked: Option<&str>) -> Writing {
    if asked == Some("text") { Writing::Text } else { Writing::Form }
}

fn take(control: &Control, kept: Option<&str>) -> Result<Option<Kept>, AppError> {
    let actor = server::actor()?;
    Ok(kept.and_then(|id| Kept::take(control, &actor, id)))
}

async fn names(control: &Control, grant: &Grant<can::View>) -> Result<form::Names, AppError> {
    let gateways = control.list_gateways(grant).await?.into_iter().map(|gateway| gateway.slug).collect();
    let tokens = control.list_tokens(grant).await?.into_iter().filter(|token| token.revoked_at.is_none());
    Ok(form::Names { gateways, tokens: tokens.map(|token| token.name).collect() })
}

/// Policy.
#[component]
pub fn PolicyPage() -> impl IntoView {
    let team = address::part("team");
    let query = address::query();
    let writing = writing(query.get_str("as"));
    let kept = address::asked(&query, "kept");
    load(find(team.clone(), address::part("id"), kept), move |data| show(&team, writing, data))
}

struct Data {
    policy: PolicyView,
    usage: Option<PolicyUsage>,
    names: form::Names,
    kept: Option<Kept>,
    may_edit: bool,
}

async fn find(team: String, id: String, kept: Option<String>) -> Result<Data, AppError> {
    let grant = server::grant::<can::View>(&team).await?;
    let may_edit = server::grant::<can::EditPolicies>(&team).await.is_ok();
    let id: PolicyId = id.parse().map_err(|_| AppError::NotFound)?;
    let control = server::control()?;
    let policy = control.find_policy(&grant, id).await?;
    let usage = control.policy_usage(&grant).into_iter().find(|usage| usage.id == id);
    let (names, kept) = (names(&control, &grant).await?, take(&control, kept.as_deref())?);
    Ok(Data { policy, usage, names, kept, may_edit })
}

fn show(team: &str, writing: Writing, data: Data) -> impl IntoView + use<> {
    let Data { policy, usage, names, kept, may_edit } = data;
    let page = format!("/{team}/policies/{}", policy.id);
    let error = FormState::of::<SetPolicyState>().error().or(FormState::of::<DeletePolicy>().error()).cloned();
    let form = policy.policy.as_ref().and_then(PolicyForm::of);
    let too_much = form.is_none() && policy.policy.is_some() && writing == Writing::Form;
    let (tabs, content) = match (may_edit, form, writing) {
        (false, ..) => (None, text::reading(&policy).into_any()),
        (true, Some(form), Writing::Form) => {
            (Some(Writing::Form.tabs(&page, None)), form::form(team, Some(&policy), form, &names).into_any())
        }
        (true, ..) => {
            let stored = || Kept { name: policy.name.clone(), text: pretty(&policy.text), wrong: Vec::new() };
            let content = text::form(team, Some(&policy), kept.unwrap_or_else(stored));
            (Some(Writing::Text.tabs(&page, None)), content.into_any())
        }
    };
    let notice = notice(&policy, too_much);
    let own = policy.owner.map(|token| own(format!("/{team}/tokens/{token}")));
    let (saved, facts) = (saved(&page), facts(&policy, usage.as_ref()));
    let toolbar = toolbar(team, &page, &policy, may_edit);
    view! {
        <Page title=policy.name.clone() above=(format!("/{team}/policies"), "Policies") toolbar=move || toolbar>
            <FormErrors error />
            {saved}
            {notice}
            {own}
            {facts}
            {tabs}
            {content}
        </Page>
    }
}

fn saved(page: &str) -> impl IntoView + use<> {
    let attempt = format!("{page}/simulation");
    view! {
        <Saved word="draft">
            <p>
                "The policy is a draft and limits nothing yet. "
                <a href=attempt>"See what it would have done over the last 7 days"</a>", then switch it on."
            </p>
        </Saved>
        <Saved word="on"><p>"The policy is on. Every request from now on meets it; what was spent in its window counts already."</p></Saved>
        <Saved word="off"><p>"The policy is off. Requests from now on do not meet it."</p></Saved>
        <Saved word="changed"><p>"Saved. Where the policy is on, every request from now on meets it as it is now."</p></Saved>
    }
}

fn notice(policy: &PolicyView, too_much: bool) -> impl IntoView + use<> {
    if policy.policy.is_none() {
        Some(view! {
            <Notice tone=Tone::Bad>
                <p>"This version of Weir cannot read this policy, so it is not in force, whatever its state. Write it anew, or delete it."</p>
            </Notice>
        }.into_any())
    } else {
        too_much.then(|| {
            view! { <Notice><p>"This policy says more than the form has fields for, so it is written as text."</p></Notice> }.into_any()
        })
    }
}

/// Says whose own limit it is.
fn own(token: String) -> impl IntoView {
    view! {
        <Notice>
            <p>
                "This is an own limit of a token, and "<a href=token>"the token's form"</a>" has a field for its amount. Changed here into \
                 something else, it is a policy like any other from then on."
            </p>
        </Notice>
    }
}

fn facts(policy: &PolicyView, usage: Option<&PolicyUsage>) -> impl IntoView + use<> {
    let now = server::now();
    let words = policy.policy.as_ref().map(|readable| {
        let (does, about) = (does(readable, now), about(&readable.when));
        view! {
            <div><dt>"What it does"</dt><dd>{does}</dd></div>
            <div><dt>"For"</dt><dd>{about}</dd></div>
        }
    });
    let limit = policy.policy.as_ref().and_then(|policy| policy.limit());
    let used = limit.map(|limit| view! { <div><dt>"Used"</dt><dd>{gauge(Some(limit), usage)}</dd></div> });
    view! {
        <dl class="facts">
            <div><dt>"State"</dt><dd>{state(policy)}</dd></div>
            {words}
            {used}
            <div><dt>"Changed"</dt><dd><Time at=policy.updated_at now /></dd></div>
        </dl>
    }
}

fn toolbar(team: &str, page: &str, policy: &PolicyView, may_edit: bool) -> impl IntoView + use<> {
    let attempt = format!("{page}/simulation");
    let attempt = policy.policy.is_some().then(|| {
        view! { <a class="button" href=attempt>"What would it have done?"</a> }
    });
    let buttons = may_edit.then(|| {
        let question = if policy.state == PolicyState::On {
            "Requests do not meet it any more, at once."
        } else {
            "It is not in force. Its text stays in the audit log."
        };
        view! {
            {switch(team, policy, false)}
            <Confirm
                action={ServerAction::<DeletePolicy>::new()}
                label="Delete"
                question=question
                yes="Delete the policy"
                fields=vec![("team", team.to_owned()), ("id", policy.id.to_string())]
            />
        }
    });
    view! { {attempt}{buttons} }
}
