//! The route editor's form, and the form of a made-up request.

#![expect(clippy::too_many_arguments, reason = "one argument for each field of the form")]

use std::collections::HashMap;

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use crate::AppError;

/// An output in the form of an element: as it was shown, and as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputRow {
    /// The name that was shown; empty for a new one.
    pub was: String,
    pub name: String,
    /// Where it led when it was shown.
    pub led: String,
    /// `=ID` for an element, `+TYPE` for a new one, empty for nowhere.
    pub to: String,
    /// The weight that was shown.
    pub had: String,
    pub weight: String,
}

/// Takes a step of the editor: what was changed in the form of the chosen element, then what the button says. Nothing is saved but
/// by the button that says so; everything else waits for the person's session.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
#[server(prefix = "/ui", endpoint = "edit-route")]
pub async fn edit_route(
    team: String,
    gateway: String,
    id: String,
    name: String,
    made_from: String,
    parent: Option<String>,
    elements: Option<String>,
    comment: Option<String>,
    selected: Option<String>,
    seen: Option<String>,
    new_id: Option<String>,
    fields: Option<HashMap<String, String>>,
    outputs: Option<Vec<OutputRow>>,
    kind: Option<String>,
    step: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use super::posted::{Posted, Work};
    use super::text;
    use crate::server;

    let grant = server::grant::<can::EditGateways>(&team).await?;
    let posted = Posted {
        elements: elements.unwrap_or_default(),
        selected: selected.unwrap_or_default(),
        seen: seen.unwrap_or_default(),
        new_id,
        fields: fields.unwrap_or_default(),
        outputs: outputs.unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        step: step.unwrap_or_default(),
    };
    let (control, actor) = (server::control()?, server::actor()?);
    let page = format!("/{team}/gateways/{gateway}/routes/{name}");
    let done = posted.apply();
    let work = Work {
        elements: done.elements,
        comment: comment.unwrap_or_default().trim().to_owned(),
        made_from: made_from.trim().parse().unwrap_or_default(),
        parent: parent.filter(|parent| !parent.is_empty()),
        wrong: Vec::new(),
    };
    // What was refused is told before anything is saved.
    if posted.step == "save" && !done.place.contains("refused=") {
        let draft =
            super::Draft { name, elements: work.elements.clone(), comment: work.comment.clone(), wrong: Vec::new() };
        match text::save(&grant, &gateway, Some(&id), Some(&made_from), &draft).await {
            Ok(_) => server::redirect(&format!("{page}?saved=version")),
            Err(AppError::Invalid(wrong)) => {
                let kept = Work { wrong, ..work }.put(&control, &actor);
                server::redirect(&format!("{page}/edit?draft={kept}"));
            }
            Err(other) => return Err(other),
        }
        return Ok(());
    }
    let kept = work.put(&control, &actor);
    server::redirect(&match posted.step.as_str() {
        "test" => format!("{page}/test?draft={kept}"),
        _ => format!("{page}/edit?draft={kept}{}", done.place),
    });
    Ok(())
}

/// Keeps a made-up request for the page that shows its way. Nothing is sent to a provider, and nothing is counted.
///
/// # Errors
/// [`AppError::NotFound`], [`AppError::Forbidden`].
#[server(prefix = "/ui", endpoint = "test-route")]
pub async fn test_route(
    team: String,
    gateway: String,
    name: String,
    version: Option<String>,
    draft: Option<String>,
    body: Option<String>,
    headers: Option<String>,
    metadata: Option<String>,
    over: Option<Vec<String>>,
    fault: Option<String>,
) -> Result<(), AppError> {
    use control::can;

    use super::posted::{Request, query};
    use crate::server;

    server::grant::<can::View>(&team).await?;
    let request = Request {
        body: body.unwrap_or_default(),
        headers: headers.unwrap_or_default(),
        metadata: metadata.unwrap_or_default(),
        over: over.unwrap_or_default(),
        fault: fault.unwrap_or_default(),
        draw: Request::chance(),
    };
    let asked = request.put(&server::control()?, &server::actor()?);
    let (version, draft) = (version.unwrap_or_default(), draft.unwrap_or_default());
    let query = query(&[("version", &version), ("draft", &draft), ("asked", &asked)]);
    server::redirect(&format!("/{team}/gateways/{gateway}/routes/{name}/test?{query}#way"));
    Ok(())
}
