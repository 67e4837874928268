//! Checks the assumptions about ProductFlow by reading one company.

mod money;
mod order_fields;
mod order_list;
mod product_offers;
mod times;

use crate::Examination;
use crate::notes::Notes;
use crate::reader::{Caller, Reader};
use crate::robaws::TariffPercentages;
use jiff::Timestamp;
use serde_json::Value;

/// An identifier that no order has.
const UNKNOWN_ORDER: &str = "doctor-no-such-order";

/// The orders that were read, as raw JSON.
#[derive(Default)]
struct OrdersRead {
    /// The first list page, without a sort.
    listed: Vec<Value>,
    /// Orders that were read one by one.
    detailed: Vec<Value>,
    /// The order that the operator named, if it was found.
    known_order: Option<Value>,
}

impl OrdersRead {
    /// Orders to examine. Rows of the list count only if they have lines, or if no order that was read alone has lines either.
    fn complete_orders(&self) -> Vec<&Value> {
        let whole = |row: &&Value| row.get("lines").is_some() || self.detailed.is_empty();
        let whole = |row: &&Value| whole(row) || !self.detailed.iter().any(|d| d.get("lines").is_some());
        let identifier = |order: &Value| crate::shape::read_text(order.get("identifier"));
        let is_new = |row: &&Value| {
            let own = identifier(row);
            own.is_none() || self.detailed.iter().all(|other| identifier(other) != own)
        };
        let listed = self.listed.iter().filter(whole).filter(is_new);
        self.detailed.iter().chain(listed).collect()
    }
}

/// Examines a company.
pub(crate) async fn examine_company(
    reader: &Reader,
    checks: &Examination,
    tariffs: &TariffPercentages,
    now: Timestamp,
    notes: &mut Notes,
) {
    if !check_access(reader, notes).await {
        return;
    }
    let mut seen = OrdersRead::default();
    order_list::examine_order_list(reader, notes, &mut seen).await;
    order_fields::read_orders(reader, checks, notes, &mut seen).await;
    let all = seen.complete_orders();
    if all.is_empty() {
        notes.note_all_open(&order_fields::OF_ORDERS, "there is no order to look at");
    } else {
        order_fields::check_fields(notes, checks, tariffs, &all);
        times::examine_times(notes, checks, now, &seen, &all);
        money::examine_amounts(notes, checks, tariffs, &seen, &all);
    }
    product_offers::examine_offers(reader, checks, notes, &all).await;
    check_refusals(reader, notes).await;
    check_rate_headers(reader, notes).await;
}

/// The first call: whether ProductFlow takes token and company. `false`: nothing more can be asked.
async fn check_access(reader: &Reader, notes: &mut Notes) -> bool {
    let answer = match reader.get(&["marketplace"], &[], Caller::Connection).await {
        Ok(answer) => answer,
        Err(reason) => {
            notes.note_open("pf-access", reason);
            return false;
        }
    };
    let words = answer.in_words();
    let refuses =
        matches!(answer.status, 300..=399 | 401 | 403) || (answer.is_success() && answer.json.is_none());
    if answer.is_success() && answer.json.is_some() {
        notes.note_confirmed("pf-access", &words);
    } else if (500..600).contains(&answer.status) {
        notes.note_open("pf-access", &words);
    } else {
        notes.note_refuted("pf-access", &words);
    }
    if refuses {
        let reason = format!("ProductFlow refuses the token or the company ({words})");
        reader.stop_reading(reason).await;
    }
    !refuses
}

/// How ProductFlow refuses a wrong company and a bad token. These calls come last, so that nothing else suffers if ProductFlow
/// blocks us for them.
async fn check_refusals(reader: &Reader, notes: &mut Notes) {
    match reader.get(&["marketplace"], &[], Caller::OtherCompany).await {
        Err(reason) => notes.note_open("pf-wrong-company", reason),
        Ok(answer) if matches!(answer.status, 300..=399 | 401 | 403 | 404) => {
            notes.note_confirmed("pf-wrong-company", answer.in_words());
        }
        Ok(answer) if answer.is_success() && answer.json.is_none() => {
            notes.note_confirmed("pf-wrong-company", answer.in_words());
        }
        Ok(answer) => notes.note_refuted("pf-wrong-company", answer.in_words()),
    }
    match reader.get(&["marketplace"], &[], Caller::BadToken).await {
        Err(reason) => notes.note_open("pf-bad-token", reason),
        Ok(answer)
            if matches!(answer.status, 300..=399 | 401) || (answer.is_success() && answer.json.is_none()) =>
        {
            notes.note_confirmed("pf-bad-token", answer.in_words());
        }
        Ok(answer) => notes.note_refuted("pf-bad-token", answer.in_words()),
    }
}

async fn check_rate_headers(reader: &Reader, notes: &mut Notes) {
    const ID: &str = "pf-rate-headers";
    let seen = reader.limit_headers().await;
    let shown = crate::shape::quote_names(seen.iter().map(String::as_str));
    if seen.is_empty() {
        notes.note_confirmed(ID, "no header speaks of a limit: calls are not paced");
    } else if seen.iter().any(|name| name == "x-ratelimit-remaining") {
        notes.note_confirmed(ID, shown);
    } else {
        notes.note_refuted(ID, format!("no `x-ratelimit-remaining`, but {shown}"));
    }
}
