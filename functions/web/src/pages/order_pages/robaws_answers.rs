//! What the controls of an order's page need from Robaws, asked while the page is opened. The page is shown without the answers
//! when Robaws does not give them in time.

use super::super::visit::Visit;
use domain::catalogue::VatTariff;
use domain::ids::DocumentId;
use domain::ledger::Row;
use robaws::{Client, FoundArticle};
use runtime::error::Chain;
use std::time::Duration;

/// Longest wait for one answer while the reader waits for the page.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Most articles offered for a line.
pub const MOST_ARTICLES: usize = 20;

/// What came of a question to Robaws.
pub enum RobawsAnswer<T> {
    /// Robaws was not asked.
    NotAsked,
    /// Robaws did not answer in time, or answered with an error.
    Silent,
    Answer(T),
}

impl<T> RobawsAnswer<T> {
    /// Whether Robaws was asked and gave no answer.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Silent)
    }

    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Answer(answer) => Some(answer),
            Self::NotAsked | Self::Silent => None,
        }
    }
}

/// What Robaws answered for the controls.
pub struct ControlAnswers {
    /// The VAT-inclusive tariffs: only these may stand on an order line.
    pub tariffs: RobawsAnswer<Vec<VatTariff>>,
    /// The articles that a search found, and whether there are more.
    pub articles: RobawsAnswer<(Vec<FoundArticle>, bool)>,
}

/// Asks for the tariffs and for the articles that match a text, each only if wanted, both at the same time.
pub async fn ask_robaws(visit: &Visit<'_>, tariffs: bool, articles: Option<&str>) -> ControlAnswers {
    if !tariffs && articles.is_none() {
        return ControlAnswers { tariffs: RobawsAnswer::NotAsked, articles: RobawsAnswer::NotAsked };
    }
    let client = open_robaws_client(visit).await;
    let asked_tariffs = async {
        if !tariffs {
            return RobawsAnswer::NotAsked;
        }
        let Some(client) = &client else {
            return RobawsAnswer::Silent;
        };
        let heard = wait_for_answer(client.read_vat_tariffs()).await;
        match heard {
            RobawsAnswer::Answer(tariffs) => {
                RobawsAnswer::Answer(tariffs.into_iter().filter(|tariff| tariff.vat_inclusive).collect())
            }
            other => other,
        }
    };
    let asked_articles = async {
        match (&client, articles) {
            (_, None) => RobawsAnswer::NotAsked,
            (None, _) => RobawsAnswer::Silent,
            (Some(client), Some(wanted)) => {
                wait_for_answer(client.find_articles(wanted, MOST_ARTICLES)).await
            }
        }
    };
    let (tariffs, articles) = futures::join!(asked_tariffs, asked_articles);
    ControlAnswers { tariffs, articles }
}

/// The id of the document that a person typed for a row, as a number, an id or an address.
pub async fn find_document_id(visit: &Visit<'_>, row: &Row, typed: &str) -> String {
    let by_number = match (row.effect.document_kind(), open_robaws_client(visit).await) {
        (Some(kind), Some(client)) => {
            let found = wait_for_answer(client.find_invoices_by_reference(&row.reference, kind)).await;
            let invoices = found.answer().map(Vec::as_slice).unwrap_or_default();
            let named = invoices.iter().find(|invoice| invoice.number.as_deref() == Some(typed));
            named.map(|invoice| DocumentId::to_string(&invoice.id))
        }
        _ => None,
    };
    by_number.unwrap_or_else(|| {
        let address = typed.contains("://").then(|| typed.trim_end_matches('/').rsplit('/').next());
        address.flatten().unwrap_or(typed).to_owned()
    })
}

async fn open_robaws_client(visit: &Visit<'_>) -> Option<Client> {
    match visit.deps.peers.clients_for(&visit.item.connection).await {
        Ok(clients) => Some(clients.robaws),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "Robaws can't be asked for a page");
            None
        }
    }
}

async fn wait_for_answer<T>(asked: impl Future<Output = Result<T, robaws::Error>>) -> RobawsAnswer<T> {
    match tokio::time::timeout(LONGEST_WAIT, asked).await {
        Ok(Ok(answer)) => RobawsAnswer::Answer(answer),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "Robaws did not answer for a page");
            RobawsAnswer::Silent
        }
        Err(_) => {
            tracing::warn!("Robaws did not answer for a page in time");
            RobawsAnswer::Silent
        }
    }
}
