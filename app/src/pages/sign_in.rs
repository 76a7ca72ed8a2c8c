//! Signing in.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

use crate::AppError;
use crate::api::session::SignIn;
use crate::components::{Field, FormState, Icon, Notice, PostForm, Saved, SubmitButton, Symbol, Tone, load};
use crate::server;

/// The form; on an installation without accounts, the way to the first one.
#[component]
pub fn SignInPage() -> impl IntoView {
    load(async { Ok(server::control()?.needs_setup().await?) }, |needs_setup| {
        view! {
            <Title text="Sign in · Weir" />
            <div class="card">
                <h1><Icon symbol=Symbol::Mark />"Weir"</h1>
                {if needs_setup { not_set_up().into_any() } else { form().into_any() }}
            </div>
        }
    })
}

fn not_set_up() -> impl IntoView {
    view! {
        <p class="lead">"Nobody has an account here yet."</p>
        <p>"Weir printed a set-up link on its console when it started. Open that link to become the owner; it works once. "
            "Restart Weir if you cannot find it any more."</p>
    }
}

fn form() -> impl IntoView {
    let state = FormState::of::<SignIn>();
    let query = use_query_map().read_untracked();
    let next = query.get("next").filter(|path| server::is_local(path)).unwrap_or_default();
    let action = ServerAction::<SignIn>::new();
    view! {
        <Saved word="signed-out"><p>"You are signed out."</p></Saved>
        {state.error().cloned().map(refused)}
        <PostForm action=action errors=false>
            <input type="hidden" name="next" value=next />
            <Field label="E-mail" name="email" kind="email" autocomplete="username" required=true autofocus=true />
            <Field label="Password" name="password" kind="password" autocomplete="current-password" required=true />
            <SubmitButton>"Sign in"</SubmitButton>
        </PostForm>
        <p class="help">"Forgot it? Whoever runs the server can set a new one with " <code>"weir user reset-password"</code>"."</p>
    }
}

fn refused(error: AppError) -> impl IntoView {
    let text = match error {
        AppError::Unauthenticated => "E-mail or password is wrong. Check both and try again.".to_owned(),
        AppError::Invalid(_) => "Fill in both fields.".to_owned(),
        other => other.to_string(),
    };
    view! { <Notice tone=Tone::Bad><p>{text}</p></Notice> }
}
