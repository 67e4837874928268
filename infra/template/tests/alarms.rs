//! For each alarm of the template: which values are healthy, how long bad values stay silent, and when the alarm goes off. What
//! causes the alarms in the whole system is tested in tests/system.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeSet;
use template::{Alarm, Names, Samples, State, Template, alarms, emf};

/// An alarm, and values of its metric, which has one every `every` minutes.
struct Case {
    alarm: &'static str,
    every: i64,
    healthy: i64,
    bad: i64,
    /// Number of bad values in a row at which the alarm is still silent.
    silent: usize,
    /// Number of bad values in a row at which the alarm goes off.
    sounds: usize,
}

const fn case(alarm: &'static str, every: i64, healthy: i64, bad: i64, silent: usize, sounds: usize) -> Case {
    Case {
        alarm,
        every,
        healthy,
        bad,
        silent,
        sounds,
    }
}

const CASES: [Case; 38] = [
    case("OrdersDeadLettersAlarm", 1, 0, 1, 0, 1),
    case("ArticlesDeadLettersAlarm", 1, 0, 1, 0, 1),
    case("SweepsDeadLettersAlarm", 1, 0, 1, 0, 1),
    case("PollDeadLettersAlarm", 1, 0, 1, 0, 1),
    case("NightlyDeadLettersAlarm", 1, 0, 1, 0, 1),
    // The age of the oldest message, in seconds, must be above one redelivery for the whole time of the alarm.
    case("OrdersAgeAlarm", 1, 560, 901, 9, 15),
    case("ArticlesAgeAlarm", 1, 3600, 3601, 24, 30),
    case("SweepsAgeAlarm", 1, 5500, 7201, 24, 30),
    case("HeartbeatAlarm", 5, 1, 0, 2, 3),
    case("PollOrdersErrorsAlarm", 5, 0, 1, 1, 2),
    case("ProcessOrderErrorsAlarm", 5, 0, 1, 1, 2),
    case("ArticlePushErrorsAlarm", 5, 0, 1, 1, 2),
    case("SyncArticleErrorsAlarm", 5, 0, 1, 1, 2),
    case("ReconcileErrorsAlarm", 360, 0, 1, 1, 2),
    case("SettingsErrorsAlarm", 5, 0, 1, 1, 2),
    case("PollOrdersDurationAlarm", 5, 192_000, 192_001, 1, 2),
    case("ProcessOrderDurationAlarm", 5, 72_000, 72_001, 1, 2),
    case("ArticlePushDurationAlarm", 5, 8_000, 8_001, 1, 2),
    case("SyncArticleDurationAlarm", 5, 72_000, 72_001, 1, 2),
    case("ReconcileDurationAlarm", 5, 860_000, 873_001, 1, 2),
    case("SettingsDurationAlarm", 5, 23_200, 23_201, 1, 2),
    case("PollOrdersThrottlesAlarm", 5, 0, 1, 2, 3),
    case("ProcessOrderThrottlesAlarm", 5, 0, 1, 2, 3),
    case("ArticlePushThrottlesAlarm", 5, 0, 1, 0, 1),
    case("SyncArticleThrottlesAlarm", 5, 0, 1, 2, 3),
    case("ReconcileThrottlesAlarm", 5, 0, 1, 2, 3),
    case("SettingsThrottlesAlarm", 5, 0, 1, 2, 3),
    case("InDoubtAlarm", 5, 0, 1, 0, 1),
    // Every poll within an hour must report it.
    case("NeedsCredentialsAlarm", 5, 0, 1, 11, 12),
    case("SuspendedAlarm", 5, 0, 1, 2, 3),
    case("RobawsUnreachableAlarm", 5, 0, 1, 2, 3),
    case("ProductFlowUnreachableAlarm", 5, 0, 1, 2, 3),
    case("LeftOutAlarm", 5, 0, 1, 5, 6),
    case("QuotaAlarm", 15, 20, 19, 1, 2),
    case("ProcessOrderUnrecordedAlarm", 5, 0, 1, 2, 3),
    case("SyncArticleUnrecordedAlarm", 5, 0, 1, 2, 3),
    case("ReconcileUnrecordedAlarm", 60, 0, 1, 1, 2),
    case("ApiErrorsAlarm", 5, 4, 5, 1, 2),
];

/// An alarm, the samples of its metric so far, and the present moment.
struct Watch {
    alarm: Alarm,
    samples: Samples,
    now: Timestamp,
}

impl Watch {
    fn minutes(&mut self, minutes: i64) {
        self.now = self.now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
    }

    /// Adds a value of the metric now, in a log line as the functions write it.
    fn says(&mut self, value: i64) {
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
        assert!(emf::add(&mut self.samples, &line.to_string()).unwrap());
    }

    fn says_often(&mut self, times: usize, every: i64, value: i64) {
        for _ in 0..times {
            self.minutes(every);
            self.says(value);
        }
    }

    fn state(&self) -> State {
        self.alarm.state(&self.samples, self.now).unwrap()
    }
}

fn all() -> Vec<Alarm> {
    let names = Names::of_stack("shop", "eu-west-1", "000000000000");
    alarms(&Template::of_this_repository().unwrap(), &names).unwrap()
}

fn watch(id: &str) -> Watch {
    Watch {
        alarm: all().into_iter().find(|alarm| alarm.id == id).unwrap(),
        samples: Samples::default(),
        now: "2026-11-23T08:00:00Z".parse().unwrap(),
    }
}

#[test]
fn every_alarm_has_its_case() {
    let expected: BTreeSet<String> = all().into_iter().map(|alarm| alarm.id).collect();
    let there: BTreeSet<String> = CASES.iter().map(|case| case.alarm.to_owned()).collect();
    assert_eq!(there, expected);
}

#[test]
fn each_is_silent_before_sounds_and_is_silent_again() {
    for case in CASES {
        let mut watch = watch(case.alarm);
        // Enough values to fill the time over which the alarm counts.
        let often = usize::try_from(watch.alarm.looks_back().as_mins() / case.every).unwrap() + 1;
        watch.says_often(often, case.every, case.healthy);
        assert_eq!(watch.state(), State::Ok, "{} when all is well", case.alarm);
        watch.says_often(case.sounds, case.every, case.bad);
        assert_eq!(
            watch.state(),
            State::Alarm,
            "{} after {} times",
            case.alarm,
            case.sounds
        );
        watch.says_often(often, case.every, case.healthy);
        assert_eq!(watch.state(), State::Ok, "{} when it is over", case.alarm);
    }
}

#[test]
fn none_wakes_anybody_for_less() {
    for case in CASES {
        let mut watch = watch(case.alarm);
        let often = usize::try_from(watch.alarm.looks_back().as_mins() / case.every).unwrap() + 1;
        watch.says_often(often, case.every, case.healthy);
        for time in 0..case.silent {
            watch.says_often(1, case.every, case.bad);
            assert_eq!(
                watch.state(),
                State::Ok,
                "{} after {} times",
                case.alarm,
                time + 1
            );
        }
        watch.says_often(1, case.every, case.healthy);
        assert_eq!(watch.state(), State::Ok, "{} once it is over", case.alarm);
    }
}

#[test]
fn only_the_heartbeat_takes_silence_for_a_fault() {
    for alarm in all() {
        let expected = if alarm.id == "HeartbeatAlarm" {
            State::Alarm
        } else {
            State::Ok
        };
        let silence = alarm.state(&Samples::default(), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(silence, expected, "{}", alarm.id);
    }
}
