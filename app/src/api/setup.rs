//! First run: somebody claims the installation.

use leptos::prelude::*;

use crate::AppError;

/// Creates the owner and the first team, signs them in, and leads on to the first gateway.
///
/// # Errors
/// [`AppError::NotFound`] for a wrong or used link, [`AppError::Invalid`] for fields.
#[server(prefix = "/ui", endpoint = "claim")]
pub async fn claim(
    link: String,
    name: String,
    email: String,
    password: String,
    team_name: String,
    team_slug: String,
) -> Result<(), AppError> {
    use crate::server;

    let control = server::control()?;
    let team_slug = if team_slug.trim().is_empty() { slug_of(&team_name) } else { team_slug.trim().to_owned() };
    let owner = control::NewOwner {
        email: email.trim().to_owned(),
        name: name.trim().to_owned(),
        password,
        team_name: team_name.trim().to_owned(),
        team_slug: team_slug.clone(),
    };
    let signed_in = control.claim(&link, owner, &server::client()).await?;
    server::give_session(&control, &signed_in);
    server::redirect(&format!("/{team_slug}/gateways/new?first=1"));
    Ok(())
}

/// A slug made of a name: `Acme & Söhne` becomes `acme-s-hne`. Empty where nothing of the name can be used.
#[must_use]
pub fn slug_of(name: &str) -> String {
    let words = name.to_lowercase();
    let words = words.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    slug.chars().take(domain::validate::MAX_NAME).collect::<String>().trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::slug_of;

    #[test]
    fn a_slug_is_suggested_from_the_name() {
        assert_eq!(slug_of("  Acme, Inc. "), "acme-inc");
        assert_eq!(slug_of("R&D 2"), "r-d-2");
        assert_eq!(slug_of("日本"), "");
        assert_eq!(slug_of(&"a ".repeat(40)).len(), 63);
    }
}
