//! First run: the person who holds the link from the console becomes the owner.

use domain::validate::{MAX_NAME, PASSWORD};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::AppError;
use crate::api::setup::Claim;
use crate::components::{Field, Fieldset, FormErrors, Icon, Notice, PostForm, SubmitButton, Symbol, Tone, load};
use crate::server;

/// What a set-up link is good for.
enum Link {
    Good,
    Wrong,
    Used,
}

/// The form; after it was used, what happened.
#[component]
pub fn SetupPage() -> impl IntoView {
    let secret = use_params_map().read_untracked().get("secret").unwrap_or_default();
    load(find(secret.clone()), move |link| {
        view! {
            <Title text="Set up · Weir" />
            <div class="card">
                <h1><Icon symbol=Symbol::Mark />"Set up Weir"</h1>
                {match link {
                    Link::Good => form(secret).into_any(),
                    Link::Wrong => wrong().into_any(),
                    Link::Used => used().into_any(),
                }}
            </div>
        }
    })
}

async fn find(secret: String) -> Result<Link, AppError> {
    let control = server::control()?;
    Ok(match control.needs_setup().await? {
        false => Link::Used,
        true if control.is_setup_secret(&secret, &server::client()).await? => Link::Good,
        true => Link::Wrong,
    })
}

fn wrong() -> impl IntoView {
    server::set_status(404);
    view! {
        <Notice tone=Tone::Bad>
            <p>"This is not the set-up link of this server. Copy the whole link from the console of its latest start."</p>
        </Notice>
    }
}

fn used() -> impl IntoView {
    server::set_status(410);
    view! {
        <p class="lead">"This set-up link was used already."</p>
        <p>"Somebody has claimed this installation. If that was you, sign in. If it was not, stop the server and look at who "
            "could read its console."</p>
        <p><a class="button primary" href="/sign-in">"Sign in"</a></p>
    }
}

fn form(secret: String) -> impl IntoView {
    let longest = MAX_NAME as u64;
    let action = ServerAction::<Claim>::new();
    view! {
        <p class="lead">"Make the owner's account and the first team."</p>
        <PostForm action=action errors=false>
            <FormErrors />
            <input type="hidden" name="link" value=secret />
            <Fieldset legend="You">
                <Field label="Name" name="name" autocomplete="name" required=true longest autofocus=true />
                <Field label="E-mail" name="email" kind="email" autocomplete="username" required=true
                    help="You sign in with it. Weir sends no mail." />
                <Field label="Password" name="password" kind="password" autocomplete="new-password" required=true
                    shortest=PASSWORD.0 as u64 longest=PASSWORD.1 as u64
                    help=format!("At least {} characters; a few words you can remember are best.", PASSWORD.0) />
            </Fieldset>
            <Fieldset legend="Your team">
                <Field label="Team name" name="team_name" autocomplete="organization" required=true longest />
                <Field label="Short name" name="team_slug" mono=true longest pattern="[a-z0-9]+(-[a-z0-9]+)*"
                    placeholder="made from the team name"
                    help="Part of every address, such as /v1/acme/…, and fixed from then on. Lower-case letters, digits, hyphens." />
            </Fieldset>
            <SubmitButton>"Create and sign in"</SubmitButton>
        </PostForm>
    }
}
