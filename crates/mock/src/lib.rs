//! A model provider that answers by rule: the other side in tests, demos and measurements. Never part of serving.
//!
//! It speaks OpenAI (chat completions, embeddings, models), Anthropic (messages, count_tokens, models) and Gemini
//! (generateContent, streamGenerateContent, countTokens, embedContent, models). An answer depends on the request alone,
//! and so does its usage: the same bytes in give the same bytes out. It calls the first tool that is offered, answers in
//! JSON where a schema is given, and shows reasoning where that is asked for, signed where the API signs it: a signature that
//! comes back missing or changed is refused as the real provider would.
//!
//! # Controls
//! How an answer arrives, or fails to, is set by flags ([`Options`]), by request headers `x-mock-NAME: VALUE`, or by
//! words `mock-NAME-VALUE` in the model's name or in the last user message, so that an SDK which can send no header of its own
//! can drive it. Headers win over words, words win over flags.
//!
//! | name | value | what happens |
//! |---|---|---|
//! | `ttft` | milliseconds | pause before the first byte of the answer |
//! | `pace` | milliseconds | pause between two events of a stream |
//! | `tokens` | count | words in the answer, at most [`MAX_TOKENS`] |
//! | `cached` | count | input tokens reported as read from the prompt cache |
//! | `status` | code | an error with this status, in the dialect's own shape |
//! | `retry-after` | seconds | the `Retry-After` header of that error |
//! | `fail-first` | count | the error for the first requests that carry the same `key`, success after that |
//! | `key` | text | names the count of `fail-first`; `default` without it |
//! | `malformed` | – | status 200 and a body, or an event, of broken JSON |
//! | `html` | – | status 200 and a page of HTML |
//! | `no-usage` | – | the answer reports no usage |
//! | `no-terminal` | – | a stream ends in order, but without its last event |
//! | `silent` | – | the request is read and never answered |
//! | `silent-after` | events | a stream stops without ending |
//! | `reset` | – | the connection is reset before any header |
//! | `reset-after` | events | the connection is reset within a stream |
//! | `close-after` | events | the connection is closed within a stream, without its last chunk |
//! | `huge-line` | bytes | a stream's first event is one line of this length, at most [`MAX_LINE_BYTES`] |
//! | `split` | bytes | a stream is written in pieces of this size, wherever they fall |
//!
//! `GET /mock/stats` tells how many requests each path got, `GET /mock/requests?last=n` what the last ones looked like,
//! any method on `…/echo` answers with the request itself. Other requests need a provider key, any will do.

mod answer;
mod body;
mod connection;
mod control;
mod dialect;
mod options;
mod record;
mod service;

pub use body::Body;
pub use connection::{Connection, Running, serve, start};
pub use control::{MAX_LINE_BYTES, MAX_TOKENS};
pub use options::Options;
pub use service::Mock;
