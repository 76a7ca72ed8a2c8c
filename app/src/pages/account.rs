//! The person's own page: where they are signed in, and their password.

use domain::validate::PASSWORD;
use domain::view::{Me, SessionView};
use leptos::prelude::*;

use crate::AppError;
use crate::api::session::{ChangePassword, RevokeSession};
use crate::components::{
    Badge, Confirm, Field, Fieldset, FormErrors, FormState, Page, PostForm, Saved, SubmitButton, Table, Time, Tone,
    load,
};
use crate::server;

/// Sessions with a way to end each, and the form for a new password.
#[component]
pub fn AccountPage() -> impl IntoView {
    load(find(), |(me, sessions)| {
        view! {
            <Page title="Account">
                <Saved word="password"><p>"Your password was changed. Every other session was signed out."</p></Saved>
                <Saved word="session"><p>"That session was signed out."</p></Saved>
                <Person me />
                <Sessions sessions />
                <Password />
            </Page>
        }
    })
}

async fn find() -> Result<(Me, Vec<SessionView>), AppError> {
    let actor = server::actor()?;
    let sessions = server::control()?.list_sessions(&actor).await?;
    Ok((actor.me(), sessions))
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
                <td class="mono">{session.ip}</td>
                <td><Time at=session.created_at now /></td>
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
                <thead><tr><th>"Browser"</th><th>"Address"</th><th>"Signed in"</th><th>"Last seen"</th><th></th></tr></thead>
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

/// Browser and system out of a `User-Agent`; its beginning where neither is known.
fn browser(user_agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let browser = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ if user_agent.is_empty() => "Unknown".to_owned(),
        _ => user_agent.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_named_by_its_own_mark() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(browser(edge), "Edge on Windows");
        assert_eq!(browser("curl/8.5.0"), "curl/8.5.0");
        assert_eq!(browser(""), "Unknown");
    }
}
