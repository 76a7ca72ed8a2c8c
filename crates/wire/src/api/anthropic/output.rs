//! The shape of the answer: by the API's own means where the model has them, else by a tool that is made up for it.

use serde_json::json;

use super::model::Model;
use super::schema;
use crate::chat::{Format, Json, Losses, Request};

/// How the answer gets its shape.
#[derive(Debug)]
pub(super) enum Shape {
    /// It is free.
    Free,
    /// `output_config.format`, with this schema.
    Format(Json),
    /// A made-up tool.
    Tool {
        /// Its name; none of the caller's.
        name: String,
        /// What it is for.
        description: String,
        /// What it takes.
        schema: Json,
    },
    /// The model is told, behind the system prompt.
    Told(String),
}

impl Shape {
    /// The name of the made-up tool.
    pub(super) fn tool(self) -> Option<String> {
        match self {
            Self::Tool { name, .. } => Some(name),
            _ => None,
        }
    }
}

/// Decides how.
pub(super) fn shape(request: &Request, model: &Model, losses: &mut Losses) -> Shape {
    let tool = |description: Option<&str>, schema| Shape::Tool {
        name: free_name(request),
        description: description.unwrap_or("Gives the answer. Call this tool, once, with the whole answer.").to_owned(),
        schema,
    };
    match &request.format {
        Format::Text => Shape::Free,
        Format::JsonObject => tool(None, Json::of(&json!({ "type": "object" }))),
        Format::JsonSchema { description, schema, .. } => {
            if model.formats
                && let Some(strict) = schema::strict(schema)
            {
                return Shape::Format(strict);
            }
            if is_of_objects(schema) {
                return tool(description.as_deref(), schema.clone());
            }
            losses
                .harmless("response_format", "the model takes schemas of objects only and is told the schema in words");
            Shape::Told(format!(
                "Answer with JSON only, without any other words. It must fit this JSON schema: {}",
                schema.as_str()
            ))
        }
    }
}

fn is_of_objects(schema: &Json) -> bool {
    schema.read::<serde_json::Value>().is_ok_and(|schema| schema["type"] == "object")
}

fn free_name(request: &Request) -> String {
    let taken = |name: &str| request.tools.iter().any(|tool| tool.name == name);
    ["json", "json_output", "json_answer"].into_iter().find(|name| !taken(name)).unwrap_or("weir_json").to_owned()
}
