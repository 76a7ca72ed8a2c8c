//! The parts of messages and of tool results, in both directions.

use serde::Serialize;
use serde_json::value::RawValue;

use super::object::Object;
use crate::api::Api;
use crate::chat::{CacheTtl, Citation, Content, Json, Part, Refused, Source};

const OWN: Api = Api::OpenaiResponses;

/// A part as it is written.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Piece<'a> {
    InputText {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt_cache_breakpoint: Option<Breakpoint>,
    },
    InputImage {
        #[serde(skip_serializing_if = "Option::is_none")]
        image_url: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
    },
    InputFile {
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_data: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_url: Option<&'a str>,
    },
    InputAudio {
        input_audio: Sound<'a>,
    },
    OutputText {
        text: &'a str,
        annotations: Vec<Json>,
    },
    Refusal {
        refusal: &'a str,
    },
}

#[derive(Serialize)]
pub(super) struct Sound<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
pub(super) struct Breakpoint {
    mode: &'static str,
}

/// Reads a part that a caller sent at `place`.
pub(super) fn read(part: &Object<'_>, place: &str) -> Result<Part, Refused> {
    let content = match part.kind().as_str() {
        "input_text" | "output_text" | "text" => {
            let citations = part.list("annotations").into_iter().filter_map(citation).collect();
            Content::Text { text: part.needed(place, "text", "a text")?, citations }
        }
        "refusal" => Content::Refusal { text: part.needed(place, "refusal", "a text")? },
        "input_image" => image(part, place)?,
        "input_file" => document(part, place)?,
        "input_audio" => sound(part, place)?,
        other => {
            let message = format!(
                "{other:?} is no kind of content; use input_text, input_image, input_file, input_audio, output_text or \
                 refusal"
            );
            return Err(Refused::field(format!("{place}.type"), message));
        }
    };
    let cache = part.raw("prompt_cache_breakpoint").map(|_| CacheTtl::Short);
    Ok(Part { content, cache })
}

fn image(part: &Object<'_>, place: &str) -> Result<Content, Refused> {
    let detail = part.field_at(place, "detail", "a text such as \"high\"")?;
    let url = part.field_at(place, "image_url", "a URL as a text, not an object")?;
    let file = part.field_at(place, "file_id", "the id of a file")?;
    let source = match (url, file) {
        (Some(url), _) => of_url(url),
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(Refused::field(format!("{place}.image_url"), "is missing; give it or file_id")),
    };
    Ok(Content::Image { source, detail })
}

fn document(part: &Object<'_>, place: &str) -> Result<Content, Refused> {
    let name: Option<String> = part.field_at(place, "filename", "a text")?;
    let data = part.field_at(place, "file_data", "a file as a data URL")?;
    let url = part.field_at(place, "file_url", "a URL")?;
    let file = part.field_at(place, "file_id", "the id of a file")?;
    let source = match (data, url, file) {
        (Some(data), ..) => of_data(data, name.as_deref()),
        (None, Some(url), _) => Source::Url { url, media_type: None },
        (None, None, Some(id)) => Source::File(id),
        (None, None, None) => {
            return Err(Refused::field(format!("{place}.file_data"), "is missing; give it, file_url or file_id"));
        }
    };
    Ok(Content::Document { source, name })
}

fn sound(part: &Object<'_>, place: &str) -> Result<Content, Refused> {
    let audio: Option<Object<'_>> = part.object("input_audio");
    let place = format!("{place}.input_audio");
    let audio = audio.ok_or_else(|| Refused::field(&place, "must be an object with data and format"))?;
    let format: String = audio.needed(&place, "format", "\"wav\" or \"mp3\"")?;
    let media_type = if format == "mp3" { "audio/mpeg".to_owned() } else { format!("audio/{format}") };
    let data = audio.needed(&place, "data", "sound in Base64")?;
    Ok(Content::Audio { source: Source::Base64 { media_type, data } })
}

/// A URL that may hold its data itself.
fn of_url(url: String) -> Source {
    let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match inline {
        Some((media_type, data)) => Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => Source::Url { url, media_type: None },
    }
}

/// Data that should be a data URL and is sometimes bare Base64.
fn of_data(data: String, name: Option<&str>) -> Source {
    if data.starts_with("data:") {
        return of_url(data);
    }
    let extension = name.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let media_type = match extension {
        Some("txt") => "text/plain",
        Some("md") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html") => "text/html",
        Some("json") => "application/json",
        _ => "application/pdf",
    };
    Source::Base64 { media_type: media_type.to_owned(), data }
}

/// Writes a part of an input message or of a tool's result; none where the API has no form for it.
pub(super) fn write(part: &Part, breakpoints: bool) -> Option<Piece<'_>> {
    let prompt_cache_breakpoint = (breakpoints && part.cache.is_some()).then_some(Breakpoint { mode: "explicit" });
    let input_text = |text| Piece::InputText { text, prompt_cache_breakpoint };
    Some(match &part.content {
        Content::Text { text, .. } | Content::Refusal { text } => input_text(text),
        Content::Document { source: Source::Text(text), .. } => input_text(text),
        Content::Image { source, detail } => {
            let (image_url, file_id) = match source {
                Source::Base64 { media_type, data } => (Some(format!("data:{media_type};base64,{data}")), None),
                Source::Url { url, .. } => (Some(url.clone()), None),
                Source::File(id) => (None, Some(id.as_str())),
                Source::Text(_) => return None,
            };
            Piece::InputImage { image_url, file_id, detail: detail.as_deref() }
        }
        Content::Document { source, name } => file(source, name.as_deref()),
        Content::Audio { source: Source::Base64 { media_type, data } } => {
            let format = media_type.strip_prefix("audio/").unwrap_or(media_type);
            let format = if matches!(format, "mpeg" | "mpga") { "mp3" } else { format };
            Piece::InputAudio { input_audio: Sound { data, format } }
        }
        _ => return None,
    })
}

fn file<'a>(source: &'a Source, filename: Option<&'a str>) -> Piece<'a> {
    let (mut file_data, mut file_id, mut file_url) = (None, None, None);
    let mut filename = filename;
    match source {
        Source::Base64 { media_type, data } => {
            file_data = Some(format!("data:{media_type};base64,{data}"));
            // OpenAI refuses inline files without a name.
            filename = filename.or(Some(if media_type == "application/pdf" { "file.pdf" } else { "file" }));
        }
        Source::Url { url, .. } => file_url = Some(url.as_str()),
        Source::File(id) => file_id = Some(id.as_str()),
        Source::Text(_) => {}
    }
    Piece::InputFile { filename, file_data, file_id, file_url }
}

/// Writes a part of the model's own words.
pub(super) fn write_said(part: &Part) -> Option<Piece<'_>> {
    match &part.content {
        Content::Text { text, citations } => {
            let annotations = citations.iter().filter_map(|citation| annotation(citation, 0)).collect();
            Some(Piece::OutputText { text, annotations })
        }
        Content::Refusal { text } => Some(Piece::Refusal { refusal: text }),
        _ => None,
    }
}

/// Reads an annotation.
pub(super) fn citation(raw: &RawValue) -> Option<Citation> {
    let annotation = Object::of(raw)?;
    Some(Citation {
        url: annotation.get("url"),
        title: annotation.get("title").or_else(|| annotation.get("filename")),
        quote: None,
        span: annotation.get("start_index").zip(annotation.get("end_index")),
        original: Some((OWN, Json::of(raw))),
    })
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Annotation<'a> {
    UrlCitation { start_index: u64, end_index: u64, url: &'a str, title: &'a str },
    FileCitation { index: u64, file_id: &'a str, filename: &'a str },
}

/// Writes an annotation of words that begin `offset` characters into their text.
pub(super) fn annotation(citation: &Citation, offset: u64) -> Option<Json> {
    if let Some((OWN, original)) = &citation.original {
        return Some(original.clone());
    }
    let (start, end) = citation.span.unwrap_or((0, 0));
    let (start_index, end_index) = (start.saturating_add(offset), end.saturating_add(offset));
    let title = citation.title.as_deref().unwrap_or_default();
    Some(Json::of(&match &citation.url {
        Some(url) => Annotation::UrlCitation { start_index, end_index, url, title },
        None if !title.is_empty() => Annotation::FileCitation { index: end_index, file_id: "", filename: title },
        None => return None,
    }))
}
