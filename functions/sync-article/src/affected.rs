//! Whoever else is affected when an article changes: orders that wait for the article, and articles that share or shared its
//! number.

use crate::batch::ConnectionContext;
use crate::reading::ArticleReading;
use domain::article::ArticleFacts;
use domain::ids::{ArticleId, Sku};
use domain::problem::{ProblemCode, WaitsFor};
use std::collections::BTreeSet;
use store::StoreError;
use store::article_record::{ArticleDueKind, ArticleRecord};
use store::queue::ArticleMessage;

/// What orders need to know of an article that is not in Robaws any more.
fn facts_when_gone(known: Option<&ArticleFacts>) -> ArticleFacts {
    ArticleFacts {
        number: known.and_then(|facts| facts.number.clone()),
        stock_article: known.is_some_and(|facts| facts.stock_article),
        live: false,
    }
}

/// What orders need to know of the article now.
pub(crate) fn current_facts(record: &ArticleRecord, found: &ArticleReading) -> ArticleFacts {
    match &found.article {
        Some(article) => article.to_facts(),
        None => facts_when_gone(record.facts.as_ref()),
    }
}

/// Makes waiting orders and namesakes due, when what affects them changed.
pub(crate) async fn tell_affected(
    ctx: &ConnectionContext,
    record: &ArticleRecord,
    found: &ArticleReading,
) -> Result<(), StoreError> {
    let now = current_facts(record, found);
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
        store.bump_articles_stamp(connection).await?;
        store.make_waiting_orders_due(connection, &came_in, ctx.session.clock.now()).await?;
    }
    let left = before
        .filter(|facts| facts.live && (!now.live || facts.number != now.number))
        .and_then(|facts| Sku::parse(facts.number.clone()?).ok());
    if let Some(left) = left {
        make_former_namesakes_due(ctx, &left, &record.article_id).await?;
    }
    make_namesakes_due(ctx, &now, found).await
}

/// Makes the former namesakes of an article due after it gave up a number: they may be unique now.
async fn make_former_namesakes_due(
    ctx: &ConnectionContext,
    number: &Sku,
    id: &ArticleId,
) -> Result<(), StoreError> {
    let store = &ctx.session.store;
    let connection = &ctx.session.item.connection.id;
    let namesakes = store.load_number(connection, number).await?.namesakes;
    let records = store.load_articles(connection, namesakes.iter().filter(|other| *other != id)).await?;
    let waiting = records
        .into_values()
        .filter(|record| record.has_problem(ProblemCode::ArticleNotUnique))
        .map(|record| (record.article_id, Some(number.to_string())))
        .collect();
    make_articles_due(ctx, waiting).await
}

/// Makes the namesakes of an article due. What was sent of them is withdrawn, and each ticked one gets the problem
/// `article_not_unique`.
async fn make_namesakes_due(
    ctx: &ConnectionContext,
    now: &ArticleFacts,
    found: &ArticleReading,
) -> Result<(), StoreError> {
    let number = now.number.clone().and_then(|number| Sku::parse(number).ok());
    let (Some(article), Some(number)) = (&found.article, number.filter(|_| !found.namesakes.is_empty()))
    else {
        return Ok(());
    };
    let store = &ctx.session.store;
    let connection = &ctx.session.item.connection.id;
    let mut namesakes: BTreeSet<ArticleId> = found.namesakes.iter().map(|other| other.id.clone()).collect();
    let records = store.load_articles(connection, &namesakes).await?;
    let mut concerned = Vec::new();
    for other in &found.namesakes {
        let record = records.get(&other.id);
        if record.is_none_or(|record| record.facts.is_none()) {
            // Which number the namesake has is stored, so that a look notices when the namesake gives the number up.
            store
                .amend_article(connection, &other.id, ctx.session.clock.now(), |record| {
                    let is_new = record.facts.is_none();
                    record.facts.get_or_insert_with(|| other.to_facts());
                    record.number.clone_from(&other.number);
                    is_new
                })
                .await?;
        }
        let says_so = record.is_some_and(|record| record.has_problem(ProblemCode::ArticleNotUnique));
        let is_sent = record.is_some_and(|record| record.sent.is_some());
        if is_sent || (other.ticked == Some(true) && !says_so) {
            concerned.push((other.id.clone(), other.number.clone()));
        }
    }
    namesakes.insert(article.id.clone());
    store.note_namesakes(connection, &number, &namesakes).await?;
    make_articles_due(ctx, concerned).await
}

/// Makes articles due and queues them.
async fn make_articles_due(
    ctx: &ConnectionContext,
    articles: Vec<(ArticleId, Option<String>)>,
) -> Result<(), StoreError> {
    let connection = &ctx.session.item.connection.id;
    let now = ctx.session.clock.now();
    let mut messages = Vec::new();
    for (id, number) in articles {
        // Whether the number is unique is looked up anew.
        let due = |record: &mut ArticleRecord| {
            let knew = record.unique.take().is_some();
            record.make_due_now(ArticleDueKind::Change, now) || knew
        };
        ctx.session.store.amend_article(connection, &id, now, due).await?;
        messages.push(ArticleMessage::for_due_article(connection.clone(), id, number));
    }
    if let Err(error) = ctx.queue.send_messages(&messages).await {
        // The articles are due in the table, so the next poll queues them.
        tracing::warn!(error = %runtime::error::Chain(&error), "namesakes not queued");
    }
    Ok(())
}
