//! The embedded metric format: one line per set of dimensions, with at most 100 values of a metric on each.

use super::{FUNCTION, Series};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Values of one metric that CloudWatch takes on a line. It takes as many names, which are fewer here.
const MOST_VALUES: usize = 100;

/// What all lines of an invocation have in common.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    pub namespace: &'a str,
    pub function: &'a str,
    pub request_id: &'a str,
    /// When the invocation ended.
    pub at: Timestamp,
}

/// What the metrics of one line have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct LineKey {
    dimension: Option<(&'static str, String)>,
    connection: Option<String>,
}

impl LineKey {
    fn from_series(series: &Series, header: &Header<'_>) -> Self {
        let dimension = series.metric.dimension().map(|name| {
            let function = (name == FUNCTION).then_some(header.function);
            let value = series.value.or(function).unwrap_or("unknown");
            (name, value.to_owned())
        });
        Self { dimension, connection: series.connection.clone() }
    }
}

pub(super) fn render_lines(header: &Header<'_>, collected: BTreeMap<Series, Vec<u64>>) -> Vec<Value> {
    let mut groups: BTreeMap<LineKey, Vec<(Series, Vec<u64>)>> = BTreeMap::new();
    for (series, values) in collected {
        let group = groups.entry(LineKey::from_series(&series, header)).or_default();
        group.push((series, values));
    }
    groups.into_iter().flat_map(|(shared, metrics)| render_group(header, &shared, &metrics)).collect()
}

fn render_group(header: &Header<'_>, shared: &LineKey, metrics: &[(Series, Vec<u64>)]) -> Vec<Value> {
    let most = metrics.iter().map(|(_, values)| values.len()).max();
    let count = most.unwrap_or(0).div_ceil(MOST_VALUES);
    (0..count).map(|part| render_line(header, shared, metrics, part)).collect()
}

fn render_line(header: &Header<'_>, shared: &LineKey, metrics: &[(Series, Vec<u64>)], part: usize) -> Value {
    let mut root = Map::new();
    let mut named = Vec::new();
    for (Series { metric, .. }, values) in metrics {
        let Some(values) = values.chunks(MOST_VALUES).nth(part) else {
            continue;
        };
        named.push(json!({ "Name": metric.name(), "Unit": metric.unit().name() }));
        let value = match values {
            [one] => Value::from(*one),
            several => Value::from(several),
        };
        root.insert(metric.name().to_owned(), value);
    }
    let mut dimensions = Vec::new();
    if let Some((name, value)) = &shared.dimension {
        dimensions.push(*name);
        root.insert((*name).to_owned(), Value::from(value.as_str()));
    }
    if let Some(connection) = &shared.connection {
        root.insert("connection".to_owned(), Value::from(connection.as_str()));
    }
    root.insert("service".to_owned(), Value::from(header.function));
    root.insert("aws.request_id".to_owned(), Value::from(header.request_id));
    let directive = json!({ "Namespace": header.namespace, "Dimensions": [dimensions], "Metrics": named });
    root.insert(
        "_aws".to_owned(),
        json!({ "Timestamp": header.at.as_millisecond(), "CloudWatchMetrics": [directive] }),
    );
    Value::Object(root)
}
