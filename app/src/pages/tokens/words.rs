//! What tokens are held to, in words.

use domain::ledger::Surface;
use domain::token::Restrictions;
use domain::view::GatewayView;

/// Each restriction by its name; nothing where there is none.
pub(super) fn held(restrictions: &Restrictions, gateways: &[GatewayView]) -> Vec<(&'static str, String)> {
    let Restrictions { gateways: ids, models, providers, endpoints, ip_ranges } = restrictions;
    let name = |id: &domain::GatewayId| {
        let known = gateways.iter().find(|gateway| gateway.id == *id);
        known.map_or_else(|| "deleted".to_owned(), |gateway| gateway.name.clone())
    };
    let all = [
        ("Gateways", ids.as_ref().map(|ids| ids.iter().map(name).collect::<Vec<_>>())),
        ("Models", models.clone()),
        ("Providers", providers.clone()),
        ("Endpoints", endpoints.as_ref().map(|list| list.iter().map(|door| endpoint(*door).to_owned()).collect())),
        ("IP ranges", ip_ranges.clone()),
    ];
    all.into_iter().filter_map(|(what, list)| Some((what, list?.join(", ")))).collect()
}

/// A few words for an endpoint.
pub(super) fn endpoint(endpoint: Surface) -> &'static str {
    match endpoint {
        Surface::ChatCompletions => "Chat completions",
        Surface::Responses => "Responses",
        Surface::StoredResponses => "Kept responses",
        Surface::Conversations => "Conversations",
        Surface::Messages => "Messages",
        Surface::GenerateContent => "Gemini generateContent",
        Surface::CountTokens => "Counting tokens",
        Surface::Embeddings => "Embeddings",
        Surface::Images => "Images",
        Surface::Speech => "Speech",
        Surface::Transcriptions => "Transcriptions",
        Surface::Translations => "Audio translations",
        Surface::Moderations => "Moderations",
        Surface::Rerank => "Reranking",
        Surface::Files => "Files",
        Surface::Batches => "Batches",
        Surface::Models => "List of models",
        Surface::Limits => "What limits leave",
        Surface::Universal => "Universal endpoint (steps)",
        Surface::Native => "Providers' own APIs",
        Surface::Unknown => "Nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_restricts_is_told() {
        assert_eq!(held(&Restrictions::default(), &[]), []);
        let restrictions = Restrictions {
            gateways: Some(vec![domain::GatewayId(9)]),
            endpoints: Some(vec![Surface::Embeddings, Surface::Native]),
            ..Restrictions::default()
        };
        let told = held(&restrictions, &[]);
        let endpoints = "Embeddings, Providers' own APIs".to_owned();
        assert_eq!(told, [("Gateways", "deleted".to_owned()), ("Endpoints", endpoints)]);
    }
}
