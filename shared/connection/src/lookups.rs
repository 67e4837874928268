//! Look-ups of articles and VAT tariffs in Robaws, remembered per connection in one process.
//!
//! A positive answer holds for five minutes, or until a stamp of the connection changes. A negative answer
//! holds for a minute, so that a thousand orders that wait for one article cost one look-up per round. A look
//! that a person asked for uses no negative answer.

use crate::trouble::Trouble;
use domain::catalogue::{Article, ArticleAnswer, Catalogue, MissingAnswers, VatTariff};
use domain::ids::{ArticleId, ConnectionId, Sku, VatTariffId};
use domain::problem::WaitsFor;
use jiff::{SignedDuration, Timestamp};
use runtime::clock::SharedClock;
use runtime::error::Chain;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::Store;
use tokio::sync::Mutex;

/// How long a positive answer holds.
const POSITIVE_FOR: SignedDuration = SignedDuration::from_mins(5);
/// How long a negative answer holds: as long as one round of looks at blocked orders.
const NEGATIVE_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Answers remembered per connection; above it the memory starts anew.
const MOST_ANSWERS: usize = 20_000;

type Tariffs = Arc<BTreeMap<VatTariffId, VatTariff>>;
type Slot<T> = Arc<Mutex<Option<(T, Timestamp)>>>;

#[derive(Default)]
struct ConnectionMemory {
    stamp: (u64, u64),
    articles: HashMap<Sku, Slot<ArticleAnswer>>,
    articles_by_id: HashMap<ArticleId, Slot<Option<Article>>>,
    tariffs: Slot<Tariffs>,
}

/// The remembered answers of all connections.
#[derive(Clone)]
pub struct Catalogues {
    clock: SharedClock,
    store: Store,
    memories: Arc<Mutex<HashMap<ConnectionId, Arc<Mutex<ConnectionMemory>>>>>,
}

/// The remembered answers of one connection, and the Robaws client to ask for others.
pub struct Lookups {
    clock: SharedClock,
    store: Store,
    connection: ConnectionId,
    memory: Arc<Mutex<ConnectionMemory>>,
    robaws: robaws::Client,
}

impl Catalogues {
    pub fn new(clock: SharedClock, store: Store) -> Self {
        Self { clock, store, memories: Arc::default() }
    }

    /// The look-ups of a connection. `stamp`:
    /// [`ConnectionItem::catalogue_stamps`](store::model::ConnectionItem::catalogue_stamps). When the first stamp
    /// changed, all answers are void; when only the second changed, the VAT tariffs stay.
    pub async fn lookups_for(
        &self,
        connection: &ConnectionId,
        stamp: (u64, u64),
        robaws: robaws::Client,
    ) -> Lookups {
        let memory = Arc::clone(self.memories.lock().await.entry(connection.clone()).or_default());
        {
            let mut memory = memory.lock().await;
            let size = memory.articles.len() + memory.articles_by_id.len();
            if memory.stamp != stamp || size > MOST_ANSWERS {
                let tariffs =
                    if memory.stamp.0 == stamp.0 { Arc::clone(&memory.tariffs) } else { Slot::default() };
                *memory = ConnectionMemory { stamp, tariffs, ..ConnectionMemory::default() };
            }
        }
        Lookups {
            clock: self.clock.clone(),
            store: self.store.clone(),
            connection: connection.clone(),
            memory,
            robaws,
        }
    }
}

/// Whether an answer given at `then` still holds. A clock that jumped back voids it.
fn is_answer_valid(then: Timestamp, now: Timestamp, positive: bool) -> bool {
    let age = now.duration_since(then);
    let limit = if positive { POSITIVE_FOR } else { NEGATIVE_FOR };
    age >= SignedDuration::ZERO && age < limit
}

impl Lookups {
    pub fn robaws(&self) -> &robaws::Client {
        &self.robaws
    }

    /// Adds what is missing to the catalogue. `fresh`: remembered negative answers are not used.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] of the failed call to Robaws.
    pub async fn fill_catalogue(
        &self,
        catalogue: &mut Catalogue,
        missing: &MissingAnswers,
        fresh: bool,
    ) -> Result<(), Trouble> {
        for sku in &missing.articles {
            let answer = self.look_up_article(sku, fresh).await?;
            catalogue.articles.insert(sku.clone(), answer);
        }
        for id in &missing.articles_by_id {
            let answer = self.look_up_article_by_id(id, fresh).await?;
            catalogue.articles_by_id.insert(id.clone(), answer);
        }
        if missing.tariffs {
            let tariffs = self.tariffs_no_older_than(POSITIVE_FOR).await?;
            catalogue.tariffs = Some(tariffs.as_ref().clone());
        }
        Ok(())
    }

    /// Reads the VAT tariffs anew unless they were read within the last minute. Meant for a tariff that was not
    /// found or is not VAT-inclusive, since the merchant may have corrected it. Returns whether the tariffs in the
    /// catalogue changed.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] of the failed call to Robaws.
    pub async fn refresh_tariffs(&self, catalogue: &mut Catalogue, fresh: bool) -> Result<bool, Trouble> {
        let at_most = if fresh { SignedDuration::ZERO } else { NEGATIVE_FOR };
        let before = catalogue.tariffs.clone();
        let tariffs = self.tariffs_no_older_than(at_most).await?;
        catalogue.tariffs = Some(tariffs.as_ref().clone());
        Ok(before != catalogue.tariffs)
    }

    /// Whether anything that a blocked order waits for may have appeared in Robaws. `false`: every answer is still
    /// negative. Tariffs always count as changed, since only a look can tell.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] of the failed call to Robaws.
    pub async fn has_come_in(&self, waits_for: &[WaitsFor]) -> Result<bool, Trouble> {
        for key in waits_for {
            let positive = match key {
                WaitsFor::Article(sku) => {
                    matches!(self.look_up_article(sku, false).await?, ArticleAnswer::Found(_))
                }
                WaitsFor::ArticleId(id) => {
                    self.look_up_article_by_id(id, false).await?.is_some_and(|a| a.live)
                }
                WaitsFor::Tariffs => true,
            };
            if positive {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn look_up_article(&self, sku: &Sku, fresh: bool) -> Result<ArticleAnswer, Trouble> {
        let slot = Arc::clone(self.memory.lock().await.articles.entry(sku.clone()).or_default());
        // Locked during the call, so that looks side by side ask once.
        let mut slot = slot.lock().await;
        if let Some((answer, then)) = slot.as_ref() {
            let positive = matches!(answer, ArticleAnswer::Found(_));
            if (positive || !fresh) && is_answer_valid(*then, self.clock.now(), positive) {
                return Ok(answer.clone());
            }
        }
        let failed = |error: robaws::Error| Trouble::from(&error);
        let mut answer = self.robaws.find_article_by_number(sku).await.map_err(failed)?;
        // The article may have got another number since the connector sent it under this one.
        if answer == ArticleAnswer::NotFound
            && let Some(id) = self.find_article_sent_under(sku).await
            && let Some(article) = self.robaws.read_article(&id).await.map_err(failed)?
            && article.live
        {
            answer = ArticleAnswer::Found(article);
        }
        *slot = Some((answer.clone(), self.clock.now()));
        Ok(answer)
    }

    /// The article that the connector itself sent under a number. It may exist in Robaws under another number now.
    async fn find_article_sent_under(&self, sku: &Sku) -> Option<ArticleId> {
        match self.store.load_number(&self.connection, sku).await {
            Ok(known) => known.article_id,
            Err(error) => {
                // The article then counts as not found, and the order is looked at again.
                tracing::warn!(
                    connection.id = %self.connection, error = %Chain(&error),
                    "what was sent under an article number can't be read"
                );
                None
            }
        }
    }

    /// All VAT tariffs.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] of the failed call to Robaws.
    pub async fn look_up_tariffs(&self) -> Result<Arc<BTreeMap<VatTariffId, VatTariff>>, Trouble> {
        self.tariffs_no_older_than(POSITIVE_FOR).await
    }

    async fn look_up_article_by_id(&self, id: &ArticleId, fresh: bool) -> Result<Option<Article>, Trouble> {
        let slot = Arc::clone(self.memory.lock().await.articles_by_id.entry(id.clone()).or_default());
        let mut slot = slot.lock().await;
        if let Some((answer, then)) = slot.as_ref() {
            let positive = answer.as_ref().is_some_and(|a| a.live);
            if (positive || !fresh) && is_answer_valid(*then, self.clock.now(), positive) {
                return Ok(answer.clone());
            }
        }
        let answer = self.robaws.read_article(id).await.map_err(|e| Trouble::from(&e))?;
        *slot = Some((answer.clone(), self.clock.now()));
        Ok(answer)
    }

    async fn tariffs_no_older_than(&self, at_most: SignedDuration) -> Result<Tariffs, Trouble> {
        let slot = Arc::clone(&self.memory.lock().await.tariffs);
        let mut slot = slot.lock().await;
        if let Some((tariffs, then)) = slot.as_ref() {
            let age = self.clock.now().duration_since(*then);
            if age >= SignedDuration::ZERO && age < at_most {
                return Ok(Arc::clone(tariffs));
            }
        }
        let list = self.robaws.read_vat_tariffs().await.map_err(|e| Trouble::from(&e))?;
        let tariffs: Tariffs = Arc::new(list.into_iter().map(|t| (t.id.clone(), t)).collect());
        *slot = Some((Arc::clone(&tariffs), self.clock.now()));
        Ok(tariffs)
    }

    /// Forgets the answers about an article that Robaws refused in a booking: they are outdated.
    pub async fn forget_article(&self, id: &ArticleId) {
        let mut memory = self.memory.lock().await;
        memory.articles_by_id.remove(id);
        let mut stale = Vec::new();
        for (sku, slot) in &memory.articles {
            if let Some((ArticleAnswer::Found(article), _)) = slot.lock().await.as_ref()
                && article.id == *id
            {
                stale.push(sku.clone());
            }
        }
        for sku in stale {
            memory.articles.remove(&sku);
        }
    }
}
