//! Parts of a page that keep themselves up to date: the page is asked for again, and its elements marked with
//! `data-live="name"` take the place of those on screen. Once the page comes back without the island, that was all.

use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, DomParser, Element, Response, SupportedType, VisibilityState};

/// Refreshes the page's live parts every `every_s` seconds while somebody looks at it, and the page still asks for it.
#[island]
pub fn LiveRefresh(every_s: u32) -> impl IntoView {
    let (busy, set_busy) = signal(false);
    let (over, set_over) = signal(false);
    Effect::new(move |_| {
        let tick = move || {
            if over.get_untracked() || busy.get_untracked() || document().visibility_state() != VisibilityState::Visible
            {
                return;
            }
            set_busy.set(true);
            spawn_local(async move {
                // A failed refresh leaves what is on screen; the next one tries again.
                set_over.set(refresh().await == Ok(false));
                set_busy.set(false);
            });
        };
        if let Ok(interval) = set_interval_with_handle(tick, Duration::from_secs(u64::from(every_s.max(1)))) {
            on_cleanup(move || interval.clear());
        }
    });
    // What tells a page that refreshes itself from one that is through.
    view! { <span hidden=true data-refresh=""></span> }
}

/// Answers whether the page still refreshes itself.
async fn refresh() -> Result<bool, JsValue> {
    let address = window().location().href()?;
    let response: Response = JsFuture::from(window().fetch_with_str(&address)).await?.dyn_into()?;
    if !response.ok() || response.redirected() {
        return Ok(true);
    }
    let html = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
    let fresh = DomParser::new()?.parse_from_string(&html, SupportedType::TextHtml)?;
    for element in live_parts(&document())? {
        replace(&element, &fresh)?;
    }
    Ok(fresh.query_selector("[data-refresh]")?.is_some())
}

fn live_parts(document: &Document) -> Result<Vec<Element>, JsValue> {
    let found = document.query_selector_all("[data-live]")?;
    Ok((0..found.length()).filter_map(|index| found.item(index)?.dyn_into().ok()).collect())
}

fn replace(element: &Element, fresh: &Document) -> Result<(), JsValue> {
    let name = element.get_attribute("data-live").unwrap_or_default();
    let Some(successor) = fresh.query_selector(&format!("[data-live=\"{name}\"]"))? else { return Ok(()) };
    // Somebody who is using the part, or an answer without news, is left alone.
    let in_use = document().active_element().is_some_and(|active| element.contains(Some(&active)));
    if in_use || successor.inner_html() == element.get_attribute("data-was").unwrap_or_default() {
        return Ok(());
    }
    element.set_attribute("data-was", &successor.inner_html())?;
    element.set_inner_html(&successor.inner_html());
    wake(element)
}

/// Hydrates the islands of a part that was replaced; Leptos leaves this function for it on the window.
fn wake(element: &Element) -> Result<(), JsValue> {
    let hydrate = js_sys::Reflect::get(&window(), &"__hydrateIsland".into())?;
    let Ok(hydrate) = hydrate.dyn_into::<js_sys::Function>() else { return Ok(()) };
    let islands = element.query_selector_all("leptos-island")?;
    for island in (0..islands.length()).filter_map(|index| islands.item(index)?.dyn_into::<Element>().ok()) {
        let name = island.get_attribute("data-component").unwrap_or_default();
        hydrate.call2(&JsValue::NULL, &island, &name.into())?;
    }
    Ok(())
}
