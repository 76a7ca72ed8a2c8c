//! Reads recorded traffic of providers and compares what is found with a slow and plain reading of the same bytes; then
//! every recording is translated for callers of every API, read again and compared. `WEIR_WIRE_CORPUS` names the directory
//! of recordings.

#[path = "corpus/answers.rs"]
mod answers;
#[path = "corpus/anthropic.rs"]
mod anthropic;
#[path = "corpus/asked.rs"]
mod asked;
#[path = "corpus/bedrock.rs"]
mod bedrock;
#[path = "corpus/cohere.rs"]
mod cohere;
#[path = "corpus/gemini.rs"]
mod gemini;
#[path = "corpus/native.rs"]
mod native;
#[path = "corpus/ollama.rs"]
mod ollama;
#[path = "corpus/openai_chat.rs"]
mod openai_chat;
#[path = "corpus/openai_responses.rs"]
mod openai_responses;
#[path = "corpus/own.rs"]
mod own;
#[path = "corpus/recordings.rs"]
mod recordings;
#[path = "corpus/requests.rs"]
mod requests;
#[path = "corpus/streams.rs"]
mod streams;
#[path = "corpus/tasks.rs"]
mod tasks;
#[path = "corpus/usage.rs"]
mod usage;
