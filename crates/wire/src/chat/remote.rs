//! Pictures and documents that a caller names by their addresses, for providers that fetch nothing: which there are, and how
//! the bytes take their places. Fetching is for others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Content, Part, Request, Source};
use crate::api::Api;

/// What is expected behind an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteKind {
    /// A picture.
    Picture,
    /// A document.
    Document,
}

/// Something to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Where it stands in the request: `messages[0].content[1].image_url`.
    pub field: String,
    /// The address.
    pub url: String,
    pub kind: RemoteKind,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// `image/png` and the like.
    pub media_type: String,
    /// Standard Base64.
    pub data: String,
}

impl Fetched {
    /// Bytes of a media type.
    #[must_use]
    pub fn new(media_type: &str, bytes: &[u8]) -> Self {
        Self { media_type: media_type.to_owned(), data: STANDARD.encode(bytes) }
    }

    /// The smallest thing of a kind: it takes the place of what is not fetched yet.
    #[must_use]
    pub fn stand_in(kind: RemoteKind) -> Self {
        match kind {
            RemoteKind::Picture => Self::new("image/png", b"\x89PNG\r\n\x1a\n"),
            RemoteKind::Document => Self::new("application/pdf", b"%PDF-1.4"),
        }
    }
}

/// The media type that bytes have, by how they begin; none for what models do not look at.
#[must_use]
pub fn sniff(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        _ => None,
    }
}

impl Request {
    /// What must be fetched before `api` can be asked, in the order in which it stands; `fetches` is whether the provider
    /// fetches for itself what its API has addresses for.
    #[must_use]
    pub fn remotes(&self, api: Api, fetches: bool) -> Vec<Remote> {
        let mut found = Vec::new();
        for (at, message) in self.messages.iter().enumerate() {
            look(&message.parts, &format!("messages[{at}]"), &mut |field, kind, source| {
                if let Some(url) = wanted(api, fetches, kind, source) {
                    found.push(Remote { field, url: url.to_owned(), kind });
                }
            });
        }
        found
    }

    /// Puts what was fetched into the places of [`Request::remotes`], in the same order.
    pub fn bring(&mut self, api: Api, fetches: bool, fetched: impl IntoIterator<Item = Fetched>) {
        let mut fetched = fetched.into_iter();
        for message in &mut self.messages {
            put(&mut message.parts, api, fetches, &mut fetched);
        }
    }
}

/// The address, where the provider would not fetch what is there. What is no address of the web is the encoder's business.
fn wanted(api: Api, fetches: bool, kind: RemoteKind, source: &Source) -> Option<&str> {
    let cannot = match api {
        Api::Bedrock => true,
        Api::Ollama => kind == RemoteKind::Picture,
        _ => !fetches,
    };
    match source {
        Source::Url { url, .. } if cannot && is_web(url) => Some(url),
        _ => None,
    }
}

fn is_web(url: &str) -> bool {
    let scheme = url.split("://").next().unwrap_or_default();
    url.contains("://") && (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https"))
}

fn look(parts: &[Part], place: &str, each: &mut impl FnMut(String, RemoteKind, &Source)) {
    for (at, part) in parts.iter().enumerate() {
        let place = format!("{place}.content[{at}]");
        match &part.content {
            Content::Image { source, .. } => each(format!("{place}.image_url"), RemoteKind::Picture, source),
            Content::Document { source, .. } => each(format!("{place}.file"), RemoteKind::Document, source),
            Content::ToolResult { content, .. } => look(content, &place, each),
            _ => {}
        }
    }
}

fn put(parts: &mut [Part], api: Api, fetches: bool, fetched: &mut impl Iterator<Item = Fetched>) {
    for part in parts {
        let (kind, source) = match &mut part.content {
            Content::Image { source, .. } => (RemoteKind::Picture, source),
            Content::Document { source, .. } => (RemoteKind::Document, source),
            Content::ToolResult { content, .. } => {
                put(content, api, fetches, fetched);
                continue;
            }
            _ => continue,
        };
        if wanted(api, fetches, kind, source).is_some()
            && let Some(Fetched { media_type, data }) = fetched.next()
        {
            *source = Source::Base64 { media_type, data };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Path;

    fn asked() -> Request {
        let body = br#"{"model":"m","messages":[
            {"role":"user","content":[{"type":"text","text":"a"},
                {"type":"image_url","image_url":{"url":"https://a.example/1.png"}},
                {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"c","content":[{"type":"image_url","image_url":{"url":"http://b.example/2"}}]},
            {"role":"user","content":[{"type":"text","text":"b"}]}]}"#;
        let mut request = Api::OpenaiChat.decode_request(body, Path::default()).expect("a request");
        let source = Source::Url { url: "s3://bucket/3.png".to_owned(), media_type: None };
        let last = request.messages.last_mut().expect("a message");
        last.parts.push(Content::Image { source, detail: None }.into());
        request
    }

    #[test]
    fn what_a_provider_cannot_fetch_is_named_with_its_place() {
        let found = |api, fetches| {
            asked().remotes(api, fetches).into_iter().map(|remote| (remote.field, remote.url)).collect::<Vec<_>>()
        };
        let both = [
            ("messages[0].content[1].image_url".to_owned(), "https://a.example/1.png".to_owned()),
            ("messages[2].content[0].content[0].image_url".to_owned(), "http://b.example/2".to_owned()),
        ];
        assert_eq!(found(Api::Bedrock, true), both);
        assert_eq!(found(Api::Ollama, true), both);
        assert_eq!(found(Api::Anthropic, false), both);
        assert_eq!(found(Api::Anthropic, true), []);
        assert_eq!(found(Api::Gemini, true), []);
    }

    #[test]
    fn what_was_fetched_takes_its_place_and_nothing_else_does() {
        let mut request = asked();
        let fetched = ["image/gif", "image/webp"].map(|kind| Fetched::new(kind, kind.as_bytes()));
        request.bring(Api::Bedrock, true, fetched);
        assert!(request.remotes(Api::Bedrock, true).is_empty());
        let printed = format!("{request:?}");
        let places = ["image/gif", "image/png", "image/webp", "s3://bucket/3.png"].map(|text| printed.find(text));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{printed}");
    }

    #[test]
    fn bytes_are_known_by_how_they_begin() {
        for (bytes, kind) in [
            (&b"\x89PNG\r\n\x1a\n.."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"GIF89a", Some("image/gif")),
            (b"RIFF....WEBPVP8 ", Some("image/webp")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"<svg xmlns=", None),
            (b"<html>", None),
            (b"", None),
        ] {
            assert_eq!(sniff(bytes), kind);
        }
        for kind in [RemoteKind::Picture, RemoteKind::Document] {
            let stand_in = Fetched::stand_in(kind);
            let bytes = STANDARD.decode(stand_in.data).expect("Base64");
            assert_eq!(sniff(&bytes), Some(stand_in.media_type.as_str()));
        }
    }
}
