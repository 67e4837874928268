//! Checks the assumptions about ProductFlow by reading one company.

mod lists;
mod money;
mod offers;
mod orders;
mod times;

use crate::Checks;
use crate::notes::Notes;
use crate::reader::{As, Reader};
use crate::robaws::Tariffs;
use jiff::Timestamp;
use serde_json::Value;

/// An identifier that no order has.
const IMPOSSIBLE: &str = "doctor-no-such-order";

/// The orders that were read, as raw JSON.
#[derive(Default)]
struct Seen {
    /// The first list page, without a sort.
    listed: Vec<Value>,
    /// Orders that were read one by one.
    detailed: Vec<Value>,
    /// The order that the operator named, if it was found.
    known: Option<Value>,
}

impl Seen {
    /// Orders to examine. Rows of the list count only if they have lines, or if no order that was read alone has lines either.
    fn orders(&self) -> Vec<&Value> {
        let whole = |row: &&Value| row.get("lines").is_some() || self.detailed.is_empty();
        let whole = |row: &&Value| whole(row) || !self.detailed.iter().any(|d| d.get("lines").is_some());
        let identifier = |order: &Value| crate::shape::text(order.get("identifier"));
        let is_new = |row: &&Value| {
            let own = identifier(row);
            own.is_none() || self.detailed.iter().all(|other| identifier(other) != own)
        };
        let listed = self.listed.iter().filter(whole).filter(is_new);
        self.detailed.iter().chain(listed).collect()
    }
}

/// Examines a company.
pub(crate) async fn examine(
    reader: &Reader,
    checks: &Checks,
    tariffs: &Tariffs,
    now: Timestamp,
    notes: &mut Notes,
) {
    if !access(reader, notes).await {
        return;
    }
    let mut seen = Seen::default();
    lists::examine(reader, notes, &mut seen).await;
    orders::ask(reader, checks, notes, &mut seen).await;
    let all = seen.orders();
    if all.is_empty() {
        notes.leave_all_open(&orders::OF_ORDERS, "there is no order to look at");
    } else {
        orders::fields(notes, checks, tariffs, &all);
        times::examine(notes, checks, now, &seen, &all);
        money::examine(notes, checks, tariffs, &seen, &all);
    }
    offers::examine(reader, checks, notes, &all).await;
    refusals(reader, notes).await;
    rate_headers(reader, notes).await;
}

/// The first call: whether ProductFlow takes token and company. `false`: nothing more can be asked.
async fn access(reader: &Reader, notes: &mut Notes) -> bool {
    let answer = match reader.get(&["marketplace"], &[], As::Ourselves).await {
        Ok(answer) => answer,
        Err(reason) => {
            notes.leave_open("pf-access", reason);
            return false;
        }
    };
    let words = answer.in_words();
    let refuses =
        matches!(answer.status, 300..=399 | 401 | 403) || (answer.is_success() && answer.json.is_none());
    if answer.is_success() && answer.json.is_some() {
        notes.confirm("pf-access", &words);
    } else if (500..600).contains(&answer.status) {
        notes.leave_open("pf-access", &words);
    } else {
        notes.refute("pf-access", &words);
    }
    if refuses {
        let reason = format!("ProductFlow refuses the token or the company ({words})");
        reader.stop(reason).await;
    }
    !refuses
}

/// How ProductFlow refuses a wrong company and a bad token. These calls come last, so that nothing else suffers if ProductFlow
/// blocks us for them.
async fn refusals(reader: &Reader, notes: &mut Notes) {
    match reader.get(&["marketplace"], &[], As::OtherCompany).await {
        Err(reason) => notes.leave_open("pf-wrong-company", reason),
        Ok(answer) if matches!(answer.status, 300..=399 | 401 | 403 | 404) => {
            notes.confirm("pf-wrong-company", answer.in_words());
        }
        Ok(answer) if answer.is_success() && answer.json.is_none() => {
            notes.confirm("pf-wrong-company", answer.in_words());
        }
        Ok(answer) => notes.refute("pf-wrong-company", answer.in_words()),
    }
    match reader.get(&["marketplace"], &[], As::Stranger).await {
        Err(reason) => notes.leave_open("pf-bad-token", reason),
        Ok(answer)
            if matches!(answer.status, 300..=399 | 401) || (answer.is_success() && answer.json.is_none()) =>
        {
            notes.confirm("pf-bad-token", answer.in_words());
        }
        Ok(answer) => notes.refute("pf-bad-token", answer.in_words()),
    }
}

async fn rate_headers(reader: &Reader, notes: &mut Notes) {
    const ID: &str = "pf-rate-headers";
    let seen = reader.limit_headers().await;
    let shown = crate::shape::names(seen.iter().map(String::as_str));
    if seen.is_empty() {
        notes.confirm(ID, "no header speaks of a limit: calls are not paced");
    } else if seen.iter().any(|name| name == "x-ratelimit-remaining") {
        notes.confirm(ID, shown);
    } else {
        notes.refute(ID, format!("no `x-ratelimit-remaining`, but {shown}"));
    }
}
