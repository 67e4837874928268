//! Tables over what a document in Robaws becomes in a rebuilt ledger.

use super::*;
use crate::ids::{ConnectionId, LineId, OrderIdentifier};
use crate::money::Cents;
use crate::order::{Costs, OrderLine};

fn unwrap_id<T>(parsed: Result<T, crate::ids::InvalidId>) -> T {
    parsed.unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

fn shop_connection() -> ConnectionId {
    unwrap_id(ConnectionId::parse("shop"))
}

fn empty_ledger() -> Ledger {
    Ledger::new(shop_connection(), unwrap_id(OrderIdentifier::parse("PF-1")))
}

fn order_with_skus(skus: &[(&str, bool)]) -> Order {
    let line = |(at, (sku, fbm)): (usize, &(&str, bool))| OrderLine {
        id: unwrap_id(LineId::parse(at.to_string())),
        sku: Some(unwrap_id(Sku::parse(*sku))),
        title: "Lamp".to_owned(),
        quantity: 2,
        price: Cents(100),
        vat_code: None,
        fbm: *fbm,
    };
    Order {
        identifier: unwrap_id(OrderIdentifier::parse("PF-1")),
        status: OrderStatus::Open,
        external_identifier: Some("108".to_owned()),
        marketplace: None,
        currency: "EUR".to_owned(),
        placed_at: now(),
        updated_at: Some(now()),
        shipped_at: None,
        costs: Costs::default(),
        total: None,
        country: None,
        business: None,
        lines: skus.iter().enumerate().map(line).collect(),
    }
}

fn found_change(no: u32, direction: Direction, number: Option<&str>) -> FoundStockChange {
    let mark = empty_ledger().row_mark(no);
    FoundStockChange {
        id: unwrap_id(DocumentId::parse(format!("90{no}"))),
        no,
        description: format!("ProductFlow 108 (PF-1) {mark}"),
        booked: true,
        side: Some((direction, unwrap_id(StockLocationId::parse("3")))),
        lines: Some(vec![(unwrap_id(ArticleId::parse("12")), number.map(str::to_owned), 2)]),
    }
}

#[test]
fn a_stock_change_becomes_the_row_that_its_mark_names() {
    let mut ledger = empty_ledger();
    let found = found_change(3, Direction::Out, Some("A-1"));
    assert!(ledger.recover_stock_change(&found, Some(&order_with_skus(&[("A-1", false)])), None, now()));
    let row = ledger.find_row(3).unwrap();
    assert_eq!(row.state, RowState::Done);
    assert_eq!(row.reference, found.description);
    assert_eq!(ledger.next_row, 4);
    assert!(!crate::stock::BookedStock::from_ledger(&ledger).is_empty());
    // The same document again changes nothing. Another document with the same mark does not fit.
    assert!(ledger.recover_stock_change(&found, None, None, now()));
    let copy = FoundStockChange { id: unwrap_id(DocumentId::parse("999")), ..found };
    assert!(!ledger.recover_stock_change(&copy, None, None, now()));
    assert_eq!(ledger.rows.len(), 1);
}

#[test]
fn a_row_whose_end_is_not_known_is_ended_by_the_stock_change_that_bears_its_mark() {
    let found = found_change(1, Direction::Out, Some("A-1"));
    let draft = FoundStockChange { booked: false, ..found.clone() };
    let begun = |effect: RowEffect| {
        let mut ledger = empty_ledger();
        let no = ledger.add_intended_row(effect, String::new(), "108 (PF-1)".to_owned(), now());
        ledger.begin_attempt(no, "user", now());
        ledger
    };
    let stock = || {
        let mut known = empty_ledger();
        assert!(known.recover_stock_change(&found, Some(&order_with_skus(&[("A-1", false)])), None, now()));
        known.rows.remove(0).effect
    };
    let mut ledger = begun(stock());
    assert!(!ledger.recover_stock_change(&draft, None, None, now()));
    assert_eq!(ledger.find_row(1).unwrap().state, RowState::Unknown, "it moved nothing");
    assert!(ledger.recover_stock_change(&found, None, None, now()));
    let row = ledger.find_row(1).unwrap();
    assert_eq!((row.state, row.robaws_id.as_ref()), (RowState::Done, Some(&found.id)));
    assert_eq!(ledger.rows.len(), 1);

    let mut ledger = begun(RowEffect::DeleteDraft { invoice: 7 });
    assert!(!ledger.recover_stock_change(&found, None, None, now()));
    assert_eq!(ledger.find_row(1).unwrap().state, RowState::Unknown, "not what it is about");
}

#[test]
fn nobody_vouches_for_an_order_with_doubts() {
    let mut ledger = empty_ledger();
    assert!(ledger.can_be_vouched_for());
    ledger.record_unmatched_documents(vec!["2026-1".to_owned()], now());
    assert!(!ledger.can_be_vouched_for());
    ledger.unmatched_documents = None;
    let no = ledger.add_intended_row(
        RowEffect::DeleteDraft { invoice: 7 },
        String::new(),
        "108 (PF-1)".to_owned(),
        now(),
    );
    ledger.find_row_mut(no).unwrap().state = RowState::InDoubt;
    assert!(!ledger.can_be_vouched_for());
}

#[test]
fn what_does_not_fit_changes_nothing() {
    let fits = found_change(1, Direction::Out, Some("A-1"));
    let open = order_with_skus(&[("A-1", false)]);
    let unfit = [
        FoundStockChange { booked: false, ..fits.clone() },
        FoundStockChange { side: None, ..fits.clone() },
        FoundStockChange { lines: None, ..fits.clone() },
        FoundStockChange { lines: Some(Vec::new()), ..fits.clone() },
        found_change(1, Direction::Out, None),
        // The article has another number by now, or the merchant chose the article for the line.
        found_change(1, Direction::Out, Some("B-1")),
    ];
    for found in unfit {
        let mut ledger = empty_ledger();
        assert!(!ledger.recover_stock_change(&found, Some(&open), None, now()), "{found:?}");
        assert_eq!(ledger.rows, []);
    }
    // A cancelled order may have lost its lines. Its stock change fits nevertheless, so that the stock can come back.
    let mut ledger = empty_ledger();
    let cancelled = Order { status: OrderStatus::Cancelled, lines: Vec::new(), ..open };
    assert!(ledger.recover_stock_change(&fits, Some(&cancelled), None, now()));
}

#[test]
fn what_the_marketplace_ships_is_told_by_the_line_and_by_the_location_when_there_are_both() {
    let location = unwrap_id(StockLocationId::parse("3"));
    let key_of = |lines: &[(&str, bool)], fbm: Option<&StockLocationId>| {
        let mut ledger = empty_ledger();
        let found = found_change(1, Direction::Out, Some("A-1"));
        assert!(ledger.recover_stock_change(&found, Some(&order_with_skus(lines)), fbm, now()));
        match &ledger.rows[0].effect {
            RowEffect::StockChange { items, .. } => match &items[0].key {
                StockKey::Sku { fbm, .. } => *fbm,
                StockKey::Chosen { .. } => unreachable!(),
            },
            _ => unreachable!(),
        }
    };
    assert!(!key_of(&[("A-1", false)], Some(&location)));
    assert!(key_of(&[("A-1", true)], None));
    assert!(key_of(&[("A-1", true), ("A-1", false)], Some(&location)));
    assert!(!key_of(&[("A-1", true), ("A-1", false)], None));
}

#[test]
fn the_invoice_stands_between_what_went_out_and_what_came_back_after_it() {
    let with = |changes: &[(u32, Direction)]| {
        let mut ledger = empty_ledger();
        for (no, direction) in changes {
            assert!(ledger.recover_stock_change(
                &found_change(*no, *direction, Some("A-1")),
                None,
                None,
                now()
            ));
        }
        ledger.find_invoice_row_number()
    };
    assert_eq!(with(&[]), Some(1));
    assert_eq!(with(&[(1, Direction::Out)]), Some(2));
    assert_eq!(with(&[(1, Direction::Out), (2, Direction::In)]), Some(3));
    // Row 2 may have been the invoice, and row 3 its stock brought back by a decision that is lost.
    assert_eq!(with(&[(1, Direction::Out), (3, Direction::In)]), None);
}

#[test]
fn numbers_that_the_lost_ledger_may_have_used_are_never_used_again() {
    let lost = |times| LedgerLoss { until: now(), rebuilt_at: now(), times };
    let mut ledger = empty_ledger();
    ledger.skip_lost_row_numbers(None);
    assert_eq!(ledger.next_row, 1);
    ledger.skip_lost_row_numbers(Some(&lost(1)));
    assert_eq!(ledger.next_row, 1_000_001);
    ledger.next_row += 7;
    ledger.skip_lost_row_numbers(Some(&lost(1)));
    assert_eq!(ledger.next_row, 1_000_008);
    ledger.skip_lost_row_numbers(Some(&lost(u32::MAX)));
    assert_eq!(ledger.next_row, u32::MAX);
}
