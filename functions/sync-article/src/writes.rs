//! Writes to ProductFlow: withdraws offers that must not be for sale any more, and sends product and offer where they differ
//! from what was sent.

use crate::batch::ConnectionContext;
use connection::{LiveClients, Trouble};
use domain::article::Listing;
use domain::ids::Sku;
use std::collections::BTreeSet;
use store::StoreError;
use store::article_record::{ArticleDueKind, ArticleRecord};

/// What is to be written to ProductFlow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PlannedWrites {
    /// Article numbers whose offer is to be withdrawn.
    pub withdraw: BTreeSet<Sku>,
    /// The product and offer of which something is to be sent.
    pub send: Option<PlannedListing>,
}

/// A listing of which the product, the offer or both are to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlannedListing {
    pub listing: Listing,
    /// Whether the product differs from what was sent.
    pub product: bool,
    /// Whether the offer differs from what was sent.
    pub offer: bool,
}

impl PlannedWrites {
    /// The difference between what ProductFlow has of an article and what it is to have.
    pub(crate) fn from_difference(record: &ArticleRecord, wanted: Option<&Listing>) -> Self {
        let mut withdraw = record.withdraw.clone();
        let sent = record.sent.as_ref();
        let stays = |sku: &Sku| wanted.is_some_and(|listing| listing.sku == *sku);
        withdraw.extend(sent.map(|sent| sent.sku.clone()));
        withdraw.retain(|sku| !stays(sku));
        let send = wanted.and_then(|listing| {
            let sent = sent.filter(|sent| sent.sku == listing.sku);
            let product =
                sent.and_then(|sent| sent.product.clone()) != Some(listing.product.compute_digest());
            let offer = sent.and_then(|sent| sent.offer.clone()) != Some(listing.offer.compute_digest());
            (product || offer).then(|| PlannedListing { listing: listing.clone(), product, offer })
        });
        Self { withdraw, send }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.withdraw.is_empty() && self.send.is_none()
    }

    /// Digest of what is to be written, by which a value that flips is noticed.
    pub(crate) fn digest(&self) -> String {
        match &self.send {
            Some(send) => {
                format!("{}{}", send.listing.product.compute_digest(), send.listing.offer.compute_digest())
            }
            None => "withdrawn".to_owned(),
        }
    }
}

/// Which writes were made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FinishedWrites {
    /// Article numbers whose offer is withdrawn, or belongs to another article now.
    pub withdrawn: BTreeSet<Sku>,
    /// Whether the product was sent.
    pub product: bool,
    /// Whether the offer was sent.
    pub offer: bool,
}

/// Why the writes ended early.
#[derive(Debug)]
pub(crate) enum WriteStop {
    /// A call to ProductFlow failed.
    Failed(Trouble),
    /// The table failed.
    Store(StoreError),
}

impl From<StoreError> for WriteStop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn stop_from_productflow(error: &productflow::Error) -> WriteStop {
    WriteStop::Failed(Trouble::from(error))
}

/// Makes the planned writes. `done` tells which writes were made, also when an error ends them.
pub(crate) async fn write_to_productflow(
    ctx: &ConnectionContext,
    live: &LiveClients,
    record: &ArticleRecord,
    todo: &PlannedWrites,
    done: &mut FinishedWrites,
) -> Result<(), WriteStop> {
    // Withdrawals come first: a number that the article gave up must not stay for sale while the new one is sent.
    for sku in &todo.withdraw {
        withdraw_offer(ctx, live, record, sku).await?;
        done.withdrawn.insert(sku.clone());
    }
    match &todo.send {
        Some(wanted) => send_listing(ctx, live, record, wanted, done).await,
        None => Ok(()),
    }
}

/// Withdraws an offer, unless its number belongs to another article by now.
async fn withdraw_offer(
    ctx: &ConnectionContext,
    live: &LiveClients,
    record: &ArticleRecord,
    sku: &Sku,
) -> Result<(), WriteStop> {
    let _alone = ctx.withdrawing.write().await;
    let holder = ctx.session.store.load_number(&record.connection, sku).await?.article_id;
    if holder.as_ref() != Some(&record.article_id) {
        return Ok(());
    }
    live.clients.productflow.withdraw_offer(sku).await.map_err(|error| stop_from_productflow(&error))?;
    tracing::info!(article.number = sku.as_str(), "offer withdrawn");
    Ok(())
}

/// Makes the number this article's. What another article had sent under the number is overwritten, so that article is due.
async fn claim_number_for(
    ctx: &ConnectionContext,
    record: &ArticleRecord,
    sku: &Sku,
) -> Result<(), StoreError> {
    let store = &ctx.session.store;
    let now = ctx.session.clock.now();
    let holder = store.load_number(&record.connection, sku).await?.article_id;
    if let Some(other) = holder.filter(|holder| *holder != record.article_id) {
        store
            .amend_article(&record.connection, &other, now, |other| {
                if other.sent.as_ref().is_none_or(|sent| sent.sku != *sku) {
                    return false;
                }
                other.sent = None;
                other.make_due_now(ArticleDueKind::Change, now);
                true
            })
            .await?;
    }
    store.claim_number(&record.connection, sku, &record.article_id).await
}

async fn send_listing(
    ctx: &ConnectionContext,
    live: &LiveClients,
    record: &ArticleRecord,
    wanted: &PlannedListing,
    done: &mut FinishedWrites,
) -> Result<(), WriteStop> {
    let _beside_others = ctx.withdrawing.read().await;
    let productflow = &live.clients.productflow;
    let Listing { sku, product, offer, .. } = &wanted.listing;
    // The number is claimed before the first write under it, so that an earlier holder does not withdraw this article's offer.
    let is_new = record.sent.as_ref().is_none_or(|sent| sent.at.is_none());
    if is_new {
        claim_number_for(ctx, record, sku).await?;
    }
    if wanted.product {
        productflow.put_product(sku, product).await.map_err(|error| stop_from_productflow(&error))?;
        done.product = true;
    }
    if wanted.offer {
        match productflow.put_offer(sku, offer).await {
            Ok(()) => {}
            // ProductFlow does not have the product any more, so it is made again.
            Err(productflow::Error::NotFound { .. }) if !wanted.product => {
                productflow.put_product(sku, product).await.map_err(|error| stop_from_productflow(&error))?;
                done.product = true;
                productflow.put_offer(sku, offer).await.map_err(|error| stop_from_productflow(&error))?;
            }
            Err(error) => return Err(stop_from_productflow(&error)),
        }
        done.offer = true;
    }
    Ok(())
}
