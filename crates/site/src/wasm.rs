//! The frontend: wasm-bindgen's glue, then Binaryen.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::bundle::Bundle;

/// What browsers of the last years can run. `--all-features` makes a file that they refuse.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Adds `pkg/weir.js`, `pkg/weir.wasm` and the script snippets that dependencies bring.
///
/// # Errors
/// When the wasm was built against another version of wasm-bindgen, or wasm-opt fails.
pub fn add(bundle: &mut Bundle, wasm: &Path, wasm_opt: Option<&Path>) -> Result<()> {
    let work = wasm.with_extension("bindgen");
    if work.exists() {
        fs::remove_dir_all(&work).with_context(|| format!("cannot empty {}", work.display()))?;
    }
    Bindgen::new()
        .web(true)?
        .input_path(wasm)
        .out_name("weir")
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&work)
        .with_context(|| format!("wasm-bindgen cannot process {}", wasm.display()))?;
    // The page asks for `weir.wasm` because LEPTOS_OUTPUT_NAME was set when the server was compiled (.cargo/config.toml).
    let bound = work.join("weir_bg.wasm");
    let small = work.join("weir.wasm");
    match wasm_opt {
        Some(program) => {
            optimize(program, &bound, &small)?;
            fs::remove_file(&bound)?;
        }
        None => fs::rename(&bound, &small)?,
    }
    bundle.add_folder_as(&work, "pkg/")
}

fn optimize(program: &Path, from: &Path, to: &Path) -> Result<()> {
    // The npm package's programs are scripts for Node.
    let status = Command::new("node")
        .arg(program)
        .arg("-Oz")
        .args(FEATURES)
        .arg(from)
        .arg("-o")
        .arg(to)
        .status()
        .context("cannot start node for wasm-opt")?;
    ensure!(status.success(), "wasm-opt failed: {status}");
    Ok(())
}
