//! The template as a JSON document, read from YAML with CloudFormation's short forms (`!Ref`, `!Sub`) written out.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const SOURCE: &str = include_str!("../../template.yaml");

#[derive(Debug, Clone)]
pub struct Template {
    document: Value,
}

impl Template {
    /// Reads the template of this repository.
    pub fn of_this_repository() -> anyhow::Result<Self> {
        Self::parse(SOURCE)
    }

    /// Reads a template from its YAML text.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let yaml = serde_yaml_ng::from_str(text).context("the template is not YAML")?;
        Ok(Self { document: yaml_to_json(yaml)? })
    }

    /// The value under a JSON pointer; `Null` when there is none.
    pub fn value_at(&self, pointer: &str) -> &Value {
        self.document.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Logical ids and properties of all resources of a type, such as `AWS::SQS::Queue`.
    pub fn resources_of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.value_at("/Resources")
            .as_object()
            .into_iter()
            .flatten()
            .filter(move |(_, resource)| resource["Type"] == kind)
            .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
    }

    /// Names (the last part of `CodeUri`), logical ids and properties of all functions.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        self.resources_of_type("AWS::Serverless::Function").map(|(id, properties)| {
            let folder = properties["CodeUri"].as_str().unwrap_or_default();
            let name = folder.rsplit('/').next().unwrap_or_default();
            (name, id, properties)
        })
    }
}

/// YAML as JSON, with a tag such as `!Ref x` written out as `{"Ref": "x"}`.
fn yaml_to_json(yaml: serde_yaml_ng::Value) -> anyhow::Result<Value> {
    use serde_yaml_ng::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(value) => serde_json::from_str(&value.to_string())?,
        Yaml::String(value) => Value::String(value),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(yaml_to_json).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = match key {
                    Yaml::String(key) => key,
                    other => bail!("a key of the template is {other:?}"),
                };
                object.insert(key, yaml_to_json(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let value = yaml_to_json(tagged.value)?;
            match (tag.trim_start_matches('!'), value) {
                ("GetAtt", Value::String(path)) => {
                    let (id, attribute) = path.split_once('.').context("!GetAtt without an attribute")?;
                    json!({ "Fn::GetAtt": [id, attribute] })
                }
                (name @ ("Ref" | "Condition"), value) => json!({ name: value }),
                (name, value) => json!({ format!("Fn::{name}"): value }),
            }
        }
    })
}

/// Names and ARNs that the template's resources have in one deployment. A resource without a name here goes by its logical id.
#[derive(Debug, Clone, Default)]
pub struct DeployedNames {
    names: BTreeMap<String, String>,
    arns: BTreeMap<String, String>,
}

impl DeployedNames {
    /// The names of a stack in this region and account, with the pseudo parameters alone.
    pub fn of_stack(stack: &str, region: &str, account: &str) -> Self {
        let pseudo = [
            ("AWS::StackName", stack),
            ("AWS::Region", region),
            ("AWS::AccountId", account),
            ("AWS::Partition", "aws"),
        ];
        Self {
            names: pseudo.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            arns: BTreeMap::new(),
        }
    }

    /// Adds a resource with its name and ARN.
    pub fn with_resource(mut self, logical_id: &str, name: &str, arn: &str) -> Self {
        self.names.insert(logical_id.to_owned(), name.to_owned());
        self.arns.insert(logical_id.to_owned(), arn.to_owned());
        self
    }

    fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    fn attribute_of<'a>(&'a self, id: &'a str, attribute: &str) -> &'a str {
        match attribute {
            "Arn" => self.arns.get(id).map_or(id, String::as_str),
            _ => self.name_of(id),
        }
    }

    /// A value of the template as text: a literal, or the name or ARN that `Ref`, `GetAtt` and `Sub` stand for.
    pub fn resolve_text(&self, value: &Value) -> anyhow::Result<String> {
        if let Some(text) = value.as_str() {
            return Ok(text.to_owned());
        }
        if let Some(id) = value["Ref"].as_str() {
            return Ok(self.name_of(id).to_owned());
        }
        if let (Some(id), Some(attribute)) =
            (value["Fn::GetAtt"][0].as_str(), value["Fn::GetAtt"][1].as_str())
        {
            return Ok(self.attribute_of(id, attribute).to_owned());
        }
        let text = value["Fn::Sub"].as_str().with_context(|| format!("{value} can't be resolved here"))?;
        self.substitute_placeholders(text)
    }

    fn substitute_placeholders(&self, text: &str) -> anyhow::Result<String> {
        let mut parts = text.split("${");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').context("a placeholder that does not end")?;
            whole += match name.split_once('.') {
                Some((id, attribute)) => self.attribute_of(id, attribute),
                None => self.name_of(name),
            };
            whole += rest;
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_are_written_out() {
        let template = Template::parse("{a: !Ref Table, b: !GetAtt Table.Arn, c: !Sub 'x-${AWS::StackName}', d: !If [Has, 1, !Ref 'AWS::NoValue']}").unwrap();
        assert_eq!(template.value_at("/a"), &json!({ "Ref": "Table" }));
        assert_eq!(template.value_at("/b"), &json!({ "Fn::GetAtt": ["Table", "Arn"] }));
        assert_eq!(template.value_at("/c"), &json!({ "Fn::Sub": "x-${AWS::StackName}" }));
        assert_eq!(template.value_at("/d"), &json!({ "Fn::If": ["Has", 1, { "Ref": "AWS::NoValue" }] }));
    }

    #[test]
    fn names_stand_for_what_is_deployed() {
        let names = DeployedNames::of_stack("shop", "eu-west-1", "1").with_resource(
            "Table",
            "shop-table",
            "arn:aws:table",
        );
        let text = |value: Value| names.resolve_text(&value).unwrap();
        assert_eq!(text(json!("plain")), "plain");
        assert_eq!(text(json!({ "Ref": "Table" })), "shop-table");
        assert_eq!(text(json!({ "Fn::GetAtt": ["Table", "Arn"] })), "arn:aws:table");
        assert_eq!(text(json!({ "Fn::GetAtt": ["Queue", "QueueName"] })), "Queue");
        assert_eq!(
            text(json!({ "Fn::Sub": "${Table.Arn}/index/due of ${AWS::StackName}" })),
            "arn:aws:table/index/due of shop"
        );
        assert!(names.resolve_text(&json!({ "Fn::If": [] })).is_err());
    }
}
