//! The template's alarms, and the state that samples of metrics put them in.
//!
//! Alarms are evaluated as CloudWatch does it, with one simplification: a period without samples is at once treated as
//! `TreatMissingData` says, while CloudWatch first looks a little further back for real values. So an alarm never goes off later
//! here than on AWS.

use crate::document::{Names, Template};
use crate::samples::{Samples, Series, Statistic};
use anyhow::{Context as _, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    /// The alarm goes off.
    Alarm,
    /// No period has samples, and the alarm treats missing data as missing.
    InsufficientData,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Above,
    AtLeast,
    Below,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    Breaching,
    NotBreaching,
    Unknown,
}

/// An alarm of the template.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// The logical id in the template.
    pub id: String,
    /// The text for the person who is woken.
    pub description: String,
    /// The series of samples that is watched.
    pub series: Series,
    statistic: Statistic,
    period: SignedDuration,
    periods: i32,
    breaching_needed: usize,
    comparison: Comparison,
    threshold: Decimal,
    missing: Missing,
}

/// Reads all alarms of a template, for a stack with these names.
pub fn alarms(template: &Template, names: &Names) -> anyhow::Result<Vec<Alarm>> {
    template
        .resources("AWS::CloudWatch::Alarm")
        .map(|(id, properties)| Alarm::read(id, properties, names).with_context(|| id.to_owned()))
        .collect()
}

impl Alarm {
    fn read(id: &str, properties: &Value, names: &Names) -> anyhow::Result<Self> {
        let text = |field: &str| names.text(&properties[field]).with_context(|| field.to_owned());
        let number = |field: &str| properties[field].as_i64().with_context(|| field.to_owned());
        let mut series = Series::new(&text("Namespace")?, &text("MetricName")?);
        for dimension in properties["Dimensions"].as_array().into_iter().flatten() {
            series = series.with(
                &names.text(&dimension["Name"])?,
                &names.text(&dimension["Value"])?,
            );
        }
        let periods = i32::try_from(number("EvaluationPeriods")?)?;
        let breaching_needed = usize::try_from(number("DatapointsToAlarm")?)?;
        ensure!(
            breaching_needed >= 1 && i32::try_from(breaching_needed)? <= periods,
            "it could never go off"
        );
        Ok(Self {
            id: id.to_owned(),
            description: text("AlarmDescription")?,
            series,
            statistic: match text("Statistic")?.as_str() {
                "Minimum" => Statistic::Minimum,
                "Maximum" => Statistic::Maximum,
                "Sum" => Statistic::Sum,
                other => bail!("statistic {other} is not known here"),
            },
            period: SignedDuration::from_secs(number("Period")?),
            periods,
            breaching_needed,
            comparison: match text("ComparisonOperator")?.as_str() {
                "GreaterThanThreshold" => Comparison::Above,
                "GreaterThanOrEqualToThreshold" => Comparison::AtLeast,
                "LessThanThreshold" => Comparison::Below,
                "LessThanOrEqualToThreshold" => Comparison::AtMost,
                other => bail!("comparison {other} is not known here"),
            },
            threshold: properties["Threshold"].to_string().parse().context("Threshold")?,
            missing: match text("TreatMissingData")?.as_str() {
                "breaching" => Missing::Breaching,
                "notBreaching" => Missing::NotBreaching,
                "missing" => Missing::Unknown,
                other => bail!("{other} is not known here"),
            },
        })
    }

    /// The time over which samples count.
    pub fn looks_back(&self) -> SignedDuration {
        self.period * self.periods
    }

    /// The state that these samples put the alarm in at a moment.
    pub fn state(&self, samples: &Samples, now: Timestamp) -> anyhow::Result<State> {
        let (mut breaching, mut unknown) = (0, 0);
        for period in 0..self.periods {
            let to = now.checked_sub(self.period * period)?;
            let from = to.checked_sub(self.period)?;
            match samples.over(&self.series, self.statistic, from, to) {
                Some(value) if self.breaches(value) => breaching += 1,
                Some(_) => {}
                None => match self.missing {
                    Missing::Breaching => breaching += 1,
                    Missing::NotBreaching => {}
                    Missing::Unknown => unknown += 1,
                },
            }
        }
        Ok(if breaching >= self.breaching_needed {
            State::Alarm
        } else if unknown == self.periods {
            State::InsufficientData
        } else {
            State::Ok
        })
    }

    fn breaches(&self, value: Decimal) -> bool {
        match self.comparison {
            Comparison::Above => value > self.threshold,
            Comparison::AtLeast => value >= self.threshold,
            Comparison::Below => value < self.threshold,
            Comparison::AtMost => value <= self.threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alarm(changes: &Value) -> Alarm {
        let mut properties = json!({
            "AlarmDescription": "x", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1,
            "TreatMissingData": "notBreaching",
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        Alarm::read("TestAlarm", &properties, &Names::default()).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_763_884_800 + seconds).unwrap()
    }

    fn state(changes: &Value, samples: &[(i64, i64)]) -> State {
        let mut all = Samples::default();
        for (seconds, value) in samples {
            all.add(Series::new("n", "m"), at(*seconds), *value);
        }
        alarm(changes).state(&all, at(180)).unwrap()
    }

    #[test]
    fn as_many_periods_as_it_says_must_breach() {
        assert_eq!(state(&json!({}), &[(30, 2), (90, 1), (150, 1)]), State::Ok);
        assert_eq!(state(&json!({}), &[(30, 2), (90, 1), (150, 2)]), State::Alarm);
        // Two samples of one period are one datapoint.
        assert_eq!(state(&json!({}), &[(30, 1), (40, 1), (150, 2)]), State::Alarm);
        assert_eq!(state(&json!({}), &[(30, 1), (70, 1), (150, 2)]), State::Ok);
    }

    #[test]
    fn older_samples_do_not_count() {
        assert_eq!(state(&json!({}), &[(-30, 9), (0, 9), (150, 2)]), State::Ok);
    }

    #[test]
    fn statistics_differ() {
        let samples = [(130, 0), (140, 5), (170, 1)];
        let one = |statistic: &str, threshold: i64| {
            let changes = json!({ "Statistic": statistic, "Threshold": threshold, "EvaluationPeriods": 1, "DatapointsToAlarm": 1 });
            state(&changes, &samples)
        };
        assert_eq!(one("Maximum", 4), State::Alarm);
        assert_eq!(one("Maximum", 5), State::Ok);
        assert_eq!(one("Sum", 5), State::Alarm);
        assert_eq!(one("Minimum", 0), State::Ok);
        assert_eq!(one("Minimum", -1), State::Alarm);
    }

    #[test]
    fn missing_periods_count_as_it_says() {
        let missing = |how: &str| json!({ "TreatMissingData": how });
        assert_eq!(state(&missing("notBreaching"), &[]), State::Ok);
        assert_eq!(state(&missing("breaching"), &[]), State::Alarm);
        assert_eq!(state(&missing("breaching"), &[(30, 0), (90, 0)]), State::Ok);
        assert_eq!(state(&missing("missing"), &[]), State::InsufficientData);
        assert_eq!(state(&missing("missing"), &[(30, 0)]), State::Ok);
    }

    #[test]
    fn comparisons_are_exact_at_the_threshold() {
        let compared = |comparison: &str| {
            let changes =
                json!({ "ComparisonOperator": comparison, "EvaluationPeriods": 1, "DatapointsToAlarm": 1 });
            state(&changes, &[(150, 1)])
        };
        assert_eq!(compared("GreaterThanThreshold"), State::Ok);
        assert_eq!(compared("GreaterThanOrEqualToThreshold"), State::Alarm);
        assert_eq!(compared("LessThanThreshold"), State::Ok);
        assert_eq!(compared("LessThanOrEqualToThreshold"), State::Alarm);
    }

    #[test]
    fn another_dimension_is_another_series() {
        let watched = alarm(
            &json!({ "Dimensions": [{ "Name": "Peer", "Value": "robaws" }], "EvaluationPeriods": 1, "DatapointsToAlarm": 1 }),
        );
        let mut samples = Samples::default();
        samples.add(Series::new("n", "m"), at(150), 9);
        samples.add(Series::new("n", "m").with("Peer", "productflow"), at(150), 9);
        assert_eq!(watched.state(&samples, at(180)).unwrap(), State::Ok);
        samples.add(Series::new("n", "m").with("Peer", "robaws"), at(150), 9);
        assert_eq!(watched.state(&samples, at(180)).unwrap(), State::Alarm);
    }

    #[test]
    fn every_alarm_of_the_template_can_be_read() {
        let template = Template::of_this_repository().unwrap();
        let all = alarms(&template, &Names::default()).unwrap();
        assert_eq!(all.len(), template.resources("AWS::CloudWatch::Alarm").count());
        assert!(all.iter().any(|alarm| alarm.id == "HeartbeatAlarm"));
    }
}
