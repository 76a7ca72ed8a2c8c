//! The person's own page: where they are signed in, their password, and what happened to the account.

mod activity;
mod browser;

use domain::validate::PASSWORD;
use domain::view::{AuditView, Me, SessionView};
use leptos::prelude::*;

use self::activity::Activity;
pub(super) use self::browser::browser;
use crate::AppError;
use crate::api::session::{ChangePassword, RevokeSession};
use crate::components::{
    Badge, Confirm, Field, Fieldset, FormErrors, FormState, Page, PostForm, Saved, SubmitButton, Table, Time, Tone,
    load,
};
use crate::pages::address;
use crate::server;

/// Events on a page.
const EVENTS: u32 = 20;

/// Sessions with a way to end each, the form for a new password, and the account's events.
#[component]
pub fn AccountPage() -> impl IntoView {
    let before = address::query().get_str("before").and_then(|text| text.parse().ok());
    load(find(before), move |(me, sessions, events)| {
        view! {
            <Page title="Account">
                <Saved word="password"><p>"Your password was changed. Every other session was signed out."</p></Saved>
                <Saved word="session"><p>"That session was signed out."</p></Saved>
                <Person me />
                <Sessions sessions />
                <Password />
                <Activity events before page=EVENTS />
            </Page>
        }
    })
}

async fn find(before: Option<i64>) -> Result<(Me, Vec<SessionView>, Vec<AuditView>), AppError> {
    let (actor, control) = (server::actor()?, server::control()?);
    let sessions = control.list_sessions(&actor).await?;
    let events = control.list_account_events(&actor, before, EVENTS).await?;
    Ok((actor.me(), sessions, events))
}

#[component]
fn Person(me: Me) -> impl IntoView {
    let teams = me.teams.into_iter().map(|team| {
        view! { <li><a href=format!("/{}", team.slug)>{team.name}</a>" "<span class="muted">{team.role.to_string()}</span></li> }
    });
    view! {
        <dl class="facts">
            <div><dt>"Name"</dt><dd>{me.name}</dd></div>
            <div><dt>"E-mail"</dt><dd>{me.email}</dd></div>
            <div><dt>"Teams"</dt><dd><ul class="plain">{teams.collect_view()}</ul></dd></div>
        </dl>
    }
}

#[component]
fn Sessions(sessions: Vec<SessionView>) -> impl IntoView {
    let now = server::now();
    let error = FormState::of::<RevokeSession>().error().cloned();
    let rows = sessions.into_iter().map(move |session| {
        let action = if session.current {
            view! { <Badge tone=Tone::Good>"This browser"</Badge> }.into_any()
        } else {
            let action = ServerAction::<RevokeSession>::new();
            let fields = vec![("id", session.id.to_string())];
            view! { <Confirm action label="Sign out" question="That browser has to sign in again." fields /> }
                .into_any()
        };
        view! {
            <tr>
                <td class="cut" title=session.user_agent.clone()>{browser(&session.user_agent)}</td>
                <td class="mono roomy">{session.ip}</td>
                <td class="roomy"><Time at=session.created_at now /></td>
                <td><Time at=session.last_seen_at now /></td>
                <td class="actions">{action}</td>
            </tr>
        }
    });
    view! {
        <section>
            <h2>"Where you are signed in"</h2>
            <FormErrors error />
            <Table label="Sessions">
                <thead><tr><th>"Browser"</th><th class="roomy">"Address"</th><th class="roomy">"Signed in"</th><th>"Last seen"</th><th><span class="hidden">"Action"</span></th></tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </Table>
        </section>
    }
}

#[component]
fn Password() -> impl IntoView {
    let action = ServerAction::<ChangePassword>::new();
    view! {
        <PostForm action=action class="narrow">
            <Fieldset legend="Change password" help="Every other browser is signed out. API tokens keep working.">
                <Field label="Present password" name="current" kind="password" autocomplete="current-password" required=true />
                <Field label="New password" name="new" kind="password" autocomplete="new-password" required=true
                    shortest=PASSWORD.0 as u64 longest=PASSWORD.1 as u64 help=format!("At least {} characters.", PASSWORD.0) />
                <Field label="New password again" name="repeat" kind="password" autocomplete="new-password" required=true />
            </Fieldset>
            <SubmitButton>"Change password"</SubmitButton>
        </PostForm>
    }
}
