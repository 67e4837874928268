//! The clients of a connection, built from its credentials.

use crate::observe::CallCounter;
use crate::pacers::Pacers;
use crate::trouble::{Trouble, to_signed};
use domain::ids::{ConnectionId, ProductFlowCompanyId};
use runtime::clock::{SharedClock, SystemClock};
use std::sync::Arc;
use store::model::{Connection, Peer};
use store::secrets::{Credentials, SecretStore};
use url::Url;

/// The clients of both peers for one connection.
#[derive(Clone)]
pub struct Clients {
    pub robaws: robaws::Client,
    pub productflow: productflow::Client,
    credentials: Credentials,
}

impl Clients {
    /// Whether both were built from the same credentials.
    pub fn has_same_credentials(&self, other: &Self) -> bool {
        self.credentials.has_same_logins(&other.credentials)
    }
}

/// Why a connection has no clients.
#[derive(Debug, thiserror::Error)]
pub enum PeerClientsError {
    /// The secret could not be read.
    #[error("the credentials of connection {connection} could not be read")]
    Secret {
        connection: ConnectionId,
        #[source]
        source: store::secrets::SecretError,
    },
    /// A key, a token or the company was never entered.
    #[error("connection {connection} lacks {what}")]
    Incomplete {
        connection: ConnectionId,
        /// What is missing.
        what: &'static str,
    },
}

/// Builds clients, for all connections of a process.
#[derive(Clone)]
pub struct PeerClients {
    http: reqwest::Client,
    robaws_url: Url,
    productflow_url: Url,
    secrets: SecretStore,
    pacers: Pacers,
    clock: SharedClock,
}

impl PeerClients {
    /// `robaws_url`, `productflow_url`: base URLs of the two APIs.
    pub fn new(http: reqwest::Client, robaws_url: Url, productflow_url: Url, secrets: SecretStore) -> Self {
        Self {
            http,
            robaws_url,
            productflow_url,
            secrets,
            pacers: Pacers::new(Arc::new(SystemClock)),
            clock: Arc::new(SystemClock),
        }
    }

    /// Clients that wait by this clock instead of the machine's.
    #[must_use]
    pub fn with_clock(self, clock: SharedClock) -> Self {
        Self { pacers: Pacers::new(clock.clone()), clock, ..self }
    }

    pub fn secrets(&self) -> &SecretStore {
        &self.secrets
    }

    /// The base URL of Robaws' API.
    pub fn robaws_url(&self) -> &Url {
        &self.robaws_url
    }

    /// The clients of a connection, with credentials from the cache.
    ///
    /// # Errors
    ///
    /// [`PeerClientsError::Secret`] when the secret cannot be read; [`PeerClientsError::Incomplete`] when a key, a token or the
    /// company is missing.
    pub async fn clients_for(&self, connection: &Connection) -> Result<Clients, PeerClientsError> {
        let credentials = self
            .secrets
            .load_credentials(&connection.id, connection.secret_version.as_deref())
            .await
            .map_err(|source| PeerClientsError::Secret { connection: connection.id.clone(), source })?;
        self.build_clients(connection, &credentials)
    }

    /// The clients of a connection, with credentials read past the cache. Used after a peer refused the cached
    /// ones.
    ///
    /// # Errors
    ///
    /// As [`PeerClients::clients_for`].
    pub async fn clients_with_reloaded_credentials(
        &self,
        connection: &Connection,
    ) -> Result<Clients, PeerClientsError> {
        let credentials = self
            .secrets
            .reload_credentials(&connection.id)
            .await
            .map_err(|source| PeerClientsError::Secret { connection: connection.id.clone(), source })?;
        self.build_clients(connection, &credentials)
    }

    fn build_clients(
        &self,
        connection: &Connection,
        credentials: &Credentials,
    ) -> Result<Clients, PeerClientsError> {
        let incomplete = |what| PeerClientsError::Incomplete { connection: connection.id.clone(), what };
        let robaws =
            self.robaws_client(&connection.id, credentials).ok_or(incomplete("a Robaws key and secret"))?;
        let company = connection.company.ok_or(incomplete("a ProductFlow company"))?;
        let productflow =
            self.productflow_client(credentials, company).ok_or(incomplete("a ProductFlow access token"))?;
        Ok(Clients { robaws, productflow, credentials: credentials.clone() })
    }

    /// A Robaws client with these credentials. It shares its pacing with all other calls of the connection. `None`:
    /// Robaws key and secret are missing.
    pub fn robaws_client(
        &self,
        connection: &ConnectionId,
        credentials: &Credentials,
    ) -> Option<robaws::Client> {
        let login = credentials.robaws.clone()?;
        let pacer = self.pacers.pacer_for(connection);
        let login = robaws::Credentials { key: login.key, secret: login.secret };
        let url = self.robaws_url.clone();
        let client = robaws::Client::new(self.http.clone(), url, login, pacer);
        Some(client.with_observer(Arc::new(CallCounter(Peer::Robaws))))
    }

    /// A ProductFlow client with these credentials. `None`: the access token is missing.
    pub fn productflow_client(
        &self,
        credentials: &Credentials,
        company: ProductFlowCompanyId,
    ) -> Option<productflow::Client> {
        let token = credentials.productflow.clone()?.access_token;
        let url = self.productflow_url.clone();
        let client = productflow::Client::new(self.http.clone(), url, token, company);
        let client = client.with_clock(self.clock.clone());
        Some(client.with_observer(Arc::new(CallCounter(Peer::Productflow))))
    }
}

impl From<&robaws::Error> for Trouble {
    fn from(error: &robaws::Error) -> Self {
        use robaws::Error;
        match error {
            Error::Unauthorized { .. } | Error::NotJson { .. } | Error::Redirected { .. } => {
                Self::Credentials
            }
            Error::Forbidden { .. } => Self::Permission { module: error.forbidden_module() },
            Error::RateLimited { daily: true, reset, .. } => Self::Quota { reset: to_signed(*reset) },
            Error::RateLimited { retry_after, .. } => Self::RateLimited { wait: to_signed(*retry_after) },
            Error::Unavailable { .. } | Error::NoAnswer { .. } | Error::Conflict { .. } => Self::Down,
            Error::NotFound { .. } | Error::Rejected { .. } => {
                Self::Refused { reason: error.reason_of_robaws() }
            }
            Error::Unreadable { .. } => Self::Unreadable,
            Error::OutOfTime => Self::OutOfTime,
        }
    }
}

impl From<&productflow::Error> for Trouble {
    fn from(error: &productflow::Error) -> Self {
        use productflow::Error;
        match error {
            Error::Unauthorized { .. } | Error::Forbidden {} => Self::Credentials,
            Error::RateLimited { retry_after } => Self::RateLimited { wait: to_signed(*retry_after) },
            Error::Unavailable { .. } | Error::NoAnswer { .. } => Self::Down,
            Error::NotFound { .. } | Error::Rejected { .. } => Self::Refused { reason: error.reason() },
            Error::Unreadable { .. } => Self::Unreadable,
        }
    }
}
