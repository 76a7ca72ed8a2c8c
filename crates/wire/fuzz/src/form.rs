//! The scanner of forms, beside `multer`: what it accepts means the same to another parser, however it is cut into pieces.

use bytes::Bytes;
use wire::multipart::{Part, scan};
use wire::splice::splice;

use crate::pieces::pieces;

/// What seeds have between their fields.
const BOUNDARY: &str = "bound";

/// A field: its name, whether it is a file, its content.
type Field = (String, bool, Vec<u8>);

/// Checks a body.
pub fn form(body: &[u8]) {
    let form = match scan(body, BOUNDARY) {
        Ok(form) => form,
        Err(error) => return assert!(error.offset <= body.len()),
    };
    let part = |part: &Part<'_>| (part.name.to_owned(), part.is_file, body[part.span.clone()].to_vec());
    let fields: Vec<Field> = form.parts().iter().map(part).collect();
    assert_eq!(reference(body), fields);
    drop(form.outline());
    let Ok(Some(model)) = form.model() else { return };
    let models: Vec<_> = fields.iter().filter(|(name, ..)| name == "model").collect();
    assert!(matches!(models.as_slice(), [(_, false, content)] if content == model.as_bytes()));
    let edits: Vec<_> = form.replace_model("other").into_iter().collect();
    let changed = splice(&Bytes::copy_from_slice(body), &edits);
    assert_eq!(changed.len() + model.len(), body.len() + "other".len());
    assert_eq!(scan(&changed, BOUNDARY).expect("still a form").model(), Ok(Some("other")));
}

fn reference(body: &[u8]) -> Vec<Field> {
    let pieces = pieces(body).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)));
    let mut form = multer::Multipart::new(futures_util::stream::iter(pieces.collect::<Vec<_>>()), BOUNDARY);
    futures_executor::block_on(async {
        let mut found = Vec::new();
        while let Some(field) = form.next_field().await.expect("a form") {
            let (name, is_file) = (field.name().unwrap_or_default().to_owned(), field.file_name().is_some());
            found.push((name, is_file, field.bytes().await.expect("a field").to_vec()));
        }
        found
    })
}
