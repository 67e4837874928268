//! The definition of the table and its indexes, as the local stack and the tests create them. On AWS the
//! template defines the same table; tests/template/check.py compares the two.

use crate::error::StoreError;
use crate::keys::{DUE_INDEX, NEWEST_INDEX, OPEN_INDEX};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};

fn invalid_definition(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(error.into())
}

fn build_key_schema(hash: &str, range: &str) -> Result<Vec<KeySchemaElement>, StoreError> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .map_err(invalid_definition)
        })
        .collect()
}

fn build_index(
    name: &str,
    hash: &str,
    range: &str,
    shown: ProjectionType,
    attributes: &[&str],
) -> Result<GlobalSecondaryIndex, StoreError> {
    let attributes: Vec<String> = attributes.iter().map(|name| (*name).to_owned()).collect();
    let projection = Projection::builder()
        .projection_type(shown)
        .set_non_key_attributes((!attributes.is_empty()).then_some(attributes));
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .set_key_schema(Some(build_key_schema(hash, range)?))
        .projection(projection.build())
        .build()
        .map_err(invalid_definition)
}

/// Creates the table `name` with its three indexes.
///
/// # Errors
///
/// [`StoreError::Unavailable`] when DynamoDB fails or refuses the definition.
pub async fn create_table(client: &Client, name: &str) -> Result<(), StoreError> {
    let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for attribute in ["pk", "sk", "due_pk", "due_at", "newest_pk", "newest_at", "open_pk", "open_at"] {
        let definition = AttributeDefinition::builder()
            .attribute_name(attribute)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .map_err(invalid_definition)?;
        request = request.attribute_definitions(definition);
    }
    request
        .set_key_schema(Some(build_key_schema("pk", "sk")?))
        .global_secondary_indexes(build_index(DUE_INDEX, "due_pk", "due_at", ProjectionType::All, &[])?)
        .global_secondary_indexes(build_index(
            NEWEST_INDEX,
            "newest_pk",
            "newest_at",
            ProjectionType::Include,
            &["summary"],
        )?)
        .global_secondary_indexes(build_index(
            OPEN_INDEX,
            "open_pk",
            "open_at",
            ProjectionType::Include,
            &["subject", "problems", "differences"],
        )?)
        .send()
        .await
        .map_err(StoreError::from_sdk)?;
    Ok(())
}
