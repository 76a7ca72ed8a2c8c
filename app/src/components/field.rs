//! Fields of forms: label above, help below, unit inside, error beside. A field in a [`super::PostForm`] finds its error
//! and what was typed by its name.

use domain::validate::Problem;
use leptos::prelude::*;

use super::{FormState, Icon, Symbol};

/// A line of text.
#[component]
pub fn Field(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(optional, into)] value: String,
    /// One sentence that says what happens.
    #[prop(optional, into)]
    help: String,
    /// Shown inside at the right, such as `seconds`.
    #[prop(optional, into)]
    unit: String,
    #[prop(default = None)] error: Option<Problem>,
    /// The input's type.
    #[prop(default = "text")]
    kind: &'static str,
    #[prop(optional, into)] placeholder: String,
    /// What a password manager may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    /// Shown in the fixed-width font.
    #[prop(optional)]
    mono: bool,
    /// Shortest text, in characters.
    #[prop(optional)]
    shortest: Option<u64>,
    /// Longest text, in characters.
    #[prop(optional)]
    longest: Option<u64>,
    /// Least number.
    #[prop(optional)]
    min: Option<u64>,
    /// Greatest number.
    #[prop(optional)]
    max: Option<u64>,
    /// What the browser lets through, as a regular expression.
    #[prop(optional)]
    pattern: Option<&'static str>,
    /// Choices offered while typing.
    #[prop(optional)]
    choices: Vec<String>,
) -> impl IntoView {
    let form = FormState::around();
    let error = error.or_else(|| form.problem(&name));
    let value = if kind == "password" { value } else { form.value(&name, value) };
    let notes = Notes::new(form.id(&name), help, error);
    let list = (!choices.is_empty()).then(|| format!("{}-choices", notes.id));
    let options = list.clone().map(|id| {
        view! { <datalist id=id>{choices.into_iter().map(|choice| view! { <option value=choice></option> }).collect_view()}</datalist> }
    });
    view! {
        <div class="field">
            <label for=notes.id.clone()>{label}</label>
            <div class="input" class:mono=mono>
                <input
                    id=notes.id.clone() name=name type=kind value=value
                    placeholder=filled(placeholder) autocomplete=autocomplete required=required autofocus=autofocus
                    minlength=shortest maxlength=longest min=min max=max pattern=pattern list=list
                    inputmode=(kind == "number").then_some("numeric") spellcheck="false"
                    aria-describedby=notes.described_by() aria-invalid=notes.invalid()
                />
                {filled(unit).map(|unit| view! { <span class="unit">{unit}</span> })}
            </div>
            {options}
            {notes.show()}
        </div>
    }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] help: String,
    #[prop(default = None)] error: Option<Problem>,
    #[prop(optional, into)] placeholder: String,
    #[prop(default = 3)] rows: u16,
) -> impl IntoView {
    let form = FormState::around();
    let error = error.or_else(|| form.problem(&name));
    let value = form.value(&name, value);
    let notes = Notes::new(form.id(&name), help, error);
    view! {
        <div class="field">
            <label for=notes.id.clone()>{label}</label>
            <textarea
                id=notes.id.clone() name=name rows=rows placeholder=filled(placeholder) spellcheck="false"
                aria-describedby=notes.described_by() aria-invalid=notes.invalid()
            >{value}</textarea>
            {notes.show()}
        </div>
    }
}

/// One of several choices: `(value, words)` each.
#[component]
pub fn Select(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
    #[prop(optional, into)] help: String,
    #[prop(default = None)] error: Option<Problem>,
) -> impl IntoView {
    let form = FormState::around();
    let error = error.or_else(|| form.problem(&name));
    let chosen = form.value(&name, value);
    let notes = Notes::new(form.id(&name), help, error);
    let options = options.into_iter().map(|(value, words)| {
        let selected = value == chosen;
        view! { <option value=value selected=selected>{words}</option> }
    });
    view! {
        <div class="field">
            <label for=notes.id.clone()>{label}</label>
            <div class="input select">
                <select id=notes.id.clone() name=name aria-describedby=notes.described_by() aria-invalid=notes.invalid()>
                    {options.collect_view()}
                </select>
                <Icon symbol=Symbol::ChevronDown />
            </div>
            {notes.show()}
        </div>
    }
}

/// Yes or no. Sends `value` (`on` unless given) when ticked and nothing otherwise.
#[component]
pub fn Checkbox(
    #[prop(into)] label: String,
    #[prop(into)] name: String,
    #[prop(optional)] checked: bool,
    #[prop(default = "on".to_owned(), into)] value: String,
    #[prop(optional, into)] help: String,
    #[prop(default = None)] error: Option<Problem>,
    /// One of several that exclude each other.
    #[prop(optional)]
    radio: bool,
    /// Shown as it is; browsers do not send it.
    #[prop(optional)]
    disabled: bool,
) -> impl IntoView {
    let form = FormState::around();
    let error = error.or_else(|| form.problem(&name));
    let checked = if form.has_values() { form.has_value(&name, &value) } else { checked };
    let mut notes = Notes::new(form.id(&name), help, error);
    if value != "on" {
        notes.id = format!("{}-{value}", notes.id);
    }
    view! {
        <div class="field check">
            <input
                id=notes.id.clone() type=if radio { "radio" } else { "checkbox" } name=name value=value checked=checked
                disabled=disabled aria-describedby=notes.described_by() aria-invalid=notes.invalid()
            />
            <label for=notes.id.clone()>{label}</label>
            {notes.show()}
        </div>
    }
}

/// Fields that belong together, under a heading.
#[component]
pub fn Fieldset(
    #[prop(into)] legend: String,
    /// One or two sentences about the whole group.
    #[prop(optional, into)]
    help: String,
    children: Children,
) -> impl IntoView {
    view! {
        <fieldset>
            <legend>{legend}</legend>
            {filled(help).map(|help| view! { <p class="help">{help}</p> })}
            {children()}
        </fieldset>
    }
}

/// Help and error of a field, and how the input points to them.
struct Notes {
    id: String,
    help: Option<String>,
    error: Option<Problem>,
}

impl Notes {
    fn new(id: String, help: String, error: Option<Problem>) -> Self {
        Self { id, help: filled(help), error }
    }

    fn described_by(&self) -> Option<String> {
        let error = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let help = self.help.as_ref().map(|_| format!("{}-help", self.id));
        let ids: Vec<String> = [error, help].into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn invalid(&self) -> Option<&'static str> {
        self.error.as_ref().map(|_| "true")
    }

    fn show(self) -> impl IntoView {
        let Self { id, help, error } = self;
        let error = error.map(|problem| {
            let id = format!("{id}-error");
            view! { <p class="error" id=id><Icon symbol=Symbol::Alert /><span>{sentence(&problem)}</span></p> }
        });
        let help = help.map(|help| view! { <p class="help" id=format!("{id}-help")>{help}</p> });
        (error, help)
    }
}

/// The problem as a sentence that stands alone.
fn sentence(problem: &Problem) -> String {
    format!("This {problem}.")
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
