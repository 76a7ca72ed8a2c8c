//! Who belongs to the team, and what each role may do.

use domain::Role;
use domain::view::MemberView;
use leptos::prelude::*;

use crate::components::{Page, Table, Time, load};
use crate::pages::address;
use crate::{AppError, server};

/// Members.
#[component]
pub fn MembersPage() -> impl IntoView {
    load(find(address::part("team")), |members| {
        let now = server::now();
        let rows = members.into_iter().map(|member| {
            view! {
                <tr>
                    <td class="cut" title=member.name.clone()>{member.name.clone()}</td>
                    <td class="cut" title=member.email.clone()>{member.email.clone()}</td>
                    <td>{member.role.to_string()}</td>
                    <td><Time at=member.joined_at now /></td>
                </tr>
            }
        });
        let rows = rows.collect_view();
        view! {
            <Page title="Members">
                <Table label="Members">
                    <thead>
                        <tr>
                            <th>"Name"</th>
                            <th>"E-mail"</th>
                            <th>"Role"</th>
                            <th>"Joined"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </Table>
                <Roles />
            </Page>
        }
    })
}

async fn find(team: String) -> Result<Vec<MemberView>, AppError> {
    let grant = server::grant::<control::can::View>(&team).await?;
    Ok(server::control()?.list_members(&grant).await?)
}

#[component]
fn Roles() -> impl IntoView {
    let roles = Role::ALL.map(|role| {
        let what = match role {
            Role::Owner => "Everything, members and ownership included.",
            Role::Admin => "Everything but ownership: members and the audit log too.",
            Role::Editor => "Gateways, provider keys and tokens; sees the bodies of requests.",
            Role::Viewer => "Reads settings, requests and figures, but not the bodies of requests.",
        };
        view! { <div><dt>{role.to_string()}</dt><dd class="wrap">{what}</dd></div> }
    });
    view! {
        <section>
            <h2>"What each role may do"</h2>
            <dl class="facts facts-tall">{roles.into_iter().collect_view()}</dl>
        </section>
    }
}
