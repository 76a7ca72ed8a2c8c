//! The entry point in the browser. The page calls `hydrate`, then each island by its own exported name.

use wasm_bindgen::prelude::wasm_bindgen;

// Keeps the linker from dropping the islands, which nothing here calls by name.
use app as _;

/// Called once by the page's own script when the module has loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
