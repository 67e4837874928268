//! Checks of the times of orders: their format, and their zone where they carry no offset.

use super::OrdersRead;
use crate::Examination;
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::shape::{Field, JsonKind};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const TIME: &[JsonKind] = &[JsonKind::Text];
/// How far ProductFlow's clock, or the moment that a person typed, may be off.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// A time of ProductFlow, by the way it is written.
enum WrittenTime {
    WithOffset(Timestamp),
    Local(DateTime),
    Otherwise,
}

fn parse_written_time(text: &str) -> WrittenTime {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        WrittenTime::WithOffset(at)
    } else if let Ok(local) = text.parse::<DateTime>() {
        WrittenTime::Local(local)
    } else {
        WrittenTime::Otherwise
    }
}

fn resolve_in_zone(local: DateTime, zone: &str) -> Option<Timestamp> {
    let zone = TimeZone::get(zone).ok()?;
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// The moment as the connector would read it: without an offset it is taken as Europe/Amsterdam.
pub(super) fn parse_moment(text: &str) -> Option<Timestamp> {
    match parse_written_time(text) {
        WrittenTime::WithOffset(at) => Some(at),
        WrittenTime::Local(local) => resolve_in_zone(local, "Europe/Amsterdam"),
        WrittenTime::Otherwise => None,
    }
}

pub(super) fn examine_times(
    notes: &mut Notes,
    checks: &Examination,
    now: Timestamp,
    seen: &OrdersRead,
    orders: &[&Value],
) {
    let shipped: Vec<&Value> =
        orders.iter().copied().filter(|order| super::order_fields::is_shipped(order, checks)).collect();
    for (id, key, rows, always) in [
        ("pf-placed-at", "placed_at", orders, true),
        ("pf-updated-at", "updated_at", orders, true),
        ("pf-shipped-at", "shipped_at", &shipped[..], true),
    ] {
        let field =
            Field { key, allowed: TIME, must_be_filled: always, similar_names: &["_at", "date", "time"] };
        let (verdict, found) = field.judge_rows(rows);
        if verdict != Verdict::Confirmed {
            notes.note_verdict(id, verdict, found);
            continue;
        }
        let texts = || rows.iter().filter_map(|row| row[key].as_str());
        let odd = texts().filter(|text| matches!(parse_written_time(text), WrittenTime::Otherwise));
        let with_offset =
            texts().filter(|text| matches!(parse_written_time(text), WrittenTime::WithOffset(_)));
        match (odd.count(), with_offset.count()) {
            (0, 0) => notes.note_confirmed(id, format!("{found}, ISO 8601 without an offset")),
            (0, n) if n == rows.len() => {
                notes.note_confirmed(id, format!("{found}, ISO 8601 with an offset"));
            }
            (0, n) => notes.note_confirmed(id, format!("{found}, {n} of {} with an offset", rows.len())),
            (odd, _) => notes.note_refuted(id, format!("{odd} of {} are no ISO 8601", rows.len())),
        }
    }
    check_zone(notes, checks, now, seen, orders);
}

fn check_zone(notes: &mut Notes, checks: &Examination, now: Timestamp, seen: &OrdersRead, orders: &[&Value]) {
    const ID: &str = "pf-timezone";
    let texts = |order: &Value| {
        let keys = ["placed_at", "updated_at"];
        let texts = keys.iter().filter_map(|key| order.get(key)?.as_str());
        texts.map(parse_written_time).collect::<Vec<_>>()
    };
    let all: Vec<WrittenTime> = orders.iter().flat_map(|order| texts(order)).collect();
    let local: Vec<DateTime> = all
        .iter()
        .filter_map(|written| match written {
            WrittenTime::Local(local) => Some(*local),
            _ => None,
        })
        .collect();
    if local.is_empty() {
        if all.iter().any(|written| matches!(written, WrittenTime::WithOffset(_))) {
            notes.note_confirmed(ID, "every time carries an offset");
        } else {
            notes.note_open(ID, "no time can be read");
        }
        return;
    }
    // The best evidence is the known order: its moment was typed in with a zone.
    let near = |a: Timestamp, b: Timestamp| a.duration_since(b).abs() <= SLACK;
    let known = seen.known_order.as_ref().and_then(|order| order["placed_at"].as_str());
    let typed = checks.known_order.as_ref().and_then(|order| order.placed_at);
    if let (Some(WrittenTime::Local(local)), Some(typed)) = (known.map(parse_written_time), typed) {
        let is_in = |zone| resolve_in_zone(local, zone).is_some_and(|at| near(at, typed));
        if is_in("Europe/Amsterdam") {
            notes.note_confirmed(ID, "the known order's time is Amsterdam's");
        } else if is_in("UTC") {
            notes.note_refuted(ID, "the known order's time is UTC");
        } else {
            notes.note_refuted(ID, "the known order's time is neither Amsterdam's nor UTC");
        }
        return;
    }
    // Without a known order only times of the last hours can tell: read in the wrong zone they lie in the future.
    let is_ahead = |zone: &'static str| {
        move |local: &&DateTime| {
            resolve_in_zone(**local, zone).is_some_and(|at| at.duration_since(now) > SLACK)
        }
    };
    if local.iter().any(|at| is_ahead("Europe/Amsterdam")(&at)) {
        notes.note_refuted(ID, "as Amsterdam's some times lie in the future");
    } else if local.iter().any(|at| is_ahead("UTC")(&at)) {
        notes.note_confirmed(ID, "as UTC some times would lie in the future");
    } else {
        let found = format!("{} times without an offset: name an order and when it was placed", local.len());
        notes.note_open(ID, found);
    }
}
