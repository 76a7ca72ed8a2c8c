//! `weir ledger rerate`

use control::{Control, Repriced, Rerated};
use domain::Nanos;

use crate::cli::Rerate;

/// Prices again, and says what came of it.
pub async fn run(control: &Control, arguments: &Rerate) -> Result<(), String> {
    let asked = control::Rerate {
        team: arguments.team.clone(),
        provider: arguments.provider.clone(),
        model: arguments.model.clone(),
        from: arguments.from,
        to: arguments.to,
        write: arguments.write,
        by: "weir ledger rerate".to_owned(),
    };
    let rerated = control.rerate(&asked).await.map_err(|error| error.to_string())?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rerated).map_err(|error| error.to_string())?);
    } else {
        print!("{}", render(&rerated));
    }
    Ok(())
}

fn render(rerated: &Rerated) -> String {
    let mut lines = vec![format!("Priced again at price book {} and the teams' own prices.", rerated.book)];
    lines.extend(rerated.changed.iter().map(line));
    let total =
        |of: fn(&Repriced) -> i64| Nanos(rerated.changed.iter().fold(0, |sum, one| of(one).saturating_add(sum)));
    let (before, after) = (total(|one| one.before), total(|one| one.after));
    let attempts: u64 = rerated.changed.iter().map(|one| one.attempts).sum();
    if attempts > 0 {
        lines.push(format!(
            "Together {attempts} attempts: {before} before, {after} after, {}.",
            signed(after.0 - before.0)
        ));
    }
    let notes = [
        (rerated.same, "attempts cost the same"),
        (
            rerated.named,
            "attempts have a cost that is no matter of prices: the provider or the request named it, or another row has it",
        ),
        (rerated.without_price, "attempts have no price; their cost stays as it is"),
        (rerated.damaged, "attempts cannot be read; `weir ledger verify` names them"),
        (rerated.unknown_pictures, "attempts made pictures of unknown size; their cost stays as it is"),
    ];
    lines.extend(notes.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}.")));
    lines.push(
        match (attempts, rerated.written) {
            (0, _) => "Nothing costs anything else.",
            (_, true) => "The corrections are written.",
            (_, false) => "Nothing was written; --write does that.",
        }
        .to_owned(),
    );
    lines.join("\n") + "\n"
}

fn line(one: &Repriced) -> String {
    let Repriced { team, provider, model, attempts, unknown_before, before, after } = one;
    let unknown = if *unknown_before > 0 { format!(" ({unknown_before} unknown)") } else { String::new() };
    format!(
        "{team} {provider}/{model}: {attempts} attempts, {} before{unknown}, {} after, {}",
        Nanos(*before),
        Nanos(*after),
        signed(after.saturating_sub(*before))
    )
}

fn signed(nanos: i64) -> String {
    if nanos > 0 { format!("+{}", Nanos(nanos)) } else { Nanos(nanos).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_what_costs_something_else_and_why_the_rest_does_not() {
        let one = Repriced {
            team: "acme".into(),
            provider: "openai".into(),
            model: "gpt-5".into(),
            attempts: 3,
            unknown_before: 1,
            before: 2_000_000_000,
            after: 1_500_000_000,
        };
        let mut rerated = Rerated { changed: vec![one], same: 7, named: 2, ..Rerated::default() };
        let said = render(&rerated);
        for part in [
            "acme openai/gpt-5: 3 attempts, $2.00 before (1 unknown), $1.50 after, -$0.50\n",
            "Together 3 attempts: $2.00 before, $1.50 after, -$0.50.\n",
            "7 attempts cost the same.\n",
            "2 attempts have a cost that is no matter of prices",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(said.ends_with("Nothing was written; --write does that.\n"), "{said}");
        rerated.written = true;
        assert!(render(&rerated).ends_with("The corrections are written.\n"));
        rerated.changed.clear();
        assert!(render(&rerated).ends_with("Nothing costs anything else.\n"));
    }
}
