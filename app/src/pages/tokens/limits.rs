//! The policies that name a token, and the way to another one.

use control::PolicyUsage;
use domain::view::PolicyView;
use leptos::prelude::*;

use crate::components::Table;
use crate::pages::overview::encoded;
use crate::pages::policies::{does, gauge, state};
use crate::server;

/// The section.
pub(super) fn limits(
    team: &str,
    token: &str,
    policies: &[PolicyView],
    usage: &[PolicyUsage],
    may_limit: bool,
) -> impl IntoView + use<> {
    let now = server::now();
    let rows =
        policies.iter().filter_map(|policy| Some((policy, policy.policy.as_ref()?))).map(|(policy, readable)| {
            let usage = usage.iter().find(|usage| usage.id == policy.id);
            view! {
                <tr>
                    <td class="cut" title=policy.name.clone()>
                        <a class="row-link" href=format!("/{team}/policies/{}", policy.id)>{policy.name.clone()}</a>
                    </td>
                    <td class="wide">{does(readable, now)}</td>
                    <td>{state(policy)}</td>
                    <td class="roomy">{gauge(readable.limit(), usage)}</td>
                </tr>
            }
        });
    let rows = rows.collect_view();
    let content = if policies.is_empty() {
        view! { <p class="help">"No policy names this token. Those that are about every request hold for it too."</p> }
            .into_any()
    } else {
        view! {
            <Table label="Policies that name this token">
                <thead><tr><th>"Policy"</th><th class="wide">"What it does"</th><th>"State"</th><th class="roomy">"Used"</th></tr></thead>
                <tbody>{rows}</tbody>
            </Table>
        }
        .into_any()
    };
    let new = format!("/{team}/policies/new?token={}", encoded(token));
    let button = may_limit.then(|| view! { <p><a class="button" href=new>"Limit this token"</a></p> });
    view! {
        <section>
            <h2>"Limits of this token"</h2>
            {content}
            {button}
        </section>
    }
}
