//! The lists of Robaws from which settings are selected, read while the page is opened. Where Robaws does not answer there is no
//! list, and the stored setting stays.

use crate::pages::answer::PageError;
use crate::pages::visit::Visit;
use domain::catalogue::VatTariff;
use domain::settings::ConnectionSettings;
use robaws::{Error, FoundClients, Named};
use runtime::error::Chain;
use std::time::Duration;

/// Longest wait for one list. The reader sees no page until then.
const MOST_TIME: Duration = Duration::from_secs(8);
/// Most clients shown of a search.
pub const MOST_CLIENTS: usize = 20;

/// The lists; `None` where Robaws did not answer.
#[derive(Default)]
pub struct Lists {
    pub locations: Option<Vec<Named>>,
    pub users: Option<Vec<Named>>,
    pub tariffs: Option<Vec<VatTariff>>,
    pub companies: Option<Vec<Named>>,
    pub conditions: Option<Vec<Named>>,
    /// The B2C client that is set. The inner `None`: no client is set, or Robaws does not have the client any more.
    pub client: Option<Option<Named>>,
    /// The clients that a search found; also `None` without a search.
    pub clients: Option<FoundClients>,
    /// The text that was searched for.
    pub searched: Option<String>,
}

impl Lists {
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

/// Makes a client of Robaws with the stored credentials; `None` without credentials.
pub async fn robaws(visit: &Visit<'_>) -> Result<Option<robaws::Client>, PageError> {
    let connection = &visit.item.connection;
    let peers = &visit.deps.peers;
    let credentials = peers
        .secrets()
        .get(&connection.id, connection.secret_version.as_deref())
        .await?;
    Ok(peers.robaws(&connection.id, &credentials))
}

/// Asks Robaws for all lists at once. `searched` is a part of a client's name or its number; an empty text finds any client.
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

/// The answer, if it comes in time.
async fn answered<T: Default>(asked: impl Future<Output = Result<T, Error>>) -> Option<T> {
    match tokio::time::timeout(MOST_TIME, asked).await {
        Ok(Ok(answer)) => Some(answer),
        // Robaws answers 404 for a list that it does not have, which counts as an empty list.
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
