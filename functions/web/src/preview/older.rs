//! Orders from before the start date that are not shipped yet: nobody books those but the merchant.

use domain::order::OrderStatus;
use domain::settings::ConnectionSettings;
use jiff::Timestamp;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Orders per page.
const PER_PAGE: u32 = 100;
/// Pages read.
const MOST_PAGES: u32 = 5;

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Older {
    /// Those that were seen.
    pub count: usize,
    /// There may be more.
    pub at_least: bool,
}

/// Counts them in ProductFlow's list, which may ignore what it is asked for.
pub async fn older(
    client: &productflow::Client,
    settings: &ConnectionSettings,
    start: Timestamp,
    until: Instant,
) -> Result<Older, productflow::Error> {
    let words = settings.status_words.with_defaults().open;
    let mut filtered = true;
    let mut seen = BTreeSet::new();
    let mut page = 1;
    let cut_short = |seen: &BTreeSet<_>| Older {
        count: seen.len(),
        at_least: true,
    };
    while page <= MOST_PAGES {
        let asked = async {
            if filtered {
                client.orders_of_status(&words, page, PER_PAGE).await
            } else {
                client.orders_page(page, PER_PAGE, false).await
            }
        };
        let listed = match tokio::time::timeout_at(until, asked).await {
            Err(_) => return Ok(cut_short(&seen)),
            // A word of ours that ProductFlow does not know.
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
        // Rows may shift between pages.
        let older = listed.orders.iter().filter(is_older);
        seen.extend(older.filter_map(productflow::RawOrder::identifier));
        if listed.is_last {
            return Ok(Older {
                count: seen.len(),
                at_least: false,
            });
        }
        page += 1;
    }
    Ok(cut_short(&seen))
}
