//! What IAM does: a call that the template does not allow a function is refused before it is sent.
//!
//! So every test that passes proves that its functions lack no permission. The calls are recorded; if `CALLS_DIR` is set, they
//! are also written to a file in that directory, by which `tests/template/permissions.py` finds permissions that nobody uses.

use crate::aws::{SECRET_PREFIX, TABLE};
use crate::stack::{ARTICLES_QUEUE, OPERATOR_SECRET, ORDERS_QUEUE, SWEEPS_QUEUE};
use anyhow::Context as _;
use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use template::{DeployedNames, Policies, Template};

const REGION: &str = "eu-west-1";
const ACCOUNT: &str = "000000000000";

/// An AWS call of a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AwsCall {
    /// Name of the function, as in the template.
    pub function: &'static str,
    /// The action as IAM names it, such as `dynamodb:GetItem`.
    pub action: String,
    /// ARN of the resource that is called.
    pub resource: String,
}

#[derive(Default)]
struct CallLog {
    calls: BTreeMap<AwsCall, u64>,
    refused: BTreeSet<AwsCall>,
    /// The service that answers no function at present, such as `dynamodb`.
    down: Option<&'static str>,
}

/// The policies of the template, and a record of the calls.
#[derive(Clone)]
pub struct Iam {
    policies: Arc<Policies>,
    log: Arc<Mutex<CallLog>>,
    calls_file: Option<Arc<PathBuf>>,
}

impl Iam {
    /// Reads the policies from the template of this repository.
    pub fn from_template() -> anyhow::Result<Self> {
        let policies = Policies::from_template(&Template::of_this_repository()?, &template_names()?)?;
        let file = match runtime::env::read_optional("CALLS_DIR") {
            Some(directory) => {
                std::fs::create_dir_all(&directory).with_context(|| directory.clone())?;
                let name = format!("{}.jsonl", std::process::id());
                Some(Arc::new(PathBuf::from(directory).join(name)))
            }
            None => None,
        };
        Ok(Self { policies: Arc::new(policies), log: Arc::default(), calls_file: file })
    }

    /// The role of a function, which checks each call of the function's clients before it is sent.
    pub fn role_of(&self, function: &'static str) -> Role {
        Role { function, iam: self.clone() }
    }

    /// The calls that the template did not allow.
    pub fn refused_calls(&self) -> Vec<AwsCall> {
        let seen = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        seen.refused.iter().cloned().collect()
    }

    /// How often each call was made since this was asked last.
    pub fn take_calls(&self) -> BTreeMap<AwsCall, u64> {
        let mut seen = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.calls)
    }

    /// Lets every call of the functions to a service, such as `dynamodb`, fail from now on; `None`: all services answer again.
    pub fn set_outage(&self, service: Option<&'static str>) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).down = service;
    }

    /// Checks whether a call is allowed, and records it either way.
    fn authorise_call(&self, call: AwsCall) -> Result<(), BoxError> {
        let allowed = self.policies.allows_call(call.function, &call.action, &call.resource);
        let mut seen = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let times = seen.calls.entry(call.clone()).or_default();
        *times += 1;
        if *times == 1
            && let Some(file) = &self.calls_file
        {
            let line = json!({ "function": call.function, "action": call.action, "resource": call.resource });
            let mut file = OpenOptions::new().create(true).append(true).open(file.as_path())?;
            // Each line is one write, because several stacks of one process share the file.
            file.write_all(format!("{line}\n").as_bytes())?;
        }
        let service = call.action.split(':').next();
        if seen.down.is_some() && seen.down == service {
            return Err(format!("{} is down", call.action).into());
        }
        if allowed {
            return Ok(());
        }
        let refusal = format!("{} may not {} on {}", call.function, call.action, call.resource);
        tracing::error!(call = refusal, "the template does not allow this call");
        seen.refused.insert(call);
        Err(refusal.into())
    }
}

/// Names and ARNs that the template's resources have on this machine.
fn template_names() -> anyhow::Result<DeployedNames> {
    let stack = SECRET_PREFIX.strip_suffix("/connections/").context("secrets begin with the stack's name")?;
    let mut names = DeployedNames::of_stack(stack, REGION, ACCOUNT)
        .with_resource("Table", TABLE, &table_arn(TABLE))
        .with_resource("OperatorToken", &secret_arn(OPERATOR_SECRET), &secret_arn(OPERATOR_SECRET));
    for (id, queue) in
        [("OrdersQueue", ORDERS_QUEUE), ("ArticlesQueue", ARTICLES_QUEUE), ("SweepsQueue", SWEEPS_QUEUE)]
    {
        names = names.with_resource(id, queue, &queue_arn(queue));
    }
    Ok(names)
}

fn table_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
}

fn queue_arn(queue: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}")
}

fn secret_arn(secret: &str) -> String {
    if secret.starts_with("arn:") {
        return secret.to_owned();
    }
    // Secrets Manager appends six random characters to the name in an ARN.
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{secret}-local1")
}

/// The role of a function, as an interceptor of its SDK clients.
#[derive(Clone)]
pub struct Role {
    function: &'static str,
    iam: Iam,
}

impl std::fmt::Debug for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Role").field(&self.function).finish()
    }
}

impl Intercept for Role {
    fn name(&self) -> &'static str {
        "Role"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default())?;
        for (action, resource) in required_permissions(target, &body)? {
            self.iam.authorise_call(AwsCall { function: self.function, action, resource })?;
        }
        Ok(())
    }
}

/// The permissions that a request needs: pairs of action and resource ARN.
fn required_permissions(target: &str, body: &Value) -> Result<Vec<(String, String)>, BoxError> {
    let text = |field: &str| body[field].as_str().unwrap_or_default();
    let (service, operation) = target.split_once('.').ok_or("no x-amz-target")?;
    Ok(match (service, operation) {
        // A transaction needs the permissions of its parts.
        ("DynamoDB_20120810", "TransactWriteItems") => body["TransactItems"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flatten()
            .map(|(kind, item)| {
                let action = match kind.as_str() {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    kind => format!("dynamodb:{kind}Item"),
                };
                (action, table_arn(item["TableName"].as_str().unwrap_or_default()))
            })
            .collect(),
        ("DynamoDB_20120810", "BatchGetItem" | "BatchWriteItem") => body["RequestItems"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(table, _)| (format!("dynamodb:{operation}"), table_arn(table)))
            .collect(),
        ("DynamoDB_20120810", _) => {
            let table = table_arn(text("TableName"));
            let resource = match body["IndexName"].as_str() {
                Some(index) => format!("{table}/index/{index}"),
                None => table,
            };
            vec![(format!("dynamodb:{operation}"), resource)]
        }
        ("AmazonSQS", _) => {
            let queue = text("QueueUrl").rsplit('/').next().unwrap_or_default();
            let action = operation.trim_end_matches("Batch");
            vec![(format!("sqs:{action}"), queue_arn(queue))]
        }
        ("secretsmanager", _) => {
            let secret = [text("SecretId"), text("Name")].into_iter().find(|name| !name.is_empty());
            let secret = secret.ok_or("a secret without a name")?;
            vec![(format!("secretsmanager:{operation}"), secret_arn(secret))]
        }
        _ => return Err(format!("{target} is not known here").into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions_asked(target: &str, body: &Value) -> Vec<(String, String)> {
        required_permissions(target, body).unwrap()
    }

    fn permission_on(action: &str, resource: String) -> (String, String) {
        (action.to_owned(), resource)
    }

    #[test]
    fn a_query_of_an_index_is_on_the_index() {
        let body = json!({ "TableName": "t", "IndexName": "due" });
        let index = format!("{}/index/due", table_arn("t"));
        assert_eq!(
            permissions_asked("DynamoDB_20120810.Query", &body),
            [permission_on("dynamodb:Query", index)]
        );
    }

    #[test]
    fn a_transaction_is_what_it_is_made_of() {
        let item = json!({ "TableName": "t" });
        let body =
            json!({ "TransactItems": [{ "Put": item }, { "Update": item }, { "ConditionCheck": item }] });
        let actions: Vec<String> = permissions_asked("DynamoDB_20120810.TransactWriteItems", &body)
            .into_iter()
            .map(|(action, _)| action)
            .collect();
        let expected = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"];
        assert_eq!(actions, expected);
    }

    #[test]
    fn batches_of_messages_are_messages() {
        let body = json!({ "QueueUrl": "http://localhost/000000000000/orders.fifo" });
        let expected = [permission_on("sqs:SendMessage", queue_arn("orders.fifo"))];
        assert_eq!(permissions_asked("AmazonSQS.SendMessageBatch", &body), expected);
    }

    #[test]
    fn what_is_not_allowed_is_refused_and_kept() {
        // This test's refused call must not get into the file that `permissions.py` reads.
        let iam = Iam { calls_file: None, ..Iam::from_template().unwrap() };
        let call = |action: &str| AwsCall {
            function: "article-push",
            action: action.to_owned(),
            resource: table_arn(TABLE),
        };
        assert!(iam.authorise_call(call("dynamodb:GetItem")).is_ok());
        assert!(iam.refused_calls().is_empty());
        assert!(iam.authorise_call(call("dynamodb:DeleteItem")).is_err());
        assert_eq!(iam.refused_calls(), [call("dynamodb:DeleteItem")]);
    }
}
