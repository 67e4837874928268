//! What can be chosen, as Robaws gives it now. Robaws may not answer: then there is no list, and what is stored stays.

use crate::pages::answer::PageError;
use crate::pages::visit::Visit;
use domain::catalogue::VatTariff;
use domain::settings::ConnectionSettings;
use robaws::{Error, FoundClients, Named};
use runtime::error::Chain;
use std::time::Duration;

/// How long one list may take: whoever waits sees nothing until then.
const MOST_TIME: Duration = Duration::from_secs(8);
/// Clients shown of a search.
pub const MOST_CLIENTS: usize = 20;

/// What can be chosen; `None` where Robaws did not say.
#[derive(Default)]
pub struct Lists {
    /// Stock locations.
    pub locations: Option<Vec<Named>>,
    /// Users.
    pub users: Option<Vec<Named>>,
    /// VAT tariffs.
    pub tariffs: Option<Vec<VatTariff>>,
    /// Companies.
    pub companies: Option<Vec<Named>>,
    /// Payment conditions.
    pub conditions: Option<Vec<Named>>,
    /// The B2C client that is set; the inner `None`: Robaws has it no more, or none is set.
    pub client: Option<Option<Named>>,
    /// What the search for clients found; also `None` when nothing was searched.
    pub clients: Option<FoundClients>,
    /// What was searched.
    pub searched: Option<String>,
}

impl Lists {
    /// Whether Robaws gave no answer to at least one question.
    pub fn is_incomplete(&self) -> bool {
        let Self {
            locations,
            users,
            tariffs,
            companies,
            conditions,
            client,
            clients,
            searched,
        } = self;
        locations.is_none()
            || users.is_none()
            || tariffs.is_none()
            || companies.is_none()
            || conditions.is_none()
            || client.is_none()
            || (searched.is_some() && clients.is_none())
    }
}

/// A client for Robaws with what is stored.
pub async fn robaws(visit: &Visit<'_>) -> Result<Option<robaws::Client>, PageError> {
    let connection = &visit.item.connection;
    let peers = &visit.deps.peers;
    let credentials = peers
        .secrets()
        .get(&connection.id, connection.secret_version.as_deref())
        .await?;
    Ok(peers.robaws(&connection.id, &credentials))
}

/// Asks Robaws for everything at once. `searched`: a part of a client's name, or its number; an empty text finds any.
pub async fn read(
    visit: &Visit<'_>,
    settings: &ConnectionSettings,
    searched: Option<&str>,
) -> Result<Lists, PageError> {
    let Some(robaws) = robaws(visit).await? else {
        return Ok(Lists::default());
    };
    let client = async {
        match &settings.b2c_client_id {
            Some(id) => robaws.client(id).await,
            None => Ok(None),
        }
    };
    let clients = async {
        match searched {
            Some(text) => robaws.find_clients(text, MOST_CLIENTS).await,
            None => Ok(FoundClients::default()),
        }
    };
    let (locations, users, tariffs, companies, conditions, client, clients) = futures::join!(
        answered(robaws.stock_locations()),
        answered(robaws.users()),
        answered(robaws.vat_tariffs()),
        answered(robaws.companies()),
        answered(robaws.payment_conditions()),
        answered(client),
        answered(clients),
    );
    Ok(Lists {
        locations,
        users,
        tariffs,
        companies,
        conditions,
        client,
        clients: clients.filter(|_| searched.is_some()),
        searched: searched.map(str::to_owned),
    })
}

/// The answer, if there is one in time.
async fn answered<T: Default>(asked: impl Future<Output = Result<T, Error>>) -> Option<T> {
    match tokio::time::timeout(MOST_TIME, asked).await {
        Ok(Ok(answer)) => Some(answer),
        // A list that is not there is an empty one.
        Ok(Err(Error::NotFound { .. })) => Some(T::default()),
        Ok(Err(error)) => {
            tracing::warn!(error = %Chain(&error), "a list for the settings could not be read");
            None
        }
        Err(_) => {
            tracing::warn!("a list for the settings took too long");
            None
        }
    }
}
