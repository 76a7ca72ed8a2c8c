//! Every caller's API before every provider's: recorded traffic is translated, read again and compared.
//! `WEIR_WIRE_CORPUS` names the directory of recordings.

#[path = "pairs/answers.rs"]
mod answers;
#[path = "pairs/asked.rs"]
mod asked;
#[path = "pairs/features.rs"]
mod features;
#[path = "pairs/matrix.rs"]
mod matrix;
#[path = "pairs/mutations.rs"]
mod mutations;
#[path = "pairs/recorded.rs"]
mod recorded;
#[path = "pairs/requests.rs"]
mod requests;
#[path = "pairs/said.rs"]
mod said;
#[path = "pairs/streams.rs"]
mod streams;
