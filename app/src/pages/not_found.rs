//! An address that leads nowhere.

use leptos::prelude::*;

use crate::AppError;
use crate::components::ErrorPage;

/// Says so, with the status 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! { <ErrorPage error=AppError::NotFound /> }
}
