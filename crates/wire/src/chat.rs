//! The common form of a conversation: what every chat API can be read into and written from.
//!
//! It is used only where the caller's API and the provider's differ; where they agree, bytes pass as they are. Blocks are kept
//! in order, with what belongs to each: signatures of reasoning, cache hints, citations. JSON that the gateway has no
//! business reading (schemas, tool arguments) is kept as the text it came as.

mod answer;
mod asked;
mod assembly;
mod content;
mod event;
mod json;
mod loss;
mod names;
mod remote;
mod replay;
mod request;
mod sequence;
mod signature;

pub use answer::{Answer, Choice, Finish};
pub use asked::Asked;
pub use assembly::Assembly;
pub use content::{CacheTtl, Citation, Content, Part, Source};
pub use event::{BlockKind, Event, StreamError};
pub use json::Json;
pub use loss::{Loss, Losses, Refused};
pub use names::Names;
pub use remote::{Fetched, Remote, RemoteKind, sniff};
pub use replay::replay;
pub use request::{Effort, Format, Message, Reasoning, Request, Role, Sampling, Tool, ToolChoice, ToolKind};
pub use sequence::Sequence;
pub use signature::Signature;
