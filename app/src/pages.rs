//! One file per page or group of pages.

pub mod account;
mod address;
pub mod audit;
pub mod connect;
pub mod costs;
pub mod gateways;
pub mod home;
pub mod issued;
pub mod join;
pub mod members;
pub mod not_found;
pub mod overview;
pub mod policies;
pub mod prices;
pub mod provider_keys;
pub mod requests;
pub mod routes;
pub mod setup;
pub mod sign_in;
pub mod tokens;
