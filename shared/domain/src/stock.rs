//! Plans stock changes: the difference between the pieces that the booked rows of the ledger took out and the pieces that the
//! order asks for.

use crate::ids::{ArticleId, Sku, StockLocationId};
use crate::ledger::{Direction, Ledger, LookRefusal, RowEffect, RowState, StockItem, StockKey};
use crate::plan::{PlannedEffect, refused_problem, setting_gone_problem};
use crate::problem::{Holds, Problem};
use std::collections::BTreeMap;

/// What the order asks for under one [`StockKey`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedStock {
    /// Pieces on all lines of this key. If more pieces are out, the surplus is taken back. If fewer are out, those stay out,
    /// even when the lines have a problem or move no stock any more.
    pub quantity: u64,
    /// Article and location to book on. `None` when the lines have a problem or move no stock.
    pub bookable: Option<(ArticleId, StockLocationId)>,
    /// SKU of the lines, shown to people only.
    pub sku: Option<Sku>,
}

/// An item that a row booked out, less what later rows took back of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct OutItem {
    item: StockItem,
    location: StockLocationId,
}

/// What is out now by key, oldest first: the net of the booked rows, at the articles and locations of those rows.
#[derive(Debug, Default)]
pub struct BookedStock(BTreeMap<StockKey, Vec<OutItem>>);

impl BookedStock {
    /// Adds up the rows whose effect stands in Robaws.
    pub fn from_ledger(ledger: &Ledger) -> Self {
        let mut booked = Self::default();
        for row in ledger.rows.iter().filter(|r| r.state == RowState::Done) {
            let RowEffect::StockChange { direction, stock_location_id, items } = &row.effect else {
                continue;
            };
            for item in items {
                let outs = booked.0.entry(item.key.clone()).or_default();
                match direction {
                    Direction::Out => {
                        outs.push(OutItem { item: item.clone(), location: stock_location_id.clone() });
                    }
                    Direction::In => take_newest(outs, item.quantity, |out| {
                        out.item.article_id == item.article_id && out.location == *stock_location_id
                    })
                    .for_each(drop),
                }
            }
        }
        for outs in booked.0.values_mut() {
            outs.retain(|out| out.item.quantity > 0);
        }
        booked.0.retain(|_, outs| !outs.is_empty());
        booked
    }

    /// Whether nothing is out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn total_pieces(&self, key: &StockKey) -> u64 {
        self.0.get(key).map_or(0, |outs| outs.iter().map(|o| u64::from(o.item.quantity)).sum())
    }
}

/// Takes `quantity` out of the newest items that fit, and returns what was taken of each.
fn take_newest(
    outs: &mut [OutItem],
    quantity: u32,
    fits: impl Fn(&OutItem) -> bool,
) -> impl Iterator<Item = (StockItem, StockLocationId)> {
    let mut left = quantity;
    let mut taken = Vec::new();
    // The newest first: a reversal undoes what was booked last.
    for out in outs.iter_mut().rev().filter(|out| fits(out)) {
        let take = left.min(out.item.quantity);
        if take > 0 {
            out.item.quantity -= take;
            left -= take;
            taken.push((StockItem { quantity: take, ..out.item.clone() }, out.location.clone()));
        }
    }
    taken.into_iter()
}

/// Plans the stock changes that lead from `booked` to `wanted`: first those that take stock back, then those that book
/// stock out, one per location.
///
/// When Robaws refused a stock change with several items in this look, each item becomes a stock change of its own. An item
/// that Robaws refused alone becomes a problem.
pub fn plan_stock_changes(
    booked: &BookedStock,
    wanted: &BTreeMap<StockKey, WantedStock>,
    ledger: &Ledger,
) -> (Vec<PlannedEffect>, Vec<Problem>) {
    let mut back: BTreeMap<StockLocationId, Vec<StockItem>> = BTreeMap::new();
    let mut out: BTreeMap<StockLocationId, Vec<StockItem>> = BTreeMap::new();
    for (key, outs) in &booked.0 {
        // A reversal is built from the booked rows and never from the order, whose articles and numbers may have changed.
        let keep = wanted.get(key).map_or(0, |w| w.quantity);
        let surplus = u32::try_from(booked.total_pieces(key).saturating_sub(keep)).unwrap_or(u32::MAX);
        for (item, location) in take_newest(&mut outs.clone(), surplus, |_| true) {
            add_item(back.entry(location).or_default(), item);
        }
    }
    for (key, wanted) in wanted {
        let Some((article_id, location)) = &wanted.bookable else {
            continue;
        };
        let lacking = wanted.quantity.saturating_sub(booked.total_pieces(key));
        if let Some(quantity) = u32::try_from(lacking).ok().filter(|q| *q > 0) {
            let item = StockItem {
                key: key.clone(),
                sku: wanted.sku.clone(),
                article_id: article_id.clone(),
                quantity,
            };
            add_item(out.entry(location.clone()).or_default(), item);
        }
    }
    let mut effects = Vec::new();
    let mut problems = Vec::new();
    for (direction, changes) in [(Direction::In, back), (Direction::Out, out)] {
        for (location, items) in changes {
            if let Some(setting) = find_gone_setting(&location, ledger) {
                let mut problem = setting_gone_problem(setting, location.as_str());
                problem.holds = Holds::Lines;
                problems.push(problem);
                continue;
            }
            let (items, refused) = split_off_refused(items, ledger);
            problems
                .extend(refused.into_iter().map(|(item, reason)| refusal_problem(&item, direction, &reason)));
            let together = !ledger.look_refusals.contains(&LookRefusal::SeveralItems);
            let groups: Vec<Vec<StockItem>> =
                if together { vec![items] } else { items.into_iter().map(|item| vec![item]).collect() };
            effects.extend(groups.into_iter().filter(|items| !items.is_empty()).map(|items| {
                PlannedEffect::StockChange { direction, stock_location_id: location.clone(), items }
            }));
        }
    }
    (effects, problems)
}

fn add_item(items: &mut Vec<StockItem>, item: StockItem) {
    match items.iter_mut().find(|i| i.key == item.key && i.article_id == item.article_id) {
        Some(same) => same.quantity = same.quantity.saturating_add(item.quantity),
        None => items.push(item),
    }
}

/// Name of the setting that holds this location, when Robaws no longer has the location.
fn find_gone_setting<'a>(location: &StockLocationId, ledger: &'a Ledger) -> Option<&'a str> {
    ledger.look_refusals.iter().find_map(|refusal| match refusal {
        LookRefusal::SettingGone { setting, value }
            if setting.ends_with("stock_location_id") && value == location.as_str() =>
        {
            Some(setting.as_str())
        }
        _ => None,
    })
}

type RefusedItems = Vec<(StockItem, String)>;

fn split_off_refused(items: Vec<StockItem>, ledger: &Ledger) -> (Vec<StockItem>, RefusedItems) {
    let mut kept = Vec::new();
    let mut refused = Vec::new();
    for item in items {
        let reason = ledger.look_refusals.iter().find_map(|r| match r {
            LookRefusal::Item { key, article_id, reason }
                if *key == item.key && *article_id == item.article_id =>
            {
                Some(reason.clone())
            }
            _ => None,
        });
        match reason {
            Some(reason) => refused.push((item, reason)),
            None => kept.push(item),
        }
    }
    (kept, refused)
}

fn refusal_problem(item: &StockItem, direction: Direction, reason: &str) -> Problem {
    let effect = match direction {
        Direction::Out => "stock_change_out",
        Direction::In => "stock_change_in",
    };
    let mut problem = refused_problem(effect, "", reason, Holds::Lines);
    problem.skus.extend(item.sku.clone());
    problem
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ConnectionId, DocumentId, OrderIdentifier};
    use crate::ledger::AttemptOutcome;
    use jiff::Timestamp;

    fn stock_location(id: &str) -> StockLocationId {
        StockLocationId::parse(id).unwrap()
    }

    fn stock_item(quantity: u32) -> StockItem {
        let sku = Sku::parse("A-1").unwrap();
        StockItem {
            key: StockKey::Sku { sku: sku.clone(), fbm: false },
            sku: Some(sku),
            article_id: ArticleId::parse("12").unwrap(),
            quantity,
        }
    }

    /// A ledger whose rows were booked one after the other.
    fn ledger_of_changes(rows: &[(Direction, &str, u32)]) -> Ledger {
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut ledger = Ledger::new(connection, OrderIdentifier::parse("PF-1").unwrap());
        for &(direction, at, quantity) in rows {
            let effect = RowEffect::StockChange {
                direction,
                stock_location_id: stock_location(at),
                items: vec![stock_item(quantity)],
            };
            let no = ledger.add_intended_row(effect, String::new(), "108 (PF-1)".to_owned(), now);
            ledger.begin_attempt(no, "user", now);
            let outcome = AttemptOutcome::Done {
                robaws_id: DocumentId::parse(format!("{no}00")).unwrap(),
                number: None,
            };
            ledger.end_attempt(no, &outcome, now);
        }
        ledger
    }

    /// What is planned for so many pieces at location 9: direction, location and pieces.
    fn planned_changes(ledger: &Ledger, pieces: u64) -> Vec<(Direction, String, u32)> {
        let wanted = WantedStock {
            quantity: pieces,
            bookable: Some((stock_item(1).article_id, stock_location("9"))),
            sku: stock_item(1).sku,
        };
        let wanted = BTreeMap::from([(stock_item(1).key, wanted)]);
        let (effects, problems) = plan_stock_changes(&BookedStock::from_ledger(ledger), &wanted, ledger);
        assert_eq!(problems, []);
        let parts = effects.into_iter().map(|effect| match effect {
            PlannedEffect::StockChange { direction, stock_location_id, items } => {
                (direction, stock_location_id.to_string(), items[0].quantity)
            }
            other => panic!("{other:?}"),
        });
        parts.collect()
    }

    #[test]
    fn what_was_booked_last_comes_back_first_to_where_it_was() {
        use Direction::{In, Out};
        let rows = [(Out, "3", 2), (Out, "4", 3)];
        let to = |id: &str| id.to_owned();
        assert_eq!(planned_changes(&ledger_of_changes(&rows), 5), []);
        assert_eq!(planned_changes(&ledger_of_changes(&rows), 3), [(In, to("4"), 2)]);
        assert_eq!(planned_changes(&ledger_of_changes(&rows), 1), [(In, to("3"), 1), (In, to("4"), 3)]);
        assert_eq!(planned_changes(&ledger_of_changes(&rows), 0), [(In, to("3"), 2), (In, to("4"), 3)]);
        assert_eq!(planned_changes(&ledger_of_changes(&rows), 6), [(Out, to("9"), 1)]);
        // What came back is no longer out.
        let rows = [(Out, "3", 2), (Out, "4", 3), (In, "4", 2)];
        assert_eq!(planned_changes(&ledger_of_changes(&rows), 0), [(In, to("3"), 2), (In, to("4"), 1)]);
        assert!(BookedStock::from_ledger(&ledger_of_changes(&[(Out, "3", 2), (In, "3", 2)])).is_empty());
    }

    #[test]
    fn what_came_back_elsewhere_or_of_another_article_is_still_out() {
        use Direction::{In, Out};
        let elsewhere = ledger_of_changes(&[(Out, "3", 2), (In, "4", 2)]);
        assert_eq!(planned_changes(&elsewhere, 0), [(In, "3".to_owned(), 2)]);
        let mut of_another = ledger_of_changes(&[(Out, "3", 2), (In, "3", 2)]);
        set_article(&mut of_another, 2, "13");
        assert_eq!(planned_changes(&of_another, 0), [(In, "3".to_owned(), 2)]);
    }

    /// Changes the article of row `no`.
    fn set_article(ledger: &mut Ledger, no: u32, article: &str) {
        let RowEffect::StockChange { items, .. } = &mut ledger.find_row_mut(no).unwrap().effect else {
            panic!("row {no} is no stock change");
        };
        items[0].article_id = ArticleId::parse(article).unwrap();
    }

    /// Article and pieces of each item that comes back, and the number of problems.
    fn items_coming_back(ledger: &Ledger) -> (Vec<(String, u32)>, usize) {
        let (effects, problems) =
            plan_stock_changes(&BookedStock::from_ledger(ledger), &BTreeMap::new(), ledger);
        let items = effects.iter().flat_map(|effect| match effect {
            PlannedEffect::StockChange { items, .. } => items.as_slice(),
            other => panic!("{other:?}"),
        });
        let items = items.map(|item| (item.article_id.to_string(), item.quantity));
        (items.collect(), problems.len())
    }

    #[test]
    fn two_articles_that_a_number_stood_for_come_back_each_by_itself() {
        let mut ledger = ledger_of_changes(&[
            (Direction::Out, "3", 2),
            (Direction::Out, "3", 3),
            (Direction::Out, "3", 4),
        ]);
        set_article(&mut ledger, 2, "13");
        let of = |article: &str, pieces| (article.to_owned(), pieces);
        assert_eq!(items_coming_back(&ledger), (vec![of("12", 6), of("13", 3)], 0));
        // A refused item holds up no other item, neither of the same number nor of another.
        let refused = |key: StockKey, article: &str| LookRefusal::Item {
            key,
            article_id: ArticleId::parse(article).unwrap(),
            reason: "No.".to_owned(),
        };
        ledger.look_refusals = vec![refused(stock_item(1).key, "13")];
        assert_eq!(items_coming_back(&ledger), (vec![of("12", 6)], 1));
        let other = StockKey::Sku { sku: Sku::parse("B-1").unwrap(), fbm: false };
        ledger.look_refusals = vec![refused(other, "12")];
        assert_eq!(items_coming_back(&ledger), (vec![of("12", 6), of("13", 3)], 0));
    }

    #[test]
    fn only_a_stock_location_that_is_gone_holds_up_its_stock() {
        let mut ledger = ledger_of_changes(&[(Direction::Out, "3", 2)]);
        for (setting, value) in [("stock_location_id", "4"), ("b2c_client_id", "3")] {
            ledger.look_refusals =
                vec![LookRefusal::SettingGone { setting: setting.to_owned(), value: value.to_owned() }];
            assert_eq!(planned_changes(&ledger, 0).len(), 1, "{setting} {value}");
        }
        for setting in ["stock_location_id", "fbm_stock_location_id"] {
            ledger.look_refusals =
                vec![LookRefusal::SettingGone { setting: setting.to_owned(), value: "3".to_owned() }];
            let (effects, problems) =
                plan_stock_changes(&BookedStock::from_ledger(&ledger), &BTreeMap::new(), &ledger);
            assert_eq!((effects.len(), problems.len()), (0, 1));
            assert_eq!(problems[0].holds, Holds::Lines);
        }
    }
}
