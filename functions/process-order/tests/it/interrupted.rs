//! Orders whose look kills the process: set aside after three times, and nobody beside them with them.

use jiff::SignedDuration;
use simulators::{Fault, Gate};
use world::{World, order_of_one_line};

/// Works until so many calls in all were held at the gate, and kills the process then.
async fn kill_at(world: &mut World, gate: &Gate, calls: usize) {
    world.clock.advance_by(SignedDuration::from_mins(15));
    world.stack.run_poll().await.unwrap();
    tokio::select! {
        ended = world.stack.work_orders() => panic!("nothing was held: {ended:?}"),
        () = gate.wait_for_calls(calls) => {}
    }
    world.stack.restart_functions().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_kills_the_process_does_not_take_others_along() {
    let mut world = World::new().await;
    world.place_order(order_of_one_line("PF-1"));
    world.place_order(order_of_one_line("PF-2"));
    let gate = Gate::new();
    let held = |order| Fault::for_call("GET", &format!("/order/{order}")).hold_before(&gate).until_cleared();
    world.stack.productflow.add_fault(held("PF-1"));
    world.stack.productflow.add_fault(held("PF-2"));
    // Beside one another; then one at a time, the least often interrupted first.
    for calls in [2, 3, 4] {
        kill_at(&mut world, &gate, calls).await;
    }
    world.stack.productflow.clear_faults();
    world.stack.productflow.add_fault(held("PF-2"));
    kill_at(&mut world, &gate, 5).await;
    assert_eq!(world.order_state("PF-1").await, "booked");

    world.poll_and_work().await;
    world.poll_and_work().await;
    world.poll_and_work().await;
    assert_eq!(world.problem_codes("PF-2").await, ["internal_error"]);
    assert_eq!(world.problem_codes("PF-1").await, [""; 0]);
    assert_eq!(gate.calls(), 5, "it is not tried a fourth time");
    assert_eq!(world.robaws.stock_changes().len(), 1);
}
