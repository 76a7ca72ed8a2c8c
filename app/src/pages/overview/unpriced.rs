//! Says where costs are unknown: they are in no figure and no budget.

use domain::view::UnpricedModel;
use leptos::prelude::*;

use super::encoded;
use crate::components::format::grouped;
use crate::components::{Notice, Range, Tone};

/// The models with most of `attempts`; nothing where every cost is known.
pub(super) fn notice(models: &[UnpricedModel], attempts: u64, team: &str, range: Range) -> impl IntoView + use<> {
    let listed = models.iter().map(|model| {
        let (name, filter) = named(model);
        let href = format!("/{team}/requests?{filter}&{}", range.query());
        view! { <li><a class="mono" href=href>{name}</a>{format!(": {}", grouped(model.attempts))}</li> }
    });
    let listed = listed.collect_view();
    let many = if attempts == 1 { "1 attempt has".to_owned() } else { format!("{} attempts have", grouped(attempts)) };
    (attempts > 0).then(|| {
        view! {
            <Notice tone=Tone::Warn>
                <p>
                    {format!("{many} no known cost: the model has no price, or the answer broke off before its use was told. ")}
                    "They are in no sum, and limits of cost see at most what was reserved for them."
                </p>
                <ul>{listed}</ul>
            </Notice>
        }
    })
}

/// A model in words, and what narrows the log to it.
fn named(model: &UnpricedModel) -> (String, String) {
    let UnpricedModel { provider, model, .. } = model;
    match (provider.as_str(), model.as_str()) {
        ("", "") => ("no model named".to_owned(), String::new()),
        (provider, "") => (provider.to_owned(), format!("provider={}", encoded(provider))),
        ("", model) => (model.to_owned(), format!("model={}", encoded(model))),
        (provider, model) => {
            let filter = format!("provider={}&model={}", encoded(provider), encoded(model));
            (format!("{provider}/{model}"), filter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_named_as_far_as_it_is_known() {
        let of = |provider: &str, model: &str| {
            named(&UnpricedModel { provider: provider.into(), model: model.into(), attempts: 1 })
        };
        assert_eq!(of("custom-own", "a b"), ("custom-own/a b".into(), "provider=custom-own&model=a+b".into()));
        assert_eq!(of("openai", ""), ("openai".into(), "provider=openai".into()));
        assert_eq!(of("", ""), ("no model named".into(), String::new()));
    }
}
