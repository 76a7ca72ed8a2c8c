//! Writes a request for a provider.

mod config;
mod extra;
mod thinking;
mod tools;
mod turns;

#[cfg(test)]
mod tests;

use super::members::Members;
use super::model::Model;
use super::schema::Room;
use crate::api::{Encoded, Target};
use crate::chat::{Losses, Names, Refused, Request};

/// What is known while a request is written.
struct Writing<'a> {
    request: &'a Request,
    model: Model,
    losses: Losses,
    names: Names,
    output_tool: Option<String>,
    /// For the references of schemas.
    room: Room,
}

/// Writes a request for a provider. The model and the wish for a stream belong into the URL.
///
/// # Errors
/// When results of tools answer no call, or bytes lie in a file of another provider's.
pub(in crate::api) fn encode_request(request: &Request, target: Target<'_>) -> Result<Encoded, Refused> {
    let mut writing = Writing {
        request,
        model: Model::of(target.model),
        losses: Losses::default(),
        names: Names::default(),
        output_tool: None,
        room: Room::default(),
    };
    let mut body = Members::default();
    turns::write(&mut writing, &mut body)?;
    let mut config = config::write(&mut writing);
    tools::write(&mut writing, &mut body, &mut config);
    extra::write(&mut writing, &mut body, &mut config);
    let refused = |name: &&String| config.remove(name) || body.remove(name);
    for name in target.quirks.refuses.iter().filter(refused).collect::<Vec<_>>() {
        writing.losses.harmless(name, "this provider refuses it");
    }
    if !config.is_empty() {
        body.put("generationConfig", &config);
    }
    let Writing { losses, names, output_tool, .. } = writing;
    Ok(Encoded { body: serde_json::to_vec(&body)?, losses, names, output_tool, ..Encoded::default() })
}

/// A name as Gemini takes it: at most 64 letters, digits, `_`, `.` and `-`, the first one a letter or `_`.
fn name(names: &mut Names, name: &str) -> String {
    const MOST: usize = 64;
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    names.send(name, MOST, if begins_well { allowed } else { |_| false }).into_owned()
}
