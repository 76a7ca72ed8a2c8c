//! Policies: the list, a new one, one of them as a form and as text, and what it would have done.

mod form;
mod gauge;
mod list;
mod page;
mod simulation;
mod text;
mod words;

use domain::policy::PolicyState;
use domain::view::PolicyView;
use leptos::prelude::*;

use crate::api::policies::SetPolicyState;
use crate::components::{PostForm, SubmitButton, Tabs};

pub(super) use gauge::gauge;
pub use list::PoliciesPage;
pub(super) use list::{damaged, state};
pub use page::{NewPolicyPage, PolicyPage};
pub use simulation::SimulationPage;
pub(super) use words::{about, does, names_token};

/// The two ways to write a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writing {
    Form,
    Text,
}

impl Writing {
    /// Links to both. `keep` stays in the query.
    fn tabs(self, page: &str, keep: Option<&str>) -> impl IntoView + use<> {
        let (form, text) = match keep {
            Some(keep) => (format!("{page}?{keep}"), format!("{page}?as=text&{keep}")),
            None => (page.to_owned(), format!("{page}?as=text")),
        };
        let tabs = vec![(form, "Form"), (text, "Text")];
        let current = match self {
            Self::Form => "Form",
            Self::Text => "Text",
        };
        view! { <Tabs tabs current label="Ways to write it" /> }
    }
}

/// The button that puts a policy in or out of force.
fn switch(team: &str, policy: &PolicyView, small: bool) -> impl IntoView + use<> {
    let (team, id) = (team.to_owned(), policy.id.to_string());
    let on = policy.state == PolicyState::On;
    let (next, word) = if on { (PolicyState::Off, "Switch off") } else { (PolicyState::On, "Switch on") };
    let button = if small {
        view! { <button type="submit" class="button small">{word}<span class="hidden">{format!(" {}", policy.name)}</span></button> }
            .into_any()
    } else {
        view! { <SubmitButton quiet=on>{word}</SubmitButton> }.into_any()
    };
    view! {
        <PostForm action={ServerAction::<SetPolicyState>::new()} errors=false>
            <input type="hidden" name="team" value=team />
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="state" value=next.as_str() />
            {button}
        </PostForm>
    }
}
