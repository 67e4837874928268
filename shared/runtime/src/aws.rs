//! The AWS clients, configured from the environment of Lambda.

mod connector;

use crate::env::{self, EnvError};
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
pub use connector::{http_client, http_client_with_machine_roots};
use std::time::Duration;

/// The configuration of all AWS clients: region, credentials and, for an emulator, `AWS_ENDPOINT_URL` or a
/// variable per service such as `AWS_ENDPOINT_URL_DYNAMODB`.
///
/// Only the environment is read, since Lambda gives credentials there. The SDK's other sources (profiles,
/// metadata services, STS) would be linked into every function for nothing. The time-outs are short, so that
/// one slow call cannot use up an invocation.
///
/// # Errors
///
/// [`AwsError::Environment`] when no region is set; [`AwsError::Http`] when no HTTP client can be built.
pub fn config_from_env() -> Result<SdkConfig, AwsError> {
    let region = match env::read_optional("AWS_REGION") {
        Some(region) => region,
        None => env::read_required("AWS_DEFAULT_REGION")?,
    };
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    let mut config = SdkConfig::builder();
    config.set_endpoint_url(env::read_optional("AWS_ENDPOINT_URL"));
    Ok(config
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http_client()?)
        .region(Region::new(region))
        .service_config(ServiceVariables)
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        .build())
}

/// The endpoint variables of single services, as the SDK names them.
#[derive(Debug)]
struct ServiceVariables;

impl LoadServiceConfig for ServiceVariables {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        env::read_optional(&format!("{}_{service}", key.env()))
    }
}

/// Why no AWS call can be made.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// The environment names no region.
    #[error(transparent)]
    Environment(#[from] EnvError),
    /// The HTTP client could not be built, most likely because root certificates are missing.
    #[error("the HTTP client for AWS could not be made")]
    Http(#[from] reqwest::Error),
}

pub fn dynamodb_client(config: &SdkConfig) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(config)
}

pub fn sqs_client(config: &SdkConfig) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(config)
}

pub fn secretsmanager_client(config: &SdkConfig) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(config)
}
