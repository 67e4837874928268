//! Which AWS calls the template allows each function.

use crate::document::{Names, Template};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    action: String,
    resource: String,
}

/// The actions and resources that each function may call.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    by_function: BTreeMap<String, Vec<Grant>>,
}

impl Policies {
    /// Reads the policies of the functions' roles, for a stack with these names.
    pub fn of(template: &Template, names: &Names) -> anyhow::Result<Self> {
        let mut by_function = BTreeMap::new();
        for (function, id, properties) in template.functions() {
            let role = properties["Role"]["Fn::GetAtt"][0]
                .as_str()
                .with_context(|| format!("{id} has no role of its own"))?;
            let policies = template.at(&format!("/Resources/{role}/Properties/Policies"));
            let mut grants = Vec::new();
            for policy in items(policies) {
                for statement in items(&policy["PolicyDocument"]["Statement"]) {
                    ensure!(
                        statement["Effect"] == "Allow",
                        "{role}: only what is allowed is understood here"
                    );
                    for action in items(&statement["Action"]) {
                        for resource in items(&statement["Resource"]) {
                            grants.push(Grant {
                                action: names.text(action)?,
                                resource: names.text(resource)?,
                            });
                        }
                    }
                }
            }
            by_function.insert(function.to_owned(), grants);
        }
        Ok(Self { by_function })
    }

    /// Whether a function may call this action on this resource. A granted resource may end in `*`; the template uses no other
    /// wildcard.
    pub fn allow(&self, function: &str, action: &str, resource: &str) -> bool {
        self.by_function
            .get(function)
            .into_iter()
            .flatten()
            .any(|grant| grant.action == action && matches(&grant.resource, resource))
    }
}

fn matches(pattern: &str, resource: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => resource.starts_with(beginning),
        None => resource == pattern,
    }
}

/// The items of a list, or the single item that the template writes in the place of a list.
fn items(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies() -> Policies {
        let names = Names::of_stack("shop", "eu-west-1", "1").with("Table", "t", "arn:t");
        Policies::of(&Template::of_this_repository().unwrap(), &names).unwrap()
    }

    #[test]
    fn what_a_statement_names_is_allowed_and_nothing_else() {
        let policies = policies();
        assert!(policies.allow("article-push", "dynamodb:GetItem", "arn:t"));
        assert!(!policies.allow("article-push", "dynamodb:PutItem", "arn:t"));
        assert!(!policies.allow("article-push", "dynamodb:GetItem", "arn:t/index/due"));
        assert!(policies.allow("web", "dynamodb:Query", "arn:t/index/newest"));
        assert!(!policies.allow("nobody", "dynamodb:GetItem", "arn:t"));
    }

    #[test]
    fn secrets_are_allowed_by_prefix() {
        let policies = policies();
        let secret = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:1:secret:{name}-AbCdEf");
        let read = "secretsmanager:GetSecretValue";
        assert!(policies.allow("process-order", read, &secret("shop/connections/a")));
        assert!(!policies.allow("process-order", read, &secret("other/connections/a")));
        assert!(!policies.allow("process-order", read, "OperatorToken"));
        assert!(policies.allow("web", read, "OperatorToken"));
    }

    #[test]
    fn only_tracing_names_no_resource() {
        let policies = policies();
        for (function, grants) in &policies.by_function {
            for grant in grants.iter().filter(|grant| grant.resource == "*") {
                assert!(grant.action.starts_with("xray:"), "{function}: {}", grant.action);
            }
        }
    }
}
