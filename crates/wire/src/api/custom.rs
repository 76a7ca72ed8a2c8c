//! Tools that take free text, for APIs whose tools take objects only: the text goes into the object's one field, `input`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Api, Target};
use crate::chat::{Content, Json, Losses, Request, Tool, ToolKind};

/// The object that holds the text.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrapped<'a> {
    input: Cow<'a, str>,
}

/// The text that a model put into the object; what is no such object is the text itself.
pub(crate) fn unwrap(arguments: String) -> String {
    match serde_json::from_str::<Wrapped<'_>>(&arguments) {
        Ok(Wrapped { input }) => input.into_owned(),
        Err(_) => arguments,
    }
}

impl Api {
    fn takes_free_text(self, target: Target<'_>) -> bool {
        match self {
            Self::OpenaiResponses => true,
            Self::OpenaiChat => target.quirks.custom_tools,
            _ => false,
        }
    }
}

/// The request with functions in place of tools that take free text, and their names; none where nothing is to be done.
pub(super) fn wrap(
    request: &Request,
    api: Api,
    target: Target<'_>,
    losses: &mut Losses,
) -> Option<(Request, Vec<String>)> {
    let custom = request.tools.iter().filter(|tool| matches!(tool.kind, ToolKind::Custom { .. }));
    let custom: Vec<String> = custom.map(|tool| tool.name.clone()).collect();
    if custom.is_empty() || api.takes_free_text(target) {
        return None;
    }
    let mut request = request.clone();
    for (index, tool) in request.tools.iter_mut().enumerate() {
        function(tool, index, losses);
    }
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.content {
            Content::ToolCall { name, arguments, .. } if custom.contains(name) => {
                let input = Cow::Borrowed(arguments.as_str());
                *arguments = Json::of(&Wrapped { input }).as_str().to_owned();
            }
            _ => {}
        }
    }
    Some((request, custom))
}

fn function(tool: &mut Tool, index: usize, losses: &mut Losses) {
    let ToolKind::Custom { format } = &tool.kind else { return };
    if let Some(format) = format.as_ref().filter(|format| format.as_str().contains("\"grammar\"")) {
        losses.harmless(format!("tools[{index}].format"), "the grammar is told in words");
        let words = tool.description.get_or_insert_default();
        words.push_str("\nThe input must follow this grammar: ");
        words.push_str(format.as_str());
    }
    losses.harmless(format!("tools[{index}]"), "a free text is sent as an object with `input`");
    let input = json!({ "type": "string" });
    let schema = json!({ "type": "object", "properties": { "input": input }, "required": ["input"] });
    tool.kind = ToolKind::Function { parameters: Some(Json::of(&schema)), strict: None };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_out_as_it_went_in() {
        for text in ["", "SELECT 1\n\"x\"", "{\"input\":\"a\"}"] {
            let wrapped = Json::of(&Wrapped { input: text.into() });
            assert_eq!(unwrap(wrapped.as_str().to_owned()), text);
        }
        for other in ["SELECT 1", "{}", r#"{"input":1}"#, r#"{"input":"a","b":1}"#, r#"{"input":"cut"#] {
            assert_eq!(unwrap(other.to_owned()), other);
        }
    }
}
