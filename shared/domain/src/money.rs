//! Money as integer cents, and the two ways to split an amount so that the parts always add up to the whole.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::iter::Sum;

/// An amount in euro cents. It includes VAT unless the name of the variable or field says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(pub i64);

impl Cents {
    pub const ZERO: Cents = Cents(0);

    /// The amount in euros, always with two decimals.
    pub fn to_euros(self) -> Decimal {
        Decimal::new(self.0, 2)
    }

    /// Converts euros to cents. `None` when the amount is not a whole number of cents or does not fit into an `i64`.
    pub fn from_euros(euros: Decimal) -> Option<Cents> {
        let cents = euros.checked_mul(Decimal::ONE_HUNDRED)?;
        if !cents.fract().is_zero() {
            return None;
        }
        i64::try_from(cents.trunc()).ok().map(Cents)
    }

    /// Rounds euros to the cent, half away from zero, which is how Robaws rounds the total of a line.
    /// `None` when the amount does not fit into an `i64`.
    pub fn from_euros_rounded(euros: Decimal) -> Option<Cents> {
        let rounded = euros.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        Self::from_euros(rounded)
    }

    /// The sum, or `None` on overflow.
    pub fn checked_add(self, other: Cents) -> Option<Cents> {
        self.0.checked_add(other.0).map(Cents)
    }

    /// The difference, or `None` on overflow.
    pub fn checked_sub(self, other: Cents) -> Option<Cents> {
        self.0.checked_sub(other.0).map(Cents)
    }

    /// The amount multiplied by `times`, or `None` on overflow.
    pub fn checked_mul(self, times: i64) -> Option<Cents> {
        self.0.checked_mul(times).map(Cents)
    }
}

impl Sum for Cents {
    fn sum<I: Iterator<Item = Cents>>(iter: I) -> Cents {
        Cents(iter.map(|c| c.0).fold(0, i64::saturating_add))
    }
}

impl fmt::Display for Cents {
    /// Euros with two decimals and without a currency sign, for example `64.93`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_euros())
    }
}

/// Splits the total of a line into pairs of quantity and price per piece. The products add up to the total to the cent.
/// When the quantity divides the total there is one pair, otherwise two whose prices differ by one cent: 1.00 for
/// 3 pieces becomes 2 × 0.33 and 1 × 0.34. The quantity must be at least 1 and the total at least 0.
pub fn split_line_total(total: Cents, quantity: u32) -> Vec<(u32, Cents)> {
    // Robaws multiplies quantity and price itself, so a rounded price per piece would miss the order's total.
    let pieces = i64::from(quantity.max(1));
    let price = total.0.div_euclid(pieces);
    let dearer = total.0.rem_euclid(pieces);
    // The remainder is smaller than the number of pieces, so it fits into a u32.
    let dearer_count = u32::try_from(dearer).unwrap_or(0);
    let mut lines = vec![(quantity.max(1) - dearer_count, Cents(price))];
    if dearer_count > 0 {
        lines.push((dearer_count, Cents(price + 1)));
    }
    lines
}

/// Splits `amount` by `weights` to the cent: each share gets the floor of its part, and the cents that are left go to
/// the shares with the largest remainders. Of equal remainders the earlier share wins, so callers put the preferred
/// share first (the share with the higher VAT percentage). When all weights are 0 the first share gets everything.
pub fn split_by_weight(amount: Cents, weights: &[Cents]) -> Vec<Cents> {
    // The product of two amounts may not fit into an i64.
    let total: i128 = weights.iter().map(|w| i128::from(w.0)).sum();
    if weights.is_empty() {
        return Vec::new();
    }
    if total <= 0 {
        let mut shares = vec![Cents::ZERO; weights.len()];
        shares[0] = amount;
        return shares;
    }
    let parts: Vec<(i128, i128)> = weights
        .iter()
        .map(|w| {
            let product = i128::from(amount.0) * i128::from(w.0);
            (product.div_euclid(total), product.rem_euclid(total))
        })
        .collect();
    let given: i128 = parts.iter().map(|(floor, _)| floor).sum();
    let mut left = i128::from(amount.0) - given;
    let mut by_remainder: Vec<usize> = (0..parts.len()).collect();
    by_remainder.sort_by_key(|&i| (std::cmp::Reverse(parts[i].1), i));
    let mut shares: Vec<i128> = parts.iter().map(|(floor, _)| *floor).collect();
    for i in by_remainder {
        if left == 0 {
            break;
        }
        shares[i] += 1;
        left -= 1;
    }
    shares.into_iter().map(|s| Cents(i64::try_from(s).unwrap_or(0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(100, 3, &[(2, 33), (1, 34)])]
    #[case(5998, 2, &[(2, 2999)])]
    #[case(0, 4, &[(4, 0)])]
    #[case(2, 3, &[(1, 0), (2, 1)])]
    #[case(1999, 1, &[(1, 1999)])]
    fn line_totals_are_split_exactly(
        #[case] total: i64,
        #[case] quantity: u32,
        #[case] expected: &[(u32, i64)],
    ) {
        let expected: Vec<_> = expected.iter().map(|&(q, p)| (q, Cents(p))).collect();
        assert_eq!(split_line_total(Cents(total), quantity), expected);
    }

    #[rstest]
    #[case(100, &[1, 1, 1], &[34, 33, 33])]
    #[case(495, &[2000, 1000], &[330, 165])]
    #[case(1, &[1, 1], &[1, 0])]
    #[case(10, &[0, 0], &[10, 0])]
    #[case(10, &[0, 5], &[0, 10])]
    #[case(5, &[], &[])]
    fn amounts_are_split_by_weight(#[case] amount: i64, #[case] by: &[i64], #[case] expected: &[i64]) {
        let weights: Vec<_> = by.iter().map(|&w| Cents(w)).collect();
        let expected: Vec<_> = expected.iter().map(|&w| Cents(w)).collect();
        assert_eq!(split_by_weight(Cents(amount), &weights), expected);
    }

    #[test]
    fn euros_with_a_fraction_of_a_cent_are_no_cents() {
        assert_eq!(Cents::from_euros("19.99".parse().unwrap()), Some(Cents(1999)));
        assert_eq!(Cents::from_euros("19.990".parse().unwrap()), Some(Cents(1999)));
        assert_eq!(Cents::from_euros("19.995".parse().unwrap()), None);
        assert_eq!(Cents::from_euros("1e20".parse().unwrap_or(Decimal::MAX)), None);
        assert_eq!(Cents::from_euros_rounded("19.995".parse().unwrap()), Some(Cents(2000)));
    }

    proptest! {
        #[test]
        fn split_lines_add_up(total in 0_i64..1_000_000_000, quantity in 1_u32..5_000) {
            let lines = split_line_total(Cents(total), quantity);
            prop_assert_eq!(lines.iter().map(|(q, p)| i64::from(*q) * p.0).sum::<i64>(), total);
            prop_assert_eq!(lines.iter().map(|(q, _)| *q).sum::<u32>(), quantity);
            prop_assert!(lines.len() <= 2 && lines.iter().all(|(q, p)| *q > 0 && p.0 >= 0));
        }

        #[test]
        fn shares_add_up_and_stay_within_a_cent(
            amount in 0_i64..10_000_000,
            weights in proptest::collection::vec(0_i64..1_000_000, 1..8),
        ) {
            let weights: Vec<_> = weights.into_iter().map(Cents).collect();
            let shares = split_by_weight(Cents(amount), &weights);
            prop_assert_eq!(shares.iter().map(|s| s.0).sum::<i64>(), amount);
            let total: i128 = weights.iter().map(|w| i128::from(w.0)).sum();
            if total > 0 {
                for (share, weight) in shares.iter().zip(&weights) {
                    let exact = i128::from(amount) * i128::from(weight.0);
                    let diff = i128::from(share.0) * total - exact;
                    prop_assert!(diff.abs() < total, "a share is a cent or more off");
                }
            }
        }
    }
}
