//! The environment variables that the program knows, read once at its start.

use aws_config::SdkConfig;
use runtime::env::read_optional;
use secrecy::SecretString;
use std::time::Duration;

/// The values of the environment variables, and what tests set in their place.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `CONNECTOR_API`: the API's URL.
    pub api: Option<String>,
    /// `CONNECTOR_TOKEN`: the operator's token, for a deployment named by its URL.
    pub token: Option<SecretString>,
    /// `CONNECTOR_STACK`: name of the CloudFormation stack in which URL and token are found.
    pub stack: Option<String>,
    /// `CONNECTOR_ROBAWS_KEY`, for `--robaws-login env`.
    pub robaws_key: Option<SecretString>,
    /// `CONNECTOR_ROBAWS_SECRET`, for `--robaws-login env`.
    pub robaws_secret: Option<SecretString>,
    /// `CONNECTOR_PRODUCTFLOW_TOKEN`, for `--productflow-token env`.
    pub productflow_token: Option<SecretString>,
    /// Whether `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// Configuration for AWS, for tests; `None`: the SDK finds it (profile, environment).
    pub aws: Option<SdkConfig>,
    pub pace: Pace,
}

/// Waiting times. Tests set them to zero.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Delay before the first repeat of a call; doubled before each further one.
    pub retry_delay: Duration,
    /// Delay between two questions to the server or to SQS while a command watches something.
    pub watch_interval: Duration,
    /// Seconds of SQS long polling (`WaitTimeSeconds`): without it SQS may answer "none" although there are messages.
    pub queue_wait_seconds: i32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry_delay: Duration::from_millis(500),
            watch_interval: Duration::from_secs(2),
            queue_wait_seconds: 2,
        }
    }
}

impl Environment {
    pub fn from_process() -> Self {
        let secret = |name| read_optional(name).map(SecretString::from);
        Self {
            api: read_optional("CONNECTOR_API"),
            token: secret("CONNECTOR_TOKEN"),
            stack: read_optional("CONNECTOR_STACK"),
            robaws_key: secret("CONNECTOR_ROBAWS_KEY"),
            robaws_secret: secret("CONNECTOR_ROBAWS_SECRET"),
            productflow_token: secret("CONNECTOR_PRODUCTFLOW_TOKEN"),
            no_color: read_optional("NO_COLOR").is_some(),
            aws: None,
            pace: Pace::default(),
        }
    }
}
