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
const PATIENCE: Duration = Duration::from_secs(8);
/// Most articles offered for a line.
pub const MOST_ARTICLES: usize = 20;

/// What came of a question to Robaws.
pub enum Heard<T> {
    /// Robaws was not asked.
    NotAsked,
    /// Robaws did not answer in time, or answered with an error.
    Silent,
    Answer(T),
}

impl<T> Heard<T> {
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
pub struct Catalogue {
    /// The VAT-inclusive tariffs: only these may stand on an order line.
    pub tariffs: Heard<Vec<VatTariff>>,
    /// The articles that a search found, and whether there are more.
    pub articles: Heard<(Vec<FoundArticle>, bool)>,
}

/// Asks for the tariffs and for the articles that match a text, each only if wanted, both at the same time.
pub async fn ask(visit: &Visit<'_>, tariffs: bool, articles: Option<&str>) -> Catalogue {
    if !tariffs && articles.is_none() {
        return Catalogue {
            tariffs: Heard::NotAsked,
            articles: Heard::NotAsked,
        };
    }
    let client = client(visit).await;
    let asked_tariffs = async {
        if !tariffs {
            return Heard::NotAsked;
        }
        let Some(client) = &client else {
            return Heard::Silent;
        };
        let heard = heard(client.vat_tariffs()).await;
        match heard {
            Heard::Answer(tariffs) => Heard::Answer(
                tariffs
                    .into_iter()
                    .filter(|tariff| tariff.vat_inclusive)
                    .collect(),
            ),
            other => other,
        }
    };
    let asked_articles = async {
        match (&client, articles) {
            (_, None) => Heard::NotAsked,
            (None, _) => Heard::Silent,
            (Some(client), Some(wanted)) => heard(client.find_articles(wanted, MOST_ARTICLES)).await,
        }
    };
    let (tariffs, articles) = futures::join!(asked_tariffs, asked_articles);
    Catalogue { tariffs, articles }
}

/// The id of the document that a person typed for a row, as a number, an id or an address.
pub async fn document_id(visit: &Visit<'_>, row: &Row, typed: &str) -> String {
    let by_number = match (row.effect.document(), client(visit).await) {
        (Some(kind), Some(client)) => {
            let found = heard(client.find_by_reference(&row.reference, kind)).await;
            let invoices = found.answer().map(Vec::as_slice).unwrap_or_default();
            let named = invoices
                .iter()
                .find(|invoice| invoice.number.as_deref() == Some(typed));
            named.map(|invoice| DocumentId::to_string(&invoice.id))
        }
        _ => None,
    };
    by_number.unwrap_or_else(|| {
        let address = typed
            .contains("://")
            .then(|| typed.trim_end_matches('/').rsplit('/').next());
        address.flatten().unwrap_or(typed).to_owned()
    })
}

async fn client(visit: &Visit<'_>) -> Option<Client> {
    match visit.deps.peers.of(&visit.item.connection).await {
        Ok(clients) => Some(clients.robaws),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "Robaws can't be asked for a page");
            None
        }
    }
}

async fn heard<T>(asked: impl Future<Output = Result<T, robaws::Error>>) -> Heard<T> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Heard::Answer(answer),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "Robaws did not answer for a page");
            Heard::Silent
        }
        Err(_) => {
            tracing::warn!("Robaws did not answer for a page in time");
            Heard::Silent
        }
    }
}
