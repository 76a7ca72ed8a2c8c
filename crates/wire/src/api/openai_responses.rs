//! OpenAI Responses.
//!
//! A conversation is a flat list of items here: messages, reasoning, calls and their results. The items of one turn are
//! gathered into one message and taken apart again. What refers to stored state ([`state_refs`]) must be resolved before a
//! request is read: [`with_history`] and [`resolve_references`] put the stored items in its place.
//!
//! A secret of this API's is bound to its item's id, so a [`Signature`](crate::chat::Signature) of this maker holds both.

mod answer;
mod call;
mod content;
mod decoder;
mod echo;
mod encoder;
mod input;
mod items;
mod kept;
mod object;
mod open;
mod request;
mod response;
mod secret;
mod state;
#[cfg(test)]
mod tests;
mod write;

pub(super) use answer::{decode_answer, encode_answer};
pub(super) use decoder::Decoder;
pub(super) use encoder::Encoder;
pub use kept::{Described, Head, described, ends_as, head, list, opening, telling, told};
pub(super) use request::decode_request;
pub use state::{
    MOST_ITEM_ID, StateRefs, id_of, items_of, items_to_keep, output_items, portable, resolve_references,
    response_of_item, state_refs, with_history,
};
pub(super) use write::encode_request;
