//! The end of a test's world: each check fails where something is left, and is silent where the test announced it.

use jiff::SignedDuration;
use simulators::Fault;
use simulators::traffic::ViolationKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::{World, order_of_one_line};

/// What the end of this world says; `None`: nothing.
fn end_world(world: World) -> Option<String> {
    let ended = catch_unwind(AssertUnwindSafe(|| drop(world)));
    ended.err().map(|panic| panic.downcast_ref::<String>().cloned().unwrap_or_default())
}

async fn leave_row_without_end(world: &World) {
    world.place_order(order_of_one_line("PF-1"));
    let lost = Fault::for_call("*", "/stock-changes").until_cleared().drop_before();
    world.stack.robaws.add_fault(lost);
    world.poll_and_work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_world_in_which_all_went_well_ends_silently() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    assert_eq!(world.order_state("PF-1").await, "booked");
    assert_eq!(end_world(world), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_without_an_end_is_told_unless_it_is_left_on_purpose() {
    let world = World::new().await;
    leave_row_without_end(&world).await;
    let told = end_world(world).unwrap();
    assert!(told.contains("PF-1, row 1, unknown"), "{told}");

    let world = World::new().await;
    leave_row_without_end(&world).await;
    world.leave_unfinished_rows();
    assert_eq!(end_world(world), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_violation_is_told_unless_it_is_expected_and_missed_where_it_is() {
    let world = World::new().await;
    world.robaws.set_used_today(10_000, 0);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    world.expect_violation(ViolationKind::RateLimit);
    assert_eq!(end_world(world), None);

    let world = World::new().await;
    world.robaws.set_used_today(10_000, 0);
    world.place_order(order_of_one_line("PF-1"));
    world.poll_and_work().await;
    let told = end_world(world).unwrap();
    assert!(told.contains("RateLimit"), "{told}");

    let world = World::new().await;
    world.expect_violation(ViolationKind::MediaType);
    let told = end_world(world).unwrap();
    assert!(told.contains("MediaType"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_given_up_is_told() {
    let world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.stack.run_poll().await.unwrap();
    let queues = &world.stack.aws.queues;
    while queues.dead_letters(local::stack::ORDERS_QUEUE).is_empty() {
        world.clock.advance_by(SignedDuration::from_hours(1));
        let queue = format!("http://localhost/000000000000/{}", local::stack::ORDERS_QUEUE);
        let receive = world.stack.aws.sqs.receive_message().queue_url(queue);
        receive.send().await.unwrap();
    }
    let told = end_world(world).unwrap();
    assert!(told.contains("dead letters of orders.fifo"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_checked_when_the_test_failed_anyway() {
    let world = World::new().await;
    world.expect_violation(ViolationKind::MediaType);
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let _world = world;
        panic!("the test's own failure");
    }));
    let told = failed.unwrap_err();
    assert_eq!(told.downcast_ref::<&str>(), Some(&"the test's own failure"));
}
