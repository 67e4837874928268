//! Tables and properties of the ledger: the state of a row after each end of an attempt, and what to do with an unknown row
//! that Robaws does not show.

use super::*;
use proptest::prelude::*;
use rstest::rstest;

const USER: &str = "user-digest";

fn at_clock(clock: &str) -> Timestamp {
    format!("2026-11-23T{clock}Z").parse().unwrap()
}

fn empty_ledger() -> Ledger {
    Ledger::new(ConnectionId::parse("shop").unwrap(), OrderIdentifier::parse("PF-1").unwrap())
}

fn stock_change_effect() -> RowEffect {
    RowEffect::StockChange {
        direction: Direction::Out,
        stock_location_id: StockLocationId::parse("3").unwrap(),
        items: Vec::new(),
    }
}

fn invoice_effect(progress: InvoiceProgress) -> RowEffect {
    RowEffect::Invoice { total: Cents(5998), progress }
}

fn ledger_with_row(effect: RowEffect) -> Ledger {
    let mut ledger = empty_ledger();
    assert_eq!(
        ledger.add_intended_row(effect, "body".to_owned(), "reference".to_owned(), at_clock("08:00:00")),
        1
    );
    ledger
}

fn done_outcome() -> AttemptOutcome {
    AttemptOutcome::Done { robaws_id: DocumentId::parse("77").unwrap(), number: Some("V-1".to_owned()) }
}

fn refused_outcome() -> AttemptOutcome {
    AttemptOutcome::Refused { reason: "The period is closed".to_owned() }
}

fn row_state(ledger: &Ledger) -> RowState {
    ledger.find_row(1).unwrap().state
}

/// Counts an attempt and records its end.
fn make_attempt(ledger: &mut Ledger, outcome: &AttemptOutcome) {
    ledger.begin_attempt(1, USER, at_clock("08:00:01"));
    ledger.end_attempt(1, outcome, at_clock("08:00:02"));
}

#[test]
fn a_row_is_written_before_anything_can_have_happened() {
    let mut ledger = ledger_with_row(stock_change_effect());
    let row = ledger.find_row(1).unwrap();
    assert_eq!((row.state, row.attempts), (RowState::Intended, 0));
    assert_eq!((row.body.as_str(), row.reference.as_str()), ("body", "reference"));
    assert_eq!(row.first_attempt_at, None);
    ledger.begin_attempt(1, USER, at_clock("08:00:01"));
    ledger.begin_attempt(1, "another", at_clock("09:00:00"));
    let row = ledger.find_row(1).unwrap();
    // Between call and answer the row is unknown. First attempt and API user stay those of the first attempt.
    assert_eq!((row.state, row.attempts), (RowState::Unknown, 2));
    assert_eq!(row.first_attempt_at, Some(at_clock("08:00:01")));
    assert_eq!(row.api_user.as_deref(), Some(USER));
}

#[rstest]
// The first attempt ends as its answer says.
#[case(&[done_outcome()], RowState::Done)]
#[case(&[refused_outcome()], RowState::Refused)]
#[case(&[AttemptOutcome::Unknown], RowState::Unknown)]
// After an attempt that ended unknown, only a document proves anything.
#[case(&[AttemptOutcome::Unknown, refused_outcome()], RowState::Unknown)]
#[case(&[AttemptOutcome::Unknown, AttemptOutcome::Unknown], RowState::Unknown)]
#[case(&[AttemptOutcome::Unknown, done_outcome()], RowState::Done)]
#[case(&[AttemptOutcome::Unknown, refused_outcome(), done_outcome()], RowState::Done)]
fn each_end_of_an_attempt(#[case] ends: &[AttemptOutcome], #[case] expected: RowState) {
    let mut ledger = ledger_with_row(stock_change_effect());
    for end in ends {
        make_attempt(&mut ledger, end);
    }
    assert_eq!(row_state(&ledger), expected);
}

#[test]
fn an_answer_that_comes_late_does_not_undo_what_is_done() {
    let mut ledger = ledger_with_row(stock_change_effect());
    make_attempt(&mut ledger, &done_outcome());
    for late in [refused_outcome(), AttemptOutcome::Unknown] {
        ledger.end_attempt(1, &late, at_clock("09:00:00"));
        let row = ledger.find_row(1).unwrap();
        assert_eq!((row.state, row.at), (RowState::Done, at_clock("08:00:02")));
        assert_eq!(row.robaws_id.as_ref().map(DocumentId::as_str), Some("77"));
    }
}

#[test]
fn an_attempt_that_nobody_ended_makes_a_refusal_worthless() {
    // The process was killed after the attempt was counted and before the answer was recorded.
    let mut ledger = ledger_with_row(stock_change_effect());
    ledger.begin_attempt(1, USER, at_clock("08:00:01"));
    make_attempt(&mut ledger, &refused_outcome());
    let row = ledger.find_row(1).unwrap();
    assert_eq!((row.state, row.ever_unknown), (RowState::Unknown, true));
    assert_eq!(row.reason, None);
}

#[test]
fn deleting_twice_does_no_harm_so_its_refusal_may_be_believed() {
    let mut ledger = ledger_with_row(RowEffect::DeleteDraft { invoice: 1 });
    make_attempt(&mut ledger, &AttemptOutcome::Unknown);
    make_attempt(&mut ledger, &refused_outcome());
    assert_eq!(row_state(&ledger), RowState::Refused);
    assert_eq!(ledger.find_row(1).unwrap().reason.as_deref(), Some("The period is closed"));
}

#[test]
fn a_header_that_stands_is_the_first_step_and_a_buyer_is_forgotten() {
    for business in [false, true] {
        let mut ledger = ledger_with_row(invoice_effect(InvoiceProgress {
            steps: 4,
            business,
            ..InvoiceProgress::default()
        }));
        assert!(ledger.find_invoice().is_none(), "not before its header stands");
        make_attempt(&mut ledger, &done_outcome());
        let (row, progress) = ledger.find_invoice().unwrap();
        assert_eq!((progress.step, progress.number.as_deref()), (1, Some("V-1")));
        assert_eq!(row.body.is_empty(), business);
        assert_eq!(ledger.find_unfinished_invoice().map(|row| row.no), Some(1));
        ledger.progress_mut(1).unwrap().step = 4;
        assert!(ledger.find_unfinished_invoice().is_none());
        assert!(ledger.has_bookings());
    }
}

#[test]
fn an_invoice_with_a_mismatch_is_not_gone_on_with() {
    let mut ledger =
        ledger_with_row(invoice_effect(InvoiceProgress { steps: 4, ..InvoiceProgress::default() }));
    make_attempt(&mut ledger, &done_outcome());
    ledger.progress_mut(1).unwrap().mismatch = Some(Cents(1));
    assert!(ledger.find_unfinished_invoice().is_none());
}

#[rstest]
// Under an hour old and the same API user: the idempotency key still prevents a second booking.
#[case("08:59:59", USER, true, false, NotFoundVerdict::Resend)]
#[case("08:59:59", USER, true, true, NotFoundVerdict::Resend)]
#[case("08:59:59", USER, false, true, NotFoundVerdict::AskAgain)]
// An hour old, or another API user: only another document of ours in the same look-up proves that this one is absent.
#[case("09:00:01", USER, true, false, NotFoundVerdict::InDoubt)]
#[case("09:00:01", USER, true, true, NotFoundVerdict::Refused)]
#[case("08:30:00", "another", true, false, NotFoundVerdict::InDoubt)]
#[case("08:30:00", "another", true, true, NotFoundVerdict::Refused)]
#[case("09:00:01", USER, false, true, NotFoundVerdict::Refused)]
#[case("09:00:01", USER, false, false, NotFoundVerdict::InDoubt)]
// After a clock jumped back by more than an hour, no row counts as young.
#[case("06:59:59", USER, true, false, NotFoundVerdict::InDoubt)]
fn what_follows_when_robaws_does_not_show_it(
    #[case] now: &str,
    #[case] user: &str,
    #[case] wanted: bool,
    #[case] shows_ours: bool,
    #[case] expected: NotFoundVerdict,
) {
    let mut ledger = ledger_with_row(stock_change_effect());
    make_attempt(&mut ledger, &AttemptOutcome::Unknown);
    assert_eq!(ledger.judge_not_found(1, user, wanted, shows_ours, at_clock(now)), expected);
}

#[test]
fn a_row_that_is_not_there_cannot_have_happened() {
    let found = empty_ledger().judge_not_found(1, USER, true, true, at_clock("08:00:00"));
    assert_eq!(found, NotFoundVerdict::Refused);
}

#[test]
fn what_is_settled_by_people_is_where_they_say() {
    let mut ledger = ledger_with_row(stock_change_effect());
    make_attempt(&mut ledger, &AttemptOutcome::Unknown);
    assert_eq!(ledger.find_unresolved_row().map(|row| row.no), Some(1));
    ledger.record_row_end(1, RowState::InDoubt, Some("asked".to_owned()), at_clock("10:00:00"));
    assert!(ledger.find_unresolved_row().is_none());
    let row = ledger.find_row_in_doubt().unwrap();
    assert_eq!((row.reason.as_deref(), row.at), (Some("asked"), at_clock("10:00:00")));
}

#[test]
fn keys_are_what_they_have_always_been() {
    // python: sha256(<Q len, "shop", <Q len, "PF-1", <I 1)[:20]. Another key for a row that was sent would book twice.
    let ledger = empty_ledger();
    assert_eq!(ledger.row_key(1), "e48bf5623e7629a630a0918fd07daae1cc481831");
    assert_eq!(ledger.row_mark(1), "#1-e48bf5623e76");
    assert_ne!(ledger.row_key(1), ledger.row_key(2));
    let key = |connection: &str, order: &str| {
        compute_row_key(&ConnectionId::parse(connection).unwrap(), &OrderIdentifier::parse(order).unwrap(), 1)
    };
    assert_ne!(key("ab", "c"), key("a", "bc"), "the parts are told apart by their lengths");
}

#[test]
fn a_number_is_never_used_again_and_old_refusals_are_forgotten() {
    let mut ledger = empty_ledger();
    for no in 1..=20 {
        let written = ledger.add_intended_row(
            stock_change_effect(),
            String::new(),
            String::new(),
            at_clock("08:00:00"),
        );
        assert_eq!(written, no);
        if no != 3 {
            ledger.begin_attempt(no, USER, at_clock("08:00:01"));
            ledger.end_attempt(no, &refused_outcome(), at_clock("08:00:02"));
        }
    }
    let kept: Vec<u32> = ledger.rows.iter().map(|row| row.no).collect();
    // The five newest refusals before the last row, the last row itself, and the row that was never attempted are kept.
    assert_eq!(kept, [3, 15, 16, 17, 18, 19, 20]);
    assert_eq!(ledger.next_row, 21);
}

#[test]
fn words_and_kinds_are_those_of_the_api() {
    let words = [
        (OrderState::InDoubt, "in_doubt"),
        (OrderState::Conflict, "conflict"),
        (OrderState::Blocked, "blocked"),
        (OrderState::Skipped, "skipped"),
        (OrderState::Waiting, "waiting"),
        (OrderState::Invoiced, "invoiced"),
        (OrderState::Reversed, "reversed"),
        (OrderState::Booked, "booked"),
    ];
    for (state, word) in words {
        assert_eq!(state.as_str(), word);
        assert_eq!(serde_json::to_value(state).unwrap(), word);
    }
    let progress = InvoiceProgress { step: 2, steps: 4, ..InvoiceProgress::default() };
    let credit_note = RowEffect::CreditNote { invoice: 1, total: Cents(5998), progress: progress.clone() };
    for (effect, document) in
        [(invoice_effect(progress.clone()), DocumentKind::Invoice), (credit_note, DocumentKind::CreditNote)]
    {
        assert_eq!(effect.progress(), Some(&progress));
        assert_eq!(effect.total(), Some(Cents(5998)));
        assert_eq!(effect.document_kind(), Some(document));
    }
    for effect in [stock_change_effect(), RowEffect::DeleteDraft { invoice: 1 }] {
        assert_eq!((effect.progress(), effect.total(), effect.document_kind()), (None, None, None));
    }
}

fn outcome_codes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(0_u8..4, 0..12)
}

proptest! {
    /// 0: done, 1: refused, 2: unknown, 3: killed before the answer.
    #[test]
    fn a_refusal_counts_only_when_nothing_can_have_happened(ends in outcome_codes()) {
        let mut ledger = ledger_with_row(stock_change_effect());
        for (tries, end) in ends.iter().enumerate() {
            ledger.begin_attempt(1, USER, at_clock("08:00:01"));
            match end {
                0 => ledger.end_attempt(1, &done_outcome(), at_clock("08:00:02")),
                1 => ledger.end_attempt(1, &refused_outcome(), at_clock("08:00:02")),
                2 => ledger.end_attempt(1, &AttemptOutcome::Unknown, at_clock("08:00:02")),
                _ => {}
            }
            let expected = match end {
                0 => RowState::Done,
                1 if tries == 0 => RowState::Refused,
                _ => RowState::Unknown,
            };
            prop_assert_eq!(row_state(&ledger), expected);
            prop_assert_eq!(ledger.find_row(1).unwrap().attempts as usize, tries + 1);
            // A row that is done or refused is not attempted again.
            if expected != RowState::Unknown {
                break;
            }
        }
    }
}
