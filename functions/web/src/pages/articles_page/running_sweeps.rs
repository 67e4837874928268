//! The sweeps over all articles that are asked for or under way, in the reader's words.

use super::super::layout::Layout;
use super::super::visit::Visit;
use store::model::{ConnectionState, Peer, PeerHealth};
use store::queue::Sweep;

/// One sentence for each sweep that is asked for or under way, and one more when they wait for Robaws' daily quota.
pub(super) fn describe_running_sweeps(visit: &Visit<'_>, page: &Layout) -> Vec<String> {
    let item = &visit.item;
    if item.connection.state != ConnectionState::Active {
        return Vec::new();
    }
    let mut sentences: Vec<String> =
        Sweep::ALL.into_iter().filter_map(|sweep| describe_sweep(visit, page, sweep)).collect();
    if sentences.is_empty() {
        return sentences;
    }
    let health = item.health(Peer::Robaws);
    if health.is_quota_below(PeerHealth::BULK_WORK_MIN_PERCENT, visit.now)
        && let Some(reset) = health.quota_resets_at
    {
        let at = page.format_moment(reset);
        sentences.push(page.fill_text("articles.waits_for_quota", &[("at", at.as_str())]));
    }
    sentences
}

fn describe_sweep(visit: &Visit<'_>, page: &Layout, sweep: Sweep) -> Option<String> {
    let state = visit.item.sweep_state(sweep);
    if !state.is_pending() {
        return None;
    }
    let seen = state.progress.run.as_ref().map(|run| run.seen).filter(|seen| *seen > 0);
    let key = match (sweep, seen) {
        // A rebuild runs only while the connection is suspended, and every page says so.
        (Sweep::Rebuild, _) => return None,
        (Sweep::Push, _) => "articles.running_push",
        (Sweep::Tick, None) => "articles.running_tick",
        (Sweep::Tick, Some(_)) => "articles.running_tick_seen",
        (Sweep::Reconcile, None) => "articles.running_check",
        (Sweep::Reconcile, Some(_)) => "articles.running_check_seen",
    };
    let count = seen.unwrap_or_default().to_string();
    Some(page.fill_text(key, &[("count", count.as_str())]))
}
