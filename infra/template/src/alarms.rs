//! The template's alarms, and the state that samples of metrics put them in.
//!
//! Alarms are evaluated as CloudWatch does it, with one simplification: a period without samples is at once treated as
//! `TreatMissingData` says, while CloudWatch first looks a little further back for real values. So an alarm never goes off later
//! here than on AWS.

use crate::document::{DeployedNames, Template};
use crate::samples::{Samples, Series, Statistic};
use anyhow::{Context as _, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmState {
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
enum MissingData {
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
    missing: MissingData,
}

/// Reads all alarms of a template, for a stack with these names.
pub fn read_alarms(template: &Template, names: &DeployedNames) -> anyhow::Result<Vec<Alarm>> {
    template
        .resources_of_type("AWS::CloudWatch::Alarm")
        .map(|(id, properties)| Alarm::from_properties(id, properties, names).with_context(|| id.to_owned()))
        .collect()
}

impl Alarm {
    fn from_properties(id: &str, properties: &Value, names: &DeployedNames) -> anyhow::Result<Self> {
        let text = |field: &str| names.resolve_text(&properties[field]).with_context(|| field.to_owned());
        let number = |field: &str| properties[field].as_i64().with_context(|| field.to_owned());
        let mut series = Series::new(&text("Namespace")?, &text("MetricName")?);
        for dimension in properties["Dimensions"].as_array().into_iter().flatten() {
            series = series.with_dimension(
                &names.resolve_text(&dimension["Name"])?,
                &names.resolve_text(&dimension["Value"])?,
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
                "breaching" => MissingData::Breaching,
                "notBreaching" => MissingData::NotBreaching,
                "missing" => MissingData::Unknown,
                other => bail!("{other} is not known here"),
            },
        })
    }

    /// The time over which samples count.
    pub fn looks_back(&self) -> SignedDuration {
        self.period * self.periods
    }

    /// The state that these samples put the alarm in at a moment.
    pub fn state_at(&self, samples: &Samples, now: Timestamp) -> anyhow::Result<AlarmState> {
        let (mut breaching, mut unknown) = (0, 0);
        for period in 0..self.periods {
            let to = now.checked_sub(self.period * period)?;
            let from = to.checked_sub(self.period)?;
            match samples.statistic_over(&self.series, self.statistic, from, to) {
                Some(value) if self.is_breached_by(value) => breaching += 1,
                Some(_) => {}
                None => match self.missing {
                    MissingData::Breaching => breaching += 1,
                    MissingData::NotBreaching => {}
                    MissingData::Unknown => unknown += 1,
                },
            }
        }
        Ok(if breaching >= self.breaching_needed {
            AlarmState::Alarm
        } else if unknown == self.periods {
            AlarmState::InsufficientData
        } else {
            AlarmState::Ok
        })
    }

    fn is_breached_by(&self, value: Decimal) -> bool {
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

    fn build_alarm(changes: &Value) -> Alarm {
        let mut properties = json!({
            "AlarmDescription": "x", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 3, "DatapointsToAlarm": 2, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1,
            "TreatMissingData": "notBreaching",
        });
        for (name, value) in changes.as_object().into_iter().flatten() {
            properties[name] = value.clone();
        }
        Alarm::from_properties("TestAlarm", &properties, &DeployedNames::default()).unwrap()
    }

    fn moment_at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_763_884_800 + seconds).unwrap()
    }

    fn state_after(changes: &Value, samples: &[(i64, i64)]) -> AlarmState {
        let mut all = Samples::default();
        for (seconds, value) in samples {
            all.add_sample(Series::new("n", "m"), moment_at(*seconds), *value);
        }
        build_alarm(changes).state_at(&all, moment_at(180)).unwrap()
    }

    #[test]
    fn as_many_periods_as_it_says_must_breach() {
        assert_eq!(state_after(&json!({}), &[(30, 2), (90, 1), (150, 1)]), AlarmState::Ok);
        assert_eq!(state_after(&json!({}), &[(30, 2), (90, 1), (150, 2)]), AlarmState::Alarm);
        // Two samples of one period are one datapoint.
        assert_eq!(state_after(&json!({}), &[(30, 1), (40, 1), (150, 2)]), AlarmState::Alarm);
        assert_eq!(state_after(&json!({}), &[(30, 1), (70, 1), (150, 2)]), AlarmState::Ok);
    }

    #[test]
    fn older_samples_do_not_count() {
        assert_eq!(state_after(&json!({}), &[(-30, 9), (0, 9), (150, 2)]), AlarmState::Ok);
    }

    #[test]
    fn statistics_differ() {
        let samples = [(130, 0), (140, 5), (170, 1)];
        let one = |statistic: &str, threshold: i64| {
            let changes = json!({ "Statistic": statistic, "Threshold": threshold, "EvaluationPeriods": 1, "DatapointsToAlarm": 1 });
            state_after(&changes, &samples)
        };
        assert_eq!(one("Maximum", 4), AlarmState::Alarm);
        assert_eq!(one("Maximum", 5), AlarmState::Ok);
        assert_eq!(one("Sum", 5), AlarmState::Alarm);
        assert_eq!(one("Minimum", 0), AlarmState::Ok);
        assert_eq!(one("Minimum", -1), AlarmState::Alarm);
    }

    #[test]
    fn missing_periods_count_as_it_says() {
        let missing = |how: &str| json!({ "TreatMissingData": how });
        assert_eq!(state_after(&missing("notBreaching"), &[]), AlarmState::Ok);
        assert_eq!(state_after(&missing("breaching"), &[]), AlarmState::Alarm);
        assert_eq!(state_after(&missing("breaching"), &[(30, 0), (90, 0)]), AlarmState::Ok);
        assert_eq!(state_after(&missing("missing"), &[]), AlarmState::InsufficientData);
        assert_eq!(state_after(&missing("missing"), &[(30, 0)]), AlarmState::Ok);
    }

    #[test]
    fn comparisons_are_exact_at_the_threshold() {
        let compared = |comparison: &str| {
            let changes =
                json!({ "ComparisonOperator": comparison, "EvaluationPeriods": 1, "DatapointsToAlarm": 1 });
            state_after(&changes, &[(150, 1)])
        };
        assert_eq!(compared("GreaterThanThreshold"), AlarmState::Ok);
        assert_eq!(compared("GreaterThanOrEqualToThreshold"), AlarmState::Alarm);
        assert_eq!(compared("LessThanThreshold"), AlarmState::Ok);
        assert_eq!(compared("LessThanOrEqualToThreshold"), AlarmState::Alarm);
    }

    #[test]
    fn another_dimension_is_another_series() {
        let watched = build_alarm(
            &json!({ "Dimensions": [{ "Name": "Peer", "Value": "robaws" }], "EvaluationPeriods": 1, "DatapointsToAlarm": 1 }),
        );
        let mut samples = Samples::default();
        samples.add_sample(Series::new("n", "m"), moment_at(150), 9);
        samples.add_sample(Series::new("n", "m").with_dimension("Peer", "productflow"), moment_at(150), 9);
        assert_eq!(watched.state_at(&samples, moment_at(180)).unwrap(), AlarmState::Ok);
        samples.add_sample(Series::new("n", "m").with_dimension("Peer", "robaws"), moment_at(150), 9);
        assert_eq!(watched.state_at(&samples, moment_at(180)).unwrap(), AlarmState::Alarm);
    }

    #[test]
    fn every_alarm_of_the_template_can_be_read() {
        let template = Template::of_this_repository().unwrap();
        let all = read_alarms(&template, &DeployedNames::default()).unwrap();
        assert_eq!(all.len(), template.resources_of_type("AWS::CloudWatch::Alarm").count());
        assert!(all.iter().any(|alarm| alarm.id == "HeartbeatAlarm"));
    }
}
