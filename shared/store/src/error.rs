//! The errors of the table, by what the caller can do about each.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

type Source = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer stored the item since it was read; the caller reads it again or gives up.
    #[error("somebody else wrote the item")]
    Conflict,
    /// DynamoDB did not answer, or refused the call for a reason of its own.
    #[error("DynamoDB failed")]
    Unavailable(#[source] Source),
    /// A stored item is missing where it must be, has a newer schema, or does not deserialize. Also: a value that
    /// does not serialize.
    #[error("{what} can't be read")]
    Corrupt {
        /// The kind of item and, where known, its place in the table.
        what: String,
        /// The serde error, if there is one.
        #[source]
        source: Option<Source>,
    },
    /// The item exceeds the 400 KB that DynamoDB takes.
    #[error("the item is larger than DynamoDB takes")]
    TooLarge,
    /// A list cursor that this crate did not make.
    #[error("the cursor is not one of ours")]
    BadCursor,
}

impl StoreError {
    /// An error for an item or attribute that must exist and does not.
    pub fn missing_item(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), source: None }
    }

    pub(crate) fn corrupt_item(what: impl Into<String>, source: impl Into<Source>) -> Self {
        Self::Corrupt { what: what.into(), source: Some(source.into()) }
    }

    /// Sorts an SDK error by its error code. Only a failed condition or a lost transaction counts as a conflict:
    /// everything else leaves open whether DynamoDB wrote.
    pub(crate) fn from_sdk<E, R>(error: SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        let code =
            error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned();
        let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
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
            StoreError::from_sdk(SdkError::service_error(PutItemError::generic(told), ()))
        };
        for code in [
            "ConditionalCheckFailedException",
            "TransactionCanceledException",
            "TransactionConflictException",
        ] {
            assert!(matches!(refused(code, ""), StoreError::Conflict), "{code}");
        }
        let too_large = "Item size has exceeded the maximum allowed size";
        assert!(matches!(refused("ValidationException", too_large), StoreError::TooLarge));
        for (code, message) in [
            ("ValidationException", "The provided key element does not match the schema"),
            ("InternalServerError", too_large),
            ("ProvisionedThroughputExceededException", ""),
        ] {
            let error = refused(code, message);
            assert!(matches!(error, StoreError::Unavailable(_)), "{code}");
        }
    }
}
