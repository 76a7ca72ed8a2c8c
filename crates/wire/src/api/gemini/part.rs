//! Reading the parts of a content, the same in requests and in answers.

use super::fields::{Fields, list};
use super::partial::Piecemeal;
use super::signature;
use crate::chat::{Content, Json, Part, Refused, Signature, Source};

/// What one part holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Words; what is thought rather than said has `thought`.
    Text {
        /// The words.
        text: String,
        /// Whether they are reasoning.
        thought: bool,
    },
    /// A call of a tool of the caller's.
    Call {
        /// Names the call, where the model or caller did.
        id: Option<String>,
        /// The tool; empty in the later pieces of a call that comes in pieces.
        name: String,
        /// The arguments: JSON text of an object.
        arguments: Option<Json>,
        /// Pieces of the arguments, and whether more of them come.
        pieces: Piecemeal,
    },
    /// What a tool of the caller's answered.
    Result {
        /// The call it answers, where the caller says so.
        id: Option<String>,
        /// The tool.
        name: String,
        /// Whether it failed.
        failed: bool,
        /// The answer.
        content: Vec<Part>,
    },
    /// A picture, sound, film or document.
    Media(Content),
    /// What only Gemini knows: code that it ran, its own tools.
    Other,
}

/// Reads a part that stands at `at`.
///
/// # Errors
/// When it is no object, or one of its known members has another shape.
pub(super) fn read(json: &Json, at: &str) -> Result<(Piece, Option<Signature>), Refused> {
    let mut fields = Fields::of(json, at)?;
    let mark = fields.take::<String>("thoughtSignature", at)?;
    let mark = mark.filter(|mark| !mark.is_empty()).map(|mark| signature::read(&mark));
    Ok((piece(&mut fields, at)?, mark))
}

fn piece(fields: &mut Fields, at: &str) -> Result<Piece, Refused> {
    if let Some(text) = fields.take::<String>("text", at)? {
        return Ok(Piece::Text { text, thought: fields.take("thought", at)?.unwrap_or(false) });
    }
    if let Some(call) = fields.raw("functionCall") {
        return call_of(&call, &format!("{at}.functionCall"));
    }
    if let Some(result) = fields.raw("functionResponse") {
        return result_of(&result, &format!("{at}.functionResponse"));
    }
    // Cut films and resolutions of other media have no counterpart anywhere.
    let plain = |fields: &Fields| fields.only(&["inlineData", "fileData", "thought", "mediaResolution"]);
    if plain(fields) && (fields.has("inlineData") || fields.has("fileData")) {
        return Ok(Piece::Media(media(fields, at)?));
    }
    if fields.only(&["thought"]) {
        return Ok(Piece::Text { text: String::new(), thought: fields.take("thought", at)?.unwrap_or(false) });
    }
    Ok(Piece::Other)
}

fn call_of(json: &Json, at: &str) -> Result<Piece, Refused> {
    let mut call = Fields::of(json, at)?;
    Ok(Piece::Call {
        id: call.take::<String>("id", at)?.filter(|id| !id.is_empty()),
        name: call.take("name", at)?.unwrap_or_default(),
        arguments: call.raw("args").and_then(|args| args.object()),
        pieces: Piecemeal::take(&mut call),
    })
}

fn result_of(json: &Json, at: &str) -> Result<Piece, Refused> {
    let mut result = Fields::of(json, at)?;
    let name = result.take::<String>("name", at)?.unwrap_or_default();
    let id = result.take::<String>("id", at)?.filter(|id| !id.is_empty());
    if name.is_empty() && id.is_none() {
        return Err(Refused::field(at, "A functionResponse needs the name of the function that it comes from."));
    }
    let (text, failed) = result.raw("response").map_or_else(Default::default, |response| unwrap(&response));
    let mut content = vec![Part::from(Content::text(text))];
    if let Some(parts) = result.raw("parts") {
        for (i, part) in list(&parts, &format!("{at}.parts"))?.iter().enumerate() {
            let at = format!("{at}.parts[{i}]");
            content.push(media(&mut Fields::of(part, &at)?, &at)?.into());
        }
    }
    Ok(Piece::Result { id, name, failed, content })
}

/// The text of a result, and whether it is an error: what [`wrap`](super::result::wrap) makes of it is the same object.
fn unwrap(response: &Json) -> (String, bool) {
    let fields = Fields::lenient(response).rest();
    let text = |value: &Json| match value.read::<String>() {
        Ok(text) if Json::parse(text.as_str()).is_ok_and(|json| json.is_object()) => None,
        Ok(text) => Some(text),
        Err(_) => None,
    };
    match &fields[..] {
        [(name, value)] if name == "error" => (text(value).unwrap_or_else(|| value.as_str().to_owned()), true),
        [(name, value)] if name == "result" => (text(value).unwrap_or_else(|| response.as_str().to_owned()), false),
        _ => (response.as_str().to_owned(), false),
    }
}

fn media(fields: &mut Fields, at: &str) -> Result<Content, Refused> {
    let detail = fields.get::<Fields>("mediaResolution").and_then(|mut level| level.get::<String>("level"));
    let detail = detail.and_then(|level| match level.trim_start_matches("MEDIA_RESOLUTION_") {
        "LOW" => Some("low".to_owned()),
        "HIGH" | "ULTRA_HIGH" => Some("high".to_owned()),
        _ => None,
    });
    let (source, name, kind) = match fields.raw("inlineData") {
        Some(blob) => inline(&blob, &format!("{at}.inlineData"))?,
        None => match fields.raw("fileData") {
            Some(file) => file_data(&file, &format!("{at}.fileData"))?,
            None => return Err(Refused::field(at, "This part needs inlineData or fileData.")),
        },
    };
    Ok(match kind.split('/').next().unwrap_or_default() {
        "image" => Content::Image { source, detail },
        "audio" => Content::Audio { source },
        "video" => Content::Video { source },
        _ => Content::Document { source, name },
    })
}

fn inline(json: &Json, at: &str) -> Result<(Source, Option<String>, String), Refused> {
    let mut blob = Fields::of(json, at)?;
    let media_type = blob.take::<String>("mimeType", at)?.unwrap_or_default();
    let data = blob.take::<String>("data", at)?.unwrap_or_default();
    let source = Source::Base64 { media_type: media_type.clone(), data };
    Ok((source, blob.take("displayName", at)?, media_type))
}

fn file_data(json: &Json, at: &str) -> Result<(Source, Option<String>, String), Refused> {
    let mut file = Fields::of(json, at)?;
    let media_type = file.take::<String>("mimeType", at)?;
    let Some(url) = file.take::<String>("fileUri", at)?.filter(|uri| !uri.is_empty()) else {
        return Err(Refused::field(at, "fileData needs a fileUri."));
    };
    let film = url.contains("://www.youtube.com/") || url.contains("://youtu.be/");
    let kind = media_type.clone().unwrap_or_else(|| if film { "video/*".to_owned() } else { String::new() });
    Ok((Source::Url { url, media_type }, file.take("displayName", at)?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(json: &str) -> Piece {
        read(&Json::parse(json).expect("JSON"), "contents[0].parts[0]").expect("a part").0
    }

    #[test]
    fn parts_are_read_in_both_spellings() {
        let source = Source::Base64 { media_type: "image/png".into(), data: "aGk=".into() };
        let image = Piece::Media(Content::Image { source, detail: None });
        assert_eq!(piece(r#"{"inlineData":{"mimeType":"image/png","data":"aGk="}}"#), image);
        assert_eq!(piece(r#"{"inline_data":{"mime_type":"image/png","data":"aGk="}}"#), image);
        assert_eq!(piece(r#"{"executableCode":{"code":"1"}}"#), Piece::Other);
        assert_eq!(piece(r#"{"thoughtSignature":"Cg=="}"#), Piece::Text { text: String::new(), thought: false });
    }

    #[test]
    fn results_are_unwrapped() {
        let text = |json: &str| match piece(json) {
            Piece::Result { failed, content, .. } => (content, failed),
            other => panic!("{other:?}"),
        };
        let wanted = |text: &str, failed: bool| (vec![Part::from(Content::text(text))], failed);
        let result = |response: &str| format!(r#"{{"functionResponse":{{"name":"f","response":{response}}}}}"#);
        assert_eq!(text(&result(r#"{"result":"sunny"}"#)), wanted("sunny", false));
        assert_eq!(text(&result(r#"{"error":"no such city"}"#)), wanted("no such city", true));
        assert_eq!(text(&result(r#"{"degrees":20}"#)), wanted(r#"{"degrees":20}"#, false));
        assert_eq!(text(&result(r#"{"result":"{\"a\":1}"}"#)), wanted(r#"{"result":"{\"a\":1}"}"#, false));
    }

    #[test]
    fn a_part_of_the_wrong_shape_is_named() {
        let refused = read(&Json::parse(r#"{"text": 5}"#).expect("JSON"), "contents[0].parts[1]").expect_err("no text");
        assert_eq!(refused.field.as_deref(), Some("contents[0].parts[1].text"));
    }
}
