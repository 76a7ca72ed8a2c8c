//! The body of a call: JSON, or a form with files in it.

use bytes::Bytes;
use http::HeaderMap;
use wire::multipart::{self, Form};
use wire::scan::Scan;
use wire::splice::Edit;
use wire::task::{Size, Task, size_of_form, size_of_json};

use crate::admit::restrictions::check_list;
use crate::authenticate::Access;
use crate::error::Refusal;
use crate::memory::{Claim, Purpose};
use crate::plan::{Request, room_to_read};
use crate::policy::Asks;
use crate::scan::{form_boundary, scan_json};

/// What the gateway must know of a body.
pub(super) enum Said<'a> {
    Json(Scan<'a>),
    Form { form: Form<'a>, model: Option<&'a str>, stream: bool },
}

impl<'a> Said<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_header`, `unsupported_content_type`, `invalid_json`, `invalid_request`.
    pub(super) fn read(headers: &HeaderMap, body: &'a Bytes, task: Task) -> Result<Self, Refusal> {
        let Some(boundary) = form_boundary(headers)?.filter(|_| task.takes_form()) else {
            let scan = scan_json(headers, body);
            return scan.map(Self::Json).map_err(|refusal| refusal.or_form(task));
        };
        let form = multipart::scan(body, boundary).map_err(Refusal::invalid_form)?;
        let model = form.model().map_err(Refusal::invalid_form)?;
        let stream = form.text("stream").map_err(Refusal::invalid_form)? == Some("true");
        Ok(Self::Form { form, model, stream })
    }

    pub(super) fn model(&self) -> Option<&str> {
        match self {
            Self::Json(scan) => scan.model.as_ref().map(|text| text.value.as_ref()),
            Self::Form { model, .. } => *model,
        }
    }

    pub(super) fn stream(&self) -> bool {
        match self {
            Self::Json(scan) => scan.stream == Some(true),
            Self::Form { stream, .. } => *stream,
        }
    }

    /// The edit that names the model as the provider does, where that is another name.
    pub(super) fn replace_model(&self, model: &str) -> Option<Edit> {
        if self.model() == Some(model) {
            return None;
        }
        match self {
            Self::Json(scan) => scan.replace_model(model),
            Self::Form { form, .. } => form.replace_model(model),
        }
    }

    /// Room for what the body takes while it is read in another form.
    ///
    /// # Errors
    /// `invalid_request`, `overloaded`.
    pub(super) fn room(&self, request: &Request<'_>) -> Result<Claim, Refusal> {
        match self {
            Self::Json(scan) => room_to_read(request, scan),
            Self::Form { .. } => Ok(request.memory.claim(Purpose::Request)),
        }
    }

    /// Size and quality of pictures.
    ///
    /// # Errors
    /// `invalid_json`, `invalid_request`.
    pub(super) fn size(&self, body: &[u8]) -> Result<Size, Refusal> {
        match self {
            Self::Json(_) => size_of_json(body).map_err(Refusal::invalid_json),
            Self::Form { form, .. } => size_of_form(form).map_err(Refusal::invalid_form),
        }
    }

    /// Whether it brings models to choose from.
    pub(super) fn has_list(&self) -> bool {
        match self {
            Self::Json(scan) => scan.models,
            Self::Form { form, .. } => form.has("models"),
        }
    }

    /// What it says of the length of its answer.
    pub(super) fn asks(&self) -> Asks {
        match self {
            Self::Json(scan) => Asks::of(scan),
            Self::Form { form, .. } => {
                let answers = form.text("n").ok().flatten().and_then(|text| text.parse().ok());
                Asks { answers, ..Asks::default() }
            }
        }
    }

    /// Whether the body may bring the list of models that it brings.
    ///
    /// # Errors
    /// `token_not_allowed`.
    pub(super) fn check_fallbacks(&self, access: &Access) -> Result<(), Refusal> {
        check_list(access, self.has_list())
    }
}
