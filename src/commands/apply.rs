//! `weir apply FILE`

use super::{block_on, open};
use crate::cli::Apply;
use crate::config::Settings;

/// Validates the file as a whole, says what changes, and changes it.
pub fn run(settings: &Settings, arguments: &Apply) -> Result<(), String> {
    let file = arguments.file.display().to_string();
    let text = std::fs::read_to_string(&arguments.file).map_err(|error| format!("{file}: {error}"))?;
    block_on(async {
        let installation = open::open(settings).await?;
        let lookup = |name: &str| std::env::var(name).ok();
        let plan = control::apply::plan(&installation.control, &text, &file, &lookup)
            .await
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        print!("{}", plan.render());
        if arguments.dry_run {
            println!("Dry run: nothing was changed.");
            return Ok(());
        }
        let applied = plan.execute().await.map_err(|error| error.to_string())?;
        for (name, issued) in &applied.issued {
            println!("Token {name}, shown once: {}", issued.plain);
        }
        Ok(())
    })
}
