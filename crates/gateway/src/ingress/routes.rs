//! The table of endpoints, for tests and documents: finding them is the work of code.

use domain::ledger::Surface;

/// An endpoint of the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it is called with; `*` is any method but `TRACE` and `CONNECT`.
    pub methods: &'static str,
    /// `{name}` is one segment, `{rest}` is all that follows.
    pub pattern: &'static str,
    /// How it shows in the ledger.
    pub surface: Surface,
}

/// Every endpoint of the data plane. All of them, and everything else below `/v1` and `/v1beta`, refuse a request without a token.
pub const ROUTES: &[Route] = &[
    Route { methods: "POST", pattern: "/v1/chat/completions", surface: Surface::ChatCompletions },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/chat/completions",
        surface: Surface::ChatCompletions,
    },
    Route { methods: "POST", pattern: "/v1/responses", surface: Surface::Responses },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/responses", surface: Surface::Responses },
    Route { methods: "POST", pattern: "/v1/messages", surface: Surface::Messages },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/v1/messages", surface: Surface::Messages },
    Route { methods: "POST", pattern: "/v1/messages/count_tokens", surface: Surface::CountTokens },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1/messages/count_tokens",
        surface: Surface::CountTokens,
    },
    Route { methods: "POST", pattern: "/v1beta/models/{model}:generateContent", surface: Surface::GenerateContent },
    Route {
        methods: "POST",
        pattern: "/v1beta/models/{model}:streamGenerateContent",
        surface: Surface::GenerateContent,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/models/{model}:generateContent",
        surface: Surface::GenerateContent,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/models/{model}:streamGenerateContent",
        surface: Surface::GenerateContent,
    },
    Route { methods: "POST", pattern: "/v1/models/{model}:generateContent", surface: Surface::GenerateContent },
    Route { methods: "POST", pattern: "/v1/models/{model}:streamGenerateContent", surface: Surface::GenerateContent },
    Route { methods: "POST", pattern: "/v1/models/{model}:countTokens", surface: Surface::CountTokens },
    Route { methods: "POST", pattern: "/v1beta/models/{model}:countTokens", surface: Surface::CountTokens },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/models/{model}:countTokens",
        surface: Surface::CountTokens,
    },
    Route { methods: "POST", pattern: "/v1beta/{provider}/{model}:generateContent", surface: Surface::GenerateContent },
    Route {
        methods: "POST",
        pattern: "/v1beta/{provider}/{model}:streamGenerateContent",
        surface: Surface::GenerateContent,
    },
    Route { methods: "POST", pattern: "/v1beta/{provider}/{model}:countTokens", surface: Surface::CountTokens },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/{provider}/{model}:generateContent",
        surface: Surface::GenerateContent,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/{provider}/{model}:streamGenerateContent",
        surface: Surface::GenerateContent,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/{provider}/{model}:countTokens",
        surface: Surface::CountTokens,
    },
    Route { methods: "GET", pattern: "/v1/responses/{id}", surface: Surface::StoredResponses },
    Route { methods: "DELETE", pattern: "/v1/responses/{id}", surface: Surface::StoredResponses },
    Route { methods: "POST", pattern: "/v1/responses/{id}/cancel", surface: Surface::StoredResponses },
    Route { methods: "GET", pattern: "/v1/responses/{id}/input_items", surface: Surface::StoredResponses },
    Route { methods: "POST", pattern: "/v1/conversations", surface: Surface::Conversations },
    Route { methods: "GET", pattern: "/v1/conversations/{id}", surface: Surface::Conversations },
    Route { methods: "POST", pattern: "/v1/conversations/{id}", surface: Surface::Conversations },
    Route { methods: "DELETE", pattern: "/v1/conversations/{id}", surface: Surface::Conversations },
    Route { methods: "GET", pattern: "/v1/conversations/{id}/items", surface: Surface::Conversations },
    Route { methods: "POST", pattern: "/v1/conversations/{id}/items", surface: Surface::Conversations },
    Route { methods: "GET", pattern: "/v1/conversations/{id}/items/{item}", surface: Surface::Conversations },
    Route { methods: "DELETE", pattern: "/v1/conversations/{id}/items/{item}", surface: Surface::Conversations },
    Route { methods: "GET", pattern: "/v1/{team}/{gateway}/compat/responses/{id}", surface: Surface::StoredResponses },
    Route {
        methods: "DELETE",
        pattern: "/v1/{team}/{gateway}/compat/responses/{id}",
        surface: Surface::StoredResponses,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/responses/{id}/cancel",
        surface: Surface::StoredResponses,
    },
    Route {
        methods: "GET",
        pattern: "/v1/{team}/{gateway}/compat/responses/{id}/input_items",
        surface: Surface::StoredResponses,
    },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/conversations", surface: Surface::Conversations },
    Route {
        methods: "GET",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}",
        surface: Surface::Conversations,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}",
        surface: Surface::Conversations,
    },
    Route {
        methods: "DELETE",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}",
        surface: Surface::Conversations,
    },
    Route {
        methods: "GET",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}/items",
        surface: Surface::Conversations,
    },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}/items",
        surface: Surface::Conversations,
    },
    Route {
        methods: "GET",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}/items/{item}",
        surface: Surface::Conversations,
    },
    Route {
        methods: "DELETE",
        pattern: "/v1/{team}/{gateway}/compat/conversations/{id}/items/{item}",
        surface: Surface::Conversations,
    },
    Route { methods: "POST", pattern: "/v1/embeddings", surface: Surface::Embeddings },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/embeddings", surface: Surface::Embeddings },
    Route { methods: "POST", pattern: "/v1/images/generations", surface: Surface::Images },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/images/generations", surface: Surface::Images },
    Route { methods: "POST", pattern: "/v1/images/edits", surface: Surface::Images },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/images/edits", surface: Surface::Images },
    Route { methods: "POST", pattern: "/v1/images/variations", surface: Surface::Images },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/images/variations", surface: Surface::Images },
    Route { methods: "POST", pattern: "/v1/audio/speech", surface: Surface::Speech },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/audio/speech", surface: Surface::Speech },
    Route { methods: "POST", pattern: "/v1/audio/transcriptions", surface: Surface::Transcriptions },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/audio/transcriptions",
        surface: Surface::Transcriptions,
    },
    Route { methods: "POST", pattern: "/v1/audio/translations", surface: Surface::Translations },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/audio/translations",
        surface: Surface::Translations,
    },
    Route { methods: "POST", pattern: "/v1/moderations", surface: Surface::Moderations },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/moderations", surface: Surface::Moderations },
    Route { methods: "POST", pattern: "/v1/rerank", surface: Surface::Rerank },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/rerank", surface: Surface::Rerank },
    Route { methods: "*", pattern: "/v1/files", surface: Surface::Files },
    Route { methods: "*", pattern: "/v1/{team}/{gateway}/compat/files", surface: Surface::Files },
    Route { methods: "*", pattern: "/v1/files/{rest}", surface: Surface::Files },
    Route { methods: "*", pattern: "/v1/{team}/{gateway}/compat/files/{rest}", surface: Surface::Files },
    Route { methods: "*", pattern: "/v1/batches", surface: Surface::Batches },
    Route { methods: "*", pattern: "/v1/{team}/{gateway}/compat/batches", surface: Surface::Batches },
    Route { methods: "*", pattern: "/v1/batches/{rest}", surface: Surface::Batches },
    Route { methods: "*", pattern: "/v1/{team}/{gateway}/compat/batches/{rest}", surface: Surface::Batches },
    Route { methods: "POST", pattern: "/v2/rerank", surface: Surface::Rerank },
    Route { methods: "POST", pattern: "/v1/{team}/{gateway}/compat/v2/rerank", surface: Surface::Rerank },
    Route { methods: "POST", pattern: "/v1beta/models/{model}:embedContent", surface: Surface::Embeddings },
    Route { methods: "POST", pattern: "/v1/models/{model}:embedContent", surface: Surface::Embeddings },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/models/{model}:embedContent",
        surface: Surface::Embeddings,
    },
    Route { methods: "POST", pattern: "/v1beta/models/{model}:batchEmbedContents", surface: Surface::Embeddings },
    Route { methods: "POST", pattern: "/v1/models/{model}:batchEmbedContents", surface: Surface::Embeddings },
    Route {
        methods: "POST",
        pattern: "/v1/{team}/{gateway}/compat/v1beta/models/{model}:batchEmbedContents",
        surface: Surface::Embeddings,
    },
    Route { methods: "GET", pattern: "/v1/models", surface: Surface::Models },
    Route { methods: "GET", pattern: "/v1/{team}/{gateway}/compat/models", surface: Surface::Models },
    Route { methods: "*", pattern: "/v1/{team}/{gateway}/{provider}/{rest}", surface: Surface::Native },
];
