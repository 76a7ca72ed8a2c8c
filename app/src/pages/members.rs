//! Who belongs to the team, who is invited, and what each role may do.

mod invite;
mod member;

use control::can;
use domain::view::{InvitationView, MemberView};
use domain::{Permission, Role};
use leptos::prelude::*;

use crate::api::members::WithdrawInvitation;
use crate::components::{Confirm, FormErrors, FormState, Page, Saved, Table, Time, load};
use crate::pages::address;
use crate::{AppError, server};

pub use invite::InvitePage;
pub use member::MemberPage;

/// Members.
#[component]
pub fn MembersPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone()), move |data| show(&team, data))
}

struct Data {
    members: Vec<MemberView>,
    invitations: Vec<InvitationView>,
    role: Role,
}

async fn find(team: String) -> Result<Data, AppError> {
    let (grant, control) = (server::grant::<can::View>(&team).await?, server::control()?);
    let members = control.list_members(&grant).await?;
    let invitations = match server::grant::<can::ManageMembers>(&team).await {
        Ok(grant) => control.list_invitations(&grant).await?,
        Err(_) => Vec::new(),
    };
    Ok(Data { members, invitations, role: server::member(&team)?.team().role })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { members, invitations, role } = data;
    let may_edit = role.allows(Permission::ManageMembers);
    let new = format!("/{team}/members/new");
    let button = may_edit.then(|| view! { <a class="button primary" href=new>"Invite a member"</a> });
    let waiting = (!invitations.is_empty()).then(|| waiting(team, &invitations, role));
    let error = FormState::of::<WithdrawInvitation>().error().cloned();
    let table = table(team, &members, may_edit);
    view! {
        <Page title="Members" toolbar=move || button>
            <FormErrors error />
            <Saved word="removed"><p>"They are no member any more. What they had open in this team is closed to them."</p></Saved>
            <Saved word="withdrawn"><p>"The invitation was withdrawn. Its link does not work any more."</p></Saved>
            {table}
            {waiting}
            <Roles />
        </Page>
    }
}

fn table(team: &str, members: &[MemberView], may_edit: bool) -> impl IntoView + use<> {
    let now = server::now();
    let rows = members.iter().map(|member| {
        let name = member.name.clone();
        let name = if may_edit {
            let href = format!("/{team}/members/{}", member.user_id);
            view! { <a class="row-link" href=href>{name}</a> }.into_any()
        } else {
            name.into_any()
        };
        view! {
            <tr>
                <td class="cut" title=member.name.clone()>{name}</td>
                <td class="cut" title=member.email.clone()>{member.email.clone()}</td>
                <td>{member.role.to_string()}</td>
                <td><Time at=member.joined_at now /></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
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
    }
}

/// Invitations that nobody has followed yet.
fn waiting(team: &str, invitations: &[InvitationView], role: Role) -> impl IntoView + use<> {
    let now = server::now();
    let rows = invitations.iter().map(|invitation| {
        let action = may_touch(role, invitation.role).then(|| {
            view! {
                <Confirm
                    action={ServerAction::<WithdrawInvitation>::new()}
                    label="Withdraw"
                    question="The link stops working. Whoever has it cannot join with it any more."
                    fields=vec![("team", team.to_owned()), ("id", invitation.id.to_string())]
                />
            }
        });
        view! {
            <tr>
                <td class="cut" title=invitation.email.clone()>{invitation.email.clone()}</td>
                <td>{invitation.role.to_string()}</td>
                <td class="roomy"><Time at=invitation.created_at now /></td>
                <td><Time at=invitation.expires_at now /></td>
                <td class="actions">{action}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section>
            <h2>"Invited"</h2>
            <Table label="Invitations, the latest first">
                <thead>
                    <tr>
                        <th>"E-mail"</th>
                        <th>"Role"</th>
                        <th class="roomy">"Invited"</th>
                        <th>"Link ends"</th>
                        <th><span class="hidden">"Action"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </Table>
        </section>
    }
}

/// Whether a person of one role may change what concerns another.
fn may_touch(own: Role, other: Role) -> bool {
    own.allows(if other == Role::Owner { Permission::ManageOwners } else { Permission::ManageMembers })
}

/// The roles that a person may give, as choices with what they mean.
fn choices(own: Role) -> Vec<(String, String)> {
    let given = Role::ALL.into_iter().filter(|role| may_touch(own, *role));
    given.map(|role| (role.to_string(), format!("{role}: {}", may(role)))).collect()
}

fn may(role: Role) -> &'static str {
    match role {
        Role::Owner => "Everything, members and ownership included.",
        Role::Admin => "Everything but ownership: members and the audit log too.",
        Role::Editor => "Gateways, provider keys, tokens and policies; sees the bodies of requests.",
        Role::Viewer => "Reads settings, requests and figures, but not the bodies of requests.",
    }
}

#[component]
fn Roles() -> impl IntoView {
    let roles = Role::ALL.map(|role| {
        view! { <div><dt>{role.to_string()}</dt><dd class="wrap">{may(role)}</dd></div> }
    });
    view! {
        <section>
            <h2>"What each role may do"</h2>
            <dl class="facts facts-tall">{roles.into_iter().collect_view()}</dl>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_is_offered_no_ownership() {
        let offered = |role| choices(role).into_iter().map(|(value, _)| value).collect::<Vec<_>>();
        assert_eq!(offered(Role::Owner), ["owner", "admin", "editor", "viewer"]);
        assert_eq!(offered(Role::Admin), ["admin", "editor", "viewer"]);
        assert!(offered(Role::Editor).is_empty());
    }
}
