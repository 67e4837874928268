//! Checks of the times of orders: their format, and their zone where they carry no offset.

use super::Seen;
use crate::Checks;
use crate::finding::Verdict;
use crate::notes::Notes;
use crate::shape::{Field, Kind};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

const TIME: &[Kind] = &[Kind::Text];
/// How far ProductFlow's clock, or the moment that a person typed, may be off.
const SLACK: SignedDuration = SignedDuration::from_mins(5);

/// A time of ProductFlow, by the way it is written.
enum Written {
    WithOffset(Timestamp),
    Local(DateTime),
    Otherwise,
}

fn written(text: &str) -> Written {
    let text = text.trim();
    if let Ok(at) = text.parse::<Timestamp>() {
        Written::WithOffset(at)
    } else if let Ok(local) = text.parse::<DateTime>() {
        Written::Local(local)
    } else {
        Written::Otherwise
    }
}

fn read_in(local: DateTime, zone: &str) -> Option<Timestamp> {
    let zone = TimeZone::get(zone).ok()?;
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// The moment as the connector would read it: without an offset it is taken as Europe/Amsterdam.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    match written(text) {
        Written::WithOffset(at) => Some(at),
        Written::Local(local) => read_in(local, "Europe/Amsterdam"),
        Written::Otherwise => None,
    }
}

pub(super) fn examine(notes: &mut Notes, checks: &Checks, now: Timestamp, seen: &Seen, orders: &[&Value]) {
    let shipped: Vec<&Value> = orders
        .iter()
        .copied()
        .filter(|order| super::orders::is_shipped(order, checks))
        .collect();
    for (id, key, rows, always) in [
        ("pf-placed-at", "placed_at", orders, true),
        ("pf-updated-at", "updated_at", orders, true),
        ("pf-shipped-at", "shipped_at", &shipped[..], true),
    ] {
        let field = Field {
            key,
            allowed: TIME,
            always,
            like: &["_at", "date", "time"],
        };
        let (verdict, found) = field.judge(rows);
        if verdict != Verdict::Confirmed {
            notes.note(id, verdict, found);
            continue;
        }
        let texts = || rows.iter().filter_map(|row| row[key].as_str());
        let odd = texts().filter(|text| matches!(written(text), Written::Otherwise));
        let with_offset = texts().filter(|text| matches!(written(text), Written::WithOffset(_)));
        match (odd.count(), with_offset.count()) {
            (0, 0) => notes.confirm(id, format!("{found}, ISO 8601 without an offset")),
            (0, n) if n == rows.len() => notes.confirm(id, format!("{found}, ISO 8601 with an offset")),
            (0, n) => notes.confirm(id, format!("{found}, {n} of {} with an offset", rows.len())),
            (odd, _) => notes.refute(id, format!("{odd} of {} are no ISO 8601", rows.len())),
        }
    }
    zone(notes, checks, now, seen, orders);
}

fn zone(notes: &mut Notes, checks: &Checks, now: Timestamp, seen: &Seen, orders: &[&Value]) {
    const ID: &str = "pf-timezone";
    let texts = |order: &Value| {
        let keys = ["placed_at", "updated_at"];
        let texts = keys.iter().filter_map(|key| order.get(key)?.as_str());
        texts.map(written).collect::<Vec<_>>()
    };
    let all: Vec<Written> = orders.iter().flat_map(|order| texts(order)).collect();
    let local: Vec<DateTime> = all
        .iter()
        .filter_map(|written| match written {
            Written::Local(local) => Some(*local),
            _ => None,
        })
        .collect();
    if local.is_empty() {
        if all
            .iter()
            .any(|written| matches!(written, Written::WithOffset(_)))
        {
            notes.confirm(ID, "every time carries an offset");
        } else {
            notes.leave_open(ID, "no time can be read");
        }
        return;
    }
    // The best evidence is the known order: its moment was typed in with a zone.
    let near = |a: Timestamp, b: Timestamp| a.duration_since(b).abs() <= SLACK;
    let known = seen.known.as_ref().and_then(|order| order["placed_at"].as_str());
    let typed = checks.known_order.as_ref().and_then(|order| order.placed_at);
    if let (Some(Written::Local(local)), Some(typed)) = (known.map(written), typed) {
        let is_in = |zone| read_in(local, zone).is_some_and(|at| near(at, typed));
        if is_in("Europe/Amsterdam") {
            notes.confirm(ID, "the known order's time is Amsterdam's");
        } else if is_in("UTC") {
            notes.refute(ID, "the known order's time is UTC");
        } else {
            notes.refute(ID, "the known order's time is neither Amsterdam's nor UTC");
        }
        return;
    }
    // Without a known order only times of the last hours can tell: read in the wrong zone they lie in the future.
    let is_ahead = |zone: &'static str| {
        move |local: &&DateTime| read_in(**local, zone).is_some_and(|at| at.duration_since(now) > SLACK)
    };
    if local.iter().any(|at| is_ahead("Europe/Amsterdam")(&at)) {
        notes.refute(ID, "as Amsterdam's some times lie in the future");
    } else if local.iter().any(|at| is_ahead("UTC")(&at)) {
        notes.confirm(ID, "as UTC some times would lie in the future");
    } else {
        let found = format!(
            "{} times without an offset: name an order and when it was placed",
            local.len()
        );
        notes.leave_open(ID, found);
    }
}
