//! The real binary, from outside: start, stop, apply, and every route.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod commands;
mod crash;
mod demo;
mod dice;
mod drain;
mod early;
mod faults;
mod forwarded;
mod harness;
mod ledger;
mod limits;
mod log;
mod members;
mod metrics;
mod postgres;
mod price_book;
mod prices;
mod responses;
mod routes;
mod start;
mod unlogged;
mod weather;
