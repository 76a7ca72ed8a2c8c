//! One entity per table; the schema itself is made by the `migrations` crate.

#![expect(clippy::disallowed_methods, reason = "sea_orm::model generates a nested save; nothing here calls it")]

pub mod api_token;
pub mod audit_event;
pub mod cache_entry;
pub mod config_version;
pub mod conversation;
pub mod conversation_item;
pub mod cost_correction;
pub mod custom_provider;
pub mod gateway;
pub mod invitation;
pub mod membership;
pub mod meta;
pub mod policy;
pub mod price_book;
pub mod provider_key;
pub mod request;
pub mod request_body;
pub mod response;
pub mod route;
pub mod route_deployment;
pub mod route_version;
pub mod session;
pub mod team;
pub mod team_price;
pub mod user;
