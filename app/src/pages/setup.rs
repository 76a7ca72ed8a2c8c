//! First run: the person who holds the link from the console becomes the owner.

use domain::validate::{MAX_NAME, PASSWORD};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params_map;

use crate::AppError;
use crate::api::setup::Claim;
use crate::components::{
    Field, Fieldset, FormErrors, FormState, Icon, Notice, PostForm, SubmitButton, Symbol, Tone, load,
};
use crate::server;

/// The form; after it was used, what happened.
#[component]
pub fn SetupPage() -> impl IntoView {
    let secret = use_params_map().read_untracked().get("secret").unwrap_or_default();
    load(async { Ok(server::control()?.needs_setup().await?) }, move |needs_setup| {
        view! {
            <Title text="Set up · Weir" />
            <div class="card">
                <h1><Icon symbol=Symbol::Mark />"Set up Weir"</h1>
                {if needs_setup { form(secret).into_any() } else { used().into_any() }}
            </div>
        }
    })
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
    let wrong_link = FormState::of::<Claim>().error() == Some(&AppError::NotFound);
    let longest = MAX_NAME as u64;
    let action = ServerAction::<Claim>::new();
    view! {
        <p class="lead">"Make the owner's account and the first team."</p>
        {wrong_link.then(|| view! {
            <Notice tone=Tone::Bad>
                <p>"This is not the set-up link of this server. Copy the whole link from the console of its latest start."</p>
            </Notice>
        })}
        <PostForm action=action errors=false>
            {(!wrong_link).then(|| view! { <FormErrors /> })}
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
