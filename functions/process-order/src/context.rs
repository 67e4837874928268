//! What the looks at the orders of one connection share within one invocation.

use connection::ConnectionSession;
use domain::ids::DocumentId;
use domain::settings::Settings;
use std::ops::Deref;
use store::StoreError;
use store::model::{NewestDocument, NewestDocuments};
use tokio::sync::Mutex;

/// One connection within one invocation.
pub(crate) struct ConnectionContext {
    session: ConnectionSession,
    /// What the rules need of the connection.
    pub settings: Settings,
    newest_documents: Mutex<NewestDocuments>,
}

impl Deref for ConnectionContext {
    type Target = ConnectionSession;

    fn deref(&self) -> &ConnectionSession {
        &self.session
    }
}

impl ConnectionContext {
    pub(crate) fn new(session: ConnectionSession, settings: Settings) -> Self {
        Self { session, settings, newest_documents: Mutex::new(NewestDocuments::default()) }
    }

    /// Notes a document of ours that was made.
    pub(crate) async fn note_made_document(&self, document: NewestDocument, is_invoice: bool) {
        let mut newest = self.newest_documents.lock().await;
        if is_invoice {
            newest.invoice = Some(document);
        } else {
            newest.stock_change = Some(document);
        }
    }

    /// Forgets an invoice that is about to be deleted, so that it is the newest document no more. New credentials must see the
    /// newest document.
    pub(crate) async fn forget_invoice(&self, id: &DocumentId) -> Result<(), StoreError> {
        let mut newest = self.newest_documents.lock().await;
        newest.invoice = newest.invoice.take().filter(|document| document.robaws_id != *id);
        self.store.forget_newest_invoice(&self.item.connection.id, id).await
    }

    /// Finds another invoice of ours. A look-up that shows it proves that looking up by reference works.
    pub(crate) async fn find_other_invoice(&self, reference: &str) -> Option<NewestDocument> {
        let newest = self.newest_documents.lock().await;
        [newest.invoice.clone(), self.item.newest.invoice.clone()]
            .into_iter()
            .flatten()
            .find(|document| document.reference != reference)
    }

    /// Stores the newest documents and what is left of the day's requests.
    pub(crate) async fn save_and_close(&self) -> Result<(), StoreError> {
        let newest = std::mem::take(&mut *self.newest_documents.lock().await);
        if newest.invoice.is_some() || newest.stock_change.is_some() {
            self.store
                .save_newest_documents(&self.item.connection.id, newest.stock_change, newest.invoice)
                .await?;
        }
        self.session.close_session().await
    }
}
