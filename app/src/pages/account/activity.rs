//! What happened to the account: signing in and out, refused attempts, new passwords.

use domain::view::AuditView;
use leptos::prelude::*;
use serde::Deserialize;

use super::browser;
use crate::components::{Pager, Table, Time, format};
use crate::server;

/// The account's events, newest first, `page` of them at a time.
#[component]
pub(super) fn Activity(events: Vec<AuditView>, before: Option<i64>, page: u32) -> impl IntoView {
    let full = events.len() == page as usize;
    let older = events.last().filter(|_| full).map(|event| format!("/account?before={}#activity", event.id));
    let newer = before.map(|_| "/account#activity".to_owned());
    let now = server::now();
    let rows = events.into_iter().map(|event| {
        let detail = detail(event.after.as_deref());
        view! {
            <tr>
                <td><Time at=event.at now /></td>
                <td>{words(&event.action)}</td>
                <td class="cut" title=detail.clone()>{detail.clone()}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <section id="activity">
            <h2>"Activity"</h2>
            <p class="help">"Something here that was not you? Change your password: it signs out every other browser."</p>
            <Table label="Activity, newest first">
                <thead><tr><th>"Time"</th><th>"What"</th><th class="wide">"Details"</th></tr></thead>
                <tbody>{rows}</tbody>
            </Table>
            <Pager newer older />
        </section>
    }
}

fn words(action: &str) -> String {
    let words = match action {
        "session.open" => "Signed in",
        "session.close" => "Signed out",
        "session.revoke" => "Signed out another browser",
        "session.refuse" => "Sign-in refused",
        "password.change" => "Password changed",
        "password.refuse" => "New password refused",
        "password.reset" => "Password reset on the server",
        other => other,
    };
    words.to_owned()
}

/// What the events of accounts say besides their name.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    from: Option<String>,
    browser: Option<String>,
    attempts: Option<u64>,
    sessions_ended: Option<u64>,
}

fn detail(json: Option<&str>) -> String {
    let told: Told = json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let parts = [
        told.attempts.map(|count| counted(count, "wrong password")),
        told.browser.map(|user_agent| browser(&user_agent)),
        told.from.filter(|from| !from.is_empty()).map(|from| match told.attempts {
            Some(2..) => format!("last from {from}"),
            _ => format!("from {from}"),
        }),
        told.sessions_ended.map(|count| format!("{} signed out", counted(count, "other browser"))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `1 wrong password`, `3 wrong passwords`.
fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", format::grouped(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::detail;

    #[test]
    fn details_are_told_in_words() {
        let cases = [
            (r#"{"from":"192.0.2.1","browser":"curl/8"}"#, "curl/8, from 192.0.2.1"),
            (r#"{"attempts":1,"from":"192.0.2.1"}"#, "1 wrong password, from 192.0.2.1"),
            (r#"{"attempts":2,"from":"192.0.2.1","since":"x"}"#, "2 wrong passwords, last from 192.0.2.1"),
            (r#"{"sessions_ended":0}"#, "0 other browsers signed out"),
        ];
        for (json, text) in cases {
            assert_eq!(detail(Some(json)), text);
        }
        assert_eq!((detail(None), detail(Some("broken"))), (String::new(), String::new()));
    }
}
