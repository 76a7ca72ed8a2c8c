//! Gates that no noise moves: how often and how much a request allocates, how large it is in flight. The bounds are in
//! `bench/budget`.
//!
//! Counted is what the thread of the data plane does: the gateway, hyper's client, and the spool's append, with
//! everything on that a gateway can have. The provider answers from a thread of its own; the client and the server's
//! connection are not there.

mod budget;
mod counted;
mod limits;
#[path = "../../src/policies/some.rs"]
mod policies;
mod provider;
mod requests;
mod streams;
mod translation;
#[path = "../../src/translate/work.rs"]
mod work;
mod world;
