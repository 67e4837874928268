//! What settings name: the resources `/clients`, `/users`, `/companies`, `/payment-conditions` and `/stock-locations` of
//! Robaws.

use crate::transport::{Client, LIST_TIMEOUT, PROBE_TIMEOUT, Request};
use crate::wire::NamedItem;
use crate::{Error, wire};
use domain::ids::ClientId;

/// Most clients read for one search, in case Robaws ignores the filter.
const MOST_CLIENTS_READ: usize = 2_000;

/// The result of a search for clients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundClients {
    /// The clients found. The client with exactly the searched number comes first.
    pub clients: Vec<NamedItem>,
    /// Whether there may be other clients.
    pub may_have_more: bool,
}

impl Client {
    /// Reads a client by its id. Gives `None` when Robaws does not have the client.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_client(&self, id: &ClientId) -> Result<Option<NamedItem>, Error> {
        self.get_optional_json(Request::get(&format!("clients/{id}"), &[]), "a client").await
    }

    /// Finds the clients whose name contains `text`, and the client whose number `text` is. Gives at most `most` clients. An
    /// empty text finds any client.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn find_clients(&self, text: &str, most: usize) -> Result<FoundClients, Error> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = ClientId::parse(text).ok().filter(|_| is_number);
        let by_number = async {
            match &number {
                Some(id) => self.read_client(id).await,
                None => Ok(None),
            }
        };
        let (by_number, by_name) = futures::join!(by_number, self.find_clients_by_name(text, most));
        let mut found = by_name?;
        if let Some(client) = by_number? {
            found.clients.retain(|other| other.id != client.id);
            found.clients.insert(0, client);
        }
        found.may_have_more |= found.clients.len() > most;
        found.clients.truncate(most);
        Ok(found)
    }

    async fn find_clients_by_name(&self, text: &str, most: usize) -> Result<FoundClients, Error> {
        let filter = [(wire::NAME_FILTER, text)];
        let query: &[(&str, &str)] = if text.is_empty() { &[] } else { &filter };
        let mut more = false;
        let mut clients = self
            .read_whole_list(
                "clients",
                query,
                "clients",
                LIST_TIMEOUT,
                |client: &NamedItem| &client.id,
                |read| {
                    let found = read.iter().filter(|client| client.name_contains(text)).count();
                    more = found > most || read.len() >= MOST_CLIENTS_READ;
                    more
                },
            )
            .await?;
        clients.retain(|client| client.name_contains(text));
        Ok(FoundClients { clients, may_have_more: more })
    }

    /// Reads all users of the tenant.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_users(&self) -> Result<Vec<NamedItem>, Error> {
        self.read_named_items("users").await
    }

    /// Reads all companies of the tenant.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_companies(&self) -> Result<Vec<NamedItem>, Error> {
        self.read_named_items("companies").await
    }

    /// Reads all payment conditions of the tenant.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_payment_conditions(&self) -> Result<Vec<NamedItem>, Error> {
        self.read_named_items("payment-conditions").await
    }

    /// Reads all stock locations of the tenant.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn read_stock_locations(&self) -> Result<Vec<NamedItem>, Error> {
        self.read_named_items("stock-locations").await
    }

    /// Makes the cheapest read, to find out whether Robaws answers: one stock location, which every API user that books must be
    /// allowed to read.
    ///
    /// # Errors
    ///
    /// Fails when Robaws cannot be reached, refuses the call, or answers in another shape than expected.
    pub async fn make_cheapest_read(&self) -> Result<(), Error> {
        let page: wire::ListPage<NamedItem> = self
            .get_json(
                Request {
                    timeout: PROBE_TIMEOUT,
                    ..Request::get("stock-locations", &[("page", "0"), ("size", "1")])
                },
                "stock locations",
            )
            .await?;
        drop(page);
        Ok(())
    }

    /// Checks that the API user may read a module, such as `articles`, by reading one row of its list.
    ///
    /// # Errors
    ///
    /// [`Error::Forbidden`] when the role of the API user does not allow the module. Fails also when Robaws cannot be reached
    /// or answers in another shape than expected.
    pub async fn test_module_access(&self, module: &str) -> Result<(), Error> {
        let page: wire::ListPage<serde::de::IgnoredAny> =
            self.get_json(Request::get(module, &[("page", "0"), ("size", "1")]), "a list").await?;
        drop(page);
        Ok(())
    }

    async fn read_named_items(&self, path: &str) -> Result<Vec<NamedItem>, Error> {
        self.read_whole_list(path, &[], "a list of names", LIST_TIMEOUT, |n: &NamedItem| &n.id, |_| false)
            .await
    }
}
