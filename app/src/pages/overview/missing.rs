//! Says where figures are incomplete, to those who can do something about it.

use domain::view::LedgerHealth;
use leptos::prelude::*;

use crate::components::format::grouped;
use crate::components::{Notice, Tone};

/// Most files that are named.
const MOST_NAMES: usize = 4;

/// A notice for each thing that keeps rows from the figures.
pub(super) fn notices(ledger: LedgerHealth) -> impl IntoView {
    let LedgerHealth { dead_letters, stalled, backlog_bytes, rows_waiting, damaged_segments } = ledger;
    view! {
        {(rows_waiting > 0).then(|| waiting(rows_waiting))}
        {stalled.then(|| behind(backlog_bytes))}
        {(!damaged_segments.is_empty()).then(|| damaged(damaged_segments))}
        {(dead_letters > 0).then(|| set_aside(dead_letters))}
    }
}

fn waiting(rows: u64) -> impl IntoView {
    let rows = number(rows, "row", "rows");
    view! {
        <Notice tone=Tone::Warn>
            <p>
                {format!("The disk takes no more: {rows} of the ledger wait in memory, and requests are refused with ")}
                <code>"ledger_unavailable"</code>". Make room in the data directory; everything else happens by itself."
            </p>
        </Notice>
    }
}

fn behind(bytes: u64) -> impl IntoView {
    let kib = grouped(bytes.div_ceil(1024));
    view! {
        <Notice tone=Tone::Warn>
            <p>
                {format!("The database takes no rows at the moment, so these figures are behind. {kib} KiB wait in the spool. Nothing is lost, and Weir tries again by itself; the log has the reason.")}
            </p>
        </Notice>
    }
}

fn damaged(names: Vec<String>) -> impl IntoView {
    let files = number(names.len() as u64, "file", "files");
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    let shown = names.into_iter().take(MOST_NAMES).collect::<Vec<_>>().join(", ") + more;
    view! {
        <Notice tone=Tone::Warn>
            <p>
                {format!("{files} of this installation's spool were damaged on the disk. What could be read is in the figures; the rest is kept in the data directory: ")}
                <code>{shown}</code>". docs/ledger.md says what to do."
            </p>
        </Notice>
    }
}

fn set_aside(records: u64) -> impl IntoView {
    let records = number(records, "record", "records");
    view! {
        <Notice tone=Tone::Warn>
            <p>
                {format!("{records} of this installation's ledger could not be stored, so their requests and cost are in no figure. ")}
                "They wait in the table "<code>"dead_letters"</code>" with the reason; docs/DATABASE.md says what to do."
            </p>
        </Notice>
    }
}

fn number(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {many}", grouped(count)) }
}
