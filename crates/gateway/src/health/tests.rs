use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn health(of: Of) -> (Arc<Health>, Instant) {
    (Arc::new(Health::new(of)), Instant::now())
}

fn fail(health: &Arc<Health>, times: u32, now: Instant) {
    for _ in 0..times {
        let _busy = health.begin(now, Nth::First);
        health.end(Ended::Badly, now);
    }
}

#[test]
fn an_address_rests_after_failures_in_a_row_and_is_tried_by_one() {
    let (address, now) = health(Of::Address);
    fail(&address, IN_A_ROW - 1, now);
    assert_eq!(address.standing(now), Standing::Ready);
    address.end(Ended::Well, now);
    fail(&address, IN_A_ROW, now);
    let until = now + Duration::from_secs(5);
    assert_eq!(address.standing(now), Standing::Resting(until));
    assert_eq!(address.standing(until - MS), Standing::Resting(until));
    assert_eq!(address.standing(until), Standing::Probe);

    let probe = address.begin(until, Nth::First);
    assert_eq!(address.standing(until), Standing::Resting(until + PROBE_ENDS), "one at a time");
    address.end(Ended::Badly, until);
    drop(probe);
    let next = until + Duration::from_secs(10);
    assert_eq!(address.standing(until), Standing::Resting(next), "twice as long");
    let _probe = address.begin(next, Nth::First);
    address.end(Ended::Well, next);
    assert_eq!(address.standing(next), Standing::Ready);
    fail(&address, IN_A_ROW, next);
    assert_eq!(address.standing(next), Standing::Resting(next + Duration::from_secs(5)), "from the beginning again");
}

#[test]
fn one_that_is_tried_and_not_heard_rests_again_and_for_longer() {
    let (address, now) = health(Of::Address);
    address.lose(Duration::from_millis(300), now);
    assert_eq!((address.standing(now), address.latency_us()), (Standing::Ready, 300_000), "it is only slow");
    fail(&address, IN_A_ROW, now);
    let until = now + Duration::from_secs(5);
    let _probe = address.begin(until, Nth::First);
    address.lose(Duration::from_millis(300), until);
    assert_eq!(address.standing(until), Standing::Resting(until + Duration::from_secs(10)));
}

#[test]
fn half_of_many_failing_opens_the_circuit_and_half_of_few_does_not() {
    let (address, now) = health(Of::Address);
    for number in 0..ENOUGH - 1 {
        let _busy = address.begin(now, Nth::First);
        address.end(if number % 2 == 0 { Ended::Badly } else { Ended::Well }, now);
    }
    assert_eq!(address.standing(now), Standing::Ready);
    fail(&address, 1, now);
    assert!(matches!(address.standing(now), Standing::Resting(_)));
}

#[test]
fn a_probe_nobody_hears_of_gives_way() {
    let (address, now) = health(Of::Address);
    fail(&address, IN_A_ROW, now);
    let later = now + Duration::from_secs(5);
    let _probe = address.begin(later, Nth::First);
    assert_eq!(address.standing(later + PROBE_ENDS), Standing::Probe);
    address.end(Ended::Unknown, later);
    assert_eq!(address.standing(later), Standing::Probe, "its client left");
}

#[test]
fn what_was_under_way_when_the_circuit_opened_neither_closes_nor_lengthens_it() {
    let (address, now) = health(Of::Address);
    fail(&address, IN_A_ROW, now);
    let standing = address.standing(now);
    address.end(Ended::Well, now + MS);
    fail(&address, 3 * IN_A_ROW, now + MS);
    assert_eq!(address.standing(now), standing);
}

#[test]
fn a_key_that_is_not_taken_rests_at_once_and_longer_each_time() {
    let (key, mut now) = health(Of::Key);
    for minutes in [1, 2, 4, 8, 15, 15] {
        key.end(Ended::Rejected, now);
        let until = now + Duration::from_mins(minutes);
        assert_eq!(key.standing(now), Standing::Resting(until));
        key.end(Ended::Rejected, now + MS);
        assert_eq!(key.standing(now), Standing::Resting(until), "others were on their way");
        now = until;
    }
}

#[test]
fn a_key_that_is_asked_too_often_rests_as_long_as_the_provider_says() {
    for (wished, seconds) in [(None, 5), (Some(2), 2), (Some(0), 5), (Some(3_600), 300)] {
        let (key, now) = health(Of::Key);
        key.end(Ended::TooOften(wished.map(Duration::from_secs)), now);
        let until = now + Duration::from_secs(seconds);
        assert_eq!(key.standing(now), Standing::Resting(until), "{wished:?}");
        assert_eq!(key.standing(until), Standing::Ready, "it is not tried, it is asked");
    }
    let (key, now) = health(Of::Key);
    key.end(Ended::TooOften(Some(Duration::from_secs(60))), now);
    key.end(Ended::TooOften(Some(Duration::from_secs(1))), now);
    assert_eq!(key.standing(now), Standing::Resting(now + Duration::from_mins(1)), "the longer one holds");
}

#[test]
fn a_minutes_attempts_are_counted_from_its_first() {
    let (key, now) = health(Of::Key);
    assert_eq!(key.is_used_up(1, now), None);
    let busy = [key.begin(now, Nth::First), key.begin(now + Duration::from_secs(59), Nth::First)];
    let ends = now + Duration::from_mins(1);
    assert_eq!((key.is_used_up(2, now), key.is_used_up(3, now)), (Some(ends), None));
    assert_eq!(key.is_used_up(2, ends), None);
    drop(busy);
}

#[test]
fn the_average_follows_and_busy_is_what_is_under_way() {
    let (key, now) = health(Of::Key);
    assert_eq!((key.latency_us(), key.busy()), (0, 0));
    key.began(Duration::from_millis(8));
    assert_eq!(key.latency_us(), 8_000);
    key.began(Duration::from_millis(16));
    assert_eq!(key.latency_us(), 9_000);
    let (one, two) = (key.begin(now, Nth::First), key.begin(now, Nth::First));
    assert_eq!(key.busy(), 2);
    drop((one, two));
    assert_eq!(key.busy(), 0);
}

#[test]
fn people_are_told_how_it_stands_at_each_moment() {
    use domain::health::{Cause, Circuit};
    let (address, now) = health(Of::Address);
    assert_eq!((address.told(now), address.retries_left(now)), (Told::Well, RETRY_FLOOR));
    address.failed_with(503);
    fail(&address, IN_A_ROW, now);
    assert_eq!((address.told(now), address.cause()), (Told::Open(Duration::from_secs(5)), Cause::Status(503)));
    assert_eq!(address.told(now + MS).circuit(), (Circuit::Open, Duration::from_millis(4_999)));
    let until = now + Duration::from_secs(5);
    assert_eq!(address.told(until).circuit(), (Circuit::HalfOpen, Duration::ZERO));
    let probe = address.begin(until, Nth::Again);
    assert_eq!((address.told(until), address.retries_left(until)), (Told::HalfOpen, RETRY_FLOOR - 1));
    address.end(Ended::Well, until);
    drop(probe);
    assert_eq!(address.told(until).circuit(), (Circuit::Closed, Duration::ZERO));

    let (key, now) = health(Of::Key);
    key.failed_with(429);
    key.end(Ended::TooOften(Some(Duration::from_secs(2))), now);
    assert_eq!((key.told(now), key.cause()), (Told::TooOften(Duration::from_secs(2)), Cause::Status(429)));
    assert_eq!(key.told(now + Duration::from_secs(2)), Told::Well);
    key.failed_with(0);
    assert_eq!(key.cause(), Cause::NoAnswer);
}

proptest! {
    /// Within any ten seconds what is made again stays within the floor and its share of all that is made.
    #[test]
    fn the_retry_budget_is_never_exceeded(steps in prop::collection::vec((0_u64..40, any::<bool>()), 1..800)) {
        let (address, start) = health(Of::Address);
        let mut now = start;
        let mut made: Vec<(Instant, bool)> = Vec::new();
        for (pause, again) in steps {
            now += MS * u32::try_from(pause).unwrap_or(0);
            if again && !address.may_repeat(now) {
                continue;
            }
            let _busy = address.begin(now, if again { Nth::Again } else { Nth::First });
            made.push((now, again));
            let recent = || made.iter().filter(|(at, _)| now - *at < Duration::from_secs(9));
            let repeated = recent().filter(|(_, again)| *again).count();
            // The ring forgets by whole seconds, so what it remembers is at least the last nine.
            let first = made.iter().filter(|(at, again)| !again && now - *at <= Duration::from_secs(10)).count();
            // Those beside which others were repeated may be forgotten before these.
            prop_assert!(!again || repeated <= RETRY_FLOOR as usize + first / 5, "{repeated} beside {first}");
        }
    }

    /// Within any ten seconds those that go out beside others stay within a floor and their share, and with all others that are made
    /// again within the budget of these.
    #[test]
    fn the_hedging_budget_is_never_exceeded(steps in prop::collection::vec((0_u64..40, 0_u8..3), 1..800)) {
        let (address, start) = health(Of::Address);
        let mut now = start;
        let mut made: Vec<(Instant, Nth)> = Vec::new();
        for (pause, nth) in steps {
            now += MS * u32::try_from(pause).unwrap_or(0);
            let nth = [Nth::First, Nth::Again, Nth::Beside][usize::from(nth)];
            let may = match nth {
                Nth::First => true,
                Nth::Again => address.may_repeat(now),
                Nth::Beside => address.may_hedge(now),
            };
            if !may {
                continue;
            }
            let _busy = address.begin(now, nth);
            made.push((now, nth));
            let recent = |of: Nth| made.iter().filter(|(at, nth)| *nth == of && now - *at < Duration::from_secs(9)).count();
            let firsts = made.iter().filter(|(at, nth)| *nth == Nth::First && now - *at <= Duration::from_secs(10)).count();
            let hedged = recent(Nth::Beside);
            prop_assert!(nth != Nth::Beside || hedged <= HEDGE_FLOOR as usize + firsts / 10, "{hedged} beside {firsts}");
            let again = hedged + recent(Nth::Again);
            prop_assert!(nth == Nth::First || again <= RETRY_FLOOR as usize + firsts / 5, "{again} beside {firsts}");
        }
    }

    /// However it fares, it is asked again at some time.
    #[test]
    fn nobody_rests_for_ever(ends in prop::collection::vec((0_u8..5, 0_u64..120_000), 0..200)) {
        let (key, mut now) = health(Of::Key);
        for (ended, pause) in ends {
            now += MS * u32::try_from(pause).unwrap_or(0);
            let _busy = key.begin(now, Nth::First);
            key.end(match ended {
                0 => Ended::Well,
                1 => Ended::Badly,
                2 => Ended::Rejected,
                3 => Ended::TooOften(Some(Duration::from_millis(pause))),
                _ => Ended::Unknown,
            }, now);
        }
        let later = now + Duration::from_mins(16);
        prop_assert!(matches!(key.standing(later), Standing::Ready | Standing::Probe));
    }
}
