//! One member: their role, and the way out.

use control::can;
use domain::view::MemberView;
use domain::{Role, UserId};
use leptos::prelude::*;

use super::{choices, may_touch};
use crate::api::members::{RemoveMember, SetMemberRole};
use crate::components::{Confirm, FormErrors, FormState, Page, PostForm, Saved, Select, SubmitButton, Time, load};
use crate::pages::address;
use crate::{AppError, server};

/// Member.
#[component]
pub fn MemberPage() -> impl IntoView {
    let team = address::part("team");
    load(find(team.clone(), address::part("id")), move |data| show(&team, data))
}

struct Data {
    member: MemberView,
    /// The role of whoever looks.
    own: Role,
    is_me: bool,
}

async fn find(team: String, id: String) -> Result<Data, AppError> {
    server::grant::<can::ManageMembers>(&team).await?;
    let grant = server::grant::<can::View>(&team).await?;
    let id: UserId = id.parse().map_err(|_| AppError::NotFound)?;
    let members = server::control()?.list_members(&grant).await?;
    let member = members.into_iter().find(|member| member.user_id == id).ok_or(AppError::NotFound)?;
    Ok(Data { member, own: server::member(&team)?.team().role, is_me: server::actor()?.user_id() == id })
}

fn show(team: &str, data: Data) -> impl IntoView + use<> {
    let Data { member, own, is_me } = data;
    let may_edit = may_touch(own, member.role);
    let above = (format!("/{team}/members"), "Members");
    let remove = may_edit.then(|| remove(team, &member, is_me));
    let form = if may_edit {
        role_form(team, &member, own).into_any()
    } else {
        view! { <p class="help">"Only an owner can change an owner."</p> }.into_any()
    };
    // The only field of the form that removes is the button, so what is wrong with the role is said here.
    let refused = FormState::of::<RemoveMember>();
    let last = refused.problem("role").map(|problem| {
        view! { <div class="notice bad" role="alert"><p>{format!("This {problem}.")}</p></div> }
    });
    let error = refused.error().filter(|_| last.is_none()).cloned();
    let now = server::now();
    view! {
        <Page title=member.name.clone() above toolbar=move || remove>
            {last}
            <FormErrors error />
            <Saved word="role"><p>"Saved. The new role counts from their next request on."</p></Saved>
            <dl class="facts">
                <div><dt>"E-mail"</dt><dd>{member.email.clone()}</dd></div>
                <div><dt>"Role"</dt><dd>{member.role.to_string()}</dd></div>
                <div><dt>"Joined"</dt><dd><Time at=member.joined_at now /></dd></div>
            </dl>
            {form}
        </Page>
    }
}

fn role_form(team: &str, member: &MemberView, own: Role) -> impl IntoView + use<> {
    let (team, id, role) = (team.to_owned(), member.user_id.to_string(), member.role.as_str());
    view! {
        <PostForm action={ServerAction::<SetMemberRole>::new()} class="narrow">
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="id" value=id />
            <Select label="Role" name="role" options=choices(own) value=role />
            <SubmitButton>"Save"</SubmitButton>
        </PostForm>
    }
}

fn remove(team: &str, member: &MemberView, is_me: bool) -> impl IntoView + use<> {
    let (label, yes, question) = if is_me {
        (
            "Leave",
            "Leave the team",
            "You lose this team at once. Somebody else has to invite you again. API tokens that you issued keep working.",
        )
    } else {
        (
            "Remove",
            "Remove from the team",
            "They lose this team at once, also where they are signed in. API tokens that they issued keep working.",
        )
    };
    view! {
        <Confirm
            action={ServerAction::<RemoveMember>::new()}
            label=label
            question=question
            yes=yes
            fields=vec![("team", team.to_owned()), ("id", member.user_id.to_string())]
        />
    }
}
