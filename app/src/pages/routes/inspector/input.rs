//! Fields whose errors are what is said of the route, in words.

use leptos::prelude::*;

use crate::components::{Icon, Symbol};

/// A message of the checker as a sentence that stands alone.
pub(super) fn said(message: &str) -> String {
    let message = message.trim_end_matches('.');
    format!("This {message}.")
}

enum Shape {
    Line,
    Lines(u16),
    /// Groups of choices, each a value and its words; the first has no name.
    Choice(Vec<(&'static str, Vec<(String, String)>)>),
}

/// A field to show.
pub(in super::super) struct Input {
    label: String,
    name: String,
    value: String,
    shape: Shape,
    help: &'static str,
    unit: &'static str,
    placeholder: &'static str,
    error: Option<String>,
    offers: Vec<String>,
    mono: bool,
    numeric: bool,
}

/// A line of text.
pub(in super::super) fn input(label: impl Into<String>, name: impl Into<String>, value: impl Into<String>) -> Input {
    Input {
        label: label.into(),
        name: name.into(),
        value: value.into(),
        shape: Shape::Line,
        help: "",
        unit: "",
        placeholder: "",
        error: None,
        offers: Vec::new(),
        mono: false,
        numeric: false,
    }
}

/// Several lines.
pub(in super::super) fn area(label: &str, name: &str, value: impl Into<String>, rows: u16) -> Input {
    Input { shape: Shape::Lines(rows), ..input(label, name, value) }
}

/// One of several choices.
pub(in super::super) fn select(
    label: impl Into<String>,
    name: impl Into<String>,
    options: Vec<(String, String)>,
    value: impl Into<String>,
) -> Input {
    groups(label, name, vec![("", options)], value)
}

/// One of several choices, in groups.
pub(super) fn groups(
    label: impl Into<String>,
    name: impl Into<String>,
    options: Vec<(&'static str, Vec<(String, String)>)>,
    value: impl Into<String>,
) -> Input {
    Input { shape: Shape::Choice(options), ..input(label, name, value) }
}

impl Input {
    pub(in super::super) fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    pub(super) fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    pub(in super::super) fn placeholder(self, placeholder: &'static str) -> Self {
        Self { placeholder, ..self }
    }

    pub(in super::super) fn error(self, error: Option<String>) -> Self {
        Self { error, ..self }
    }

    pub(super) fn offers(self, offers: &[String]) -> Self {
        Self { offers: offers.to_vec(), ..self }
    }

    pub(in super::super) fn mono(self) -> Self {
        Self { mono: true, ..self }
    }

    pub(super) fn numeric(self) -> Self {
        Self { numeric: true, ..self }
    }

    pub(in super::super) fn show(self) -> AnyView {
        let id = format!("edit-{}", self.name.replace(['[', ']'], "-"));
        let notes = [(self.error.is_some(), "error"), (!self.help.is_empty(), "help")];
        let described: Vec<_> =
            notes.iter().filter(|(there, _)| *there).map(|(_, what)| format!("{id}-{what}")).collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        let invalid = self.error.is_some().then_some("true");
        let list = (!self.offers.is_empty()).then(|| format!("{id}-offers"));
        let offers = list.clone().map(|list| {
            let offers = self.offers.into_iter().map(|offer| view! { <option value=offer></option> }).collect_view();
            view! { <datalist id=list>{offers}</datalist> }
        });
        let name = self.name;
        let control = match self.shape {
            Shape::Line => view! {
                <div class="input" class:mono=self.mono>
                    <input
                        id=id.clone() name=name type="text" value=self.value list=list autocomplete="off" spellcheck="false"
                        placeholder=(!self.placeholder.is_empty()).then_some(self.placeholder)
                        inputmode=self.numeric.then_some("numeric") aria-describedby=described aria-invalid=invalid
                    />
                    {(!self.unit.is_empty()).then(|| view! { <span class="unit">{self.unit}</span> })}
                </div>
            }
            .into_any(),
            Shape::Lines(rows) => view! {
                <textarea
                    id=id.clone() name=name rows=rows spellcheck="false" aria-describedby=described aria-invalid=invalid
                    placeholder=(!self.placeholder.is_empty()).then_some(self.placeholder)
                >{self.value}</textarea>
            }
            .into_any(),
            Shape::Choice(groups) => {
                let groups = groups.into_iter().map(|(group, options)| choices(group, options, &self.value)).collect_view();
                view! {
                    <div class="input select">
                        <select id=id.clone() name=name aria-describedby=described aria-invalid=invalid>{groups}</select>
                        <Icon symbol=Symbol::ChevronDown />
                    </div>
                }
                .into_any()
            }
        };
        let error = self.error.map(|error| {
            view! { <p class="error" id=format!("{id}-error")><Icon symbol=Symbol::Alert /><span>{error}</span></p> }
        });
        let help = (!self.help.is_empty()).then(|| view! { <p class="help" id=format!("{id}-help")>{self.help}</p> });
        view! {
            <div class="field">
                <label for=id.clone()>{self.label}</label>
                {control}
                {offers}
                {error}
                {help}
            </div>
        }
        .into_any()
    }
}

fn choices(group: &'static str, options: Vec<(String, String)>, chosen: &str) -> AnyView {
    let options = options.into_iter().map(|(value, words)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{words}</option> }
    });
    let options = options.collect_view();
    if group.is_empty() { options.into_any() } else { view! { <optgroup label=group>{options}</optgroup> }.into_any() }
}
