//! Where the link of an invitation leads: the way into the team, for somebody new and for somebody with an account.

use domain::validate::{MAX_NAME, PASSWORD};
use domain::view::OpenInvitation;
use leptos::prelude::*;
use leptos_meta::Title;

use crate::AppError;
use crate::api::join::Join;
use crate::components::{Field, Icon, Notice, PostForm, SubmitButton, Symbol, load};
use crate::pages::{address, connect};
use crate::server;

/// What stands before the secret in a link.
pub const LINK: &str = "/account/join/";

/// The whole link of an invitation.
#[must_use]
pub fn link(secret: &str) -> String {
    format!("{}{LINK}{secret}", connect::origin())
}

/// The invitation, or why there is none.
#[component]
pub fn JoinPage() -> impl IntoView {
    let secret = address::part("secret");
    load(find(secret.clone()), move |invitation| {
        view! {
            <Title text="Join a team · Weir" />
            <div class="card">
                <h1><Icon symbol=Symbol::Mark />"Weir"</h1>
                {match invitation {
                    Some(invitation) => invited(secret, invitation).into_any(),
                    None => ended().into_any(),
                }}
            </div>
        }
    })
}

async fn find(secret: String) -> Result<Option<OpenInvitation>, AppError> {
    match server::control()?.find_invitation(&secret, &server::client()).await.map_err(AppError::from) {
        Ok(invitation) => Ok(Some(invitation)),
        Err(AppError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn ended() -> impl IntoView {
    server::set_status(410);
    view! {
        <p class="lead">"This invitation is over."</p>
        <p>"A link works once and for a week, and ends when a newer one is made or it is withdrawn. Ask whoever invited you for \
            another; if you have joined already, sign in."</p>
        <p><a class="button primary" href="/sign-in">"Sign in"</a></p>
    }
}

fn invited(secret: String, invitation: OpenInvitation) -> impl IntoView {
    let OpenInvitation { team_name, email, role, has_account, .. } = invitation;
    let me = server::actor().ok().map(|actor| actor.me().email);
    let here = me.as_deref() == Some(email.as_str());
    let other = me.filter(|_| !here).map(|me| {
        let words = format!("This browser is signed in as {me}. Joining signs {email} in instead.");
        view! { <Notice><p>{words}</p></Notice> }
    });
    view! {
        <p class="lead">
            "You are invited to join "<strong>{team_name}</strong>{format!(" as {} with the address ", a(role))}
            <strong>{email}</strong>"."
        </p>
        {other}
        <PostForm action={ServerAction::<Join>::new()}>
            <input type="hidden" name="link" value=secret />
            // Made in here, not before: a field finds its problem in the context that the form provides.
            {fields(here, has_account)}
            <SubmitButton>"Join"</SubmitButton>
        </PostForm>
    }
}

/// What has to be filled in: nothing where the person is signed in already.
fn fields(here: bool, has_account: bool) -> AnyView {
    match (here, has_account) {
        (true, _) => ().into_any(),
        (false, true) => known().into_any(),
        (false, false) => new().into_any(),
    }
}

fn known() -> impl IntoView {
    view! {
        <Field label="Password" name="password" kind="password" autocomplete="current-password" required=true autofocus=true
            help="This address has an account here: enter its password." />
    }
}

fn new() -> impl IntoView {
    let longest = MAX_NAME as u64;
    view! {
        <Field label="Name" name="name" autocomplete="name" required=true longest autofocus=true />
        <Field label="Password" name="password" kind="password" autocomplete="new-password" required=true
            shortest=PASSWORD.0 as u64 longest=PASSWORD.1 as u64
            help=format!("At least {} characters; a few words you can remember are best.", PASSWORD.0) />
    }
}

/// `an owner`, `a viewer`.
fn a(role: domain::Role) -> String {
    let article = if role.as_str().starts_with(['a', 'e', 'o']) { "an" } else { "a" };
    format!("{article} {role}")
}
