//! Waiting for what a page shows, and the page that stands in where that failed.

use leptos::either::Either;
use leptos::prelude::*;

use super::{Icon, Page, Symbol};
use crate::{AppError, server};

/// Loads what a page needs, then shows it; a failure becomes the error page with its status.
///
/// ```ignore
/// load(find_gateways(team), |gateways| view! { <Page title="Gateways">…</Page> })
/// ```
pub fn load<T, V>(
    future: impl Future<Output = Result<T, AppError>> + Send + 'static,
    show: impl FnOnce(T) -> V + Send + 'static,
) -> impl IntoView
where
    T: Send + 'static,
    V: IntoView + 'static,
{
    Suspend::new(async move {
        match future.await {
            Ok(data) => Either::Left(show(data)),
            Err(error) => Either::Right(view! { <ErrorPage error /> }),
        }
    })
}

/// Says what failed, why, and what to do.
#[component]
pub fn ErrorPage(error: AppError) -> impl IntoView {
    server::set_status(error.status());
    let (title, why) = words(&error);
    view! {
        <Page title>
            <div class="empty">
                <Icon symbol=Symbol::Alert />
                <p class="empty-title">{error.to_string()}</p>
                <p>{why}</p>
                <p><a class="button" href="/">"Go to the overview"</a></p>
            </div>
        </Page>
    }
}

fn words(error: &AppError) -> (&'static str, &'static str) {
    match error {
        AppError::Unauthenticated => ("Signed out", "Your session has ended. Sign in and open this page again."),
        AppError::Forbidden(_) => ("Not allowed", "Ask an owner or admin of the team for a role that may do this."),
        AppError::NotFound => (
            "Not found",
            "It may have been deleted or renamed, or it belongs to a team you are not a member of. Check the address.",
        ),
        AppError::Invalid(_) => {
            ("Not accepted", "The address holds a value this page cannot use. Check it, or go back.")
        }
        AppError::Throttled { .. } => ("Too many attempts", "Nothing was lost. Wait for that long, then reload."),
        AppError::Malformed => ("Not understood", "Nothing was changed. Reload the page and send the form again."),
        AppError::Unavailable => (
            "Not available",
            "Requests through the gateways still flow: they do not need the database. Reload in a moment; \
             the cause is in the server's log.",
        ),
    }
}
