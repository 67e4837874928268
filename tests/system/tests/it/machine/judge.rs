//! What must hold for an order once everything has come to rest: a second reading of the manual, made of what people did and of
//! what the peers hold. It knows nothing of the rules in `domain`.

use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::Value;
use simulators::robaws::{Article, InvoiceKind, StockChange};
use std::collections::{BTreeMap, BTreeSet};
use world::World;

/// An article that nobody touches: people choose it where another is missing.
pub(super) const SPARE_ARTICLE: &str = "30";
/// A tariff that nobody touches.
pub(super) const SPARE_TARIFF: &str = "11";
/// The tariff that is made exclusive, and inclusive again.
pub(super) const FLIPPED_TARIFF: &str = "9";

/// The articles that ever had a number, as the histories give numbers: no article ever has two of these.
const FAMILIES: [(&str, [&str; 2]); 4] = [
    ("A-1", ["12", "21"]),
    ("A-2", ["13", "22"]),
    ("B-1", ["14", "23"]),
    (SPARE_ARTICLE, [SPARE_ARTICLE, ""]),
];

/// Which article people chose for a line.
#[derive(Clone, Debug)]
pub(super) enum Chosen {
    Article(String),
    Nothing,
}

/// What people decided for a line.
#[derive(Clone, Debug, Default)]
pub(super) struct Choice {
    pub(super) article: Option<Chosen>,
    pub(super) tariff: Option<String>,
}

/// What people did with an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// As it was from each moment on, the last as it is now.
    pub(super) versions: Vec<Value>,
    pub(super) gone: bool,
    pub(super) before_go_live: bool,
    pub(super) choices: BTreeMap<String, Choice>,
    /// As it was when people kept its invoice all the same.
    pub(super) kept: Option<Value>,
    /// As it was when people closed it, and how many documents it had.
    pub(super) handled: Option<(Value, usize)>,
}

/// What people did beside the orders.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Past {
    pub(super) user_changed: bool,
    pub(super) tariff_flipped: bool,
}

type Pieces = BTreeMap<String, Decimal>;

fn status_of_order(order: &Value) -> &str {
    order["status"].as_str().unwrap()
}

fn lines_of_order(order: &Value) -> &Vec<Value> {
    order["lines"].as_array().unwrap()
}

fn total_of_order(order: &Value) -> Decimal {
    let lines: i64 = lines_of_order(order).iter().map(|line| line["price"].as_i64().unwrap()).sum();
    Decimal::new(lines + order["shipping_cost"].as_i64().unwrap(), 2)
}

/// Whether an order contradicts what was settled of it: it is cancelled, open again, or changed in lines or amounts. Of a
/// cancelled one nothing but the cancellation counts.
fn is_contradicted(now: &Value, settled: &Value) -> bool {
    if status_of_order(now) == "cancelled" || status_of_order(settled) == "cancelled" {
        return status_of_order(now) != status_of_order(settled);
    }
    let is_open_again = status_of_order(now) == "open" && status_of_order(settled) != "open";
    is_open_again
        || lines_of_order(now) != lines_of_order(settled)
        || now["shipping_cost"] != settled["shipping_cost"]
}

fn is_known(order: &Value) -> bool {
    ["open", "shipped", "cancelled"].contains(&status_of_order(order))
}

impl Told {
    fn now(&self) -> &Value {
        self.versions.last().unwrap()
    }

    /// Whose stock a line moves.
    fn family_of_line(&self, line: &Value) -> Option<String> {
        let choice = self.choices.get(line["id"].as_str().unwrap());
        match choice.and_then(|choice| choice.article.clone()) {
            Some(Chosen::Article(chosen)) => Some(chosen),
            Some(Chosen::Nothing) => None,
            None => Some(line["sku"].as_str().unwrap().to_owned()),
        }
    }

    fn wanted_pieces(&self, order: &Value) -> Pieces {
        let mut wanted = Pieces::new();
        for line in lines_of_order(order) {
            if let Some(family) = self.family_of_line(line) {
                let quantity = Decimal::from(line["quantity"].as_i64().unwrap());
                *wanted.entry(family).or_default() += quantity;
            }
        }
        wanted
    }

    /// What keeps lines back now: the families whose article can't be told, and every code that people may be shown.
    fn list_troubles(&self, world: &World) -> (BTreeSet<String>, BTreeSet<&'static str>) {
        let articles = world.robaws.articles();
        let tariffs = world.robaws.vat_tariffs();
        let (mut families, mut codes) = (BTreeSet::new(), BTreeSet::new());
        for line in lines_of_order(self.now()) {
            if let Some(family) = self.family_of_line(line)
                && family != SPARE_ARTICLE
            {
                let has_number = |article: &&Article| {
                    !article.is_gone() && article.article_number.as_deref() == Some(&family)
                };
                match articles.iter().filter(has_number).count() {
                    1 => {}
                    live => {
                        codes.insert(if live == 0 { "article_not_found" } else { "article_not_unique" });
                        families.insert(family);
                    }
                }
            }
            let choice = self.choices.get(line["id"].as_str().unwrap());
            let chosen = choice.and_then(|choice| choice.tariff.as_deref());
            match chosen.or(line["vat_code"].as_str()) {
                None => {
                    codes.insert("vat_code_missing");
                }
                Some(code) => match tariffs.iter().find(|tariff| tariff.id == code) {
                    None => {
                        codes.insert("vat_tariff_not_found");
                    }
                    Some(tariff) if !tariff.vat_inclusive => {
                        codes.insert("vat_not_inclusive");
                    }
                    Some(_) => {}
                },
            }
        }
        (families, codes)
    }

    /// Whether this many pieces of a family may be out while it is in trouble: those of any version, or none.
    fn was_ever_wanted(&self, family: &str, pieces: Decimal) -> bool {
        // Also from before a choice, which may be about one of two lines with the same number.
        let before = |line: &Value| line["sku"] == family;
        let after = |line: &Value| self.family_of_line(line).as_deref() == Some(family);
        let of = |version: &Value, is_ours: &dyn Fn(&Value) -> bool| -> Decimal {
            let ours = lines_of_order(version).iter().filter(|line| is_ours(line));
            ours.map(|line| Decimal::from(line["quantity"].as_i64().unwrap())).sum()
        };
        let was_wanted = |version: &Value| of(version, &before) == pieces || of(version, &after) == pieces;
        pieces.is_zero() || self.versions.iter().any(was_wanted)
    }
}

fn sign_of_change(change: &StockChange) -> Decimal {
    if change.from_stock_location_id.is_some() { Decimal::ONE } else { -Decimal::ONE }
}

/// What is out by article and location; on the way nothing may ever come back that was not out.
fn out_by_place(changes: &[StockChange], about: &str) -> BTreeMap<(String, String), Decimal> {
    let mut out: BTreeMap<(String, String), Decimal> = BTreeMap::new();
    for change in changes {
        assert!(change.booked, "{about}");
        let from = change.from_stock_location_id.clone();
        let place = from.or_else(|| change.to_stock_location_id.clone()).unwrap();
        for line in &change.line_items {
            let pieces = out.entry((line.article_id.clone(), place.clone())).or_default();
            *pieces += line.quantity * sign_of_change(change);
            assert!(*pieces >= Decimal::ZERO, "a reversal without a booking: {about}");
        }
    }
    out.retain(|_, pieces| !pieces.is_zero());
    out
}

fn by_family(out: &BTreeMap<(String, String), Decimal>) -> Pieces {
    let mut pieces = Pieces::new();
    for ((article, _), quantity) in out {
        let family = FAMILIES.iter().find(|(_, ids)| ids.contains(&article.as_str()));
        *pieces.entry(family.unwrap().0.to_owned()).or_default() += *quantity;
    }
    pieces.retain(|_, quantity| !quantity.is_zero());
    pieces
}

pub(super) fn documents(world: &World, identifier: &str) -> usize {
    let mark = format!("({identifier})");
    world.robaws.stock_changes_of(&mark).len() + world.robaws.invoices_of(&mark).len()
}

/// Fails unless what Robaws holds and what people are told of the order is what the manual says.
pub(super) async fn judge(world: &World, identifier: &str, told: &Told, past: Past, history: u64) {
    let Ok(record) = world.stack.order_record(&world.connection, identifier).await else {
        assert!(told.gone, "history {history}: {identifier} was never seen");
        return;
    };
    let state = record.state.as_str();
    let codes: BTreeSet<&str> = record.problems.iter().map(|open| open.problem.code.as_str()).collect();
    let mark = format!("({identifier})");
    let changes = world.robaws.stock_changes_of(&mark);
    let invoices = world.robaws.invoices_of(&mark);
    let now = told.now();
    let (troubled, causes) = told.list_troubles(world);
    let about = format!(
        "history {history}: {identifier}, {} in ProductFlow, is {state} {codes:?}; causes {causes:?}\n{told:#?}\n{:#?}",
        status_of_order(now),
        record.ledger
    );
    let places = out_by_place(&changes, &about);
    let out = by_family(&places);
    assert!(invoices.len() <= 1, "two invoices: {about}");
    assert!(invoices.iter().all(|invoice| invoice.kind == InvoiceKind::Invoice), "{about}");
    if told.before_go_live {
        assert_eq!((state, changes.len(), invoices.len()), ("skipped", 0, 0), "{about}");
        return;
    }
    if let Some((version, then)) = &told.handled {
        assert_eq!(changes.len() + invoices.len(), *then, "booked after it was closed: {about}");
        let is_right = state == "skipped" || (state == "conflict" && is_contradicted(now, version));
        assert!(is_right || told.gone, "{about}");
        return;
    }
    if state == "in_doubt" {
        // Only when nobody could look for an hour, or with another user: then people are asked, and nothing more is booked.
        let row = record.ledger.find_row_in_doubt().unwrap();
        let waited = row.at.duration_since(row.first_attempt_at.unwrap());
        assert!(waited >= SignedDuration::from_hours(1) || past.user_changed, "{about}");
        assert_eq!(codes, BTreeSet::from(["effect_in_doubt"]), "{about}");
        return;
    }
    // An article that is archived takes no stock change any more.
    let articles = world.robaws.articles();
    let is_gone = |id: &str| articles.iter().any(|article| article.id == id && article.is_gone());
    let stuck = places.keys().any(|(article, _)| is_gone(article));
    if let Some(invoice) = invoices.first() {
        let of_total = |version: &&Value| total_of_order(version) == invoice.total_incl_vat;
        let shipped: Vec<&Value> = told.versions.iter().filter(|v| status_of_order(v) == "shipped").collect();
        let invoiced: Vec<&Value> = shipped.iter().copied().filter(of_total).collect();
        if invoiced.is_empty() || codes.contains("total_mismatch") {
            let flipped =
                |order: &Value| lines_of_order(order).iter().any(|line| line["vat_code"] == FLIPPED_TARIFF);
            let is_real = past.tariff_flipped && shipped.iter().any(|order| flipped(order));
            assert!(is_real && codes.contains("total_mismatch"), "the total: {about}");
            assert!(["blocked", "conflict"].contains(&state), "{about}");
            return;
        }
        let as_invoiced = invoiced.iter().any(|version| told.wanted_pieces(version) == out);
        assert!(as_invoiced, "the stock of its invoice: {about}");
        let settled = told.kept.as_ref().map_or(invoiced, |kept| vec![kept]);
        let expected =
            if settled.iter().all(|version| is_contradicted(now, version)) { "conflict" } else { "invoiced" };
        // An order that is gone, or has a status nobody knows, is what it was.
        assert!(state == expected || told.gone || !is_known(now), "{expected}: {about}");
        return;
    }
    if told.gone || !is_known(now) {
        for (family, pieces) in &out {
            assert!(told.was_ever_wanted(family, *pieces), "{about}");
        }
        let code = if told.gone { "order_gone" } else { "order_status_unknown" };
        let was_final = told.gone && ["skipped", "reversed"].contains(&state);
        assert!(was_final || codes.contains(code), "{about}");
        return;
    }
    let refused = codes.contains("robaws_refused");
    assert!(!refused || stuck, "nothing is archived: {about}");
    if status_of_order(now) == "cancelled" {
        if stuck {
            assert_eq!(state, "blocked", "{about}");
        } else {
            assert!(places.is_empty(), "{about}");
            assert!(["skipped", "reversed"].contains(&state) && codes.is_empty(), "{about}");
        }
        return;
    }
    let wanted = told.wanted_pieces(now);
    let families: BTreeSet<&String> = wanted.keys().chain(out.keys()).collect();
    for family in families {
        let pieces = |of: &Pieces| of.get(family).copied().unwrap_or_default();
        let is_right = pieces(&out) == pieces(&wanted);
        let may_differ = (troubled.contains(family) || stuck) && told.was_ever_wanted(family, pieces(&out));
        assert!(is_right || may_differ, "{family}: {out:?} {wanted:?} {about}");
    }
    let told_why = codes.iter().all(|code| causes.contains(code) || (refused && *code == "robaws_refused"));
    assert!(told_why, "not a real cause: {about}");
    let is_blocked = state == "blocked" && !codes.is_empty();
    if status_of_order(now) == "shipped" {
        assert!(is_blocked, "no invoice, and no reason: {about}");
    } else {
        // Where no line moves stock there is nothing to book yet.
        let at_rest = state == if wanted.is_empty() { "waiting" } else { "booked" };
        assert!(is_blocked || (at_rest && codes.is_empty()), "{about}");
    }
}

/// Every order and article that needs people is told of, and nothing else is.
pub(super) async fn judge_notifications(world: &World, orders: &[String], history: u64) {
    let path = "/api/connections/shop/notifications?state=open&limit=100";
    let answer = Box::pin(world.stack.call_api("GET", path, &Value::Null)).await.unwrap().1;
    let mut told_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for item in answer["items"].as_array().unwrap() {
        let named = item["orders"].as_array().unwrap();
        if named.is_empty() {
            // About an article that no order waits for.
            let number = item["article"].as_str();
            let articles = world.robaws.articles();
            let twins = articles
                .iter()
                .filter(|article| !article.is_gone() && article.article_number.as_deref() == number)
                .count();
            let is_real = item["code"] == "article_not_unique" && number.is_some() && twins > 1;
            assert!(is_real, "history {history}: all is well, but {item:#}");
        }
        for order in named {
            let codes = told_of.entry(order.as_str().unwrap().to_owned()).or_default();
            codes.insert(item["code"].as_str().unwrap().to_owned());
        }
    }
    for order in orders {
        let Ok(record) = world.stack.order_record(&world.connection, order).await else {
            continue;
        };
        let codes: BTreeSet<String> =
            record.problems.iter().map(|open| open.problem.code.as_str().to_owned()).collect();
        let told = told_of.remove(order).unwrap_or_default();
        assert_eq!(told, codes, "history {history}: {order} is {}", record.state.as_str());
        let needs_people = ["in_doubt", "conflict", "blocked"].contains(&record.state.as_str());
        assert!(!needs_people || !told.is_empty(), "history {history}: nobody is told of {order}");
    }
    assert!(told_of.is_empty(), "history {history}: of orders that are none: {told_of:?}");
}
