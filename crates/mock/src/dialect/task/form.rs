//! A form with files, read by another parser than the gateway's.

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::Failure;

/// The fields of a form: name, file name, content.
pub(super) struct Form(Vec<(String, Option<String>, Bytes)>);

impl Form {
    pub(super) fn read(parts: &Parts, body: &[u8]) -> Result<Self, Failure> {
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let bad = |error: multer::Error| Failure::bad(format!("the form cannot be read: {error}"));
        let boundary = multer::parse_boundary(content_type).map_err(bad)?;
        let whole = stream::iter([Ok::<_, std::io::Error>(Bytes::copy_from_slice(body))]);
        let mut form = multer::Multipart::new(whole, boundary);
        let fields = async {
            let mut fields = Vec::new();
            while let Some(field) = form.next_field().await? {
                let (name, file) = (field.name().unwrap_or_default().to_owned(), field.file_name().map(str::to_owned));
                fields.push((name, file, field.bytes().await?));
            }
            Ok(fields)
        };
        // The body is there as a whole, so nothing is waited for.
        let fields = fields.now_or_never().ok_or_else(|| Failure::bad("the form is not complete"))?;
        fields.map(Self).map_err(bad)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let field = self.0.iter().find(|(field, file, _)| field == name && file.is_none());
        field.and_then(|(_, _, content)| std::str::from_utf8(content).ok())
    }

    pub(super) fn needed(&self, name: &str) -> Result<&str, Failure> {
        self.text(name).ok_or_else(|| Failure::bad(format!("you must provide {name}")))
    }

    /// A file's name and content.
    pub(super) fn file(&self, name: &str) -> Result<(&str, &Bytes), Failure> {
        let field = self.0.iter().find_map(|(field, file, content)| Some((field, file.as_deref()?, content)));
        field
            .filter(|(field, ..)| *field == name)
            .map(|(_, file, content)| (file, content))
            .ok_or_else(|| Failure::bad(format!("you must provide the file {name}")))
    }
}
