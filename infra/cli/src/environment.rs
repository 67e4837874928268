//! What the environment says, read once.

use aws_config::SdkConfig;
use runtime::env::optional;
use secrecy::SecretString;
use std::time::Duration;

/// What the environment says.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `CONNECTOR_API`: the API's URL.
    pub api: Option<String>,
    /// `CONNECTOR_TOKEN`: the operator's token, with a URL.
    pub token: Option<SecretString>,
    /// `CONNECTOR_STACK`: the CloudFormation stack to find both in.
    pub stack: Option<String>,
    /// `CONNECTOR_ROBAWS_KEY`, for `--robaws-login env`.
    pub robaws_key: Option<SecretString>,
    /// `CONNECTOR_ROBAWS_SECRET`, for `--robaws-login env`.
    pub robaws_secret: Option<SecretString>,
    /// `CONNECTOR_PRODUCTFLOW_TOKEN`, for `--productflow-token env`.
    pub productflow_token: Option<SecretString>,
    /// `NO_COLOR` is set to something.
    pub no_color: bool,
    /// How to reach AWS; `None`: as the SDK finds it.
    pub aws: Option<SdkConfig>,
    /// How long things take that wait.
    pub pace: Pace,
}

/// How long to wait before something is asked again.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Before a call is repeated; doubled each time.
    pub retry: Duration,
    /// Between two looks at something that goes on.
    pub poll: Duration,
    /// For the first message of a queue, in seconds. SQS answers "none" too early without it.
    pub queue_seconds: i32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retry: Duration::from_millis(500),
            poll: Duration::from_secs(2),
            queue_seconds: 2,
        }
    }
}

impl Environment {
    /// As this process sees it.
    pub fn of_process() -> Self {
        let secret = |name| optional(name).map(SecretString::from);
        Self {
            api: optional("CONNECTOR_API"),
            token: secret("CONNECTOR_TOKEN"),
            stack: optional("CONNECTOR_STACK"),
            robaws_key: secret("CONNECTOR_ROBAWS_KEY"),
            robaws_secret: secret("CONNECTOR_ROBAWS_SECRET"),
            productflow_token: secret("CONNECTOR_PRODUCTFLOW_TOKEN"),
            no_color: optional("NO_COLOR").is_some(),
            aws: None,
            pace: Pace::default(),
        }
    }
}
