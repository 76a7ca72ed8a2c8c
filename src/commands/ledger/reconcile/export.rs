//! What a provider's export says, in one shape for all providers.

mod anthropic;
mod csv;
mod money;
mod openai;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::ExportFormat;

/// Which of a provider's books it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Book {
    /// What was used: requests and tokens.
    Usage,
    /// What it costs.
    Costs,
    /// Both.
    Both,
}

/// What a provider says of a day, a model and a key. What it does not say is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub book: Book,
    /// Days since 1970, UTC.
    pub day: i64,
    pub provider: Option<String>,
    pub model: Option<String>,
    /// The provider's id or name of it.
    pub key: Option<String>,
    pub requests: Option<u64>,
    pub input: Option<u64>,
    pub output: Option<u64>,
    /// Nano-dollars.
    pub cost: Option<i64>,
}

impl Entry {
    fn of(book: Book, day: i64) -> Self {
        let (provider, model, key) = (None, None, None);
        Self { book, day, provider, model, key, requests: None, input: None, output: None, cost: None }
    }
}

/// An export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// The days that it is about, by book; those without entries too.
    pub days: BTreeSet<(Book, i64)>,
    pub entries: Vec<Entry>,
    /// Whether it says itself that there is more.
    pub is_cut: bool,
}

/// Reads an export.
///
/// # Errors
/// What is wrong, with its place.
pub fn read(format: ExportFormat, text: &str) -> Result<Export, String> {
    match format {
        ExportFormat::Csv => csv::read(text),
        ExportFormat::Openai => pages(text, openai::page),
        ExportFormat::Anthropic => pages(text, anthropic::page),
    }
}

/// Reads pages as the provider's API answers them: one, one after the other, or a list of them.
fn pages(text: &str, page: impl Fn(&Value, &mut Export) -> Result<(), String>) -> Result<Export, String> {
    let mut export = Export::default();
    for (number, value) in (1..).zip(serde_json::Deserializer::from_str(text).into_iter::<Value>()) {
        let value = value.map_err(|error| format!("is no JSON: {error}"))?;
        let list = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
        for value in list {
            page(value, &mut export).map_err(|error| format!("page {number}: {error}"))?;
            // The last page tells.
            export.is_cut = value["has_more"] == true;
        }
    }
    if export.days.is_empty() { Err("holds no days".to_owned()) } else { Ok(export) }
}

/// The days of a page: its list `data`.
fn buckets(page: &Value) -> Result<&Vec<Value>, String> {
    page["data"].as_array().ok_or_else(|| "has no list `data`: is it an answer of the usage or costs API?".to_owned())
}

/// A text, where it is one that says something.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}
