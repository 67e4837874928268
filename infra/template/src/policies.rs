//! Which AWS calls the template allows each function.

use crate::document::{DeployedNames, Template};
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
    pub fn from_template(template: &Template, names: &DeployedNames) -> anyhow::Result<Self> {
        let mut by_function = BTreeMap::new();
        for (function, id, properties) in template.functions() {
            let role = properties["Role"]["Fn::GetAtt"][0]
                .as_str()
                .with_context(|| format!("{id} has no role of its own"))?;
            let policies = template.value_at(&format!("/Resources/{role}/Properties/Policies"));
            let mut grants = Vec::new();
            for policy in list_items(policies) {
                for statement in list_items(&policy["PolicyDocument"]["Statement"]) {
                    ensure!(
                        statement["Effect"] == "Allow",
                        "{role}: only what is allowed is understood here"
                    );
                    for action in list_items(&statement["Action"]) {
                        for resource in list_items(&statement["Resource"]) {
                            grants.push(Grant {
                                action: names.resolve_text(action)?,
                                resource: names.resolve_text(resource)?,
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
    pub fn allows_call(&self, function: &str, action: &str, resource: &str) -> bool {
        self.by_function
            .get(function)
            .into_iter()
            .flatten()
            .any(|grant| grant.action == action && matches_pattern(&grant.resource, resource))
    }
}

fn matches_pattern(pattern: &str, resource: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => resource.starts_with(beginning),
        None => resource == pattern,
    }
}

/// The items of a list, or the single item that the template writes in the place of a list.
fn list_items(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shop_policies() -> Policies {
        let names = DeployedNames::of_stack("shop", "eu-west-1", "1").with_resource("Table", "t", "arn:t");
        Policies::from_template(&Template::of_this_repository().unwrap(), &names).unwrap()
    }

    #[test]
    fn what_a_statement_names_is_allowed_and_nothing_else() {
        let policies = shop_policies();
        assert!(policies.allows_call("article-push", "dynamodb:GetItem", "arn:t"));
        assert!(!policies.allows_call("article-push", "dynamodb:PutItem", "arn:t"));
        assert!(!policies.allows_call("article-push", "dynamodb:GetItem", "arn:t/index/due"));
        assert!(policies.allows_call("web", "dynamodb:Query", "arn:t/index/newest"));
        assert!(!policies.allows_call("nobody", "dynamodb:GetItem", "arn:t"));
    }

    #[test]
    fn secrets_are_allowed_by_prefix() {
        let policies = shop_policies();
        let secret = |name: &str| format!("arn:aws:secretsmanager:eu-west-1:1:secret:{name}-AbCdEf");
        let read = "secretsmanager:GetSecretValue";
        assert!(policies.allows_call("process-order", read, &secret("shop/connections/a")));
        assert!(!policies.allows_call("process-order", read, &secret("other/connections/a")));
        assert!(!policies.allows_call("process-order", read, "OperatorToken"));
        assert!(policies.allows_call("web", read, "OperatorToken"));
    }

    #[test]
    fn only_tracing_names_no_resource() {
        let policies = shop_policies();
        for (function, grants) in &policies.by_function {
            for grant in grants.iter().filter(|grant| grant.resource == "*") {
                assert!(grant.action.starts_with("xray:"), "{function}: {}", grant.action);
            }
        }
    }
}
