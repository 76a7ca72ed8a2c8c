//! Reads what a caller's messages are made of.

use serde::Deserialize;

use super::fields::Fields;
use crate::api::Api;
use crate::chat::{CacheTtl, Content, Json, Part, Refused, Signature, Source};

/// Takes the content of a message: a string, a list of parts, or nothing.
pub(super) fn content(fields: &mut Fields) -> Result<Vec<Part>, Refused> {
    let at = fields.path("content");
    let Some(content) = fields.raw("content") else { return Ok(Vec::new()) };
    if let Ok(text) = content.read::<String>() {
        return Ok(if text.is_empty() { Vec::new() } else { vec![Content::text(text).into()] });
    }
    let list: Vec<Json> =
        content.read().map_err(|_| Refused::field(&at, "must be a string or a list of content parts"))?;
    let mut parts = Vec::with_capacity(list.len());
    for (place, json) in list.iter().enumerate() {
        parts.push(part(json, format!("{at}[{place}]"))?);
    }
    Ok(parts)
}

fn part(json: &Json, at: String) -> Result<Part, Refused> {
    let mut fields = Fields::read(json.as_str().as_bytes(), at)?;
    let cache = cache(&mut fields);
    let content = match fields.needed("type")?.as_str() {
        "text" | "input_text" | "output_text" => Content::text(fields.needed("text")?),
        "refusal" => Content::Refusal { text: fields.needed("refusal")? },
        "image_url" => image(&mut fields)?,
        "input_audio" if fields.peek("input_audio").is_some_and(Json::is_object) => audio(&mut fields)?,
        "file" => file(&mut fields)?,
        "video_url" => Content::Video { source: address(&mut fields, "video_url")?.0 },
        "thinking" => thinking(&mut fields)?,
        _ => Content::Opaque { api: Api::OpenaiChat, value: json.clone() },
    };
    Ok(Part { content, cache })
}

/// Anthropic's hint, which providers in front of Anthropic take here.
pub(super) fn cache(fields: &mut Fields) -> Option<CacheTtl> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Control {
        ttl: Option<String>,
    }
    let control = fields.raw("cache_control")?;
    let ttl = control.read::<Control>().unwrap_or_default().ttl;
    Some(if ttl.as_deref() == Some("1h") { CacheTtl::Hour } else { CacheTtl::Short })
}

fn image(fields: &mut Fields) -> Result<Content, Refused> {
    let (source, detail) = address(fields, "image_url")?;
    Ok(Content::Image { source, detail })
}

/// `{url, detail}`, or the address alone.
fn address(fields: &mut Fields, name: &str) -> Result<(Source, Option<String>), Refused> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Address {
        Whole { url: String, detail: Option<String> },
        Short(String),
    }
    let at = fields.path(name);
    let wanted = "must be an object with `url`, a web address or `data:image/png;base64,…`";
    let (url, detail) = match fields.take(name, "an object with `url`")? {
        Some(Address::Whole { url, detail }) => (url, detail),
        Some(Address::Short(url)) => (url, None),
        None => return Err(Refused::field(at, wanted)),
    };
    Ok((source(&url).ok_or_else(|| Refused::field(at, wanted))?, detail))
}

/// A web address or a `data:` address.
fn source(url: &str) -> Option<Source> {
    if let Some(rest) = url.strip_prefix("data:") {
        let (media_type, data) = rest.split_once(";base64,")?;
        let media_type = media_type.split(';').next().unwrap_or_default();
        return Some(Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() });
    }
    let known = ["https://", "http://", "gs://"].iter().any(|scheme| url.starts_with(scheme));
    known.then(|| Source::Url { url: url.to_owned(), media_type: None })
}

fn audio(fields: &mut Fields) -> Result<Content, Refused> {
    let Some(mut audio) = fields.object("input_audio")? else {
        return Err(Refused::field(fields.path("input_audio"), "is missing: it must hold `data` and `format`"));
    };
    let (data, format) = (audio.needed("data")?, audio.needed("format")?);
    let media_type = if format == "mp3" { "audio/mpeg".to_owned() } else { format!("audio/{format}") };
    Ok(Content::Audio { source: Source::Base64 { media_type, data } })
}

fn file(fields: &mut Fields) -> Result<Content, Refused> {
    let at = fields.path("file");
    let wanted = "must hold `file_id`, or `file_data` in the form `data:application/pdf;base64,…`";
    let Some(mut file) = fields.object("file")? else { return Err(Refused::field(at, wanted)) };
    let name = file.text("filename")?;
    let source = match (file.text("file_data")?, file.text("file_id")?) {
        (Some(data), _) => match source(&data) {
            Some(source) => source,
            // OpenAI once took the bytes without their type.
            None if !data.contains(':') => Source::Base64 { media_type: "application/pdf".to_owned(), data },
            None => return Err(Refused::field(at, wanted)),
        },
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(Refused::field(at, wanted)),
    };
    Ok(Content::Document { source, name })
}

/// Mistral's reasoning: words, or a list of texts.
fn thinking(fields: &mut Fields) -> Result<Content, Refused> {
    let words = fields.raw("thinking").map(|thinking| thinking_words(&thinking)).unwrap_or_default();
    let signature = fields.text("signature")?.map(|text| Signature::read(&text, Api::OpenaiChat));
    Ok(Content::Thinking { text: words, signature })
}

pub(super) fn thinking_words(thinking: &Json) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Piece {
        text: Option<String>,
    }
    thinking.read::<String>().unwrap_or_else(|_| {
        let pieces: Vec<Piece> = thinking.read().unwrap_or_default();
        pieces.into_iter().filter_map(|piece| piece.text).collect()
    })
}

/// Gemini's mark on a call or a message.
pub(super) fn google_signature(extra: &Json) -> Option<Signature> {
    #[derive(Deserialize)]
    struct Extra {
        google: Google,
    }
    #[derive(Deserialize)]
    struct Google {
        thought_signature: String,
    }
    let extra: Extra = extra.read().ok()?;
    Some(Signature::read(&extra.google.thought_signature, Api::Gemini))
}
