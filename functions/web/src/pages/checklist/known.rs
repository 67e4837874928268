//! Collects what is known of the steps: from our own table, and for the page itself also from both peers.

use super::super::visit::Visit;
use super::steps::{Codes, Known};
use crate::api_error::ApiError;
use crate::preview::clients::{Asked, asked};
use connection::Trouble;
use domain::catalogue::VatTariff;
use domain::problem::ProblemCode;
use robaws::ArticleList;
use runtime::error::Chain;
use std::time::Duration;
use store::StoreError;
use store::article::ArticleState;
use store::model::{ConnectionState, Peer};
use store::orders::OrderFilter;
use tokio::time::Instant;

/// Most order lines whose VAT codes are taken into account.
const LINES: usize = 50;
/// Time within which both peers have to answer.
const TIME: Duration = Duration::from_secs(10);

/// What the connection's item tells, without any further read.
fn of_item(visit: &Visit<'_>) -> Known {
    let item = &visit.item;
    let connection = &item.connection;
    let settings = &connection.settings;
    let is_trusted = |peer| item.health(peer).refused_since.is_none();
    Known {
        robaws: connection.has_robaws && is_trusted(Peer::Robaws),
        productflow: connection.has_productflow
            && connection.company.is_some()
            && is_trusted(Peer::Productflow),
        chosen_and_active: settings.b2c_client_id.is_some()
            && settings.stock_location_id.is_some()
            && connection.state == ConnectionState::Active,
        checkbox_missing: item.problems.contains_key(&ProblemCode::CheckboxMissing),
        invoiced: item.newest.invoice.is_some(),
        booked: item.newest.invoice.is_some() || item.newest.stock_change.is_some(),
        ..Known::default()
    }
}

/// The VAT codes on the lines of the latest orders. Orders without stored lines, such as cancelled ones, are left out.
async fn codes(visit: &Visit<'_>) -> Result<Vec<Codes>, StoreError> {
    let store = &visit.deps.store;
    let page = store
        .list_orders(visit.id(), &OrderFilter::default(), None, LINES)
        .await?;
    let orders = page.records.into_iter().filter_map(|record| record.facts);
    let codes = orders.map(|facts| facts.lines.into_iter().map(|line| line.vat_code).collect());
    Ok(latest(codes))
}

/// Takes orders from the beginning until [`LINES`] lines are reached.
fn latest(orders: impl Iterator<Item = Codes>) -> Vec<Codes> {
    let mut left = LINES;
    let mut latest = Vec::new();
    for mut codes in orders {
        if left == 0 {
            break;
        }
        codes.truncate(left);
        left -= codes.len();
        latest.push(codes);
    }
    latest
}

/// What our own table tells, with a few reads and without asking a peer.
pub(super) async fn of_store(visit: &Visit<'_>) -> Result<Known, StoreError> {
    let store = &visit.deps.store;
    let sent = store.list_articles(visit.id(), Some(ArticleState::Sent), None, 1);
    let (orders, sent) = futures::join!(codes(visit), sent);
    Ok(Known {
        orders: orders?,
        sent: !sent?.records.is_empty(),
        ..of_item(visit)
    })
}

/// What is known after both peers were asked.
pub(super) struct Told {
    pub(super) known: Known,
    pub(super) tariffs: Vec<VatTariff>,
    /// Names of the peers that did not answer.
    pub(super) silent: Vec<&'static str>,
}

/// Asks both peers and adds their answers to what our own table tells. Nothing is written to a peer.
pub(super) async fn of_peers(visit: &Visit<'_>, known: Known) -> Result<Told, ApiError> {
    let until = Instant::now() + TIME;
    let Asked {
        robaws, productflow, ..
    } = asked(visit.deps, &visit.item).await?;
    let of_robaws = async {
        let client = robaws?;
        let both = async { futures::join!(client.vat_tariffs(), has_checkbox(&client)) };
        let answered = tokio::time::timeout_at(until, both).await.ok();
        Some(answered.map(|(tariffs, checkbox)| (tariffs.map_err(|error| robaws_trouble(&error)), checkbox)))
    };
    let wants_orders = known.coded().1 == 0;
    let of_productflow = async {
        let client = productflow?;
        let settings = &visit.item.connection.settings;
        let answer = async {
            if wants_orders {
                client.orders_page(1, 50, false).await.map(|page| {
                    let read = page
                        .orders
                        .iter()
                        .filter_map(|raw| productflow::read(raw, settings).ok());
                    latest(read.map(|order| order.lines.into_iter().map(|line| line.vat_code).collect()))
                })
            } else {
                client.test_connection().await.map(|()| Vec::new())
            }
        };
        let answered = tokio::time::timeout_at(until, answer).await.ok();
        Some(answered.map(|answer| answer.map_err(|error| productflow_trouble(&error))))
    };
    let (of_robaws, of_productflow) = futures::join!(of_robaws, of_productflow);
    let mut told = Told {
        known,
        tariffs: Vec::new(),
        silent: Vec::new(),
    };
    match of_robaws {
        None => {}
        Some(Some((Ok(tariffs), checkbox))) => {
            told.known.robaws = true;
            told.known.checkbox_seen |= checkbox;
            told.tariffs = tariffs
                .into_iter()
                .filter(|tariff| tariff.vat_inclusive)
                .collect();
            told.known.tariffs = Some(told.tariffs.iter().map(|tariff| tariff.id.clone()).collect());
        }
        Some(Some((Err(Trouble::Credentials), _))) => told.known.robaws = false,
        Some(Some((Err(_), _)) | None) => told.silent.push("Robaws"),
    }
    match of_productflow {
        None => {}
        Some(Some(Ok(orders))) => {
            told.known.productflow = true;
            if wants_orders {
                told.known.orders = orders;
            }
        }
        Some(Some(Err(Trouble::Credentials | Trouble::Permission { .. }))) => told.known.productflow = false,
        Some(Some(Err(_)) | None) => told.silent.push("ProductFlow"),
    }
    Ok(told)
}

/// Whether any article shows the checkbox. Only lists are read.
async fn has_checkbox(robaws: &robaws::Client) -> bool {
    for list in [ArticleList::Ticked, ArticleList::AllOfReplica] {
        match robaws.articles_page(0, list).await {
            Ok(page) if page.articles.iter().any(|article| article.has_checkbox) => return true,
            Ok(_) | Err(robaws::Error::Rejected { .. }) => {}
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the articles could not be read for the checklist");
                return false;
            }
        }
    }
    false
}

fn robaws_trouble(error: &robaws::Error) -> Trouble {
    tracing::warn!(error = %Chain(error), "the tariffs could not be read for the checklist");
    Trouble::from(error)
}

fn productflow_trouble(error: &productflow::Error) -> Trouble {
    tracing::warn!(error = %Chain(error), "ProductFlow could not be asked for the checklist");
    Trouble::from(error)
}
