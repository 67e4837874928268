//! Processes a batch of messages: each article once, connections side by side, and up to four articles of a connection side by
//! side.

use crate::look::look_at_article;
use crate::outcome::{self, LookEnd};
use connection::{ConnectionCheck, ConnectionSession, ConnectionSessions, PeerClientsError};
use domain::ids::{ArticleId, ConnectionId};
use domain::problem::ProblemCode;
use futures::future::join_all;
use futures::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use runtime::clock::timeout_at;
use runtime::error::Chain;
use runtime::invocation::Invocations;
use runtime::sqs_event::SqsMessage;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use store::StoreError;
use store::model::ConnectionState;
use store::queue::{ArticleMessage, ArticleQueue};
use tokio::sync::RwLock;
use tokio::time::Instant;
use tracing::Instrument;

/// Articles of one connection that are processed at a time.
const ARTICLES_SIDE_BY_SIDE: usize = 4;
/// That Robaws announces changes is stored at most this often.
const EVENT_NOTED_AT_MOST_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// What the function works with, built once per process.
#[derive(Clone)]
pub struct Deps {
    pub sessions: ConnectionSessions,
    pub queue: ArticleQueue,
    pub invocations: Invocations,
}

/// One connection within one invocation.
pub(crate) struct ConnectionContext {
    pub session: ConnectionSession,
    pub queue: ArticleQueue,
    /// Held shared by whoever sends an offer, and alone by whoever withdraws one: a number may pass from one article to another
    /// in between.
    pub withdrawing: RwLock<()>,
}

/// What the messages of a batch say about one article.
#[derive(Debug, Clone, Default)]
pub(crate) struct Announcement {
    message_ids: Vec<String>,
    /// The article number, from the newest message that names one.
    pub number: Option<String>,
    /// When the newest event of the article came in.
    pub event_at: Option<Timestamp>,
}

impl Announcement {
    fn add_message(&mut self, message: SqsMessage<ArticleMessage>) {
        self.message_ids.push(message.id);
        if message.body.number.is_some() {
            self.number = message.body.number;
        }
        self.event_at = self.event_at.max(message.body.event.map(|event| event.at));
    }
}

type Announcements = BTreeMap<ArticleId, Announcement>;

/// Processes a batch. Gives the ids of the messages whose outcome could not even be recorded: these come again.
pub(crate) async fn process_batch(
    deps: &Deps,
    messages: Vec<SqsMessage<ArticleMessage>>,
    deadline: Instant,
) -> Vec<String> {
    let mut by_connection: BTreeMap<ConnectionId, Announcements> = BTreeMap::new();
    for message in messages {
        let articles = by_connection.entry(message.body.connection.clone()).or_default();
        articles.entry(message.body.article_id.clone()).or_default().add_message(message);
    }
    let connections = by_connection.into_iter().map(|(id, articles)| {
        let span = tracing::info_span!("connection", connection.id = %id);
        process_connection(deps, id, articles, deadline).instrument(span)
    });
    join_all(connections).await.into_iter().flatten().collect()
}

async fn process_connection(
    deps: &Deps,
    id: ConnectionId,
    articles: Announcements,
    deadline: Instant,
) -> Vec<String> {
    let all = || articles.values().flat_map(|asked| asked.message_ids.clone()).collect();
    let item = match deps.sessions.store.load_connection(&id).await {
        Ok(Some(item)) if item.connection.state == ConnectionState::Active => item,
        // A connection that is activated again pushes every article.
        Ok(_) => return Vec::new(),
        Err(error) => {
            tracing::error!(error = %Chain(&error), "the connection could not be read");
            return all();
        }
    };
    let session = match deps.sessions.open_session(item, deadline).await {
        Ok(session) => session,
        Err(error) => return keep_all_due(deps, &id, &articles, &error).await,
    };
    let ctx = ConnectionContext { session, queue: deps.queue.clone(), withdrawing: RwLock::new(()) };
    if let Err(error) = record_announcement(&ctx, &articles).await {
        tracing::warn!(error = %Chain(&error), "an announcement could not be noted");
    }
    let looks: Vec<_> = articles
        .iter()
        .map(|(article, asked)| {
            process_article(&ctx, article, asked).instrument(article_span(article, asked))
        })
        .collect();
    let failed: Vec<Vec<String>> =
        stream::iter(looks).buffer_unordered(ARTICLES_SIDE_BY_SIDE).collect().await;
    if let Err(error) = ctx.session.close_session().await {
        tracing::warn!(error = %Chain(&error), "the quota could not be stored");
    }
    failed.into_iter().flatten().collect()
}

fn article_span(article: &ArticleId, asked: &Announcement) -> tracing::Span {
    tracing::info_span!("article", article.id = %article, article.number = asked.number)
}

/// Keeps due what the messages announce. Without clients no article can be looked at.
async fn keep_all_due(
    deps: &Deps,
    id: &ConnectionId,
    articles: &Announcements,
    error: &PeerClientsError,
) -> Vec<String> {
    tracing::error!(error = %Chain(error), "no clients for this connection");
    let mut failed = Vec::new();
    for (article, asked) in articles {
        let now = deps.sessions.clock.now();
        if let Err(error) = outcome::keep_announced_due(&deps.sessions.store, id, article, asked, now).await {
            tracing::error!(article.id = %article, error = %Chain(&error), "not recorded");
            failed.extend(asked.message_ids.clone());
        }
    }
    failed
}

/// Stores that Robaws announces changes, so that the webhook counts as alive.
async fn record_announcement(ctx: &ConnectionContext, articles: &Announcements) -> Result<(), StoreError> {
    let item = &ctx.session.item;
    let Some(at) = articles.values().filter_map(|asked| asked.event_at).max() else {
        return Ok(());
    };
    let is_news =
        item.last_event_at.is_none_or(|known| at.duration_since(known) >= EVENT_NOTED_AT_MOST_EVERY);
    if is_news {
        ctx.session.store.save_last_event(&item.connection.id, at).await?;
    }
    ctx.session.store.close_problem(item, ProblemCode::WebhookSilent).await
}

/// Processes one article. Gives the ids of its messages when its outcome could not be recorded.
async fn process_article(ctx: &ConnectionContext, article: &ArticleId, asked: &Announcement) -> Vec<String> {
    let Err(error) = look_and_report(ctx, article, asked).await else {
        return Vec::new();
    };
    tracing::error!(error = %Chain(&error), "not recorded");
    asked.message_ids.clone()
}

/// Looks at one article and logs how the look ended. An error means that the outcome could not be recorded.
async fn look_and_report(
    ctx: &ConnectionContext,
    article: &ArticleId,
    asked: &Announcement,
) -> Result<(), StoreError> {
    let connection = &ctx.session.item.connection.id;
    let end = match ctx.session.check_connection().await? {
        ConnectionCheck::Off => return Ok(()),
        ConnectionCheck::Same if ctx.session.has_time() => {
            let looked = AssertUnwindSafe(Box::pin(look_at_article(ctx, article, asked))).catch_unwind();
            match timeout_at(&*ctx.session.clock, ctx.session.cut_off, looked).await {
                Ok(Ok(end)) => end?,
                Ok(Err(_)) => {
                    tracing::error!("panicked");
                    outcome::record_missing_outcome(ctx, article).await?
                }
                Err(_) => {
                    tracing::warn!("cut off: calls take too long");
                    outcome::record_missing_outcome(ctx, article).await?
                }
            }
        }
        ConnectionCheck::Same | ConnectionCheck::Changed => {
            let now = ctx.session.clock.now();
            outcome::keep_announced_due(&ctx.session.store, connection, article, asked, now).await?;
            LookEnd::Continues
        }
    };
    match end {
        LookEnd::NotDue => tracing::debug!("not due"),
        LookEnd::Recorded { wrote } => {
            tracing::info!(wrote, "looked at");
        }
        LookEnd::Held => tracing::info!("held"),
        LookEnd::Failed(peer, trouble) => tracing::warn!(
            peer = peer.as_str(), trouble = %trouble, "a call failed"
        ),
        LookEnd::Continues => {
            let message =
                ArticleMessage::for_due_article(connection.clone(), article.clone(), asked.number.clone());
            if let Err(error) = ctx.queue.send_messages(&[message]).await {
                // The article is due in the table, so the next poll queues it.
                tracing::warn!(error = %Chain(&error), "not sent again");
            }
        }
    }
    Ok(())
}
