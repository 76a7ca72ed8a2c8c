//! `weir prices …`

mod keys;
mod show;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use control::{BookChange, BookError, BookImport};
use domain::config::ImportedBook;
use wire::price::{InForce, LONGEST_BOOK, PriceBook, Why};

use super::{block_on, load, open};
use crate::cli::{ImportPrices, Prices};
use crate::config::Settings;

/// Longest file of a key or a signature.
const LONGEST_KEY: usize = 4_096;

/// Runs one of the commands about prices.
pub fn run(command: Prices) -> Result<(), String> {
    match command {
        Prices::Show { model, json, common } => {
            let settings = load(&common)?;
            let (in_force, _) = block_on(in_force(&settings))?;
            show::run(&in_force, model.as_deref(), json)
        }
        Prices::Import(arguments) => import(&load(&arguments.common)?, &arguments),
        Prices::Export { file, common } => export(&load(&common)?, &file),
        Prices::Reset { common } => reset(&load(&common)?),
        Prices::Keygen { name } => keys::make(&name),
        Prices::Sign { key, file } => keys::sign(&key, &file),
    }
}

/// The book in force, and the one that was imported. Where there is no database yet, none is made.
async fn in_force(settings: &Settings) -> Result<(InForce, Option<ImportedBook>), String> {
    if settings.database_url.file().is_some_and(|file| !file.exists()) {
        return Ok((InForce::default(), None));
    }
    let store = open::connect(settings).await?;
    let imported = store::price_book::find(store.read()).await.map_err(|error| {
        format!(
            "the price book cannot be read from the database: {error}\nif it is an older release's, run `weir migrate`"
        )
    })?;
    Ok((InForce::of(imported.as_ref(), &settings.price_keys), imported))
}

fn import(settings: &Settings, arguments: &ImportPrices) -> Result<(), String> {
    let file = &arguments.file;
    let signature = arguments.signature.clone().unwrap_or_else(|| beside(file));
    let text = read(file, LONGEST_BOOK)?;
    let signature = if arguments.unsigned {
        None
    } else {
        let unsigned = "\nwithout a signature a price book is taken only with --unsigned";
        Some(read_text(&signature).map_err(|error| error + unsigned)?)
    };
    let import = BookImport { text, signature, older: arguments.older, by: "weir prices import".to_owned() };
    let changed = block_on(async {
        let installation = open::open(settings).await?;
        installation.control.import_book(import).await.map_err(|error| refused(file, &error))
    })?;
    tell(&changed);
    Ok(())
}

fn refused(file: &Path, error: &BookError) -> String {
    let hint = match error {
        BookError::Older { .. } => "\n--older takes it",
        BookError::Signature(_) => {
            "\nnothing was changed; WEIR_PRICE_KEYS says whose signatures count beside the project's"
        }
        BookError::Book(_) | BookError::Future(_) | BookError::Control(_) => "",
    };
    format!("{}: {error}{hint}", file.display())
}

fn export(settings: &Settings, file: &Path) -> Result<(), String> {
    let (in_force, imported) = block_on(in_force(settings))?;
    let (text, signature) = match (in_force.why(), imported) {
        (Why::Imported { .. }, Some(book)) => (book.text, book.signature),
        _ => (PriceBook::builtin_text().as_bytes().to_vec(), None),
    };
    write(file, &text)?;
    println!("{}: price book {in_force}.", file.display());
    if let Some(signature) = signature {
        write(&beside(file), signature.as_bytes())?;
        println!("{}: its signature.", beside(file).display());
    }
    Ok(())
}

fn reset(settings: &Settings) -> Result<(), String> {
    let changed = block_on(async {
        let installation = open::open(settings).await?;
        installation.control.reset_book("weir prices reset".to_owned()).await.map_err(|error| error.to_string())
    })?;
    match changed {
        Some(changed) => tell(&changed),
        None => println!("No price book was imported; the one that is part of the program is in force."),
    }
    Ok(())
}

fn tell(changed: &BookChange) {
    let BookChange { before, after, added, changed, removed } = changed;
    println!("In force now: price book {after}.");
    println!("Before: price book {before}.");
    println!("{added} prices are new, {changed} are others, {removed} are gone.");
}

/// Where a file's signature is.
fn beside(file: &Path) -> PathBuf {
    with_end(file, ".sig")
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Reads a file that may not be longer than so many bytes.
fn read(file: &Path, longest: usize) -> Result<Vec<u8>, String> {
    let named = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut bytes = Vec::new();
    let most = longest as u64 + 1;
    File::open(file).map_err(named)?.take(most).read_to_end(&mut bytes).map_err(named)?;
    if bytes.len() > longest {
        return Err(format!("{}: is longer than {longest} bytes", file.display()));
    }
    Ok(bytes)
}

/// The text of a key or a signature.
fn read_text(file: &Path) -> Result<String, String> {
    let bytes = read(file, LONGEST_KEY)?;
    String::from_utf8(bytes).map_err(|_| format!("{}: must be text", file.display()))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))
}
