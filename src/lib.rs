//! The server: settings, command line, the one router that the program and the tests share, start-up and drain.
//! Wiring only; rules live in the crates.

pub mod app;
pub mod assets;
pub mod cli;
pub mod commands;
pub mod config;
pub mod health;
pub mod history;
pub mod listener;
pub mod metrics;
pub mod ports;
pub mod reload;
pub mod router;
pub mod upkeep;

pub use app::App;
pub use router::build_server;
