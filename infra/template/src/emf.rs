//! Reads lines of CloudWatch's embedded metric format (EMF), as strictly as CloudWatch does: a line that CloudWatch would drop is
//! an error here.

use crate::samples::{Samples, Series};
use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// Values of one metric in a line at most.
const MOST_VALUES: usize = 100;
/// Metrics in one directive at most.
const MOST_METRICS: usize = 100;
/// Dimensions in one set at most.
const MOST_DIMENSIONS: usize = 30;
/// Bytes of a line at most.
const MOST_LINE_BYTES: usize = 256 * 1024;

/// Adds the metrics of a line of the log. `false`: the line holds no metrics.
pub fn add_line(samples: &mut Samples, line: &str) -> anyhow::Result<bool> {
    let Ok(line) = serde_json::from_str::<Value>(line) else {
        return Ok(false);
    };
    let Some(directives) = line.pointer("/_aws/CloudWatchMetrics") else {
        return Ok(false);
    };
    ensure!(line.to_string().len() < MOST_LINE_BYTES, "the line is too long");
    let at = line["_aws"]["Timestamp"].as_i64().context("no Timestamp")?;
    let at = Timestamp::from_millisecond(at)?;
    let directives = directives.as_array().context("CloudWatchMetrics is no list")?;
    ensure!(!directives.is_empty(), "CloudWatchMetrics is empty");
    for directive in directives {
        let namespace = directive["Namespace"].as_str().unwrap_or_default();
        ensure!(!namespace.is_empty(), "no Namespace");
        let sets = directive["Dimensions"].as_array().context("no Dimensions")?;
        let metrics = directive["Metrics"].as_array().context("no Metrics")?;
        ensure!((1..=MOST_METRICS).contains(&metrics.len()), "{} metrics in one directive", metrics.len());
        let mut names = BTreeSet::new();
        for metric in metrics {
            let name = metric["Name"].as_str().context("a metric without a Name")?;
            ensure!(names.insert(name), "{name} is named twice");
            let values = read_values(&line[name]).with_context(|| format!("the values of {name}"))?;
            for set in sets {
                let mut series = Series::new(namespace, name);
                for dimension in read_dimensions(set)? {
                    let value = line[dimension].as_str().unwrap_or_default();
                    ensure!(!value.is_empty(), "{name}: dimension {dimension} has no value");
                    series = series.with_dimension(dimension, value);
                }
                for value in &values {
                    samples.add_sample(series.clone(), at, *value);
                }
            }
        }
    }
    Ok(true)
}

fn read_dimensions(set: &Value) -> anyhow::Result<Vec<&str>> {
    let set = set.as_array().context("a dimension set is no list")?;
    ensure!(set.len() <= MOST_DIMENSIONS, "{} dimensions", set.len());
    set.iter().map(|name| name.as_str().context("a dimension's name is no text")).collect()
}

fn read_values(value: &Value) -> anyhow::Result<Vec<Decimal>> {
    let number = |value: &Value| match value {
        Value::Number(number) => {
            let text = number.to_string();
            let read = text.parse().or_else(|_| Decimal::from_scientific(&text));
            read.with_context(|| format!("{text} is too long"))
        }
        other => bail!("{other} is no number"),
    };
    match value {
        Value::Array(values) => {
            ensure!((1..=MOST_VALUES).contains(&values.len()), "{} of them", values.len());
            values.iter().map(number).collect()
        }
        one => Ok(vec![number(one)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Statistic;
    use serde_json::json;

    fn metrics_line() -> Value {
        json!({
            "_aws": {
                "Timestamp": 1_763_884_800_000_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Connector/shop", "Dimensions": [["Peer"]],
                    "Metrics": [{ "Name": "PeerLatency", "Unit": "Milliseconds" }, { "Name": "PeerCalls", "Unit": "Count" }],
                }],
            },
            "Peer": "robaws", "PeerLatency": [12, 30.5], "PeerCalls": 2, "connection": "acme",
        })
    }

    fn read_line(line: &Value) -> anyhow::Result<Samples> {
        let mut samples = Samples::default();
        assert!(add_line(&mut samples, &line.to_string())?);
        Ok(samples)
    }

    #[test]
    fn values_and_lists_of_values_become_samples() {
        let samples = read_line(&metrics_line()).unwrap();
        let sum = |metric: &str| {
            let series = Series::new("Connector/shop", metric).with_dimension("Peer", "robaws");
            samples.statistic_over(&series, Statistic::Sum, Timestamp::MIN, Timestamp::MAX)
        };
        assert_eq!(sum("PeerLatency"), Some(Decimal::new(425, 1)));
        assert_eq!(sum("PeerCalls"), Some(Decimal::from(2)));
        assert_eq!(samples.series().count(), 2);
    }

    #[test]
    fn no_dimensions_are_an_empty_set() {
        let mut line = metrics_line();
        line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = json!([[]]);
        let samples = read_line(&line).unwrap();
        assert!(samples.series().all(|series| series.dimensions.is_empty()));
    }

    #[test]
    fn an_ordinary_line_holds_no_metrics() {
        let mut samples = Samples::default();
        assert!(!add_line(&mut samples, r#"{"message":"looked at"}"#).unwrap());
        assert!(!add_line(&mut samples, "not JSON").unwrap());
    }

    #[test]
    fn what_cloudwatch_would_drop_is_an_error() {
        let broken = |change: fn(&mut Value)| {
            let mut line = metrics_line();
            change(&mut line);
            assert!(read_line(&line).is_err(), "{line}");
        };
        broken(|line| line["Peer"] = Value::Null);
        broken(|line| line["PeerCalls"] = json!("2"));
        broken(|line| line["PeerLatency"] = json!(vec![1; 101]));
        broken(|line| line["PeerLatency"] = json!([]));
        broken(|line| line["_aws"]["Timestamp"] = Value::Null);
        broken(|line| line["_aws"]["CloudWatchMetrics"][0]["Namespace"] = json!(""));
        broken(|line| line["_aws"]["CloudWatchMetrics"][0]["Metrics"] = json!([]));
    }
}
