//! Tables that scroll sideways within the page, and the way to older and newer rows.

use leptos::prelude::*;

use super::{Icon, Symbol};

/// A table. `label` tells screen readers what it lists; the children are `<thead>` and `<tbody>`.
#[component]
pub fn Table(#[prop(into)] label: String, children: Children) -> impl IntoView {
    let caption = label.clone();
    view! {
        <div class="table" role="region" aria-label=label tabindex="0">
            <table>
                <caption class="hidden">{caption}</caption>
                {children()}
            </table>
        </div>
    }
}

/// Links to newer and older rows; nothing where there are neither.
#[component]
pub fn Pager(newer: Option<String>, older: Option<String>) -> impl IntoView {
    (newer.is_some() || older.is_some()).then(|| {
        let newer = newer.map(|href| {
            view! { <a class="button" rel="prev" href=href><Icon symbol=Symbol::ChevronLeft />"Newer"</a> }
        });
        let older = older.map(|href| {
            view! { <a class="button" rel="next" href=href>"Older"<Icon symbol=Symbol::ChevronRight /></a> }
        });
        view! { <nav class="pager" aria-label="Pages">{newer}{older}</nav> }
    })
}
