//! Samples of metrics, kept as CloudWatch keeps them, and statistics over them.

use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

/// What a sample belongs to: namespace, metric and the values of its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    pub namespace: String,
    pub metric: String,
    /// Values by dimension. A series with other dimensions or values is another series.
    pub dimensions: BTreeMap<String, String>,
}

impl Series {
    pub fn new(namespace: &str, metric: &str) -> Self {
        Self { namespace: namespace.to_owned(), metric: metric.to_owned(), dimensions: BTreeMap::new() }
    }

    pub fn with_dimension(mut self, dimension: &str, value: &str) -> Self {
        self.dimensions.insert(dimension.to_owned(), value.to_owned());
        self
    }
}

/// One value at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub at: Timestamp,
    pub value: Decimal,
}

/// How the samples of a period become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Minimum,
    Maximum,
    Sum,
}

#[derive(Debug, Clone, Default)]
pub struct Samples {
    by_series: BTreeMap<Series, Vec<Sample>>,
}

impl Samples {
    pub fn add_sample(&mut self, series: Series, at: Timestamp, value: impl Into<Decimal>) {
        let value = value.into();
        self.by_series.entry(series).or_default().push(Sample { at, value });
    }

    /// All series that have samples.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.by_series.keys()
    }

    /// A statistic over the samples after `from` up to and including `to`; `None` when there are none.
    pub fn statistic_over(
        &self,
        series: &Series,
        statistic: Statistic,
        from: Timestamp,
        to: Timestamp,
    ) -> Option<Decimal> {
        let within = self
            .by_series
            .get(series)
            .into_iter()
            .flatten()
            .filter(|sample| from < sample.at && sample.at <= to)
            .map(|sample| sample.value);
        match statistic {
            Statistic::Minimum => within.min(),
            Statistic::Maximum => within.max(),
            Statistic::Sum => within.reduce(|sum, value| sum + value),
        }
    }
}
