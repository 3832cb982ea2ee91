//! The laws of weights, over random input.

use super::{Weight, rescale, shift, split};
use proptest::prelude::*;

fn weight() -> impl Strategy<Value = Weight> {
    (0..=1_000_000_u32).prop_map(|ppm| Weight::from_ppm(ppm).unwrap())
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(weight in weight()) {
        prop_assert_eq!(weight.to_string().parse::<Weight>(), Ok(weight));
    }

    #[test]
    fn a_split_of_undeclared_routes_sums_to_full_and_differs_by_one_part_at_most(routes in 1..200_usize) {
        let shares = split(&vec![None; routes]).unwrap();
        prop_assert_eq!(Weight::sum(&shares), 1_000_000);
        prop_assert!(shares.iter().max().unwrap().ppm() - shares.iter().min().unwrap().ppm() <= 1);
    }

    #[test]
    fn a_split_keeps_what_was_declared_and_gives_a_newcomer_nothing(parts in prop::collection::vec(weight(), 1..50), at in 0..50_usize) {
        let declared = rescale(&parts, Weight::FULL);
        prop_assume!(Weight::sum(&declared) > 0);
        let mut routes: Vec<Option<Weight>> = declared.iter().copied().map(Some).collect();
        let at = at % (routes.len() + 1);
        routes.insert(at, None);
        let mut shares = split(&routes).unwrap();
        prop_assert_eq!(shares.remove(at), Weight::ZERO);
        prop_assert_eq!(shares, declared);
    }

    #[test]
    fn declared_weights_of_neither_zero_nor_full_are_refused(parts in prop::collection::vec(weight(), 1..20)) {
        let sum = Weight::sum(&parts);
        prop_assume!(sum != 0 && sum != 1_000_000);
        prop_assert_eq!(split(&parts.into_iter().map(Some).collect::<Vec<_>>()).unwrap_err().sum, sum);
    }

    #[test]
    fn a_rescale_sums_to_the_total_and_keeps_proportions(parts in prop::collection::vec(weight(), 1..100), total in weight()) {
        let sum = Weight::sum(&parts);
        prop_assume!(sum > 0);
        let scaled = rescale(&parts, total);
        prop_assert_eq!(Weight::sum(&scaled), u64::from(total.ppm()));
        for (before, after) in parts.iter().zip(&scaled) {
            let exact = u64::from(before.ppm()) * u64::from(total.ppm()) / sum;
            prop_assert!((exact..=exact + 1).contains(&u64::from(after.ppm())));
        }
    }

    #[test]
    fn a_shift_moves_between_two_routes_only(parts in prop::collection::vec(weight(), 2..20), from in 0..20_usize, to in 0..20_usize, amount in weight()) {
        let before = rescale(&parts, Weight::FULL);
        let (from, to) = (from % before.len(), to % before.len());
        let mut after = before.clone();
        let moved = shift(&mut after, from, to, amount);
        prop_assert_eq!(Weight::sum(&after), Weight::sum(&before));
        for index in (0..before.len()).filter(|index| *index != from && *index != to) {
            prop_assert_eq!(after[index], before[index]);
        }
        if from != to {
            prop_assert_eq!(before[from].ppm() - after[from].ppm(), moved.ppm());
        }
    }
}

#[test]
fn a_text_that_is_not_a_percentage_is_refused_with_its_reason() {
    for (text, reason) in [
        ("50", "the % sign is missing"),
        ("%", "not a number"),
        ("-1%", "not a number"),
        ("1.%", "not a number"),
        ("101%", "above 100%"),
        ("99999999999%", "above 100%"),
        ("0.00001%", "more than four decimals"),
    ] {
        let error = text.parse::<Weight>().unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn percentages_are_written_as_short_as_they_can_be() {
    for (ppm, text) in
        [(0, "0%"), (1, "0.0001%"), (1_000, "0.1%"), (500_000, "50%"), (333_333, "33.3333%"), (1_000_000, "100%")]
    {
        assert_eq!(Weight::from_ppm(ppm).unwrap().to_string(), text);
    }
}
