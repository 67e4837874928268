//! Counts the open orders that were placed before go-live. The connector leaves them alone, so the merchant has to book them.

use domain::order::OrderStatus;
use domain::settings::ConnectionSettings;
use jiff::Timestamp;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Orders per page of ProductFlow's list.
const PER_PAGE: u32 = 100;
/// Most list pages read.
const MOST_PAGES: u32 = 5;

/// The number of open orders from before go-live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OlderOrders {
    /// The number of such orders that were seen.
    pub count: usize,
    /// Whether there may be more, because not the whole list was read.
    pub at_least: bool,
}

/// Counts the orders in ProductFlow's list. Every row is checked, because ProductFlow may ignore the filter by status.
pub(crate) async fn count_older_orders(
    client: &productflow::Client,
    settings: &ConnectionSettings,
    start: Timestamp,
    until: Instant,
) -> Result<OlderOrders, productflow::Error> {
    let words = settings.status_words.with_defaults().open;
    let mut filtered = true;
    let mut seen = BTreeSet::new();
    let mut page = 1;
    let cut_short = |seen: &BTreeSet<_>| OlderOrders { count: seen.len(), at_least: true };
    while page <= MOST_PAGES {
        let asked = async {
            if filtered {
                client.read_order_list_page_of_status(&words, page, PER_PAGE).await
            } else {
                client.read_order_list_page(page, PER_PAGE, false).await
            }
        };
        let listed = match tokio::time::timeout_at(until, asked).await {
            Err(_) => return Ok(cut_short(&seen)),
            // ProductFlow refuses a status word that it does not know; the list is read unfiltered then.
            Ok(Err(error)) if filtered && error.is_refusal_of_query() => {
                filtered = false;
                continue;
            }
            Ok(Err(_)) if page > 1 => return Ok(cut_short(&seen)),
            Ok(answer) => answer?,
        };
        let is_older = |raw: &&productflow::RawOrder| {
            raw.status(settings) == Some(OrderStatus::Open) && raw.placed_at().is_some_and(|at| at < start)
        };
        // Rows may shift between pages, so an order may come twice.
        let older = listed.orders.iter().filter(is_older);
        seen.extend(older.filter_map(productflow::RawOrder::identifier));
        if listed.is_last {
            return Ok(OlderOrders { count: seen.len(), at_least: false });
        }
        page += 1;
    }
    Ok(cut_short(&seen))
}
