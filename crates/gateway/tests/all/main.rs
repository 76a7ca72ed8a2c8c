//! The data plane as a whole, in process, against a provider that does what each test tells it.

mod background;
mod cache;
mod clouds;
mod conversations;
mod credentials;
mod doors;
mod endings;
mod errors;
mod fetches;
mod framing;
mod labels;
mod limits;
mod memory;
mod native;
mod passing;
mod plain;
mod policies;
mod responses;
mod restrictions;
mod retries;
mod same_api;
mod settling;
mod streams;
mod tasks;
mod translation;
mod world;
