//! One look at an article: what is it now in Robaws, what is ProductFlow to have, and what is missing?

use crate::affected;
use crate::batch::{Announcement, ConnectionContext};
use crate::outcome::{self, LookEnd, LookOutcome, LookStart};
use crate::reading::{self, ArticleReading, ReadingHints};
use crate::writes::{self, FinishedWrites, PlannedWrites, WriteStop};
use connection::{Gate, LiveClients, Trouble};
use domain::article::{Listing, WantedListing, decide_listing, needs_tariffs};
use domain::ids::ArticleId;
use domain::problem::{Arg, Holds, Problem, ProblemCode, build_args};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::StoreError;
use store::article_record::{ArticleDueKind, ArticleRecord, FLIP_RETURNS, SentListing};
use store::model::{Peer, PeerHealth};

/// Times that a look starts over, after somebody else wrote the record or with renewed credentials.
const MOST_RESTARTS: u32 = 10;
/// Shortest time between two writes of an article whose values flip.
const FLIPPING_WRITES_APART: SignedDuration = SignedDuration::from_mins(1);
/// How far the clocks of two machines may differ: a change announced this shortly before a read may be missing from what was
/// read.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(2);

/// Why a run of a look ended early.
enum LookStop {
    StartOver,
    Failed(Peer, Trouble),
    Store(StoreError),
}

impl From<StoreError> for LookStop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::StartOver,
            error => Self::Store(error),
        }
    }
}

/// Looks at an article, and records how the look ended.
pub(crate) async fn look_at_article(
    ctx: &ConnectionContext,
    id: &ArticleId,
    asked: &Announcement,
) -> Result<LookEnd, StoreError> {
    let Some(record) = begin_look(ctx, id, asked).await? else {
        return Ok(LookEnd::NotDue);
    };
    let began = LookStart::from_record(&record);
    if record.starts > outcome::MOST_STARTS {
        return outcome::give_up(ctx, id).await;
    }
    let mut live = ctx.session.live().await;
    if !may_look(ctx, &live, &record).await? {
        return outcome::record_hold(ctx, id).await;
    }
    let mut current = Some(record);
    for _ in 0..MOST_RESTARTS {
        let record = match current.take() {
            Some(record) => record,
            None => outcome::read_record(ctx, id).await?,
        };
        match run_look(ctx, &live, record, &began, asked).await {
            Ok(end) => return Ok(end),
            Err(LookStop::StartOver) => {}
            Err(LookStop::Store(error)) => return Err(error),
            Err(LookStop::Failed(peer, trouble)) => {
                if trouble == Trouble::Credentials && ctx.session.renew_credentials(&live).await {
                    live = ctx.session.live().await;
                    continue;
                }
                ctx.session.record_failure(peer, None, &trouble, &live).await?;
                return outcome::record_failed_call(ctx, id, &began, peer, trouble).await;
            }
        }
    }
    outcome::record_missing_outcome(ctx, id).await
}

/// Begins a look: counts it in the record before it starts, and makes an announced change due first, so that a lost message
/// loses nothing. Gives `None` when there is nothing to look at.
async fn begin_look(
    ctx: &ConnectionContext,
    id: &ArticleId,
    asked: &Announcement,
) -> Result<Option<ArticleRecord>, StoreError> {
    let connection = &ctx.session.item.connection.id;
    for _ in 0..MOST_RESTARTS {
        let now = ctx.session.clock.now();
        let known = ctx.session.store.load_article(connection, id).await?;
        let mut record = known.unwrap_or_else(|| ArticleRecord::new(connection.clone(), id.clone(), now));
        if asked.event_at.is_some_and(|at| may_be_unread(&record, at)) {
            record.make_due_now(ArticleDueKind::Change, now);
        }
        if record.due.is_none_or(|due| due.at > now) {
            return Ok(None);
        }
        record.starts = record.starts.saturating_add(1);
        match ctx.session.store.save_article(&mut record, now).await {
            Ok(()) => return Ok(Some(record)),
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict)
}

/// Whether a change announced at `at` may be missing from what was last read.
pub(crate) fn may_be_unread(record: &ArticleRecord, at: Timestamp) -> bool {
    record.read_at.is_none_or(|read| read.duration_since(at) <= CLOCKS_APART)
}

/// Whether the day's requests and both peers allow a look.
async fn may_look(
    ctx: &ConnectionContext,
    live: &LiveClients,
    record: &ArticleRecord,
) -> Result<bool, StoreError> {
    let session = &ctx.session;
    let kind = record.due.map_or(ArticleDueKind::Bulk, |due| due.kind);
    let ends = match kind {
        ArticleDueKind::Change => PeerHealth::ARTICLES_MIN_PERCENT,
        ArticleDueKind::Bulk => PeerHealth::BULK_WORK_MIN_PERCENT,
    };
    Ok(!session.item.robaws.is_quota_below(ends, session.clock.now())
        && session.check_gate(Peer::Robaws, live, false).await? == Gate::Open
        && session.check_gate(Peer::Productflow, live, false).await? == Gate::Open)
}

async fn run_look(
    ctx: &ConnectionContext,
    live: &Arc<LiveClients>,
    mut record: ArticleRecord,
    began: &LookStart,
    asked: &Announcement,
) -> Result<LookEnd, LookStop> {
    let session = &ctx.session;
    let read_at = session.clock.now();
    let hints = ReadingHints {
        numbers: [asked.number.as_deref(), record.number.as_deref()],
        unique: record.unique.as_ref().filter(|unique| unique.is_still_valid(read_at)),
    };
    let robaws = |trouble| LookStop::Failed(Peer::Robaws, trouble);
    let found = reading::read_article(live, &record.article_id, hints, read_at).await.map_err(robaws)?;
    close_mended_problems(ctx, &found).await?;
    let wanted = decide_what_is_wanted(ctx, live, &found).await.map_err(robaws)?;
    if wanted == WantedListing::Unread {
        tracing::warn!("Robaws did not tell the stock or the checkbox: read again");
        return Ok(outcome::record_incomplete_reading(ctx, &record.article_id, began).await?);
    }
    affected::tell_affected(ctx, &record, &found).await?;
    let (listing, mut problems) = match wanted {
        WantedListing::Listing(listing) => {
            let problems = listing.problems.clone();
            (Some(*listing), problems)
        }
        WantedListing::Impossible(problem) => (None, vec![problem]),
        WantedListing::Nothing | WantedListing::Unread => (None, Vec::new()),
    };
    keep_reading(&mut record, &found, read_at);
    let todo = PlannedWrites::from_difference(&record, listing.as_ref());
    let now = session.clock.now();
    let flips = flip_problem(&record, &todo, listing.as_ref(), now);
    let slowed = flips.as_ref().and_then(|_| earliest_next_write(&record, &todo, now));
    problems.extend(flips);
    let mut ended = LookOutcome {
        done: FinishedWrites::default(),
        planned: PlannedWrites::default(),
        refused: None,
        problems,
        again_at: slowed,
    };
    if todo.is_empty() || slowed.is_some() {
        return Ok(outcome::record_outcome(ctx, &record, began, ended).await?);
    }
    // Before the first write, nothing that it changes counts as sent any more. If the process dies in between, all of it is
    // sent again.
    clear_sent_digests(&mut record, &todo);
    session.store.save_article(&mut record, now).await?;
    let written = writes::write_to_productflow(ctx, live, &record, &todo, &mut ended.done).await;
    ended.planned = todo;
    match written {
        Ok(()) => {
            session.health.record_success(Peer::Productflow).await?;
            Ok(outcome::record_outcome(ctx, &record, began, ended).await?)
        }
        Err(WriteStop::Failed(Trouble::Refused { reason })) => {
            ended.refused = Some(reason);
            Ok(outcome::record_outcome(ctx, &record, began, ended).await?)
        }
        Err(WriteStop::Failed(trouble)) => {
            outcome::record_partial_writes(ctx, &record, &ended).await?;
            Err(LookStop::Failed(Peer::Productflow, trouble))
        }
        Err(WriteStop::Store(error)) => Err(error.into()),
    }
}

/// Closes problems of the connection that this reading proves to be solved.
async fn close_mended_problems(ctx: &ConnectionContext, found: &ArticleReading) -> Result<(), StoreError> {
    let session = &ctx.session;
    session.health.record_success(Peer::Robaws).await?;
    let articles = Arg::Text("articles".to_owned());
    let permission = session.item.problems.get(&ProblemCode::RobawsPermission);
    if permission.is_some_and(|open| open.problem.args.get("module") == Some(&articles)) {
        let item = &session.item;
        session.store.close_problem(item, ProblemCode::RobawsPermission).await?;
    }
    let shown = found.article.iter().chain(&found.namesakes);
    if shown.into_iter().any(|article| article.has_checkbox) {
        let item = &session.item;
        session.store.close_problem(item, ProblemCode::CheckboxMissing).await?;
    }
    Ok(())
}

async fn decide_what_is_wanted(
    ctx: &ConnectionContext,
    live: &LiveClients,
    found: &ArticleReading,
) -> Result<WantedListing, Trouble> {
    let settings = &ctx.session.item.connection.settings;
    let article = found.article.as_ref();
    let tariffs = if article.is_some_and(|article| needs_tariffs(article, settings)) {
        live.lookups.look_up_tariffs().await?
    } else {
        Arc::new(BTreeMap::new())
    };
    Ok(decide_listing(article, found.namesakes.is_empty(), settings, &tariffs))
}

/// Keeps in the record what was read of the article.
fn keep_reading(record: &mut ArticleRecord, found: &ArticleReading, read_at: Timestamp) {
    record.facts = Some(affected::current_facts(record, found));
    record.read_at = Some(read_at);
    record.unique.clone_from(&found.unique);
    record.source = found.article.as_ref().map(domain::article::ArticleDetail::compute_digest);
    record.ticked = found.article.as_ref().is_some_and(|article| article.ticked == Some(true));
    if let Some(article) = &found.article {
        record.number.clone_from(&article.number);
    }
}

/// Clears what counts as sent, for everything that is about to be written, and counts the attempt.
fn clear_sent_digests(record: &mut ArticleRecord, todo: &PlannedWrites) {
    record.attempt += 1;
    record.withdraw.clone_from(&todo.withdraw);
    if record.sent.as_ref().is_some_and(|sent| todo.withdraw.contains(&sent.sku)) {
        record.sent = None;
    }
    if let Some(send) = &todo.send {
        let sent = record.sent.get_or_insert_with(|| SentListing {
            sku: send.listing.sku.clone(),
            product: None,
            offer: None,
            values: BTreeMap::new(),
            at: None,
        });
        if send.product {
            sent.product = None;
        }
        if send.offer {
            sent.offer = None;
        }
    }
}

/// The problem of an article that returned to an earlier value several times in an hour. The planned write counts too.
fn flip_problem(
    record: &ArticleRecord,
    todo: &PlannedWrites,
    listing: Option<&Listing>,
    now: Timestamp,
) -> Option<Problem> {
    let next = (!todo.is_empty()).then(|| todo.digest());
    if record.count_returns(next.as_deref(), now) < FLIP_RETURNS {
        return None;
    }
    let known = record
        .problems
        .iter()
        .find(|open| open.problem.code == ProblemCode::ArticleFlips)
        .and_then(|open| open.problem.args.get("field").cloned());
    let values = listing.map(Listing::to_values).unwrap_or_default();
    let before = record.sent.as_ref().map(|sent| &sent.values);
    let changed = values
        .iter()
        .find(|(name, value)| before.is_some_and(|before| before.get(*name) != Some(value)))
        .map(|(name, _)| Arg::Phrase(format!("field_{name}")));
    let field = changed.or(known).unwrap_or_else(|| Arg::Phrase("field_quantity".to_owned()));
    let article = record.number.clone().unwrap_or_else(|| record.article_id.to_string());
    let count = record.recent_writes(now).len() + usize::from(next.is_some());
    Some(Problem {
        skus: listing.iter().map(|listing| listing.sku.clone()).collect(),
        ..Problem::new(
            ProblemCode::ArticleFlips,
            Holds::Nothing,
            build_args([("field", field), ("article", article.into()), ("count", count.to_string().into())]),
        )
    })
}

/// When an article whose values flip may be written next. `None` when it may be written now.
fn earliest_next_write(record: &ArticleRecord, todo: &PlannedWrites, now: Timestamp) -> Option<Timestamp> {
    let last = record.recent_writes(now).last()?.at;
    let next = last.checked_add(FLIPPING_WRITES_APART).ok()?;
    (!todo.is_empty() && next > now).then_some(next)
}
