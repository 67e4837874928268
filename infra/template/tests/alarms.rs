//! For each alarm of the template: which values are healthy, how long bad values stay silent, and when the alarm goes off. What
//! causes the alarms in the whole system is tested in tests/system.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeSet;
use template::{Alarm, AlarmState, DeployedNames, Samples, Template, emf, read_alarms};

/// An alarm, and values of its metric, which has one every `every` minutes.
struct AlarmCase {
    alarm: &'static str,
    minutes_between: i64,
    healthy_value: i64,
    bad_value: i64,
    /// Number of bad values in a row at which the alarm is still silent.
    silent_values: usize,
    /// Number of bad values in a row at which the alarm goes off.
    alarming_values: usize,
}

const fn alarm_case(
    alarm: &'static str,
    every: i64,
    healthy: i64,
    bad: i64,
    silent: usize,
    sounds: usize,
) -> AlarmCase {
    AlarmCase {
        alarm,
        minutes_between: every,
        healthy_value: healthy,
        bad_value: bad,
        silent_values: silent,
        alarming_values: sounds,
    }
}

const CASES: [AlarmCase; 38] = [
    alarm_case("OrdersDeadLettersAlarm", 1, 0, 1, 0, 1),
    alarm_case("ArticlesDeadLettersAlarm", 1, 0, 1, 0, 1),
    alarm_case("SweepsDeadLettersAlarm", 1, 0, 1, 0, 1),
    alarm_case("PollDeadLettersAlarm", 1, 0, 1, 0, 1),
    alarm_case("NightlyDeadLettersAlarm", 1, 0, 1, 0, 1),
    // The age of the oldest message, in seconds, must be above one redelivery for the whole time of the alarm.
    alarm_case("OrdersAgeAlarm", 1, 560, 901, 9, 15),
    alarm_case("ArticlesAgeAlarm", 1, 3600, 3601, 24, 30),
    alarm_case("SweepsAgeAlarm", 1, 5500, 7201, 24, 30),
    alarm_case("HeartbeatAlarm", 5, 1, 0, 2, 3),
    alarm_case("PollOrdersErrorsAlarm", 5, 0, 1, 1, 2),
    alarm_case("ProcessOrderErrorsAlarm", 5, 0, 1, 1, 2),
    alarm_case("ArticlePushErrorsAlarm", 5, 0, 1, 1, 2),
    alarm_case("SyncArticleErrorsAlarm", 5, 0, 1, 1, 2),
    alarm_case("ReconcileErrorsAlarm", 360, 0, 1, 1, 2),
    alarm_case("WebErrorsAlarm", 5, 0, 1, 1, 2),
    alarm_case("PollOrdersDurationAlarm", 5, 192_000, 192_001, 1, 2),
    alarm_case("ProcessOrderDurationAlarm", 5, 72_000, 72_001, 1, 2),
    alarm_case("ArticlePushDurationAlarm", 5, 8_000, 8_001, 1, 2),
    alarm_case("SyncArticleDurationAlarm", 5, 72_000, 72_001, 1, 2),
    alarm_case("ReconcileDurationAlarm", 5, 860_000, 873_001, 1, 2),
    alarm_case("WebDurationAlarm", 5, 23_200, 23_201, 1, 2),
    alarm_case("PollOrdersThrottlesAlarm", 5, 0, 1, 2, 3),
    alarm_case("ProcessOrderThrottlesAlarm", 5, 0, 1, 2, 3),
    alarm_case("ArticlePushThrottlesAlarm", 5, 0, 1, 0, 1),
    alarm_case("SyncArticleThrottlesAlarm", 5, 0, 1, 2, 3),
    alarm_case("ReconcileThrottlesAlarm", 5, 0, 1, 2, 3),
    alarm_case("WebThrottlesAlarm", 5, 0, 1, 2, 3),
    alarm_case("InDoubtAlarm", 5, 0, 1, 0, 1),
    // Every poll within an hour must report it.
    alarm_case("NeedsCredentialsAlarm", 5, 0, 1, 11, 12),
    alarm_case("SuspendedAlarm", 5, 0, 1, 2, 3),
    alarm_case("RobawsUnreachableAlarm", 5, 0, 1, 2, 3),
    alarm_case("ProductFlowUnreachableAlarm", 5, 0, 1, 2, 3),
    alarm_case("LeftOutAlarm", 5, 0, 1, 5, 6),
    alarm_case("QuotaAlarm", 15, 20, 19, 1, 2),
    alarm_case("ProcessOrderUnrecordedAlarm", 5, 0, 1, 2, 3),
    alarm_case("SyncArticleUnrecordedAlarm", 5, 0, 1, 2, 3),
    alarm_case("ReconcileUnrecordedAlarm", 60, 0, 1, 1, 2),
    alarm_case("ApiErrorsAlarm", 5, 4, 5, 1, 2),
];

/// An alarm, the samples of its metric so far, and the present moment.
struct Watch {
    alarm: Alarm,
    samples: Samples,
    now: Timestamp,
}

impl Watch {
    fn advance_minutes(&mut self, minutes: i64) {
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
    }

    /// Adds a value of the metric now, in a log line as the functions write it.
    fn record_value(&mut self, value: i64) {
        let series = &self.alarm.series;
        let dimensions: Vec<&String> = series.dimensions.keys().collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": self.now.as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": series.namespace, "Dimensions": [dimensions],
                    "Metrics": [{ "Name": series.metric, "Unit": "Count" }],
                }],
            },
        });
        line[&series.metric] = value.into();
        for (dimension, of) in &series.dimensions {
            line[dimension] = of.as_str().into();
        }
        assert!(emf::add_line(&mut self.samples, &line.to_string()).unwrap());
    }

    fn record_values(&mut self, times: usize, every: i64, value: i64) {
        for _ in 0..times {
            self.advance_minutes(every);
            self.record_value(value);
        }
    }

    fn alarm_state(&self) -> AlarmState {
        self.alarm.state_at(&self.samples, self.now).unwrap()
    }
}

fn all_alarms() -> Vec<Alarm> {
    let names = DeployedNames::of_stack("shop", "eu-west-1", "000000000000");
    read_alarms(&Template::of_this_repository().unwrap(), &names).unwrap()
}

fn watch_alarm(id: &str) -> Watch {
    Watch {
        alarm: all_alarms().into_iter().find(|alarm| alarm.id == id).unwrap(),
        samples: Samples::default(),
        now: "2026-11-23T08:00:00Z".parse().unwrap(),
    }
}

#[test]
fn every_alarm_has_its_case() {
    let expected: BTreeSet<String> = all_alarms().into_iter().map(|alarm| alarm.id).collect();
    let there: BTreeSet<String> = CASES.iter().map(|case| case.alarm.to_owned()).collect();
    assert_eq!(there, expected);
}

#[test]
fn each_is_silent_before_sounds_and_is_silent_again() {
    for case in CASES {
        let mut watch = watch_alarm(case.alarm);
        // Enough values to fill the time over which the alarm counts.
        let often = usize::try_from(watch.alarm.looks_back().as_mins() / case.minutes_between).unwrap() + 1;
        watch.record_values(often, case.minutes_between, case.healthy_value);
        assert_eq!(watch.alarm_state(), AlarmState::Ok, "{} when all is well", case.alarm);
        watch.record_values(case.alarming_values, case.minutes_between, case.bad_value);
        assert_eq!(
            watch.alarm_state(),
            AlarmState::Alarm,
            "{} after {} times",
            case.alarm,
            case.alarming_values
        );
        watch.record_values(often, case.minutes_between, case.healthy_value);
        assert_eq!(watch.alarm_state(), AlarmState::Ok, "{} when it is over", case.alarm);
    }
}

#[test]
fn none_wakes_anybody_for_less() {
    for case in CASES {
        let mut watch = watch_alarm(case.alarm);
        let often = usize::try_from(watch.alarm.looks_back().as_mins() / case.minutes_between).unwrap() + 1;
        watch.record_values(often, case.minutes_between, case.healthy_value);
        for time in 0..case.silent_values {
            watch.record_values(1, case.minutes_between, case.bad_value);
            assert_eq!(watch.alarm_state(), AlarmState::Ok, "{} after {} times", case.alarm, time + 1);
        }
        watch.record_values(1, case.minutes_between, case.healthy_value);
        assert_eq!(watch.alarm_state(), AlarmState::Ok, "{} once it is over", case.alarm);
    }
}

#[test]
fn only_the_heartbeat_takes_silence_for_a_fault() {
    for alarm in all_alarms() {
        let expected = if alarm.id == "HeartbeatAlarm" { AlarmState::Alarm } else { AlarmState::Ok };
        let silence = alarm.state_at(&Samples::default(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(silence, expected, "{}", alarm.id);
    }
}
