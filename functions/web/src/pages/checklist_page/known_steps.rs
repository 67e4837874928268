//! Collects what is known of the steps: from our own table, and for the page itself also from both peers.

use super::super::visit::Visit;
use super::checklist_steps::{KnownSteps, LineVatCodes};
use crate::api_error::ApiError;
use crate::preview::preview_clients::{PreviewClients, load_preview_clients};
use connection::Trouble;
use domain::catalogue::VatTariff;
use domain::problem::ProblemCode;
use robaws::ArticleList;
use runtime::error::Chain;
use std::time::Duration;
use store::StoreError;
use store::article_record::ArticleState;
use store::model::{ConnectionState, Peer};
use store::orders::OrderFilter;
use tokio::time::Instant;

/// Most order lines whose VAT codes are taken into account.
const MOST_LINES: usize = 50;
/// Time within which both peers have to answer.
const ASKING_TIME: Duration = Duration::from_secs(10);

/// What the connection's item tells, without any further read.
fn known_from_item(visit: &Visit<'_>) -> KnownSteps {
    let item = &visit.item;
    let connection = &item.connection;
    let settings = &connection.settings;
    let is_trusted = |peer| item.health(peer).refused_since.is_none();
    KnownSteps {
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
        ..KnownSteps::default()
    }
}

/// The VAT codes on the lines of the latest orders. Orders without stored lines, such as cancelled ones, are left out.
async fn load_latest_codes(visit: &Visit<'_>) -> Result<Vec<LineVatCodes>, StoreError> {
    let store = &visit.deps.store;
    let page = store.list_orders(visit.id(), &OrderFilter::default(), None, MOST_LINES).await?;
    let orders = page.records.into_iter().filter_map(|record| record.facts);
    let codes = orders.map(|facts| facts.lines.into_iter().map(|line| line.vat_code).collect());
    Ok(keep_latest_lines(codes))
}

/// Takes orders from the beginning until [`MOST_LINES`] lines are reached.
fn keep_latest_lines(orders: impl Iterator<Item = LineVatCodes>) -> Vec<LineVatCodes> {
    let mut left = MOST_LINES;
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
pub(super) async fn known_from_store(visit: &Visit<'_>) -> Result<KnownSteps, StoreError> {
    let store = &visit.deps.store;
    let sent = store.list_articles(visit.id(), Some(ArticleState::Sent), None, 1);
    let (orders, sent) = futures::join!(load_latest_codes(visit), sent);
    Ok(KnownSteps { orders: orders?, sent: !sent?.records.is_empty(), ..known_from_item(visit) })
}

/// What is known after both peers were asked.
pub(super) struct PeerAnswers {
    pub(super) known: KnownSteps,
    pub(super) tariffs: Vec<VatTariff>,
    /// Names of the peers that did not answer.
    pub(super) silent: Vec<&'static str>,
}

/// Asks both peers and adds their answers to what our own table tells. Nothing is written to a peer.
pub(super) async fn add_answers_of_peers(
    visit: &Visit<'_>,
    known: KnownSteps,
) -> Result<PeerAnswers, ApiError> {
    let until = Instant::now() + ASKING_TIME;
    let PreviewClients { robaws, productflow, .. } = load_preview_clients(visit.deps, &visit.item).await?;
    let of_robaws = async {
        let client = robaws?;
        let both = async { futures::join!(client.read_vat_tariffs(), has_checkbox(&client)) };
        let answered = tokio::time::timeout_at(until, both).await.ok();
        Some(
            answered
                .map(|(tariffs, checkbox)| (tariffs.map_err(|error| log_robaws_trouble(&error)), checkbox)),
        )
    };
    let wants_orders = known.count_lines_with_code().1 == 0;
    let of_productflow = async {
        let client = productflow?;
        let settings = &visit.item.connection.settings;
        let answer = async {
            if wants_orders {
                client.read_order_list_page(1, 50, false).await.map(|page| {
                    let read =
                        page.orders.iter().filter_map(|raw| productflow::parse_order(raw, settings).ok());
                    keep_latest_lines(
                        read.map(|order| order.lines.into_iter().map(|line| line.vat_code).collect()),
                    )
                })
            } else {
                client.test_connection().await.map(|()| Vec::new())
            }
        };
        let answered = tokio::time::timeout_at(until, answer).await.ok();
        Some(answered.map(|answer| answer.map_err(|error| log_productflow_trouble(&error))))
    };
    let (of_robaws, of_productflow) = futures::join!(of_robaws, of_productflow);
    let mut told = PeerAnswers { known, tariffs: Vec::new(), silent: Vec::new() };
    match of_robaws {
        None => {}
        Some(Some((Ok(tariffs), checkbox))) => {
            told.known.robaws = true;
            told.known.checkbox_seen |= checkbox;
            told.tariffs = tariffs.into_iter().filter(|tariff| tariff.vat_inclusive).collect();
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
        match robaws.read_article_list_page(0, list).await {
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

fn log_robaws_trouble(error: &robaws::Error) -> Trouble {
    tracing::warn!(error = %Chain(error), "the tariffs could not be read for the checklist");
    Trouble::from(error)
}

fn log_productflow_trouble(error: &productflow::Error) -> Trouble {
    tracing::warn!(error = %Chain(error), "ProductFlow could not be asked for the checklist");
    Trouble::from(error)
}
