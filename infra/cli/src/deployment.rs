//! Which deployment a command is for, and how its API is reached.

use crate::environment::Environment;
use crate::failure::Failure;
use crate::options::GlobalOptions;
use crate::stack::Stack;
use secrecy::SecretString;

/// The operator's token of the local stack: fixed and public, since it protects nothing.
pub const LOCAL_TOKEN: &str = "LocalOperatorTokenThatProtectsNothingButThisMachine";

/// How a deployment is named.
#[derive(Debug, Clone)]
pub enum Deployment {
    Url(String),
    Stack {
        name: String,
        /// The stack's region; `None`: that of the AWS profile.
        region: Option<String>,
    },
    /// The stack of `cargo run` on this machine, by its port.
    Local(u16),
}

/// The deployment that the flags name; without such a flag the one that the environment names.
pub fn resolve_deployment(global: &GlobalOptions, environment: &Environment) -> Result<Deployment, Failure> {
    let stack = |name: &String| Deployment::Stack { name: name.clone(), region: global.region.clone() };
    let flagged = global.local.map(Deployment::Local);
    let flagged = flagged.or_else(|| global.stack.as_ref().map(stack));
    let flagged = flagged.or_else(|| global.api.clone().map(Deployment::Url));
    if let Some(deployment) = flagged {
        return Ok(deployment);
    }
    match (&environment.stack, &environment.api) {
        (Some(name), None) => Ok(stack(name)),
        (None, Some(url)) => Ok(Deployment::Url(url.clone())),
        (Some(_), Some(_)) => Err(Failure::wrong_usage("CONNECTOR_STACK and CONNECTOR_API are both set.")
            .with_advice("Unset one, or say --stack or --api.")),
        (None, None) => Err(Failure::wrong_usage("Which deployment is meant is not said.")
            .with_advice("Say --stack NAME, --api URL (with CONNECTOR_TOKEN set) or --local.")),
    }
}

impl Deployment {
    /// The API's URL and the operator's token.
    pub async fn find_api(
        &self,
        environment: &Environment,
        token_needed: bool,
    ) -> Result<(String, Option<SecretString>), Failure> {
        match self {
            Self::Url(url) if !token_needed => Ok((url.clone(), None)),
            Self::Url(url) => {
                let token = environment.token.clone().ok_or_else(|| {
                    Failure::wrong_usage("The operator's token is not there.")
                        .with_advice("Set CONNECTOR_TOKEN, or say --stack NAME to have it found with your AWS credentials.")
                })?;
                Ok((url.clone(), Some(token)))
            }
            Self::Stack { name, region } => {
                let stack = Stack::for_name(name, region.clone(), environment).await?;
                let (url, token) = stack.find_api().await?;
                Ok((url, Some(token)))
            }
            Self::Local(port) => Ok((local_url(*port), Some(SecretString::from(LOCAL_TOKEN)))),
        }
    }
}

/// URL of the API of the local stack.
pub fn local_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
