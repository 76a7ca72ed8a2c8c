//! The families of figures. What each means is in docs/metrics.md, which a test compares with what is sent.

use std::time::UNIX_EPOCH;

use domain::health::{AddressHealth, Circuit, KeyHealth, KeyStatus, TeamHealth};
use domain::ledger::Outcome;

use super::text::{Seconds, Text};
use crate::app::App;

/// Most provider keys that are told apart, and most of their addresses.
const MOST: usize = 1_000;

/// All figures of this process.
pub fn render(app: &App) -> String {
    let mut text = Text::default();
    server(&mut text, app);
    traffic(&mut text, app);
    ledger(&mut text, app);
    prices(&mut text, app);
    providers(&mut text, &app.gateway.healths());
    super::process::write(&mut text);
    text.finish()
}

fn server(text: &mut Text, app: &App) {
    let mut info = text.gauge("build_info", "The release that runs.");
    info.with(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let started = app.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    text.gauge("process_start_time_seconds", "When the server started, in seconds since 1970.").is(started.as_secs());
    text.gauge("draining", "1 once the server was told to stop.").is(u8::from(app.draining.has_begun()));
    text.gauge("starting", "1 while it is not known yet what was spent before the start.")
        .is(u8::from(app.gateway.is_suspended()));
    text.gauge("database_up", "1 where the database answered a moment ago.").is(u8::from(app.database.is_there()));
    text.gauge("config_version", "The version of the configuration in force.").is(app.gateway.version());
}

fn traffic(text: &mut Text, app: &App) {
    let gateway = &app.gateway;
    let counters = gateway.counters();
    text.gauge("requests_in_flight", "Requests whose answer is not complete.").is(gateway.in_flight());
    text.gauge("requests_in_flight_limit", "Most of them; more are refused with overloaded.")
        .is(gateway.options().max_in_flight);
    text.counter("requests_started_total", "Requests that came in.").is(counters.requests);
    let mut ended = text.counter("requests_total", "Requests that are over, by how their last attempt ended.");
    outcomes(&counters.requests_ended, |outcome, count| ended.with(&[("outcome", outcome)], count));
    text.counter("attempts_started_total", "Calls of providers, repeated ones included.").is(counters.attempts);
    let mut ended = text.counter("attempts_total", "Calls of providers that are over, by how they ended.");
    outcomes(&counters.attempts_ended, |outcome, count| ended.with(&[("outcome", outcome)], count));
    let mut refusals = text.counter("refusals_total", "Requests that Weir itself answered with an error, by its code.");
    for (code, count) in gateway.refusals() {
        refusals.with(&[("code", code.as_str())], count);
    }
    text.counter(
        "refusals_unrecorded_total",
        "Requests without a row: they named no token and no gateway that exists.",
    )
    .is(counters.refused_unrecorded);
    text.counter("hedges_total", "Calls of providers beside one that was slow to begin.").is(counters.hedges);
    text.counter("hedges_won_total", "Those of them that had the answer.").is(counters.hedges_won);
    text.counter("queued_total", "Requests that waited for their turn.").is(counters.queued);
    text.counter("cache_hits_total", "Requests answered from the cache.").is(counters.cache_hits);
    text.counter("panics_total", "Requests that ended in a fault of Weir's own.").is(counters.panics);
    text.gauge("body_memory_bytes", "What bodies under way take of the memory.").is(gateway.body_memory_used());
    text.gauge("body_memory_limit_bytes", "What they may take.").is(gateway.options().body_memory);
    text.counter("log_bodies_dropped_total", "Bodies that the log lacks because memory was short.")
        .is(counters.captures_dropped);
    text.counter("responses_lost_total", "Responses that were to be kept for later requests and were not.")
        .is(counters.responses_lost);
}

/// Tells each outcome with its count.
fn outcomes(counts: &[u64], mut tell: impl FnMut(&str, u64)) {
    Outcome::ALL.iter().zip(counts).for_each(|(outcome, count)| tell(outcome.as_str(), *count));
}

fn ledger(text: &mut Text, app: &App) {
    let (spool, writer) = (&app.ledger, &app.ledger_writer);
    text.gauge("ledger_up", "1 while the spool takes rows; without it requests are refused.")
        .is(u8::from(spool.ready()));
    text.gauge("ledger_writer_up", "1 while the thread lives that carries rows into the database.")
        .is(u8::from(writer.is_alive()));
    text.gauge("ledger_stalled", "1 where the database refused the last transaction of rows.")
        .is(u8::from(writer.is_stalled()));
    text.gauge("ledger_backlog_bytes", "What waits in the spool for the database.").is(spool.backlog_bytes());
    text.gauge("ledger_rows_waiting", "Rows that are in memory only, because the spool takes none.")
        .is(spool.waiting());
    text.counter("ledger_rows_lost_total", "Rows of calls for which there was no room in memory.")
        .is(spool.rows_lost());
    text.counter("ledger_refusals_lost_total", "Rows of refusals for which there was no room in memory.")
        .is(spool.refusals_lost());
    text.counter("ledger_write_failures_total", "Rows that the spool did not take at once.")
        .is(app.gateway.counters().ledger_failures);
    text.gauge("ledger_damaged_segments", "Files of the spool in which something was damaged.")
        .is(app.ledger_damage.segments().len());
    text.counter("ledger_damaged_bytes_total", "Bytes of the spool that could not be read.").is(writer.damaged_bytes());
}

fn prices(text: &mut Text, app: &App) {
    let unpriced = app.gateway.unpriced();
    text.counter("unpriced_attempts_total", "Calls whose use was counted and has no price.")
        .is(unpriced.iter().map(|model| model.attempts).sum::<u64>());
    text.gauge("unpriced_models", "How many models they were of, up to 501.").is(unpriced.len());
    text.gauge("price_book_problem", "1 where an imported price book cannot be used.")
        .is(u8::from(app.gateway.price_book().problem().is_some()));
}

fn providers(text: &mut Text, teams: &[(String, TeamHealth)]) {
    let all = || teams.iter().flat_map(|(team, told)| told.keys.iter().map(move |key| (team.as_str(), key)));
    let told: Vec<_> = all().take(MOST).map(|(team, key)| (team, key.id.to_string(), key)).collect();
    let keys: Vec<_> = told.iter().map(|(team, id, key)| (labels_of_key(team, id, key), *key)).collect();
    let states = KeyStatus::ALL.map(KeyStatus::as_str);
    let mut family = text.gauge("provider_key_state", "1 for the state that a provider key is in.");
    keys.iter().for_each(|(labels, key)| family.states(labels, &states, key.status.as_str()));
    let mut family = text.gauge("provider_key_rest_seconds", "Time until a resting or parked key is asked again.");
    keys.iter().for_each(|(labels, key)| family.with(labels, Seconds(key.rest_ms)));
    let mut family = text.gauge("provider_key_requests_in_flight", "Calls under way with a key.");
    keys.iter().for_each(|(labels, key)| family.with(labels, key.in_flight));
    let left_out = all().count().saturating_sub(MOST);
    text.gauge("provider_keys_left_out", "Provider keys beyond the first 1000, which are not told.").is(left_out);

    let all = teams.iter().flat_map(|(team, told)| told.addresses.iter().map(move |address| (team.as_str(), address)));
    let addresses: Vec<_> = all.take(MOST).map(|(team, address)| (labels_of_address(team, address), address)).collect();
    let states = Circuit::ALL.map(Circuit::as_str);
    let mut family = text.gauge("upstream_circuit_state", "1 for the state of the circuit of a provider's address.");
    addresses.iter().for_each(|(labels, address)| family.states(labels, &states, address.circuit.as_str()));
    let mut family = text.gauge("upstream_circuit_open_seconds", "Time until an open circuit lets a request try.");
    addresses.iter().for_each(|(labels, address)| family.with(labels, Seconds(address.rest_ms)));
    let mut family = text.gauge("upstream_requests_in_flight", "Calls under way at an address.");
    addresses.iter().for_each(|(labels, address)| family.with(labels, address.in_flight));
    let mut family = text.gauge("upstream_retries_left", "Repeated calls that an address may have now.");
    addresses.iter().for_each(|(labels, address)| family.with(labels, address.retries_left));
}

fn labels_of_key<'a>(team: &'a str, id: &'a str, key: &'a KeyHealth) -> [(&'a str, &'a str); 4] {
    [("team", team), ("provider", &key.provider), ("alias", &key.alias), ("key", id)]
}

fn labels_of_address<'a>(team: &'a str, address: &'a AddressHealth) -> [(&'a str, &'a str); 3] {
    [("team", team), ("provider", &address.provider), ("address", &address.address)]
}
