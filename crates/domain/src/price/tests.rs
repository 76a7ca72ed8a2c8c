use proptest::prelude::*;

use super::*;

fn line(what: Kind, units: u64, rate: i64, per: Per) -> CostLine {
    CostLine { what, units, rate: Rate(rate), per }
}

#[test]
fn a_sum_is_rounded_once_whatever_its_lines_are_quoted_for() {
    // 1 × 0.0005 and 7 seconds of $0.21 an hour: 0.5 + 408,333.333… nano-dollars.
    let lines = vec![line(Kind::Input, 1, 500_000, Per::Million), line(Kind::AudioSeconds, 7, 210_000_000, Per::Hour)];
    let formula = Formula { lines, ..Formula::default() };
    assert_eq!(formula.total(), Nanos(408_334), "408,333.833…");
    // $10 for a thousand searches, $0.04 for a picture.
    let lines =
        vec![line(Kind::WebSearches, 3, 10_000_000_000, Per::Thousand), line(Kind::Images, 2, 40_000_000, Per::One)];
    assert_eq!(Formula { lines, ..Formula::default() }.total(), Nanos(30_000_000 + 80_000_000));
}

#[test]
fn a_factor_is_on_tokens_and_a_discount_on_all() {
    let lines = vec![
        line(Kind::Input, 1_000, 2_000_000_000, Per::Million),
        line(Kind::WebSearches, 1, 10_000_000_000, Per::Thousand),
    ];
    let multiplier = Some(Multiplier { zone: Zone::InferenceUs, factor: Ppm(1_100_000) });
    let formula = Formula { lines, multiplier, ..Formula::default() };
    // 2,000,000 × 1.1 + 10,000,000
    assert_eq!(formula.total(), Nanos(12_200_000));
    // 15 % off.
    assert_eq!(Formula { discount: Ppm(150_000), ..formula.clone() }.total(), Nanos(10_370_000));
    assert_eq!(Formula { discount: Ppm::WHOLE, ..formula }.total(), Nanos(0));
}

#[test]
fn what_is_beyond_all_sense_is_as_much_as_there_is() {
    let lines = vec![line(Kind::Input, u64::MAX, i64::MAX, Per::One); 3];
    assert_eq!(lines[0].amount(), Nanos(i64::MAX));
    assert_eq!(Formula { lines, ..Formula::default() }.total(), Nanos(i64::MAX));
}

#[test]
fn every_kind_is_called_the_same_everywhere() {
    for kind in Kind::TOKENS.into_iter().chain([Kind::AudioSeconds, Kind::AnnotatedPages, Kind::Stated]) {
        let json = serde_json::to_string(&kind).expect("JSON");
        assert_eq!(json, format!("\"{kind}\""));
    }
    assert!(Kind::TOKENS.into_iter().all(Kind::is_token) && !Kind::AudioSeconds.is_token());
    let places: Vec<usize> = Kind::TOKENS.into_iter().map(|kind| kind as usize).collect();
    assert_eq!(places, (0..Kind::TOKENS.len()).collect::<Vec<_>>());
    for kind in Kind::TOKENS {
        assert!(kind.falls_back_on().is_none_or(|other| other < kind), "{kind}");
    }
}

#[test]
fn zones_and_factors_are_read_as_they_are_written() {
    for zone in Zone::ALL {
        assert_eq!(Zone::of(zone.as_str()), Some(zone));
        assert_eq!(serde_json::to_string(&zone).expect("JSON"), format!("\"{}\"", zone.as_str()));
    }
    for (text, factor) in [("1.1", 1_100_000), ("1", 1_000_000), ("0.95", 950_000), ("1.000001", 1_000_001)] {
        assert_eq!(text.parse(), Ok(Ppm(factor)));
        assert_eq!(Ppm(factor).to_string(), text);
    }
    for bad in ["", ".5", "-1", "1e3", "1.0000001", "5000", "1.1.1"] {
        assert!(bad.parse::<Ppm>().is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn a_total_is_the_sum_of_its_lines_but_for_rounding(
        units in prop::array::uniform4(0u64..10_000_000),
        rates in prop::array::uniform4(0i64..1_000_000_000_000),
        factor in 500_000u32..2_000_000,
    ) {
        let pers = [Per::Million, Per::Thousand, Per::Hour, Per::One];
        let kinds = [Kind::Input, Kind::Pages, Kind::AudioSeconds, Kind::Images];
        let lines: Vec<_> = (0..4).map(|n| line(kinds[n], units[n], rates[n] / 1_000, pers[n])).collect();
        let sum: Nanos = lines.iter().map(CostLine::amount).sum();
        let formula = Formula { lines, ..Formula::default() };
        prop_assert!((formula.total().0 - sum.0).abs() <= 2);
        let multiplier = Some(Multiplier { zone: Zone::DataResidency, factor: Ppm(factor) });
        let dearer = Formula { multiplier, ..formula.clone() };
        prop_assert_eq!(dearer.total() > formula.total(), factor > 1_000_000 && dearer.total() != formula.total());
    }
}
