//! What goes wrong, as whoever is on call hears of it: each alarm of the template is silent before, sounds, and is silent again
//! when it is over. Numbers of AWS's own (depth and age of queues, failed and slow invocations, answers of the API) come from what
//! the stack did; [`infra/template/tests/alarms.rs`] holds the thresholds.

use jiff::{SignedDuration, Timestamp};
use local::stack::{ARTICLES_QUEUE, ORDERS_QUEUE, SWEEPS_QUEUE};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use template::{Alarm, AlarmState, DeployedNames, Samples, Series, Template, read_alarms};
use world::{World, order_of_one_line};

/// The queues, by their logical ids.
const QUEUES: [(&str, &str); 3] =
    [("Orders", ORDERS_QUEUE), ("Articles", ARTICLES_QUEUE), ("Sweeps", SWEEPS_QUEUE)];

/// CloudWatch, over a shop.
pub(crate) struct Watch<'a> {
    pub(crate) world: &'a World,
    alarms: BTreeMap<String, Alarm>,
    time_outs: BTreeMap<String, Duration>,
    samples: Samples,
    /// Lines of metrics that were read.
    read: usize,
}

impl<'a> Watch<'a> {
    pub(crate) fn over(world: &'a World) -> Self {
        let template = Template::of_this_repository().unwrap();
        let names = DeployedNames::of_stack("connector", "eu-west-1", "000000000000");
        let time_out = |properties: &Value| Duration::from_secs(properties["Timeout"].as_u64().unwrap());
        Self {
            world,
            alarms: read_alarms(&template, &names)
                .unwrap()
                .into_iter()
                .map(|alarm| (alarm.id.clone(), alarm))
                .collect(),
            time_outs: template
                .functions()
                .map(|(_, id, properties)| (id.to_owned(), time_out(properties)))
                .collect(),
            samples: Samples::default(),
            read: 0,
        }
    }

    fn now(&self) -> Timestamp {
        runtime::clock::Clock::now(&self.world.clock)
    }

    /// Minutes pass; SQS reports every one of them.
    pub(crate) fn pass_minutes(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.world.clock.advance_by(SignedDuration::from_mins(1));
            let now = self.now();
            for (id, name) in QUEUES {
                let sqs = |metric: &str, queue: String| {
                    Series::new("AWS/SQS", metric).with_dimension("QueueName", &queue)
                };
                let queues = &self.world.stack.aws.queues;
                let waiting = queues.messages_in(name);
                let oldest = waiting.iter().map(|message| message.sent_at).min();
                let age = oldest.map_or(0, |sent| now.duration_since(sent).as_secs());
                self.samples.add_sample(sqs("ApproximateAgeOfOldestMessage", format!("{id}Queue")), now, age);
                let dead = queues.dead_letters(name).len();
                self.samples.add_sample(
                    sqs("ApproximateNumberOfMessagesVisible", format!("{id}DeadLetters")),
                    now,
                    dead,
                );
            }
        }
    }

    /// Reads what the code emitted since, under the namespace that the template sets.
    pub(crate) fn read_metrics(&mut self) {
        let lines = self.world.stack.metrics.lines();
        for line in &lines[self.read..] {
            let mut line = line.clone();
            for directive in line["_aws"]["CloudWatchMetrics"].as_array_mut().unwrap() {
                directive["Namespace"] = json!("Connector/connector");
            }
            assert!(template::emf::add_line(&mut self.samples, &line.to_string()).unwrap());
        }
        self.read = lines.len();
    }

    /// What was sampled so far, for another watch over the same shop.
    pub(crate) fn take_samples(self) -> (Samples, usize) {
        (self.samples, self.read)
    }

    /// Goes on with these samples.
    pub(crate) fn with_samples(mut self, samples: Samples, read: usize) -> Self {
        (self.samples, self.read) = (samples, read);
        self
    }

    /// Polls and works for so many minutes, five at a time.
    pub(crate) async fn poll_for_minutes(&mut self, minutes: i64) {
        for _ in 0..minutes / 5 {
            self.pass_minutes(5);
            self.world.stack.poll_and_drain().await.unwrap();
        }
        self.read_metrics();
    }

    /// Lambda reports an invocation; one that was cut off took all the time that it had.
    fn note_invocation<T>(&mut self, function: &str, ended: &anyhow::Result<T>) {
        let now = self.now();
        let lambda =
            |metric: &str| Series::new("AWS/Lambda", metric).with_dimension("FunctionName", function);
        self.samples.add_sample(lambda("Errors"), now, u8::from(ended.is_err()));
        let cut_off = ended.as_ref().err().is_some_and(|error| format!("{error:#}").contains("timed out"));
        let took = if cut_off { self.time_outs[function] } else { Duration::from_secs(1) };
        self.samples.add_sample(lambda("Duration"), now, u64::try_from(took.as_millis()).unwrap());
    }

    /// API Gateway reports an answer.
    fn note_answer(&mut self, status: u16) {
        let now = self.now();
        let series = Series::new("AWS/ApiGateway", "5xx").with_dimension("ApiId", "Api");
        self.samples.add_sample(series, now, u8::from(status >= 500));
    }

    pub(crate) fn alarm_state(&self, alarm: &str) -> AlarmState {
        self.alarms[alarm].state_at(&self.samples, self.now()).unwrap()
    }

    /// Which alarms sound, but for the heartbeat: polls are counted elsewhere.
    fn sounding_alarms(&self) -> Vec<&str> {
        self.alarms
            .keys()
            .map(String::as_str)
            .filter(|alarm| *alarm != "HeartbeatAlarm" && self.alarm_state(alarm) == AlarmState::Alarm)
            .collect()
    }

    #[track_caller]
    pub(crate) fn assert_only_sounding(&self, alarms: &[&str]) {
        assert_eq!(self.sounding_alarms(), alarms);
    }
}

/// Something for each queue.
async fn fill_queue(world: &World, queue: &str) {
    if queue == ORDERS_QUEUE {
        world.place_order(order_of_one_line("PF-1"));
        world.stack.run_poll().await.unwrap();
    } else {
        let path = "/api/connections/shop/articles/push";
        let (status, body) = world.stack.call_api("POST", path, &json!({})).await.unwrap();
        assert_eq!(status, 202, "{body}");
        if queue == ARTICLES_QUEUE {
            assert_eq!(world.stack.work_sweeps().await.unwrap(), 1);
        }
    }
    assert!(!world.stack.aws.queues.messages_in(queue).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_nobody_takes_sound_by_their_age() {
    for (id, queue, minutes) in [
        ("OrdersAgeAlarm", ORDERS_QUEUE, 15 + 15),
        ("ArticlesAgeAlarm", ARTICLES_QUEUE, 60 + 30),
        ("SweepsAgeAlarm", SWEEPS_QUEUE, 120 + 30),
    ] {
        let world = World::new().await;
        let mut watch = Watch::over(&world);
        fill_queue(&world, queue).await;
        watch.pass_minutes(minutes / 2);
        watch.assert_only_sounding(&[]);
        watch.pass_minutes(minutes / 2 + 1);
        watch.assert_only_sounding(&[id]);
        world.stack.drain_queues().await.unwrap();
        watch.pass_minutes(30);
        watch.assert_only_sounding(&[]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_every_invocation_dies_of_sound_as_dead_letters() {
    for (id, queue) in QUEUES {
        let world = World::new().await;
        let mut watch = Watch::over(&world);
        fill_queue(&world, queue).await;
        for _ in 0..5 {
            // An invocation takes them and dies: they are visible again when their time is up.
            let received = world.stack.aws.sqs.receive_message();
            let url = format!("http://localhost/000000000000/{queue}");
            received.queue_url(url).max_number_of_messages(10).send().await.unwrap();
            assert_eq!(watch.alarm_state(&format!("{id}DeadLettersAlarm")), AlarmState::Ok);
            watch.pass_minutes(10);
        }
        world.stack.drain_queues().await.unwrap();
        watch.pass_minutes(15);
        watch.assert_only_sounding(&[format!("{id}DeadLettersAlarm").as_str()]);
        world.stack.aws.queues.delete_dead_letters(queue);
        watch.pass_minutes(1);
        watch.assert_only_sounding(&[]);
        // Nothing was lost with them.
        world.poll_for_minutes(30).await;
        if queue == ORDERS_QUEUE {
            assert_eq!(world.order_state("PF-1").await, "booked");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_down_fails_polls_nights_and_the_api() {
    let world = World::new().await;
    let mut watch = Watch::over(&world);
    let five_minutes = async |watch: &mut Watch<'_>| {
        watch.pass_minutes(5);
        watch.note_invocation("PollOrdersFunction", &world.stack.run_poll().await);
        for _ in 0..5 {
            let (status, _) = world.stack.call_api("GET", "/api/connections", &Value::Null).await.unwrap();
            watch.note_answer(status);
        }
    };
    five_minutes(&mut watch).await;
    watch.assert_only_sounding(&[]);
    world.stack.aws.iam.set_outage(Some("dynamodb"));
    five_minutes(&mut watch).await;
    watch.assert_only_sounding(&[]);
    five_minutes(&mut watch).await;
    watch.assert_only_sounding(&["ApiErrorsAlarm", "PollOrdersErrorsAlarm"]);
    world.stack.aws.iam.set_outage(None);
    for _ in 0..3 {
        five_minutes(&mut watch).await;
    }
    watch.assert_only_sounding(&[]);

    // Nights are rarer: two that fail in a day.
    let six_hours = async |watch: &mut Watch<'_>| {
        watch.pass_minutes(6 * 60);
        watch.note_invocation("ReconcileFunction", &world.stack.run_nightly_check().await);
    };
    world.stack.aws.iam.set_outage(Some("dynamodb"));
    six_hours(&mut watch).await;
    watch.assert_only_sounding(&[]);
    six_hours(&mut watch).await;
    watch.assert_only_sounding(&["ReconcileErrorsAlarm"]);
    world.stack.aws.iam.set_outage(None);
    for _ in 0..4 {
        six_hours(&mut watch).await;
        world.stack.drain_queues().await.unwrap();
    }
    watch.assert_only_sounding(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invocations_that_are_cut_off_sound_as_errors_and_as_slow() {
    let mut world = World::new().await;
    world.stack.set_time_limit(Duration::ZERO);
    let mut watch = Watch::over(&world);
    fill_queue(&world, ARTICLES_QUEUE).await;
    fill_queue(&world, ORDERS_QUEUE).await;
    for time in 0..2 {
        let orders = world.stack.work_orders().await;
        let articles = world.stack.work_articles().await;
        assert!(orders.is_err() && articles.is_err());
        watch.note_invocation("ProcessOrderFunction", &orders);
        watch.note_invocation("SyncArticleFunction", &articles);
        if time == 0 {
            watch.assert_only_sounding(&[]);
            // Until they are visible again.
            watch.pass_minutes(10);
        }
    }
    watch.assert_only_sounding(&[
        "ProcessOrderDurationAlarm",
        "ProcessOrderErrorsAlarm",
        "SyncArticleDurationAlarm",
        "SyncArticleErrorsAlarm",
    ]);
    watch.pass_minutes(15);
    assert_eq!(watch.alarm_state("ProcessOrderErrorsAlarm"), AlarmState::Ok);
    assert_eq!(watch.alarm_state("SyncArticleDurationAlarm"), AlarmState::Ok);
}
