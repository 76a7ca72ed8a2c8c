//! Endpoints as people know them.

use domain::ledger::Surface;

/// A few words for an endpoint.
pub(super) fn words(endpoint: Surface) -> &'static str {
    match endpoint {
        Surface::ChatCompletions => "Chat completions",
        Surface::Responses => "Responses",
        Surface::StoredResponses => "Kept responses",
        Surface::Conversations => "Conversations",
        Surface::Messages => "Messages",
        Surface::GenerateContent => "Gemini generateContent",
        Surface::CountTokens => "Counting tokens",
        Surface::Embeddings => "Embeddings",
        Surface::Images => "Images",
        Surface::Speech => "Speech",
        Surface::Transcriptions => "Transcriptions",
        Surface::Translations => "Audio translations",
        Surface::Moderations => "Moderations",
        Surface::Rerank => "Reranking",
        Surface::Files => "Files",
        Surface::Batches => "Batches",
        Surface::Models => "List of models",
        Surface::Native => "Providers' own APIs",
        Surface::Unknown => "Nothing",
    }
}
