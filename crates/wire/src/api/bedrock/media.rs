//! Pictures, documents, recordings and films. Bedrock takes bytes, and places in S3.

use std::collections::{HashMap, HashSet};

use super::blocks::{Block, Document, Media, Place};
use crate::chat::{Content, Losses, Source};

/// Longest name of a document, in characters.
const LONGEST_NAME: usize = 200;

const IMAGES: &[(&str, &str)] = &[
    ("image/png", "png"),
    ("image/jpeg", "jpeg"),
    ("image/jpg", "jpeg"),
    ("image/gif", "gif"),
    ("image/webp", "webp"),
];

const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/plain", "txt"),
];

const SOUNDS: &[(&str, &str)] = &[
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/ogg", "ogg"),
    ("audio/opus", "opus"),
    ("audio/flac", "flac"),
    ("audio/aac", "aac"),
    ("audio/mp4", "m4a"),
];

const FILMS: &[(&str, &str)] = &[
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/3gpp", "three_gp"),
];

/// The documents of a request; Bedrock wants each under another name.
#[derive(Debug, Default)]
pub(super) struct Attachments {
    names: HashSet<String>,
    /// How often each name was asked for: where to go on looking for a free number.
    asked: HashMap<String, usize>,
}

impl Attachments {
    /// Writes what is no text; none where it is not such content, or where Bedrock cannot take it, which is a loss at `place`.
    pub(super) fn block(&mut self, content: &Content, place: &str, losses: &mut Losses) -> Option<Block> {
        let media = |field: &str, formats, source, losses: &mut Losses| {
            let (format, source) = bytes(source, formats, &format!("{place}.{field}"), losses)?;
            Some(Media { format, source })
        };
        match content {
            Content::Image { source, .. } => media("image_url", IMAGES, source, losses).map(Block::Image),
            Content::Audio { source } => media("input_audio", SOUNDS, source, losses).map(Block::Audio),
            Content::Video { source } => media("video_url", FILMS, source, losses).map(Block::Video),
            Content::Document { source, name } => {
                let (format, source) = bytes(source, DOCUMENTS, &format!("{place}.file"), losses)?;
                Some(Block::Document(Document { format, name: self.name(name.as_deref()), source }))
            }
            _ => None,
        }
    }

    /// A name of letters, digits, single spaces, hyphens and brackets, unlike those before.
    fn name(&mut self, name: Option<&str>) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-()[]".contains(c);
        let clean: String = name.unwrap_or_default().chars().map(|c| if allowed(c) { c } else { ' ' }).collect();
        let words = clean.split_whitespace().collect::<Vec<_>>().join(" ");
        let base: String = words.chars().take(LONGEST_NAME - 10).collect();
        let base = if base.is_empty() { "Document".to_owned() } else { base };
        if self.names.insert(base.clone()) {
            return base;
        }
        let asked = self.asked.entry(base.clone()).or_insert(1);
        loop {
            *asked += 1;
            let name = format!("{base} {asked}");
            if self.names.insert(name.clone()) {
                return name;
            }
        }
    }
}

fn bytes(
    source: &Source,
    formats: &'static [(&str, &'static str)],
    place: &str,
    losses: &mut Losses,
) -> Option<(&'static str, Place)> {
    let (media_type, source) = match source {
        Source::Base64 { media_type, data } => (media_type.clone(), Place::Bytes(data.clone())),
        Source::Text(text) => ("text/plain".to_owned(), Place::Text(text.clone())),
        Source::Url { url, media_type } if url.starts_with("s3://") => {
            (media_type.clone().unwrap_or_else(|| of_ending(url, formats)), Place::S3Location { uri: url.clone() })
        }
        Source::Url { .. } => {
            losses.grave(place, "Bedrock fetches nothing from the web; send the bytes in Base64");
            return None;
        }
        Source::File(_) => {
            losses.grave(place, "Bedrock keeps no files; send the bytes in Base64");
            return None;
        }
    };
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let format = formats.iter().find(|(known, _)| known.eq_ignore_ascii_case(essence));
    if format.is_none() {
        losses.grave(place, format!("Bedrock does not take {essence}"));
    }
    format.map(|(_, format)| (*format, source))
}

/// The media type for the ending of a file's name; empty for an unknown one.
fn of_ending(url: &str, formats: &[(&str, &str)]) -> String {
    let ending = url.rsplit('.').next().unwrap_or_default();
    let found = formats.iter().find(|(media_type, format)| {
        format.eq_ignore_ascii_case(ending)
            || media_type.rsplit('/').next().is_some_and(|e| e.eq_ignore_ascii_case(ending))
    });
    found.map_or_else(String::new, |(media_type, _)| (*media_type).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_documents_are_clean_and_never_twice_the_same() {
        let mut attachments = Attachments::default();
        let names = [
            Some("annual_report  2025.pdf"),
            Some("annual report 2025 pdf"),
            None,
            None,
            Some("é"),
            Some("a [1] (b)-c"),
            Some("Document 4"),
            None,
        ];
        let names: Vec<_> = names.into_iter().map(|name| attachments.name(name)).collect();
        let wanted = [
            "annual report 2025 pdf",
            "annual report 2025 pdf 2",
            "Document",
            "Document 2",
            "Document 3",
            "a [1] (b)-c",
            "Document 4",
            "Document 5",
        ];
        assert_eq!(names, wanted);
    }
}
