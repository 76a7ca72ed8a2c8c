//! Tokens become lines of a formula.

use domain::Usage;
use domain::price::{CostLine, Kind, Per};

use super::Rates;
use super::rates::KINDS;

/// Adds the lines of what was counted in tokens.
pub(super) fn tokens(usage: &Usage, rates: &Rates, lines: &mut Vec<CostLine>) {
    let mut counts = counts(usage);
    // Kinds come after those they fall back on, so what is handed on is handed on again.
    for kind in Kind::TOKENS.into_iter().rev() {
        if let Some(other) = kind.falls_back_on().filter(|other| rates.get(*other) == rates.get(kind)) {
            counts[other as usize] += std::mem::take(&mut counts[kind as usize]);
        }
    }
    for kind in Kind::TOKENS {
        line(kind, counts[kind as usize], rates.get(kind), Per::Million, lines);
    }
}

/// Adds a line, where there is something for it.
pub(super) fn line(what: Kind, units: u64, rate: domain::Rate, per: Per, lines: &mut Vec<CostLine>) {
    if units > 0 {
        lines.push(CostLine { what, units, rate, per });
    }
}

/// Each token once: the special kinds never count more than the whole that they are part of.
fn counts(usage: &Usage) -> [u64; KINDS] {
    let mut counts = [0; KINDS];
    let mut left = usage.input;
    let mut cached = usage.cached_input.min(left);
    left -= cached;
    for (kind, count) in [
        (Kind::ExplicitCachedInput, usage.explicit_cached),
        (Kind::CachedAudioInput, usage.cached_audio),
        (Kind::CachedImageInput, usage.cached_image),
    ] {
        counts[kind as usize] = take(count.into(), &mut cached);
    }
    counts[Kind::CachedInput as usize] = cached;
    for (kind, count) in [
        (Kind::CacheWrite, usage.cache_write),
        (Kind::CacheWrite1h, usage.cache_write_1h),
        (Kind::CacheWrite12h, usage.cache_write_12h.into()),
        (Kind::AudioInput, usage.audio_input.saturating_sub(usage.cached_audio.into())),
        (Kind::ImageInput, usage.image_input.saturating_sub(usage.cached_image.into())),
        (Kind::VideoInput, usage.video_input.into()),
    ] {
        counts[kind as usize] = take(count, &mut left);
    }
    counts[Kind::Input as usize] = left;

    let mut left = usage.output;
    // Where pictures came and nobody tells their tokens from others, the output is all theirs.
    let pictures = if usage.image_output == 0 && usage.images > 0 { left } else { usage.image_output.into() };
    for (kind, count) in [
        (Kind::Reasoning, usage.reasoning),
        (Kind::Citation, usage.citation.into()),
        (Kind::AudioOutput, usage.audio_output),
        (Kind::VideoOutput, usage.video_output.into()),
        (Kind::ImageOutput, pictures),
    ] {
        counts[kind as usize] = take(count, &mut left);
    }
    counts[Kind::Output as usize] = left;
    counts
}

fn take(wanted: u64, left: &mut u64) -> u64 {
    let taken = wanted.min(*left);
    *left -= taken;
    taken
}
