//! The team's policies at a glance.

use chrono::{DateTime, Utc};
use control::PolicyUsage;
use domain::policy::PolicyState;
use domain::view::PolicyView;
use leptos::prelude::*;

use super::{gauge, switch, words};
use crate::api::policies::SetPolicyState;
use crate::components::{Badge, EmptyState, FormErrors, FormState, Notice, Page, Saved, Symbol, Table, Tone, load};
use crate::pages::address;
use crate::{AppError, server};

/// Policies.
#[component]
pub fn PoliciesPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone()), move |data| show(&team, data))
}

struct Data {
    policies: Vec<PolicyView>,
    usage: Vec<PolicyUsage>,
    may_edit: bool,
}

async fn find(team: String) -> Result<Data, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    let may_edit = server::grant::<control::can::EditPolicies>(&team).await.is_ok();
    let control = server::control()?;
    Ok(Data { policies: control.list_policies(&grant).await?, usage: control.policy_usage(&grant), may_edit })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { policies, usage, may_edit } = data;
    let new = format!("/{team}/policies/new");
    let button = (may_edit && !policies.is_empty()).then(|| {
        view! { <a class="button primary" href=new.clone()>"New policy"</a> }
    });
    let content = if policies.is_empty() {
        view! {
            <EmptyState symbol=Symbol::Policy title="No policies yet">
                <p>"A policy limits what requests may do: a budget for each month, requests a minute for each token, models that \
                    some may not use. A draft can be tried on the requests of the last days before it counts."</p>
                {may_edit.then(|| view! { <p><a class="button primary" href=new>"Write a policy"</a></p> })}
            </EmptyState>
        }
        .into_any()
    } else {
        table(team, &policies, &usage, may_edit).into_any()
    };
    let damaged = damaged(&policies);
    let error = FormState::of::<SetPolicyState>().error().cloned();
    view! {
        <Page title="Policies" toolbar=move || button>
            <FormErrors error />
            <Saved word="deleted"><p>"The policy was deleted. Requests from now on do not meet it."</p></Saved>
            {damaged}
            {content}
        </Page>
    }
}

/// Says which policies limit nothing although they should.
pub(in crate::pages) fn damaged(policies: &[PolicyView]) -> Option<impl IntoView + use<>> {
    let damaged = policies.iter().filter(|policy| policy.state == PolicyState::On && policy.policy.is_none());
    let names = damaged.map(|policy| policy.name.as_str()).collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| {
        view! {
            <Notice tone=Tone::Bad>
                <p>{format!("This version of Weir cannot read these policies, so they are not in force: {names}. Write them anew.")}</p>
            </Notice>
        }
    })
}

fn table(team: &str, policies: &[PolicyView], usage: &[PolicyUsage], may_edit: bool) -> impl IntoView + use<> {
    let now = server::now();
    let rows = policies.iter().map(|policy| {
        let usage = usage.iter().find(|usage| usage.id == policy.id);
        row(team, policy, usage, may_edit, now)
    });
    let rows = rows.collect_view();
    view! {
        <Table label="Policies">
            <thead>
                <tr>
                    <th>"Name"</th>
                    <th class="wide">"What it does"</th>
                    <th>"State"</th>
                    <th class="roomy">"Used"</th>
                    <th class="roomy"><span class="hidden">"Action"</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </Table>
    }
}

fn row(
    team: &str,
    policy: &PolicyView,
    usage: Option<&PolicyUsage>,
    may_edit: bool,
    now: DateTime<Utc>,
) -> impl IntoView + use<> {
    let (does, about) = match &policy.policy {
        Some(readable) => (words::does(readable, now), Some(words::about(&readable.when))),
        None => ("Cannot be read, so it limits nothing".to_owned(), None),
    };
    let own = policy.owner.map(|token| {
        let page = format!("/{team}/tokens/{token}");
        view! { ", its "<a href=page>"own limit"</a> }
    });
    let about = about.map(|about| view! { <div class="muted">{about}{own}</div> });
    let gauge = gauge::gauge(policy.policy.as_ref().and_then(|policy| policy.limit()), usage);
    let action = may_edit.then(|| switch(team, policy, true));
    view! {
        <tr>
            <td class="cut" title=policy.name.clone()>
                <a class="row-link" href=format!("/{team}/policies/{}", policy.id)>{policy.name.clone()}</a>
            </td>
            <td class="wide">{does}{about}</td>
            <td>{state(policy)}</td>
            <td class="roomy">{gauge}</td>
            <td class="actions roomy">{action}</td>
        </tr>
    }
}

/// Whether it is in force.
pub(in crate::pages) fn state(policy: &PolicyView) -> impl IntoView + use<> {
    let (tone, word) = match (policy.state, &policy.policy, policy.live) {
        (PolicyState::Draft, ..) => (Tone::Info, "Draft"),
        (PolicyState::Off, ..) => (Tone::Warn, "Off"),
        (PolicyState::On, None, _) => (Tone::Bad, "Not in force"),
        (PolicyState::On, Some(_), false) => (Tone::Warn, "Not live yet"),
        (PolicyState::On, Some(_), true) => (Tone::Good, "On"),
    };
    view! { <Badge tone=tone>{word}</Badge> }
}
