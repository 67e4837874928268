//! The lists of Robaws from which settings are selected, read while the page is opened. Where Robaws does not answer there is no
//! list, and the stored setting stays.

use crate::pages::answer::PageError;
use crate::pages::visit::Visit;
use domain::catalogue::VatTariff;
use domain::settings::ConnectionSettings;
use robaws::{Error, FoundClients, NamedItem};
use runtime::error::Chain;
use std::time::Duration;

/// Longest wait for one list. The reader sees no page until then.
const LONGEST_WAIT: Duration = Duration::from_secs(8);
/// Most clients shown of a search.
pub const MOST_CLIENTS: usize = 20;

/// The lists; `None` where Robaws did not answer.
#[derive(Default)]
pub struct RobawsLists {
    pub locations: Option<Vec<NamedItem>>,
    pub users: Option<Vec<NamedItem>>,
    pub tariffs: Option<Vec<VatTariff>>,
    pub companies: Option<Vec<NamedItem>>,
    pub conditions: Option<Vec<NamedItem>>,
    /// The B2C client that is set. The inner `None`: no client is set, or Robaws does not have the client any more.
    pub client: Option<Option<NamedItem>>,
    /// The clients that a search found; also `None` without a search.
    pub clients: Option<FoundClients>,
    /// The text that was searched for.
    pub searched: Option<String>,
}

impl RobawsLists {
    pub fn is_incomplete(&self) -> bool {
        let Self { locations, users, tariffs, companies, conditions, client, clients, searched } = self;
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
pub async fn open_robaws_client(visit: &Visit<'_>) -> Result<Option<robaws::Client>, PageError> {
    let connection = &visit.item.connection;
    let peers = &visit.deps.peers;
    let credentials =
        peers.secrets().load_credentials(&connection.id, connection.secret_version.as_deref()).await?;
    Ok(peers.robaws_client(&connection.id, &credentials))
}

/// Asks Robaws for all lists at once. `searched` is a part of a client's name or its number; an empty text finds any client.
pub async fn read_robaws_lists(
    visit: &Visit<'_>,
    settings: &ConnectionSettings,
    searched: Option<&str>,
) -> Result<RobawsLists, PageError> {
    let Some(robaws) = open_robaws_client(visit).await? else {
        return Ok(RobawsLists::default());
    };
    let client = async {
        match &settings.b2c_client_id {
            Some(id) => robaws.read_client(id).await,
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
        wait_for_list(robaws.read_stock_locations()),
        wait_for_list(robaws.read_users()),
        wait_for_list(robaws.read_vat_tariffs()),
        wait_for_list(robaws.read_companies()),
        wait_for_list(robaws.read_payment_conditions()),
        wait_for_list(client),
        wait_for_list(clients),
    );
    Ok(RobawsLists {
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
async fn wait_for_list<T: Default>(asked: impl Future<Output = Result<T, Error>>) -> Option<T> {
    match tokio::time::timeout(LONGEST_WAIT, asked).await {
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
