//! How many instructions the hot functions take, counted by Valgrind: gates that no noise moves. The bounds are the lines
//! `instructions.NAME` of `bench/budget`; above one the run fails and tells both figures. What the kernel does is not
//! counted, nor what is prepared before.
//!
//! To add a function, write what it needs into `ready.rs`, a function here with a line of its own in the group, and a
//! line in the budget.

#[path = "../../src/policies/some.rs"]
mod policies;
#[allow(dead_code, reason = "no stream is counted here")]
#[path = "../../tests/gates/provider.rs"]
mod provider;
mod ready;
#[allow(dead_code, reason = "no stream is counted here")]
#[path = "../../tests/gates/world.rs"]
mod world;

use std::hint::black_box;

use bytes::Bytes;
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use wire::scan::scan;
use wire::splice::{Edit, splice};
use wire::usage::StreamWatch;

use policies::Asking;
use ready::{Chat, Priced, Signing, Writing};

/// As in the server: what memory costs is counted too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BUDGET: &str = include_str!("../../budget");

/// Holds the instructions of a function to its line.
fn at_most(name: &str) -> LibraryBenchmarkConfig {
    let line =
        BUDGET.lines().find_map(|line| line.strip_prefix("instructions.")?.strip_prefix(name)?.strip_prefix(' '));
    let most = line.unwrap_or_else(|| panic!("bench/budget has no line `instructions.{name}`"));
    let most: u64 = most.trim().parse().expect("a number");
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.format([EventKind::Ir]).hard_limits([(EventKind::Ir, most)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

#[library_benchmark]
#[bench::of_1_kb(args = (ready::body(1_000)), config = at_most("scan.1-KB"))]
#[bench::of_32_kb(args = (ready::body(32_000)), config = at_most("scan.32-KB"))]
fn scan_body(body: Bytes) -> Bytes {
    black_box(scan(black_box(&body)).expect("a body"));
    body
}

#[library_benchmark]
#[bench::of_1_kb(args = (ready::edit()), config = at_most("splice"))]
fn splice_model((body, edits): (Bytes, Vec<Edit>)) -> (Bytes, Bytes, Vec<Edit>) {
    let spliced = splice(black_box(&body), black_box(&edits));
    (spliced, body, edits)
}

#[library_benchmark]
#[bench::word(args = (ready::watch(), ready::WORD), config = at_most("watch.word"))]
#[bench::usage(args = (ready::watch(), ready::USAGE), config = at_most("watch.usage"))]
fn watch_event(mut watch: StreamWatch, event: &'static str) -> StreamWatch {
    watch.push(black_box(event.as_bytes()));
    watch
}

#[library_benchmark]
#[bench::known(args = (Signing::ready()), config = at_most("token"))]
fn find_token(signing: Signing) -> Signing {
    black_box(signing.find());
    signing
}

#[library_benchmark]
#[bench::five(args = (ready::asking()), config = at_most("policies"))]
fn admit_and_settle(mut asking: Asking) -> Asking {
    black_box(asking.judge(black_box(ready::NOW_MS)));
    asking
}

#[library_benchmark]
#[bench::chat(args = (Priced::ready()), config = at_most("price"))]
fn price_usage(priced: Priced) -> Priced {
    black_box(priced.cost());
    priced
}

#[library_benchmark]
#[bench::chat(args = (Writing::ready()), config = at_most("row"))]
fn write_row(writing: Writing) -> Writing {
    writing.append();
    writing
}

#[library_benchmark]
#[bench::miss(args = (Chat::miss()), config = at_most("chat"))]
#[bench::hit(args = (Chat::hit()), config = at_most("hit"))]
#[bench::key_of_10(args = (Chat::among(10, 0, "openai/gpt-4o-mini")), config = at_most("chat.10-keys"))]
#[bench::key_of_1000(args = (Chat::among(1_000, 0, "openai/gpt-4o-mini")), config = at_most("chat.1000-keys"))]
#[bench::beside_1000_routes(args = (Chat::among(1, 1_000, "openai/gpt-4o-mini")), config = at_most("chat.1000-routes"))]
#[bench::route(args = (Chat::among(1, 1, "dynamic/r1")), config = at_most("route"))]
#[bench::route_of_10(args = (Chat::among(1, 10, "dynamic/r7")), config = at_most("route.10"))]
#[bench::route_of_1000(args = (Chat::among(1, 1_000, "dynamic/r700")), config = at_most("route.1000"))]
fn answer_chat(mut chat: Chat) -> Chat {
    chat.answer();
    chat
}

library_benchmark_group!(
    name = hot,
    benchmarks =
        [scan_body, splice_model, watch_event, find_token, admit_and_settle, price_usage, write_row, answer_chat]
);

main!(library_benchmark_groups = hot);
