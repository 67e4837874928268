//! A CloudFormation stack: its outputs, its resources, and the secret that holds the operator's token.

use crate::environment::Environment;
use crate::failure::Failure;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use runtime::error::Chain;
use secrecy::SecretString;
use std::error::Error;

/// Output of the stack with the API's URL.
const API_URL_OUTPUT: &str = "ApiUrl";
/// Output of the stack with the ARN of the operator token's secret.
const TOKEN_OUTPUT: &str = "OperatorTokenArn";

/// A stack, with the AWS configuration to ask about it.
#[derive(Debug)]
pub struct Stack {
    name: String,
    config: SdkConfig,
    cloudformation: aws_sdk_cloudformation::Client,
}

impl Stack {
    /// The stack of this name, in this region or in that of the AWS profile.
    pub async fn for_name(
        name: &str,
        region: Option<String>,
        environment: &Environment,
    ) -> Result<Self, Failure> {
        let config = if let Some(config) = &environment.aws {
            config.clone()
        } else {
            let http = runtime::aws::http_client_with_machine_roots().map_err(|error| {
                Failure::not_reachable(format!("no HTTP client can be made: {}", Chain(&error)))
            })?;
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
            if let Some(region) = region {
                loader = loader.region(Region::new(region));
            }
            loader.load().await
        };
        if config.region().is_none() {
            return Err(Failure::wrong_usage("In which AWS region the stack is, is not said.")
                .with_advice("Say --region, or set AWS_REGION or a profile (AWS_PROFILE) that has one."));
        }
        Ok(Self {
            name: name.to_owned(),
            cloudformation: aws_sdk_cloudformation::Client::new(&config),
            config,
        })
    }

    /// The AWS configuration with which the stack is reached.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// The API's URL and the operator's token.
    pub async fn find_api(&self) -> Result<(String, SecretString), Failure> {
        let answer = self.cloudformation.describe_stacks().stack_name(&self.name).send().await;
        let described = match answer {
            Ok(described) => described,
            Err(error) => return Err(self.explain_error(&error)),
        };
        let stack = described.stacks().first();
        let output = |name: &str| {
            stack
                .into_iter()
                .flat_map(aws_sdk_cloudformation::types::Stack::outputs)
                .find(|output| output.output_key() == Some(name))
                .and_then(|output| output.output_value().map(str::to_owned))
                .ok_or_else(|| {
                    Failure::not_found(format!("the stack {} has no output {name}.", self.name))
                        .with_advice("Is it a stack of this connector, and was its deployment finished?")
                })
        };
        let url = output(API_URL_OUTPUT)?;
        let token = self.read_token(&output(TOKEN_OUTPUT)?).await?;
        Ok((url, token))
    }

    async fn read_token(&self, secret: &str) -> Result<SecretString, Failure> {
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        let answer = client.get_secret_value().secret_id(secret).send().await;
        let value = answer.map_err(|error| refused_by_aws("the operator's token", &error))?;
        let token = value.secret_string().map(SecretString::from);
        token.ok_or_else(|| Failure::not_reachable("the operator's token in Secrets Manager is empty."))
    }

    /// The physical id of a resource (the URL, for a queue); `None` when the stack has no such resource.
    pub async fn find_resource(&self, logical_id: &str) -> Result<Option<String>, Failure> {
        let answer = self
            .cloudformation
            .describe_stack_resource()
            .stack_name(&self.name)
            .logical_resource_id(logical_id)
            .send()
            .await;
        match answer {
            Ok(described) => Ok(described
                .stack_resource_detail()
                .and_then(|detail| detail.physical_resource_id().map(str::to_owned))),
            // The stack is of another version of the template, without this resource.
            Err(error) if error_text(&error).contains("Resource ") => Ok(None),
            Err(error) => Err(self.explain_error(&error)),
        }
    }

    fn explain_error<E>(&self, error: &SdkError<E>) -> Failure
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        if error_text(error).contains("does not exist") {
            let region = self.config.region().map(Region::to_string).unwrap_or_default();
            return Failure::not_found(format!("there is no stack {} in {region}.", self.name))
                .with_advice("Check --stack, --region and the AWS account that you are signed in to.");
        }
        refused_by_aws("the stack", error)
    }
}

/// The failure of a call that AWS refused or did not answer. `what` names the thing that was asked for.
pub fn refused_by_aws<E>(what: &str, error: &SdkError<E>) -> Failure
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let said = error_text(error);
    Failure::not_reachable(format!("AWS did not show {what}: {}.", said.trim_end_matches('.')))
        .with_advice("Are you signed in to the right AWS account (AWS_PROFILE), with the rights for it? docs/CLI.md lists them.")
}

/// AWS' own message with its code, or why AWS could not be asked.
fn error_text<E>(error: &SdkError<E>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{message} ({code})"),
        _ => Chain(error).to_string(),
    }
}
