//! The doors beside chat.

use domain::ledger::Surface;
use wire::embed::Front;
use wire::task::Task;

use super::climbs;

/// A call of an endpoint beside chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub task: Task,
    /// The words it is asked in; OpenAI's but for Gemini's embeddings.
    pub front: Front,
    /// The model, where the URL names it.
    pub model: Option<&'a str>,
    /// What stands behind the task's own path: the file, the batch.
    pub rest: &'a str,
}

/// Segments below a file or a batch: its id, and what is done with it. With more, a path could be one of a team's gateway.
const MOST: usize = 2;

/// The call of a path behind `v1/`.
pub(super) fn call(path: &str) -> Option<Call<'_>> {
    // Cohere's SDK asks for the second version of its API.
    let path = if path == "v2/rerank" { Task::Rerank.path() } else { path };
    let task =
        Task::ALL.into_iter().find(|task| path.strip_prefix(task.path()).is_some_and(|rest| fits(*task, rest)))?;
    Some(Call { task, front: Front::Openai, model: None, rest: &path[task.path().len()..] })
}

fn fits(task: Task, rest: &str) -> bool {
    let Some(below) = rest.strip_prefix('/') else { return rest.is_empty() };
    task.keeps() && !below.is_empty() && below.split('/').count() <= MOST && !climbs(below)
}

/// How a task shows in the ledger.
pub(crate) fn surface(task: Task) -> Surface {
    match task {
        Task::Embeddings => Surface::Embeddings,
        Task::Images | Task::ImageEdits | Task::ImageVariations => Surface::Images,
        Task::Speech => Surface::Speech,
        Task::Transcriptions => Surface::Transcriptions,
        Task::AudioTranslations => Surface::Translations,
        Task::Moderations => Surface::Moderations,
        Task::Rerank => Surface::Rerank,
        Task::Files => Surface::Files,
        Task::Batches => Surface::Batches,
    }
}

/// The endpoint that a batch asks, by what it says as `endpoint`: the path at the provider, as OpenAI's API writes it. None for what
/// is no endpoint here.
pub(crate) fn asked_by_batch(path: &str) -> Option<Surface> {
    match path.strip_prefix("/v1/")? {
        "chat/completions" => Some(Surface::ChatCompletions),
        "responses" => Some(Surface::Responses),
        path => call(path).filter(|call| !call.task.keeps()).map(|call| surface(call.task)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_batch_asks_is_an_endpoint_or_none() {
        for (path, surface) in [
            ("/v1/chat/completions", Some(Surface::ChatCompletions)),
            ("/v1/responses", Some(Surface::Responses)),
            ("/v1/embeddings", Some(Surface::Embeddings)),
            ("/v1/moderations", Some(Surface::Moderations)),
            ("/v1/images/edits", Some(Surface::Images)),
            ("/v1/completions", None),
            ("/v1/videos", None),
            ("/v1/batches", None),
            ("/v1/embeddings/", None),
            ("/v1/Embeddings", None),
            ("embeddings", None),
            ("", None),
        ] {
            assert_eq!(asked_by_batch(path), surface, "{path}");
        }
    }

    #[test]
    fn a_path_leads_to_its_task() {
        let found = |path| call(path).map(|call| (call.task, call.rest));
        assert_eq!(found("embeddings"), Some((Task::Embeddings, "")));
        assert_eq!(found("v2/rerank"), Some((Task::Rerank, "")));
        assert_eq!(found("files"), Some((Task::Files, "")));
        assert_eq!(found("files/file-1/content"), Some((Task::Files, "/file-1/content")));
        assert_eq!(found("batches/b/cancel"), Some((Task::Batches, "/b/cancel")));
        for path in
            ["embeddings/", "embeddings/x", "files/", "filesx", "files/a/b/c", "files/../x", "images", "v2/embed"]
        {
            assert_eq!(found(path), None, "{path}");
        }
    }
}
