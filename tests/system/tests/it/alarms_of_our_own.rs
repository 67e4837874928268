//! The alarms on the metrics that the code itself emits: provoked in the whole stack, and over again when the cause is.

use crate::alarms::Watch;
use local::stack::SWEEPS_QUEUE;
use serde_json::json;
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, Outage, demo};
use std::time::Duration;
use template::AlarmState;
use world::{World, order_of_one_line};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_that_do_not_come_are_missed() {
    let world = World::new().await;
    let mut watch = Watch::over(&world);
    watch.poll_for_minutes(20).await;
    assert_eq!(watch.alarm_state("HeartbeatAlarm"), AlarmState::Ok);
    watch.pass_minutes(25);
    assert_eq!(watch.alarm_state("HeartbeatAlarm"), AlarmState::Alarm);
    watch.poll_for_minutes(20).await;
    assert_eq!(watch.alarm_state("HeartbeatAlarm"), AlarmState::Ok);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_in_doubt_sounds() {
    let world = Box::pin(world::build_world_with_order_in_doubt(false)).await;
    let mut watch = Watch::over(&world);
    watch.read_metrics();
    // It sounded when it came into doubt, more than an hour ago; somebody looks again, and nothing is known.
    watch.assert_only_sounding(&[]);
    world.stack.robaws.add_fault(nothing_found());
    let retry = "/api/connections/shop/orders/PF-1/retry";
    let asked = Box::pin(world.stack.call_api("POST", retry, &json!({}))).await;
    assert_eq!(asked.unwrap().0, 202);
    watch.poll_for_minutes(5).await;
    watch.assert_only_sounding(&["InDoubtAlarm"]);
    world.stack.robaws.clear_faults();
    let path = "/api/connections/shop/orders/PF-1/settle";
    let settled = Box::pin(world.stack.call_api("POST", path, &json!({ "as": "not_done" }))).await;
    assert_eq!(settled.unwrap().0, 200);
    watch.poll_for_minutes(90).await;
    watch.assert_only_sounding(&[]);
}

fn nothing_found() -> Fault {
    let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
    Fault::for_call("GET", "/stock-changes")
        .with_effect(Effect::Answer(Answer::with_json(200, empty)))
        .until_cleared()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_that_are_refused_sound_after_an_hour() {
    let world = World::new().await;
    let mut watch = Watch::over(&world);
    world.robaws.remove_user(demo::ROBAWS_KEY);
    world.place_order(order_of_one_line("PF-1"));
    watch.poll_for_minutes(30).await;
    watch.assert_only_sounding(&[]);
    watch.poll_for_minutes(120).await;
    watch.assert_only_sounding(&["NeedsCredentialsAlarm"]);
    world.robaws.add_admin(demo::ROBAWS_KEY, demo::ROBAWS_SECRET);
    watch.poll_for_minutes(180).await;
    watch.assert_only_sounding(&[]);
    assert_eq!(world.order_state("PF-1").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_connection_sounds_until_its_ledger_is_rebuilt() {
    let world = World::new().await;
    let mut watch = Watch::over(&world);
    watch.poll_for_minutes(30).await;
    watch.assert_only_sounding(&[]);
    for (path, minutes, alarms) in [("suspend", 45, &["SuspendedAlarm"][..]), ("rebuild", 45, &[])] {
        let path = format!("/api/connections/shop/{path}");
        let (status, answer) = Box::pin(world.stack.call_api("POST", &path, &json!({}))).await.unwrap();
        assert!((200..300).contains(&status), "{answer}");
        watch.poll_for_minutes(minutes).await;
        watch.assert_only_sounding(alarms);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_nobody_reaches_sounds() {
    let world = World::new().await;
    let mut watch = Watch::over(&world);
    world.stack.robaws.set_outage(Some(Outage::Drop));
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    watch.poll_for_minutes(45).await;
    watch.assert_only_sounding(&[]);
    watch.poll_for_minutes(75).await;
    watch.assert_only_sounding(&["RobawsUnreachableAlarm"]);
    world.stack.robaws.set_outage(None);
    world.stack.productflow.set_outage(Some(Outage::Drop));
    watch.poll_for_minutes(120).await;
    watch.assert_only_sounding(&["ProductFlowUnreachableAlarm"]);
    world.stack.productflow.set_outage(None);
    watch.poll_for_minutes(60).await;
    watch.assert_only_sounding(&[]);
    assert_eq!(world.order_state("PF-1").await, "booked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_no_poll_comes_to_sound() {
    let mut world = World::new().await;
    world.stack.set_poll_time_limit(Duration::ZERO);
    let mut watch = Watch::over(&world);
    watch.poll_for_minutes(90).await;
    watch.assert_only_sounding(&["LeftOutAlarm"]);
    let (samples, read) = watch.take_samples();
    world.stack.set_poll_time_limit(Duration::from_mins(4));
    let mut watch = Watch::over(&world).with_samples(samples, read);
    watch.poll_for_minutes(60).await;
    watch.assert_only_sounding(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_whose_requests_run_out_sounds() {
    let world = World::new().await;
    let mut watch = Watch::over(&world);
    watch.poll_for_minutes(15).await;
    world.robaws.set_used_today(8_500, 0);
    for nth in 0..9 {
        world.place_order(order_of_one_line(&format!("PF-{nth}")));
        watch.poll_for_minutes(5).await;
    }
    watch.assert_only_sounding(&["QuotaAlarm"]);
    world.robaws.set_used_today(100, 0);
    for nth in 10..22 {
        world.place_order(order_of_one_line(&format!("PF-{nth}")));
        watch.poll_for_minutes(5).await;
    }
    watch.assert_only_sounding(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_even_be_recorded_sounds() {
    for (alarm, minutes) in [
        ("ProcessOrderUnrecordedAlarm", 10),
        ("SyncArticleUnrecordedAlarm", 10),
        ("ReconcileUnrecordedAlarm", 95),
    ] {
        let world = World::new().await;
        let mut watch = Watch::over(&world);
        let push = "/api/connections/shop/articles/push";
        let (status, _) = Box::pin(world.stack.call_api("POST", push, &json!({}))).await.unwrap();
        assert_eq!(status, 202);
        match alarm {
            "ProcessOrderUnrecordedAlarm" => {
                world.place_order(order_of_one_line("PF-1"));
                world.stack.run_poll().await.unwrap();
            }
            "SyncArticleUnrecordedAlarm" => assert_eq!(world.stack.work_sweeps().await.unwrap(), 1),
            _ => assert!(!world.stack.aws.queues.messages_in(SWEEPS_QUEUE).is_empty()),
        }
        world.stack.aws.iam.set_outage(Some("dynamodb"));
        for time in 0..3 {
            if time > 0 {
                watch.pass_minutes(minutes);
            }
            match alarm {
                "ProcessOrderUnrecordedAlarm" => world.stack.work_orders().await.unwrap(),
                "SyncArticleUnrecordedAlarm" => world.stack.work_articles().await.unwrap(),
                _ => world.stack.work_sweeps().await.unwrap(),
            };
        }
        watch.read_metrics();
        watch.pass_minutes(5);
        assert_eq!(watch.alarm_state(alarm), AlarmState::Alarm, "{alarm}");
        world.stack.aws.iam.set_outage(None);
        watch.poll_for_minutes(9 * 60).await;
        assert_eq!(watch.alarm_state(alarm), AlarmState::Ok, "{alarm}");
    }
}
