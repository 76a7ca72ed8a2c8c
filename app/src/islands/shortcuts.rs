//! The command palette (Ctrl-K) and the keys: `/` searches, `j` and `k` walk a table, Enter opens, `?` lists them. Escape
//! and a click elsewhere close what is open.

use leptos::ev;
use leptos::html::{Dialog, Input};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent, ScrollIntoViewOptions, ScrollLogicalPosition};

/// Most matches the palette shows.
const MATCHES: usize = 12;

/// A place the palette can go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaletteLink {
    /// What it is called.
    pub name: String,
    /// What kind of thing it is, such as `Gateway`.
    pub kind: String,
    /// Its address.
    pub href: String,
}

/// Listens to the keys. `requests` is the address below which a request's page is found by its id.
#[island]
pub fn Shortcuts(links: Vec<PaletteLink>, requests: Option<String>) -> impl IntoView {
    let palette = NodeRef::<Dialog>::new();
    let keys = NodeRef::<Dialog>::new();
    let input = NodeRef::<Input>::new();
    let (text, set_text) = signal(String::new());
    let (chosen, choose) = signal(0_usize);
    let found = Memo::new(move |_| find(&links, requests.as_deref(), &text.get()));

    let open_palette = move || {
        if let Some(dialog) = palette.get_untracked().filter(|dialog| !dialog.open()) {
            // Fails only for a dialog that is open or gone.
            let _ = dialog.show_modal();
        }
        set_text.set(String::new());
        choose.set(0);
        if let Some(input) = input.get_untracked() {
            input.set_value("");
            let _ = input.focus();
        }
    };
    Effect::new(move |_| {
        let handle = window_event_listener(ev::keydown, move |event| match command(&event) {
            Some(Command::Palette) => {
                event.prevent_default();
                open_palette();
            }
            Some(Command::Keys) => {
                let _ = keys.get_untracked().filter(|dialog| !dialog.open()).map(|dialog| dialog.show_modal());
            }
            Some(Command::Search) if focus_search() => event.prevent_default(),
            Some(Command::Walk(step)) => walk(step),
            Some(Command::Close) => close_menus(None),
            _ => (),
        });
        on_cleanup(move || handle.remove());
        // The palette's button sits in the page, outside this island.
        let handle = window_event_listener(ev::click, move |event| {
            let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
            close_menus(target.as_ref());
            if target.and_then(|target| target.closest("[data-palette]").ok().flatten()).is_some() {
                open_palette();
            }
        });
        on_cleanup(move || handle.remove());
    });

    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "ArrowDown" | "ArrowUp" => {
            event.prevent_default();
            let count = found.with_untracked(Vec::len).max(1);
            let step = if event.key() == "ArrowDown" { 1 } else { count - 1 };
            choose.update(|index| *index = (*index + step) % count);
        }
        "Enter" => {
            event.prevent_default();
            if let Some(link) = found.with_untracked(|found| found.get(chosen.get_untracked()).cloned()) {
                // Where the browser refuses to navigate there is nothing better to do than to stay.
                let _ = window().location().set_href(&link.href);
            }
        }
        _ => (),
    };
    let on_input = move |event| {
        set_text.set(event_target_value(&event));
        choose.set(0);
    };
    view! {
        <dialog node_ref=palette class="palette" aria-label="Command palette">
            <input
                node_ref=input type="text" placeholder="Go to a page, a gateway, a request id…" autocomplete="off"
                spellcheck="false" role="combobox" aria-expanded="true" aria-controls="palette-list"
                aria-label="Go to" aria-activedescendant=move || format!("palette-{}", chosen.get())
                on:keydown=on_key on:input=on_input
            />
            <ul id="palette-list" role="listbox">
                {move || {
                    let chosen = chosen.get();
                    found.get().into_iter().enumerate().map(|(index, link)| row(index, link, index == chosen)).collect_view()
                }}
            </ul>
            <p class="palette-none" hidden=move || !found.with(Vec::is_empty)>"Nothing is called like that."</p>
        </dialog>
        <dialog node_ref=keys class="keys" aria-label="Keyboard shortcuts">
            <h2>"Keyboard shortcuts"</h2>
            <dl>
                <dt><kbd>"Ctrl"</kbd>" "<kbd>"K"</kbd></dt><dd>"Go to a page, a gateway or a request"</dd>
                <dt><kbd>"/"</kbd></dt><dd>"Search or filter this page"</dd>
                <dt><kbd>"j"</kbd>" "<kbd>"k"</kbd></dt><dd>"Next and previous row"</dd>
                <dt><kbd>"Enter"</kbd></dt><dd>"Open the row"</dd>
                <dt><kbd>"Esc"</kbd></dt><dd>"Close what is open"</dd>
                <dt><kbd>"?"</kbd></dt><dd>"This list"</dd>
            </dl>
            <form method="dialog"><button class="button">"Close"</button></form>
        </dialog>
    }
}

fn row(index: usize, link: PaletteLink, chosen: bool) -> impl IntoView {
    view! {
        <li role="presentation">
            <a id=format!("palette-{index}") role="option" aria-selected=chosen.to_string() href=link.href tabindex="-1">
                <span>{link.name}</span>
                <span class="muted">{link.kind}</span>
            </a>
        </li>
    }
}

/// Every word must occur in the name or the kind. A request id goes straight to its request.
fn find(links: &[PaletteLink], requests: Option<&str>, text: &str) -> Vec<PaletteLink> {
    let text = text.trim().to_lowercase();
    if let Some(requests) = requests.filter(|_| is_request_id(&text)) {
        return vec![PaletteLink { href: format!("{requests}/{text}"), name: text, kind: "Request".to_owned() }];
    }
    let fits = |link: &PaletteLink| {
        let line = format!("{} {}", link.name, link.kind).to_lowercase();
        text.split_whitespace().all(|word| line.contains(word))
    };
    links.iter().filter(|link| fits(link)).take(MATCHES).cloned().collect()
}

fn is_request_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

enum Command {
    Palette,
    Keys,
    Search,
    Walk(i32),
    Close,
}

/// What a key asks for; plain letters only while nobody types.
fn command(event: &KeyboardEvent) -> Option<Command> {
    let key = event.key();
    if (event.ctrl_key() || event.meta_key()) && key.eq_ignore_ascii_case("k") {
        return Some(Command::Palette);
    }
    if key == "Escape" {
        return Some(Command::Close);
    }
    let typing = event.target().and_then(|target| target.dyn_into::<Element>().ok()).is_some_and(|target| {
        target.closest("input, textarea, select, dialog, [contenteditable]").ok().flatten().is_some()
    });
    if typing || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return None;
    }
    match key.as_str() {
        "?" => Some(Command::Keys),
        "/" => Some(Command::Search),
        "j" => Some(Command::Walk(1)),
        "k" => Some(Command::Walk(-1)),
        _ => None,
    }
}

/// Moves to the page's search field: the one marked `data-search`, or the first field of the page's filters.
fn focus_search() -> bool {
    let field = document().query_selector("[data-search], main form[method=get] :is(input:not([type=hidden]), select)");
    let Some(field) = field.ok().flatten().and_then(|field| field.dyn_into::<HtmlElement>().ok()) else { return false };
    field.focus().is_ok()
}

/// Closes the menus and questions that are open, but for the one around `inside`. Focus that was in one goes to what
/// opened it.
fn close_menus(inside: Option<&Element>) {
    let Ok(open) = document().query_selector_all("details[open]:has(> .popup)") else { return };
    let menus = (0..open.length()).filter_map(|index| open.item(index)?.dyn_into::<Element>().ok());
    for menu in menus.filter(|menu| inside.is_none_or(|inside| !menu.contains(Some(inside)))) {
        let focused = document().active_element().is_some_and(|active| menu.contains(Some(&active)));
        let opener = menu.query_selector("summary").ok().flatten().and_then(|one| one.dyn_into::<HtmlElement>().ok());
        // Fails for no element.
        let _ = menu.remove_attribute("open");
        if let Some(opener) = opener.filter(|_| focused) {
            let _ = opener.focus();
        }
    }
}

/// Moves the focus to the link of the next or previous row of the page's first table.
fn walk(step: i32) {
    let Ok(links) = document().query_selector_all("main tbody tr a[href]:first-of-type") else { return };
    let links: Vec<HtmlElement> =
        (0..links.length()).filter_map(|index| links.item(index)?.dyn_into::<HtmlElement>().ok()).collect();
    let row_of = |element: &Element| element.closest("tr").ok().flatten();
    let mut rows: Vec<HtmlElement> = Vec::new();
    for link in links {
        if rows.last().is_none_or(|last| row_of(last) != row_of(&link)) {
            rows.push(link);
        }
    }
    let active = document().active_element().and_then(|active| row_of(&active));
    let current = active.and_then(|row| rows.iter().position(|link| row_of(link).as_ref() == Some(&row)));
    let last = rows.len().saturating_sub(1);
    let next = match current {
        Some(index) => index.saturating_add_signed(step as isize).min(last),
        None if step > 0 => 0,
        None => last,
    };
    if let Some(link) = rows.get(next) {
        let _ = link.focus();
        let options = ScrollIntoViewOptions::new();
        options.set_block(ScrollLogicalPosition::Nearest);
        link.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, kind: &str) -> PaletteLink {
        PaletteLink { name: name.into(), kind: kind.into(), href: "/x".into() }
    }

    #[test]
    fn every_word_narrows() {
        let links = [link("main", "Gateway"), link("main-eu", "Gateway"), link("Members", "Page")];
        let names = |text| find(&links, None, text).into_iter().map(|link| link.name).collect::<Vec<_>>();
        assert_eq!(names("MAIN gate"), ["main", "main-eu"]);
        assert_eq!(names("eu"), ["main-eu"]);
        assert_eq!(names("page gateway"), [""; 0]);
        assert_eq!(names("  ").len(), 3);
    }

    #[test]
    fn a_request_id_leads_to_its_request() {
        let id = "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
        assert_eq!(find(&[], Some("/acme/requests"), id)[0].href, format!("/acme/requests/{id}"));
        assert!(find(&[], None, id).is_empty());
    }
}
