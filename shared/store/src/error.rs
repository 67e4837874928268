//! What can go wrong with the table, by meaning.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A read or write of the table failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else wrote the item since it was read.
    #[error("somebody else wrote the item")]
    Conflict,
    /// DynamoDB did not do it.
    #[error("DynamoDB failed")]
    Unavailable(#[source] Source),
    /// An item that should be there is not, or can't be read.
    #[error("{what} can't be read")]
    Corrupt {
        /// Which item.
        what: String,
        /// Why.
        #[source]
        source: Option<Source>,
    },
    /// Larger than an item may be (400 KB).
    #[error("the item is larger than DynamoDB takes")]
    TooLarge,
    /// A cursor that this API never gave.
    #[error("the cursor is not one of ours")]
    BadCursor,
}

impl StoreError {
    /// An item that must be there is not.
    pub fn missing(what: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            source: None,
        }
    }

    pub(crate) fn corrupt(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Corrupt {
            what: what.into(),
            source: Some(source.into()),
        }
    }

    pub(crate) fn sdk<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code = error
            .as_service_error()
            .and_then(ProvideErrorMetadata::code)
            .unwrap_or_default()
            .to_owned();
        let message = error
            .as_service_error()
            .and_then(ProvideErrorMetadata::message)
            .unwrap_or_default();
        match code.as_str() {
            "ConditionalCheckFailedException"
            | "TransactionCanceledException"
            | "TransactionConflictException" => Self::Conflict,
            "ValidationException" if message.contains("size") => Self::TooLarge,
            _ => Self::Unavailable(error.into()),
        }
    }
}
