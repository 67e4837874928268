//! The home page: one sentence that says whether all is well, the worst notifications, and the last two weeks in numbers.

use super::answer::{Answer, PageError};
use super::layout::{Layout, Tab};
use super::notification_pages::{self, NotificationEntry};
use super::visit::Visit;
use super::{checklist_page, texts};
use askama::Template;
use domain::invoice::bookkeeping_day;
use domain::money::Cents;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use store::model::{ConnectionState, Peer};
use store::notifications::Notification;
use store::summaries::OrderSummary;

/// Days that the bar chart shows.
const DAYS_SHOWN: i64 = 14;
/// Most notifications shown here; the page of notifications shows all.
const MOST_SHOWN: usize = 5;
/// A last poll older than this is reported as late. Polls run every five minutes.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(20);
/// Width of the bar chart, in units of its SVG.
const WIDTH: u64 = 420;
/// Height of the bar chart, in units of its SVG.
const HEIGHT: u64 = 90;

/// One bar of the chart; lengths in units of its SVG.
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    day: String,
}

/// Counts and sums over some orders.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct OrderCounts {
    orders: u64,
    stock: u64,
    invoiced: u64,
    invoiced_total: Cents,
    asks: u64,
    drafts: u64,
    drafts_total: Cents,
}

/// The counts as texts.
struct CountTexts {
    orders: String,
    stock: String,
    invoiced: String,
    total: String,
    asks: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    page: Layout,
    sentence: String,
    class: &'static str,
    entries: Vec<NotificationEntry>,
    more: bool,
    steps: Option<String>,
    nobody_told: bool,
    may_activate: bool,
    today: CountTexts,
    fortnight: CountTexts,
    bars: Vec<Bar>,
    picture: String,
    drafts: Option<String>,
    quota: Option<String>,
}

/// `GET` of the connection's home page.
pub async fn show_home_page(visit: &Visit<'_>) -> Result<Answer, PageError> {
    if visit.item.connection.first_activated_at.is_none() {
        return Ok(visit.redirect_to("/set-up", None));
    }
    let page = visit.page_layout(texts::text_for("menu.home", visit.language), Tab::Home);
    let today = bookkeeping_day(visit.now);
    let first_day = today.saturating_sub((DAYS_SHOWN - 1).days());
    // Days begin at midnight in Brussels. Reading back 14 times 24 hours covers all days shown.
    let since = visit.now.saturating_sub(SignedDuration::from_hours(24 * DAYS_SHOWN)).unwrap_or(visit.now);
    let store = &visit.deps.store;
    let (open, summaries, steps) = futures::join!(
        notification_pages::load_open_worst_first(visit),
        store.load_order_summaries(visit.id(), since),
        checklist_page::count_open_steps(visit),
    );
    let (open, steps) = (open?, steps?);
    let mut summaries = summaries?;
    summaries.retain(|order| bookkeeping_day(order.seen_at) >= first_day);
    let of_today = summaries.iter().filter(|order| bookkeeping_day(order.seen_at) == today);
    let numbers_today = OrderCounts::count_orders(of_today);
    let numbers = OrderCounts::count_orders(&summaries);
    let (sentence, class) = summarize_state(visit, &page, &open);
    let days: Vec<(Date, u64)> = (0..DAYS_SHOWN)
        .map(|n| {
            let day = first_day.saturating_add(n.days());
            let count = summaries.iter().filter(|order| bookkeeping_day(order.seen_at) == day).count();
            (day, u64::try_from(count).unwrap_or(u64::MAX))
        })
        .collect();
    let entries: Vec<NotificationEntry> = open
        .iter()
        .take(MOST_SHOWN)
        .map(|told| notification_pages::render_entry(visit, &page, told))
        .collect();
    let settings = &visit.item.connection.settings;
    let drafts = (numbers.drafts > 0).then(|| {
        let (count, total) = (numbers.drafts.to_string(), page.format_amount(numbers.drafts_total));
        page.fill_text("home.drafts", &[("count", &count), ("total", &total)])
    });
    Answer::render_template(&HomePage {
        sentence,
        class,
        more: open.len() > entries.len(),
        entries,
        steps: describe_steps_left(&page, steps),
        nobody_told: settings.task_user_id.is_none(),
        may_activate: visit.item.connection.state == ConnectionState::Inactive,
        today: numbers_today.to_texts(&page),
        fortnight: numbers.to_texts(&page),
        picture: describe_picture(&page, &days),
        bars: draw_bars(&days),
        drafts,
        quota: describe_quota(visit, &page),
        page,
    })
}

/// The sentence that says whether all is well, and the class of its colour.
fn summarize_state(visit: &Visit<'_>, page: &Layout, open: &[Notification]) -> (String, &'static str) {
    let item = &visit.item;
    match item.connection.state {
        ConnectionState::Inactive => return (page.text_for("home.inactive").to_owned(), "note wait"),
        ConnectionState::Suspended => return (page.text_for("home.suspended").to_owned(), "note bad"),
        ConnectionState::Active => {}
    }
    if item.api_state() == "needs_credentials" {
        return (page.text_for("state.needs_credentials").to_owned(), "note bad");
    }
    for (peer, system) in [(Peer::Robaws, "Robaws"), (Peer::Productflow, "ProductFlow")] {
        if let Some(until) = item.health(peer).paused_until.filter(|until| visit.now < *until) {
            let time = page.format_moment(until);
            let text = page.fill_text("home.paused", &[("system", system), ("time", &time)]);
            return (text, "note wait");
        }
    }
    // Tips (rank 3 and above) ask for nothing, so they do not count.
    let asks = open.iter().filter(|told| told.problem.code.rank() < 3).count();
    match asks {
        0 => {}
        1 => return (page.text_for("home.attention_one").to_owned(), "note bad"),
        _ => {
            let text = page.fill_text("home.attention", &[("count", &asks.to_string())]);
            return (text, "note bad");
        }
    }
    match item.poll.last_poll_at {
        None => (page.text_for("home.not_polled").to_owned(), "done"),
        Some(at) if is_late(at, visit.now) => {
            (page.fill_text("home.late", &[("at", &page.format_moment(at))]), "note wait")
        }
        Some(at) => (page.fill_text("home.ok", &[("at", &page.format_moment(at))]), "done"),
    }
}

fn is_late(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > LATE_AFTER
}

fn describe_steps_left(page: &Layout, steps: usize) -> Option<String> {
    match steps {
        0 => None,
        1 => Some(page.text_for("home.steps_one").to_owned()),
        _ => Some(page.fill_text("home.steps", &[("count", &steps.to_string())])),
    }
}

fn describe_quota(visit: &Visit<'_>, page: &Layout) -> Option<String> {
    let robaws = &visit.item.robaws;
    // A quota that was seen before the last reset says nothing about today.
    robaws.quota_resets_at.filter(|reset| visit.now < *reset)?;
    let (left, limit) = (robaws.quota_left?.to_string(), robaws.quota_limit?.to_string());
    Some(page.fill_text("home.quota", &[("left", &left), ("limit", &limit)]))
}

impl OrderCounts {
    fn count_orders<'a>(orders: impl IntoIterator<Item = &'a OrderSummary>) -> Self {
        let mut numbers = Self::default();
        for order in orders {
            numbers.orders += 1;
            numbers.stock += u64::from(order.stock_out);
            numbers.asks += u64::from(order.asks);
            if let Some(total) = order.invoiced {
                numbers.invoiced += 1;
                numbers.invoiced_total = add_amounts(numbers.invoiced_total, total);
                if order.is_draft {
                    numbers.drafts += 1;
                    numbers.drafts_total = add_amounts(numbers.drafts_total, total);
                }
            }
        }
        numbers
    }

    fn to_texts(&self, page: &Layout) -> CountTexts {
        CountTexts {
            orders: self.orders.to_string(),
            stock: self.stock.to_string(),
            invoiced: self.invoiced.to_string(),
            total: page.format_amount(self.invoiced_total),
            asks: self.asks.to_string(),
        }
    }
}

fn add_amounts(a: Cents, b: Cents) -> Cents {
    Cents(a.0.saturating_add(b.0))
}

/// One bar per day, as high as its number of orders; the busiest day fills the height.
fn draw_bars(days: &[(Date, u64)]) -> Vec<Bar> {
    let most = days.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    let step = WIDTH / u64::try_from(days.len().max(1)).unwrap_or(1);
    days.iter()
        .zip(0_u64..)
        .map(|((day, count), n)| {
            let height = count.saturating_mul(HEIGHT).checked_div(most).unwrap_or(0);
            // A day with few orders must still differ from a day without orders.
            let height = if *count > 0 { height.max(2) } else { 0 };
            Bar { x: n * step, y: HEIGHT - height.min(HEIGHT), height, day: day.day().to_string() }
        })
        .collect()
}

fn describe_picture(page: &Layout, days: &[(Date, u64)]) -> String {
    let numbers: Vec<String> = days
        .iter()
        .map(|(day, count)| format!("{} {count}", domain::text::format_date(*day, page.language)))
        .collect();
    page.fill_text("home.picture", &[("numbers", &numbers.join(", "))])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn bars_fit_and_a_day_with_an_order_shows() {
        let days =
            [(parse_day("2026-11-01"), 0), (parse_day("2026-11-02"), 1), (parse_day("2026-11-03"), 5_000)];
        let bars = draw_bars(&days);
        let heights: Vec<u64> = bars.iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 2, HEIGHT]);
        assert!(bars.iter().all(|bar| bar.y + bar.height == HEIGHT));
        assert!(draw_bars(&[(parse_day("2026-11-01"), 0)])[0].height == 0);
    }
}
