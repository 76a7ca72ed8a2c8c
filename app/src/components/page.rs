//! The frame of a page's own content: title line, toolbar, tabs.

use leptos::prelude::*;
use leptos_meta::Title;

/// A page: title line with a toolbar at its right, then the content.
#[component]
pub fn Page(
    /// Heading and, with the product's name, the document's title.
    #[prop(into)]
    title: String,
    /// Links and buttons at the right of the title: `toolbar=move || view! { … }`.
    #[prop(optional, into)]
    toolbar: ViewFnOnce,
    /// Address and name of the page above, shown before the title.
    #[prop(optional)]
    above: Option<(String, &'static str)>,
    /// A narrow column for forms and prose.
    #[prop(optional)]
    narrow: bool,
    children: Children,
) -> impl IntoView {
    let heading = title.clone();
    view! {
        <Title text=format!("{title} · Weir") />
        <div class="page" class:narrow=narrow>
            <header class="page-head">
                <div class="page-title">
                    {above.map(|(href, name)| view! { <a class="above" href=href>{name}</a><span class="slash" aria-hidden="true">"/"</span> })}
                    <h1>{heading}</h1>
                </div>
                <div class="toolbar">{toolbar.run()}</div>
            </header>
            <div class="page-body">{children()}</div>
        </div>
    }
}

/// Tabs as links: `(address, name)` each, and the name of the one that is open.
#[component]
pub fn Tabs(
    tabs: Vec<(String, &'static str)>,
    current: &'static str,
    /// What the tabs are about, for screen readers; different where a page has two rows of them.
    #[prop(default = "Parts of this page")]
    label: &'static str,
) -> impl IntoView {
    let tabs = tabs.into_iter().map(|(href, name)| {
        let open = (name == current).then_some("page");
        view! { <a href=href aria-current=open>{name}</a> }
    });
    view! { <nav class="tabs" aria-label=label>{tabs.collect_view()}</nav> }
}
