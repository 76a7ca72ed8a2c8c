//! The real binary, from outside: start, stop, apply, and every route.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod commands;
mod demo;
mod drain;
mod early;
mod forwarded;
mod harness;
mod limits;
mod log;
mod members;
mod responses;
mod routes;
mod start;
mod unlogged;
