//! Builds the site's files that the server embeds: `script/build` runs it after the frontend was compiled to wasm.
//!
//! `pkg/weir.js` and `pkg/weir.wasm` from the frontend, `pkg/weir.css` from the style sheet, everything in `public/` as it
//! is, and a brotli copy (`.br`) beside each file that shrinks. Names are stable: the server revalidates by `ETag`.
//! Prints the sizes and fails when one is above the budget.

mod budget;
mod bundle;
mod style;
mod wasm;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::budget::Budget;
use crate::bundle::Bundle;

/// Builds the site's files that the server embeds.
#[derive(Debug, Parser)]
struct Arguments {
    /// The frontend as cargo built it
    #[arg(long)]
    wasm: PathBuf,
    /// The style sheet
    #[arg(long)]
    style: PathBuf,
    /// Files copied as they are
    #[arg(long)]
    public: PathBuf,
    /// Where the site goes; what is there and no longer belongs is removed
    #[arg(long)]
    out: PathBuf,
    /// Most bytes each file may have: lines of `FILE BYTES`
    #[arg(long)]
    budget: PathBuf,
    /// Binaryen's wasm-opt (132 or newer); without it the wasm is larger and the budget is not checked
    #[arg(long)]
    wasm_opt: Option<PathBuf>,
}

fn main() -> ExitCode {
    match build(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("site: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Builds everything; false when a file is above its budget.
fn build(arguments: &Arguments) -> Result<bool> {
    let budget = fs::read_to_string(&arguments.budget)
        .with_context(|| format!("cannot read {}", arguments.budget.display()))
        .and_then(|text| Budget::parse(&text))?;
    let mut bundle = Bundle::default();
    bundle.add_folder(&arguments.public)?;
    bundle.add("pkg/weir.css", style::minified(&arguments.style)?);
    wasm::add(&mut bundle, &arguments.wasm, arguments.wasm_opt.as_deref())?;
    bundle.compress(&arguments.out);
    bundle.write(&arguments.out)?;
    print!("{}", bundle.table());
    if arguments.wasm_opt.is_none() {
        println!("site: wasm-opt was not given, so sizes are not checked against the budget");
        return Ok(true);
    }
    let over = budget.exceeded(&bundle);
    for line in &over {
        eprintln!("site: {line}");
    }
    Ok(over.is_empty())
}
