//! Checks what amounts mean: cents or euros, line total or price of a piece, with or without VAT, and how costs and discount
//! count. An order is added up by every combination of these, and each sum is compared with the order's total: the one that a
//! person typed in, or the order's own.

use super::OrdersRead;
use crate::Examination;
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::robaws::TariffPercentages;
use crate::shape::{self, JsonKind};
use domain::settings::{LinePrice, OrderAmounts};
use rust_decimal::Decimal;
use serde_json::Value;

const AMOUNTS: &str = "pf-order-amounts";
const LINE: &str = "pf-line-price";
const VAT: &str = "pf-vat-inclusive";
const COSTS: &str = "pf-costs-sum";
const TOTAL: &str = "pf-total";
/// Names that an order's own total may have.
const TOTALS: [&str; 3] = ["total", "total_price", "grand_total"];
const COST_FIELDS: [&str; 3] = ["shipping_cost", "transaction_price", "additional_price"];

/// How costs and the discount enter a total.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CostRule {
    /// Costs are added and the discount is subtracted (what we assume).
    Counted,
    /// Costs are added, and the discount is added too.
    DiscountAdded,
    /// Costs are added; the discount is in the line prices already.
    DiscountLeftOut,
    /// Neither costs nor discount count.
    LeftOut,
}

/// One rule by which an order can be added up.
#[derive(Clone, Copy, PartialEq, Eq)]
struct SumRule {
    amounts: OrderAmounts,
    line: LinePrice,
    vat_included: bool,
    costs: CostRule,
}

impl SumRule {
    fn all_rules() -> Vec<Self> {
        let mut ways = Vec::new();
        for amounts in [OrderAmounts::Cents, OrderAmounts::Euros] {
            for line in [LinePrice::Total, LinePrice::Unit] {
                for vat_included in [true, false] {
                    for costs in [
                        CostRule::Counted,
                        CostRule::DiscountAdded,
                        CostRule::DiscountLeftOut,
                        CostRule::LeftOut,
                    ] {
                        ways.push(Self { amounts, line, vat_included, costs });
                    }
                }
            }
        }
        ways
    }

    /// In how many of the four questions two rules differ.
    fn count_differences(self, other: Self) -> usize {
        usize::from(self.amounts != other.amounts)
            + usize::from(self.line != other.line)
            + usize::from(self.vat_included != other.vat_included)
            + usize::from(self.costs != other.costs)
    }
}

/// The numbers of an order, in the unit in which ProductFlow gives them.
struct OrderNumbers {
    /// Per line: price, quantity, and the VAT percentage of its code's tariff in Robaws, where known.
    lines: Vec<(Decimal, Decimal, Option<Decimal>)>,
    costs: Decimal,
    discount: Decimal,
}

impl OrderNumbers {
    fn from_order(order: &Value, tariffs: &TariffPercentages) -> Option<Self> {
        let number = |key: &str| order.get(key).and_then(shape::read_decimal).unwrap_or_default();
        let line = |line: &Value| {
            let code = shape::read_text(line.get("vat_code"));
            let percentage = code.and_then(|code| tariffs.get(code.trim()).copied());
            let price = shape::read_decimal(line.get("price")?)?;
            Some((price, shape::read_decimal(line.get("quantity")?)?, percentage))
        };
        let lines: Option<Vec<_>> = order["lines"].as_array()?.iter().map(line).collect();
        Some(Self {
            lines: lines.filter(|lines| !lines.is_empty())?,
            costs: COST_FIELDS.iter().map(|key| number(key)).sum(),
            discount: number("discount_price"),
        })
    }

    /// The order's total by this rule, in the order's own unit; `None` where the rule needs a VAT percentage that is not known.
    fn add_up(&self, way: SumRule) -> Option<Decimal> {
        let gross = |amount: Decimal, percentage: Option<Decimal>| {
            if way.vat_included {
                return Some(amount);
            }
            let factor = Decimal::ONE + percentage? / Decimal::ONE_HUNDRED;
            amount.checked_mul(factor)
        };
        let mut sum = Decimal::ZERO;
        for (price, quantity, percentage) in &self.lines {
            let amount = match way.line {
                LinePrice::Total => *price,
                LinePrice::Unit => price.checked_mul(*quantity)?,
            };
            sum = sum.checked_add(gross(amount, *percentage)?)?;
        }
        let highest = self.lines.iter().filter_map(|(_, _, p)| *p).max();
        let (costs, discount) = (gross(self.costs, highest), gross(self.discount, highest));
        let is_free = self.costs.is_zero() && self.discount.is_zero();
        let (costs, discount) = if is_free { (Decimal::ZERO, Decimal::ZERO) } else { (costs?, discount?) };
        match way.costs {
            CostRule::Counted => sum.checked_add(costs)?.checked_sub(discount),
            CostRule::DiscountAdded => sum.checked_add(costs)?.checked_add(discount),
            CostRule::DiscountLeftOut => sum.checked_add(costs),
            CostRule::LeftOut => Some(sum),
        }
    }

    /// Whether this rule gives this total in euros.
    fn matches_total(&self, way: SumRule, euros: Decimal) -> bool {
        let Some(total) = self.add_up(way) else {
            return false;
        };
        let total = match way.amounts {
            OrderAmounts::Cents => total / Decimal::ONE_HUNDRED,
            OrderAmounts::Euros => total,
        };
        is_same_amount(total, euros, way.vat_included)
    }
}

/// Whether two amounts in euros are equal: exactly, or within 2 cents where VAT was added, since VAT may be rounded per line.
fn is_same_amount(total: Decimal, euros: Decimal, exactly: bool) -> bool {
    let slack = if exactly { Decimal::ZERO } else { Decimal::new(2, 2) };
    (total - euros).abs() <= slack
}

pub(super) fn examine_amounts(
    notes: &mut Notes,
    checks: &Examination,
    tariffs: &TariffPercentages,
    seen: &OrdersRead,
    orders: &[&Value],
) {
    let set = SumRule {
        amounts: checks.settings.order_amounts,
        line: checks.settings.line_price,
        vat_included: true,
        costs: CostRule::Counted,
    };
    check_decimals(notes, set, orders);
    if let Some(known) = &checks.known_order {
        match seen.known_order.as_ref().map(|order| OrderNumbers::from_order(order, tariffs)) {
            None => notes.note_all_open(&[AMOUNTS, LINE, VAT, COSTS], "the known order was not found"),
            Some(None) => {
                notes.note_all_open(&[AMOUNTS, LINE, VAT, COSTS], "the known order's lines can't be read");
            }
            Some(Some(numbers)) => compare_total(notes, set, &numbers, known.total.to_euros(), true),
        }
    } else {
        notes.note_open(AMOUNTS, "name an order and its total in euros");
    }
    check_own_totals(notes, set, tariffs, orders);
    notes.note_all_open(
        &[LINE, VAT, COSTS],
        "name an order with several pieces, costs and a VAT code, and its total in euros",
    );
}

/// An amount with decimals is not in cents, whatever the order adds up to.
fn check_decimals(notes: &mut Notes, set: SumRule, orders: &[&Value]) {
    let of_lines = orders
        .iter()
        .filter_map(|order| order["lines"].as_array())
        .flatten()
        .map(|line| JsonKind::from_value(line.get("price")));
    let of_costs =
        orders.iter().flat_map(|order| COST_FIELDS.iter().map(|key| JsonKind::from_value(order.get(key))));
    let kinds: Vec<JsonKind> = of_lines.chain(of_costs).collect();
    let with = kinds.iter().filter(|kind| matches!(kind, JsonKind::Fraction | JsonKind::DecimalText));
    let with = with.count();
    let found = format!("{with} of {} amounts have decimals", kinds.len());
    match (set.amounts, with) {
        (OrderAmounts::Cents, 1..) => notes.note_refuted(AMOUNTS, found),
        (OrderAmounts::Euros, 1..) => notes.note_confirmed(AMOUNTS, found),
        (_, 0) => notes.note_open(AMOUNTS, found),
    }
}

/// Finds the rules that give the total, and decides each question on its own. A question stays open where a rule that differs in
/// this question alone gives the total as well.
fn compare_total(notes: &mut Notes, set: SumRule, numbers: &OrderNumbers, euros: Decimal, with_unit: bool) {
    let fits: Vec<SumRule> = SumRule::all_rules()
        .into_iter()
        .filter(|way| with_unit || way.amounts == set.amounts)
        .filter(|way| numbers.matches_total(*way, euros))
        .collect();
    // Several rules may give the total by chance. Those that differ least from what is set are the most credible.
    let Some(nearest) = fits.iter().map(|way| way.count_differences(set)).min() else {
        if with_unit {
            notes.note_all_open(
                &[AMOUNTS, LINE, VAT, COSTS],
                "no way to add the known order up gives the total that was typed in",
            );
        }
        return;
    };
    let best: Vec<SumRule> =
        fits.iter().copied().filter(|way| way.count_differences(set) == nearest).collect();
    let flipped = |change: &dyn Fn(&mut SumRule)| {
        best.iter().any(|way| {
            let mut other = *way;
            change(&mut other);
            fits.contains(&other)
        })
    };
    let of = if with_unit { "the known order" } else { "an order's own total" };
    let mut say = |id: &'static str, as_set: &dyn Fn(&SumRule) -> bool, open: bool, otherwise: &str| {
        let agree = best.iter().filter(|way| as_set(way)).count();
        if open || (agree != 0 && agree != best.len()) {
            notes.note_open(id, format!("{of} fits either way"));
        } else if agree == 0 {
            notes.note_refuted(id, format!("{of} fits only {otherwise}"));
        } else {
            notes.note_confirmed(id, format!("{of} fits only so"));
        }
    };
    if with_unit {
        let unit = flipped(&|way| {
            way.amounts = match way.amounts {
                OrderAmounts::Cents => OrderAmounts::Euros,
                OrderAmounts::Euros => OrderAmounts::Cents,
            };
        });
        let otherwise = match set.amounts {
            OrderAmounts::Cents => "in euros",
            OrderAmounts::Euros => "in cents",
        };
        say(AMOUNTS, &|way| way.amounts == set.amounts, unit, otherwise);
    }
    let line = flipped(&|way| {
        way.line = match way.line {
            LinePrice::Total => LinePrice::Unit,
            LinePrice::Unit => LinePrice::Total,
        };
    });
    let otherwise = match set.line {
        LinePrice::Total => "with `price` as the price of one piece",
        LinePrice::Unit => "with `price` as the total of the line",
    };
    say(LINE, &|way| way.line == set.line, line, otherwise);
    let vat = flipped(&|way| way.vat_included = !way.vat_included);
    // Where a line's VAT percentage is not known, no rule without VAT could be tried, so nothing is decided.
    let untried = numbers.lines.iter().any(|(_, _, percentage)| percentage.is_none());
    if !untried {
        say(VAT, &|way| way.vat_included, vat, "with VAT added");
    }
    let costs = [CostRule::Counted, CostRule::DiscountAdded, CostRule::DiscountLeftOut, CostRule::LeftOut]
        .into_iter()
        .filter(|costs| flipped(&|way| way.costs = *costs))
        .count()
        > 1;
    let otherwise = "with costs or discount counted otherwise";
    say(COSTS, &|way| way.costs == CostRule::Counted, costs, otherwise);
}

/// Compares orders that show their own total with their sums: is the field the total, and what does it say of line prices and
/// costs?
fn check_own_totals(notes: &mut Notes, set: SumRule, tariffs: &TariffPercentages, orders: &[&Value]) {
    let own = |order: &Value| {
        let key = TOTALS.iter().find(|key| order.get(**key).is_some_and(|total| !total.is_null()))?;
        Some((*key, shape::read_decimal(order.get(*key)?)))
    };
    let with: Vec<(&Value, &str, Option<Decimal>)> =
        orders.iter().filter_map(|order| own(order).map(|(key, total)| (*order, key, total))).collect();
    if with.is_empty() {
        let others = shape::similar_fields(orders, "", &["total", "amount", "sum"]);
        if others.is_empty() {
            notes.note_open(TOTAL, "no order shows a total of its own");
        } else {
            let others = shape::quote_names(others.iter().map(String::as_str));
            notes.note_refuted(TOTAL, format!("none of the three, but {others}"));
        }
        return;
    }
    let mut verdict = Verdict::NotDecidable;
    for (order, key, total) in &with {
        let Some(total) = total else {
            notes.note_refuted(TOTAL, shape::tally_kinds(&[order], key));
            return;
        };
        let Some(numbers) = OrderNumbers::from_order(order, tariffs) else {
            continue;
        };
        let euros = match set.amounts {
            OrderAmounts::Cents => *total / Decimal::ONE_HUNDRED,
            OrderAmounts::Euros => *total,
        };
        let mut ways = SumRule::all_rules().into_iter().filter(|way| way.amounts == set.amounts);
        let fits = ways.any(|way| numbers.matches_total(way, euros));
        if !fits {
            notes.note_refuted(TOTAL, format!("`{key}` of an order fits no way to add it up"));
            return;
        }
        verdict = Verdict::Confirmed;
        compare_total(notes, set, &numbers, euros, false);
    }
    let keys = shape::quote_names(with.iter().map(|(_, key, _)| *key));
    notes.note_verdict(TOTAL, verdict, format!("{keys} of {} orders adds up", with.len()));
}
