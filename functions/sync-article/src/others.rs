//! Whoever else is affected when an article changes: orders that wait for the article, and articles that share or shared its
//! number.

use crate::batch::Context;
use crate::read::Found;
use domain::article::ArticleFacts;
use domain::ids::{ArticleId, Sku};
use domain::problem::{ProblemCode, WaitsFor};
use std::collections::BTreeSet;
use store::StoreError;
use store::article::{ArticleDueKind, ArticleRecord};
use store::queue::ArticleMessage;

/// What orders need to know of an article that is not in Robaws any more.
fn gone(known: Option<&ArticleFacts>) -> ArticleFacts {
    ArticleFacts {
        number: known.and_then(|facts| facts.number.clone()),
        stock_article: known.is_some_and(|facts| facts.stock_article),
        live: false,
    }
}

/// What orders need to know of the article now.
pub fn facts(record: &ArticleRecord, found: &Found) -> ArticleFacts {
    match &found.article {
        Some(article) => article.facts(),
        None => gone(record.facts.as_ref()),
    }
}

/// Makes waiting orders and namesakes due, when what affects them changed.
pub async fn tell(ctx: &Context, record: &ArticleRecord, found: &Found) -> Result<(), StoreError> {
    let now = facts(record, found);
    let before = record.facts.as_ref();
    if before != Some(&now) {
        let numbers = [before.and_then(|facts| facts.number.clone()), now.number.clone()];
        let mut came_in: BTreeSet<WaitsFor> = numbers
            .into_iter()
            .flatten()
            .filter_map(|number| Sku::parse(number).ok())
            .map(WaitsFor::Article)
            .collect();
        came_in.insert(WaitsFor::ArticleId(record.article_id.clone()));
        let store = &ctx.session.store;
        let connection = &ctx.session.item.connection.id;
        store.stamp_articles(connection).await?;
        store
            .wake_waiting(connection, &came_in, ctx.session.clock.now())
            .await?;
    }
    let left = before
        .filter(|facts| facts.live && (!now.live || facts.number != now.number))
        .and_then(|facts| Sku::parse(facts.number.clone()?).ok());
    if let Some(left) = left {
        free(ctx, &left, &record.article_id).await?;
    }
    share(ctx, &now, found).await
}

/// Makes the former namesakes of an article due after it gave up a number: they may be unique now.
async fn free(ctx: &Context, number: &Sku, id: &ArticleId) -> Result<(), StoreError> {
    let store = &ctx.session.store;
    let connection = &ctx.session.item.connection.id;
    let namesakes = store.number(connection, number).await?.namesakes;
    let records = store
        .articles(connection, namesakes.iter().filter(|other| *other != id))
        .await?;
    let waiting = records
        .into_values()
        .filter(|record| record.has(ProblemCode::ArticleNotUnique))
        .map(|record| (record.article_id, Some(number.to_string())))
        .collect();
    make_due(ctx, waiting).await
}

/// Makes the namesakes of an article due. What was sent of them is withdrawn, and each ticked one gets the problem
/// `article_not_unique`.
async fn share(ctx: &Context, now: &ArticleFacts, found: &Found) -> Result<(), StoreError> {
    let number = now.number.clone().and_then(|number| Sku::parse(number).ok());
    let (Some(article), Some(number)) = (&found.article, number.filter(|_| !found.others.is_empty())) else {
        return Ok(());
    };
    let store = &ctx.session.store;
    let connection = &ctx.session.item.connection.id;
    let mut namesakes: BTreeSet<ArticleId> = found.others.iter().map(|other| other.id.clone()).collect();
    let records = store.articles(connection, &namesakes).await?;
    let mut concerned = Vec::new();
    for other in &found.others {
        let record = records.get(&other.id);
        if record.is_none_or(|record| record.facts.is_none()) {
            // Which number the namesake has is stored, so that a look notices when the namesake gives the number up.
            store
                .amend_article(connection, &other.id, ctx.session.clock.now(), |record| {
                    let is_new = record.facts.is_none();
                    record.facts.get_or_insert_with(|| other.facts());
                    record.number.clone_from(&other.number);
                    is_new
                })
                .await?;
        }
        let says_so = record.is_some_and(|record| record.has(ProblemCode::ArticleNotUnique));
        let is_sent = record.is_some_and(|record| record.sent.is_some());
        if is_sent || (other.ticked == Some(true) && !says_so) {
            concerned.push((other.id.clone(), other.number.clone()));
        }
    }
    namesakes.insert(article.id.clone());
    store.note_namesakes(connection, &number, &namesakes).await?;
    make_due(ctx, concerned).await
}

/// Makes articles due and queues them.
async fn make_due(ctx: &Context, articles: Vec<(ArticleId, Option<String>)>) -> Result<(), StoreError> {
    let connection = &ctx.session.item.connection.id;
    let now = ctx.session.clock.now();
    let mut messages = Vec::new();
    for (id, number) in articles {
        // Whether the number is unique is looked up anew.
        let due = |record: &mut ArticleRecord| {
            let knew = record.unique.take().is_some();
            record.due_now(ArticleDueKind::Change, now) || knew
        };
        ctx.session.store.amend_article(connection, &id, now, due).await?;
        messages.push(ArticleMessage::due(connection.clone(), id, number));
    }
    if let Err(error) = ctx.queue.send(&messages).await {
        // The articles are due in the table, so the next poll queues them.
        tracing::warn!(error = %runtime::error::Chain(&error), "namesakes not queued");
    }
    Ok(())
}
