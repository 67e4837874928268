//! Deletes connections and creates them anew. The ledger of a deleted connection stays, so that nothing is
//! booked twice when the merchant comes back. What the ledger describes (company, start date, newest documents,
//! table) is kept beside it.

use crate::Store;
use crate::connections::{ClaimError, to_attribute};
use crate::error::StoreError;
use crate::keys::{self, Key};
use crate::model::{CONNECTION_SCHEMA, Connection, ConnectionItem, NewestDocuments};
use crate::record::{describe_item, read_attribute, refuse_newer_schema};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use domain::ids::ConnectionId;
use domain::settings::ConnectionSettings;
use serde::{Deserialize, Serialize};

/// What is kept of a deleted connection: nothing that the merchant set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedConnection {
    /// The connection without its settings and credentials.
    pub connection: Connection,
    /// The newest documents of the ledger.
    pub newest: NewestDocuments,
}

impl DeletedConnection {
    fn from_item(item: &ConnectionItem) -> Self {
        Self {
            connection: Connection {
                settings: ConnectionSettings::default(),
                has_robaws: false,
                has_productflow: false,
                secret_version: None,
                public_base_url: None,
                ..item.connection.clone()
            },
            newest: item.newest.clone(),
        }
    }

    /// Joins this ledger with a new connection of the same id: settings come from `new`, the history from here.
    #[must_use]
    pub fn hand_over_to(self, new: Connection) -> Connection {
        Connection {
            language: new.language,
            settings: new.settings,
            company: self.connection.company.or(new.company),
            created_at: new.created_at,
            version: self.connection.version + 1,
            // Remembered look-ups and answers of the deleted connection must not be used for the new one.
            catalogue_stamp: self.connection.catalogue_stamp + 1,
            settings_stamp: self.connection.settings_stamp + 1,
            ..self.connection
        }
    }
}

impl Store {
    /// Deletes a connection and keeps what its ledger describes. A connection that was never active leaves nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] when another writer stored the connection since it was read;
    /// [`StoreError::Unavailable`] when DynamoDB fails.
    pub async fn delete_connection(&self, item: &ConnectionItem) -> Result<(), StoreError> {
        let connection = &item.connection;
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::connection_key(&connection.id)))
            .condition_expression("#c.#v = :known")
            .expression_attribute_names("#c", "connection")
            .expression_attribute_names("#v", "version")
            .expression_attribute_values(":known", AttributeValue::N(connection.version.to_string()))
            .build()
            .map_err(invalid_request)?;
        let mut request = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().delete(delete).build());
        if connection.first_activated_at.is_some() {
            let mut kept = keys::deleted_connection_key(&connection.id);
            kept.insert("deleted".to_owned(), to_attribute(&DeletedConnection::from_item(item))?);
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(kept))
                .build()
                .map_err(invalid_request)?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        request.send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }

    /// Loads what is kept of a deleted connection. `None`: no connection of this id was deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] when DynamoDB fails; [`StoreError::Corrupt`] when the stored item cannot be
    /// read.
    pub async fn load_deleted_connection(
        &self,
        id: &ConnectionId,
    ) -> Result<Option<DeletedConnection>, StoreError> {
        let Some(mut item) = self.load_item(keys::deleted_connection_key(id)).await? else {
            return Ok(None);
        };
        let what = "a deleted connection";
        let kept = item.get("deleted").and_then(|value| value.as_m().ok());
        if let Some(AttributeValue::M(connection)) = kept.and_then(|kept| kept.get("connection")) {
            refuse_newer_schema(connection, CONNECTION_SCHEMA, &describe_item(what, &item))?;
        }
        read_attribute(what, &mut item, "deleted").map(Some)
    }

    /// Creates a connection that continues the ledger of a deleted one, in one transaction.
    ///
    /// # Errors
    ///
    /// [`ClaimError::Exists`] when the connection exists, or somebody else continued the ledger first;
    /// [`ClaimError::Store`] when the table fails.
    pub async fn recreate_connection(
        &self,
        connection: &Connection,
        newest: &NewestDocuments,
    ) -> Result<(), ClaimError> {
        let mut item: Key = keys::connection_key(&connection.id);
        item.insert("connection".to_owned(), to_attribute(connection)?);
        item.insert("newest".to_owned(), to_attribute(newest)?);
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .map_err(invalid_request)?;
        // Only one new connection may continue the ledger: the one that deletes this item.
        let forget = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(keys::deleted_connection_key(&connection.id)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(invalid_request)?;
        let sent = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(put).build())
            .transact_items(TransactWriteItem::builder().delete(forget).build())
            .send()
            .await;
        match sent.map_err(StoreError::from_sdk) {
            Ok(_) => Ok(()),
            Err(StoreError::Conflict) => Err(ClaimError::Exists),
            Err(error) => Err(error.into()),
        }
    }
}

fn invalid_request(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Unavailable(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{connection_item, new_connection};
    use domain::Language;
    use domain::ids::ProductFlowCompanyId;

    fn booked_connection() -> Connection {
        Connection {
            version: 7,
            company: Some(ProductFlowCompanyId(4)),
            has_robaws: true,
            has_productflow: true,
            secret_version: Some("3".to_owned()),
            first_activated_at: Some(new_connection().created_at),
            catalogue_stamp: 9,
            settings_stamp: 11,
            public_base_url: Some("https://connector.example".to_owned()),
            table_id: Some("table".to_owned()),
            ..new_connection()
        }
    }

    #[test]
    fn of_a_deleted_connection_no_trace_of_its_credentials_and_address_is_kept() {
        let kept = DeletedConnection::from_item(&connection_item(booked_connection())).connection;
        assert!(!kept.has_robaws && !kept.has_productflow);
        assert_eq!((kept.secret_version, kept.public_base_url), (None, None));
        assert_eq!(
            (kept.company, kept.first_activated_at, kept.table_id),
            (Some(ProductFlowCompanyId(4)), Some(new_connection().created_at), Some("table".to_owned()))
        );
    }

    #[test]
    fn nothing_looked_up_for_a_deleted_connection_counts_for_the_one_that_goes_on_with_its_ledger() {
        let new = Connection { language: Language::FR, ..new_connection() };
        let again = DeletedConnection::from_item(&connection_item(booked_connection())).hand_over_to(new);
        assert_eq!(again.language, Language::FR);
        assert_eq!(again.company, Some(ProductFlowCompanyId(4)));
        let booked = booked_connection();
        assert!(again.version > booked.version);
        assert!(again.catalogue_stamp > booked.catalogue_stamp);
        assert!(again.settings_stamp > booked.settings_stamp);
    }
}
