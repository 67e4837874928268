//! One look at an article: what is it now in Robaws, what is ProductFlow to have, and what is missing?

use crate::batch::{Asked, Context};
use crate::others;
use crate::outcome::{self, Began, End, Ended};
use crate::read::{self, Found, Hints};
use crate::send::{self, Done, Stopped, Todo};
use connection::{Gate, Live, Trouble};
use domain::article::{Listing, Wanted, needs_tariffs, wanted};
use domain::ids::ArticleId;
use domain::problem::{Arg, Holds, Problem, ProblemCode, args};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::StoreError;
use store::article::{ArticleDueKind, ArticleRecord, FLIPS, Sent};
use store::model::{Peer, PeerHealth};

/// Times that a look starts over, after somebody else wrote the record or with renewed credentials.
const MOST_RESTARTS: u32 = 10;
/// Shortest time between two writes of an article whose values flip.
const SLOWED_TO: SignedDuration = SignedDuration::from_mins(1);
/// How far the clocks of two machines may differ: a change announced this shortly before a read may be missing from what was
/// read.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(2);

/// Why a run of a look ended early.
enum Stop {
    StartOver,
    Failed(Peer, Trouble),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::StartOver,
            error => Self::Store(error),
        }
    }
}

/// Looks at an article, and records how the look ended.
pub async fn look(ctx: &Context, id: &ArticleId, asked: &Asked) -> Result<End, StoreError> {
    let Some(record) = begin(ctx, id, asked).await? else {
        return Ok(End::NotDue);
    };
    let began = Began::of(&record);
    if record.starts > outcome::STARTS {
        return outcome::set_aside(ctx, id).await;
    }
    let mut live = ctx.session.live().await;
    if !may_work(ctx, &live, &record).await? {
        return outcome::held(ctx, id).await;
    }
    let mut current = Some(record);
    for _ in 0..MOST_RESTARTS {
        let record = match current.take() {
            Some(record) => record,
            None => outcome::stored(ctx, id).await?,
        };
        match attempt(ctx, &live, record, &began, asked).await {
            Ok(end) => return Ok(end),
            Err(Stop::StartOver) => {}
            Err(Stop::Store(error)) => return Err(error),
            Err(Stop::Failed(peer, trouble)) => {
                if trouble == Trouble::Credentials && ctx.session.renew(&live).await {
                    live = ctx.session.live().await;
                    continue;
                }
                ctx.session.failed(peer, None, &trouble, &live).await?;
                return outcome::failed(ctx, id, &began, peer, trouble).await;
            }
        }
    }
    outcome::without_outcome(ctx, id).await
}

/// Begins a look: counts it in the record before it starts, and makes an announced change due first, so that a lost message
/// loses nothing. Gives `None` when there is nothing to look at.
async fn begin(ctx: &Context, id: &ArticleId, asked: &Asked) -> Result<Option<ArticleRecord>, StoreError> {
    let connection = &ctx.session.item.connection.id;
    for _ in 0..MOST_RESTARTS {
        let now = ctx.session.clock.now();
        let known = ctx.session.store.article(connection, id).await?;
        let mut record = known.unwrap_or_else(|| ArticleRecord::new(connection.clone(), id.clone(), now));
        if asked.event_at.is_some_and(|at| is_news(&record, at)) {
            record.due_now(ArticleDueKind::Change, now);
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
pub fn is_news(record: &ArticleRecord, at: Timestamp) -> bool {
    record
        .read_at
        .is_none_or(|read| read.duration_since(at) <= CLOCKS_APART)
}

/// Whether the day's requests and both peers allow a look.
async fn may_work(ctx: &Context, live: &Live, record: &ArticleRecord) -> Result<bool, StoreError> {
    let session = &ctx.session;
    let kind = record.due.map_or(ArticleDueKind::Bulk, |due| due.kind);
    let ends = match kind {
        ArticleDueKind::Change => PeerHealth::ARTICLES_END,
        ArticleDueKind::Bulk => PeerHealth::BULK_ENDS,
    };
    Ok(!session.item.robaws.quota_is_below(ends, session.clock.now())
        && session.gate(Peer::Robaws, live, false).await? == Gate::Open
        && session.gate(Peer::Productflow, live, false).await? == Gate::Open)
}

async fn attempt(
    ctx: &Context,
    live: &Arc<Live>,
    mut record: ArticleRecord,
    began: &Began,
    asked: &Asked,
) -> Result<End, Stop> {
    let session = &ctx.session;
    let read_at = session.clock.now();
    let hints = Hints {
        numbers: [asked.number.as_deref(), record.number.as_deref()],
        unique: record.unique.as_ref().filter(|unique| unique.holds(read_at)),
    };
    let robaws = |trouble| Stop::Failed(Peer::Robaws, trouble);
    let found = read::read(live, &record.article_id, hints, read_at)
        .await
        .map_err(robaws)?;
    mended(ctx, &found).await?;
    let wanted = decide(ctx, live, &found).await.map_err(robaws)?;
    if wanted == Wanted::Unread {
        tracing::warn!("Robaws did not tell the stock or the checkbox: read again");
        return Ok(outcome::unread(ctx, &record.article_id, began).await?);
    }
    others::tell(ctx, &record, &found).await?;
    let (listing, mut problems) = match wanted {
        Wanted::Listing(listing) => {
            let problems = listing.problems.clone();
            (Some(*listing), problems)
        }
        Wanted::Impossible(problem) => (None, vec![problem]),
        Wanted::Nothing | Wanted::Unread => (None, Vec::new()),
    };
    see(&mut record, &found, read_at);
    let todo = Todo::of(&record, listing.as_ref());
    let now = session.clock.now();
    let flips = flips(&record, &todo, listing.as_ref(), now);
    let slowed = flips.as_ref().and_then(|_| too_soon(&record, &todo, now));
    problems.extend(flips);
    let mut ended = Ended {
        done: Done::default(),
        todo: Todo::default(),
        refused: None,
        problems,
        again_at: slowed,
    };
    if todo.is_empty() || slowed.is_some() {
        return Ok(outcome::settled(ctx, &record, began, ended).await?);
    }
    // Before the first write, nothing that it changes counts as sent any more. If the process dies in between, all of it is
    // sent again.
    unsettle(&mut record, &todo);
    session.store.save_article(&mut record, now).await?;
    let written = send::write(ctx, live, &record, &todo, &mut ended.done).await;
    ended.todo = todo;
    match written {
        Ok(()) => {
            session.health.succeeded(Peer::Productflow).await?;
            Ok(outcome::settled(ctx, &record, began, ended).await?)
        }
        Err(Stopped::Failed(Trouble::Refused { reason })) => {
            ended.refused = Some(reason);
            Ok(outcome::settled(ctx, &record, began, ended).await?)
        }
        Err(Stopped::Failed(trouble)) => {
            outcome::partly(ctx, &record, &ended).await?;
            Err(Stop::Failed(Peer::Productflow, trouble))
        }
        Err(Stopped::Store(error)) => Err(error.into()),
    }
}

/// Closes problems of the connection that this reading proves to be solved.
async fn mended(ctx: &Context, found: &Found) -> Result<(), StoreError> {
    let session = &ctx.session;
    session.health.succeeded(Peer::Robaws).await?;
    let articles = Arg::Text("articles".to_owned());
    let permission = session.item.problems.get(&ProblemCode::RobawsPermission);
    if permission.is_some_and(|open| open.problem.args.get("module") == Some(&articles)) {
        let item = &session.item;
        session
            .store
            .close_problem(item, ProblemCode::RobawsPermission)
            .await?;
    }
    let shown = found.article.iter().chain(&found.others);
    if shown.into_iter().any(|article| article.has_checkbox) {
        let item = &session.item;
        session
            .store
            .close_problem(item, ProblemCode::CheckboxMissing)
            .await?;
    }
    Ok(())
}

async fn decide(ctx: &Context, live: &Live, found: &Found) -> Result<Wanted, Trouble> {
    let settings = &ctx.session.item.connection.settings;
    let article = found.article.as_ref();
    let tariffs = if article.is_some_and(|article| needs_tariffs(article, settings)) {
        live.lookups.all_tariffs().await?
    } else {
        Arc::new(BTreeMap::new())
    };
    Ok(wanted(article, found.others.is_empty(), settings, &tariffs))
}

/// Keeps in the record what was read of the article.
fn see(record: &mut ArticleRecord, found: &Found, read_at: Timestamp) {
    record.facts = Some(others::facts(record, found));
    record.read_at = Some(read_at);
    record.unique.clone_from(&found.unique);
    record.source = found.article.as_ref().map(domain::article::ArticleDetail::digest);
    record.ticked = found
        .article
        .as_ref()
        .is_some_and(|article| article.ticked == Some(true));
    if let Some(article) = &found.article {
        record.number.clone_from(&article.number);
    }
}

/// Clears what counts as sent, for everything that is about to be written, and counts the attempt.
fn unsettle(record: &mut ArticleRecord, todo: &Todo) {
    record.attempt += 1;
    record.withdraw.clone_from(&todo.withdraw);
    if record
        .sent
        .as_ref()
        .is_some_and(|sent| todo.withdraw.contains(&sent.sku))
    {
        record.sent = None;
    }
    if let Some(send) = &todo.send {
        let sent = record.sent.get_or_insert_with(|| Sent {
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

/// The problem of a value that goes back and forth, counting what is about to be written.
fn flips(record: &ArticleRecord, todo: &Todo, listing: Option<&Listing>, now: Timestamp) -> Option<Problem> {
    let next = (!todo.is_empty()).then(|| todo.digest());
    if record.returns(next.as_deref(), now) < FLIPS {
        return None;
    }
    let known = record
        .problems
        .iter()
        .find(|open| open.problem.code == ProblemCode::ArticleFlips)
        .and_then(|open| open.problem.args.get("field").cloned());
    let values = listing.map(Listing::values).unwrap_or_default();
    let before = record.sent.as_ref().map(|sent| &sent.values);
    let changed = values
        .iter()
        .find(|(name, value)| before.is_some_and(|before| before.get(*name) != Some(value)))
        .map(|(name, _)| Arg::Phrase(format!("field_{name}")));
    let field = changed
        .or(known)
        .unwrap_or_else(|| Arg::Phrase("field_quantity".to_owned()));
    let article = record
        .number
        .clone()
        .unwrap_or_else(|| record.article_id.to_string());
    let count = record.recent(now).len() + usize::from(next.is_some());
    Some(Problem {
        skus: listing.iter().map(|listing| listing.sku.clone()).collect(),
        ..Problem::new(
            ProblemCode::ArticleFlips,
            Holds::Nothing,
            args([
                ("field", field),
                ("article", article.into()),
                ("count", count.to_string().into()),
            ]),
        )
    })
}

/// When an article whose values flip may be written next. `None` when it may be written now.
fn too_soon(record: &ArticleRecord, todo: &Todo, now: Timestamp) -> Option<Timestamp> {
    let last = record.recent(now).last()?.at;
    let next = last.checked_add(SLOWED_TO).ok()?;
    (!todo.is_empty() && next > now).then_some(next)
}
