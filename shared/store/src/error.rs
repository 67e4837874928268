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

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;

    #[test]
    fn only_what_says_so_is_a_lost_race_or_too_large() {
        let refused = |code: &str, message: &str| {
            let told = ErrorMetadata::builder().code(code).message(message).build();
            StoreError::sdk(SdkError::service_error(PutItemError::generic(told), ()))
        };
        for code in [
            "ConditionalCheckFailedException",
            "TransactionCanceledException",
            "TransactionConflictException",
        ] {
            assert!(matches!(refused(code, ""), StoreError::Conflict), "{code}");
        }
        let too_large = "Item size has exceeded the maximum allowed size";
        assert!(matches!(
            refused("ValidationException", too_large),
            StoreError::TooLarge
        ));
        for (code, message) in [
            (
                "ValidationException",
                "The provided key element does not match the schema",
            ),
            ("InternalServerError", too_large),
            ("ProvisionedThroughputExceededException", ""),
        ] {
            let error = refused(code, message);
            assert!(matches!(error, StoreError::Unavailable(_)), "{code}");
        }
    }
}
