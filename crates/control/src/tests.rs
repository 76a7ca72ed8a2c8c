//! The control plane against both databases.

mod account;
mod account_events;
mod audit;
pub(crate) mod fixture;
mod member;
mod policy;
mod price_book;
mod provider_key;
mod rerate;
mod resource;
mod route;
mod simulation;
mod team_price;
