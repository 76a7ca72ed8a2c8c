//! Inviting somebody.

use control::can;
use domain::Role;
use leptos::prelude::*;

use super::choices;
use crate::api::members::InviteMember;
use crate::components::{Field, Page, PostForm, Select, SubmitButton, load};
use crate::pages::address;
use crate::{AppError, server};

/// Invite a member.
#[component]
pub fn InvitePage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone()), move |own| {
        let above = (format!("/{team}/members"), "Members");
        view! {
            <Page title="Invite a member" above narrow=true>
                <p>"Weir sends no mail: you get a link to pass on. It works once, for a week, and only for this address. An earlier \
                    link for the same address stops working."</p>
                <PostForm action={ServerAction::<InviteMember>::new()}>
                    <input type="hidden" name="team" value=team />
                    <Field label="E-mail" name="email" kind="email" required=true autofocus=true
                        help="They sign in with it. Whoever has an account here joins with its password." />
                    <Select label="Role" name="role" options=choices(own) value=Role::Viewer.as_str() />
                    <SubmitButton>"Make the link"</SubmitButton>
                </PostForm>
            </Page>
        }
    })
}

/// The role of whoever invites.
async fn find(team: String) -> Result<Role, AppError> {
    server::grant::<can::ManageMembers>(&team).await?;
    Ok(server::member(&team)?.team().role)
}
