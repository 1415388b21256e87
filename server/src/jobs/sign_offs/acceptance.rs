//! What judgements of a sample say of everybody.

use shared::sign_off::{Acceptance, ShareInterval, StratumResult};

/// How sure every interval is.
pub(super) const CONFIDENCE: f64 = 0.95;

/// Takes the judgements of each stratum together.
pub(super) fn of(mut strata: Vec<StratumResult>) -> Acceptance {
    for stratum in &mut strata {
        stratum.share = interval(stratum, 1.0 - CONFIDENCE);
    }
    let sum = |count: fn(&StratumResult) -> u32| strata.iter().map(count).sum::<u32>();
    let (share, interval) = together(&strata).unzip();
    Acceptance {
        drawn: sum(|it| it.drawn),
        accepted: sum(|it| it.accepted),
        rejected: sum(|it| it.rejected),
        confidence: CONFIDENCE,
        share,
        interval,
        strata,
    }
}

/// The share of everybody, each stratum by the people that it has. So that all of their intervals
/// hold at once, each may be wrong only in its part of the cases (Bonferroni).
#[expect(clippy::cast_precision_loss, reason = "a share has no use for more digits")]
fn together(strata: &[StratumResult]) -> Option<(f64, ShareInterval)> {
    let people: u64 = strata.iter().map(|stratum| stratum.people).sum();
    if people == 0 {
        return None;
    }
    let drawn = strata.iter().filter(|stratum| !is_whole(stratum)).count().max(1);
    let (mut share, mut low, mut high) = (0.0, 0.0, 0.0);
    for stratum in strata {
        let weight = stratum.people as f64 / people as f64;
        let judged = stratum.accepted + stratum.rejected;
        let interval = interval(stratum, (1.0 - CONFIDENCE) / drawn as f64)?;
        share += weight * f64::from(stratum.accepted) / f64::from(judged);
        low += weight * interval.low;
        high += weight * interval.high;
    }
    Some((share, ShareInterval { low: low.min(1.0), high: high.min(1.0) }))
}

/// Everybody of the stratum was judged: nothing is left to be unsure of.
fn is_whole(stratum: &StratumResult) -> bool {
    stratum.is_counted && u64::from(stratum.accepted + stratum.rejected) == stratum.people
}

/// The exact interval of Clopper and Pearson (Biometrika 26, 1934): the shares under which what was
/// seen is not in either half of what is too rare to believe. None before somebody was judged.
fn interval(stratum: &StratumResult, wrong: f64) -> Option<ShareInterval> {
    let (accepted, judged) = (stratum.accepted, stratum.accepted + stratum.rejected);
    if judged == 0 {
        return None;
    }
    if is_whole(stratum) {
        let share = f64::from(accepted) / f64::from(judged);
        return Some(ShareInterval { low: share, high: share });
    }
    let low = match accepted {
        0 => 0.0,
        _ => where_it_turns(|share| 1.0 - at_most(accepted - 1, judged, share) >= wrong / 2.0),
    };
    let high = match stratum.rejected {
        0 => 1.0,
        _ => where_it_turns(|share| at_most(accepted, judged, share) <= wrong / 2.0),
    };
    Some(ShareInterval { low, high })
}

/// The share from which on something is true that is false below.
fn where_it_turns(is_true: impl Fn(f64) -> bool) -> f64 {
    let (mut below, mut above) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(below, above);
        if is_true(middle) { above = middle } else { below = middle }
    }
    above
}

/// How likely it is that no more than `accepted` of `judged` are accepted, where the share is that.
fn at_most(accepted: u32, judged: u32, share: f64) -> f64 {
    // By logarithms: the powers alone would be too small for a number.
    let mut chosen = 0.0_f64;
    let mut sum = 0.0;
    for count in 0..=accepted {
        if count > 0 {
            chosen += f64::from(judged - count + 1).ln() - f64::from(count).ln();
        }
        let rest = f64::from(judged - count) * (1.0 - share).ln();
        sum += (chosen + f64::from(count) * share.ln() + rest).exp();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests {
    use shared::sign_off::Stratum;

    use super::*;

    fn stratum(people: u64, drawn: u32, accepted: u32, rejected: u32) -> StratumResult {
        let stratum = Stratum::FewRecords;
        StratumResult { stratum, people, is_counted: true, drawn, accepted, rejected, share: None }
    }

    #[track_caller]
    fn check(accepted: u32, rejected: u32, low: f64, high: f64) {
        let drawn = accepted + rejected;
        let found = interval(&stratum(1_000_000, drawn, accepted, rejected), 0.05).unwrap();
        assert!((found.low - low).abs() < 5e-5, "{found:?}");
        assert!((found.high - high).abs() < 5e-5, "{found:?}");
    }

    /// As the quantiles of the beta distribution have them.
    #[test]
    fn the_interval_is_the_one_of_the_tables() {
        check(10, 0, 0.6915, 1.0);
        check(0, 10, 0.0, 0.3085);
        check(9, 1, 0.5550, 0.9975);
        check(29, 1, 0.8278, 0.9992);
        check(500, 0, 0.9926, 1.0);
    }

    #[test]
    fn where_everybody_was_judged_nothing_is_unsure() {
        let found = of(vec![stratum(4, 4, 3, 1)]);
        let exact = Some(ShareInterval { low: 0.75, high: 0.75 });
        assert_eq!(
            (found.share, found.interval, found.strata[0].share),
            (Some(0.75), exact, exact)
        );
    }

    #[test]
    fn a_stratum_counts_by_its_people_and_not_by_how_many_were_drawn() {
        let found = of(vec![stratum(10, 10, 0, 10), stratum(990, 10, 10, 0)]);

        assert!((found.share.unwrap() - 0.99).abs() < 1e-9, "{found:?}");
        let interval = found.interval.unwrap();
        assert!((interval.high - 0.99).abs() < 1e-9 && interval.low < 0.69, "{found:?}");
    }

    #[test]
    fn nothing_is_said_of_everybody_while_a_stratum_was_not_looked_at() {
        let found = of(vec![stratum(10, 2, 2, 0), stratum(10, 2, 0, 0)]);

        assert_eq!((found.share, found.interval), (None, None));
        assert!(found.strata[0].share.is_some() && found.strata[1].share.is_none());
        assert_eq!((found.drawn, found.accepted), (4, 2));
    }
}
