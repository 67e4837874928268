//! Effects of which nobody can tell whether Robaws has them.

use serde_json::json;
use simulators::traffic::{Answer, Effect};
use simulators::{Fault, OrderBuilder};

use crate::{World, order_of_one_line};

/// An order of which nobody can tell whether Robaws has its stock change.
pub async fn build_world_with_order_in_doubt(booked: bool) -> World {
    build_world_with_order_in_doubt_at(order_of_one_line("PF-1"), "/stock-changes", booked).await
}

/// The same of the effect that is made by this call.
pub async fn build_world_with_order_in_doubt_at(order: OrderBuilder, path: &str, booked: bool) -> World {
    let world = World::new().await;
    world.place_order(order);
    let call = Fault::for_call("POST", path);
    world.stack.robaws.add_fault(if booked { call.status_after(500) } else { call.answer_status(500) });
    world.stack.robaws.add_fault(Fault::for_call("GET", path).answer_status(500).until_cleared());
    world.poll_for_minutes(120).await;
    world.stack.robaws.clear_faults();
    let empty = json!({"items": [], "totalItems": 0, "totalPages": 0, "currentPage": 0, "size": 0});
    world.stack.robaws.add_fault(
        Fault::for_call("GET", path)
            .with_effect(Effect::Answer(Answer::with_json(200, empty)))
            .until_cleared(),
    );
    world.poll_for_minutes(120).await;
    assert_eq!(world.order_state("PF-1").await, "in_doubt");
    world.stack.robaws.clear_faults();
    world
}
