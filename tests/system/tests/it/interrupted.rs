//! Orders whose look kills the process: set aside after three times, and nobody beside them with them.

use crate::shop::{Shop, one_line};
use jiff::SignedDuration;
use simulators::Fault;
use std::time::Duration;

/// Longer than any test: the process is killed meanwhile.
const FOR_EVER: Duration = Duration::from_hours(1);

fn held_calls(shop: &Shop) -> usize {
    let of = |calls: Vec<simulators::traffic::Call>| calls.into_iter().filter(|call| call.fault).count();
    of(shop.stack.robaws.calls()) + of(shop.stack.productflow.calls())
}

/// Works until so many calls in all were held, and kills the process then.
async fn kill_at(shop: &mut Shop, calls: usize) {
    shop.clock.advance(SignedDuration::from_mins(15));
    shop.stack.poll().await.unwrap();
    let reached = async {
        while held_calls(shop) < calls {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = shop.stack.work() => panic!("nothing was held: {ended:?}"),
        () = reached => {}
    }
    shop.stack.restart().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_kills_the_process_does_not_take_others_along() {
    let mut shop = Shop::open().await;
    shop.place(one_line("PF-1"));
    shop.place(one_line("PF-2"));
    let held = |order| {
        Fault::on("GET", &format!("/order/{order}"))
            .delay_before(FOR_EVER)
            .forever()
    };
    shop.stack.productflow.fault(held("PF-1"));
    shop.stack.productflow.fault(held("PF-2"));
    // Beside one another; then one at a time, the least often interrupted first.
    for calls in [2, 3, 4] {
        kill_at(&mut shop, calls).await;
    }
    shop.stack.productflow.clear_faults();
    shop.stack.productflow.fault(held("PF-2"));
    kill_at(&mut shop, 5).await;
    assert_eq!(shop.state("PF-1").await, "booked");

    shop.round().await;
    shop.round().await;
    shop.round().await;
    assert_eq!(shop.codes("PF-2").await, ["internal_error"]);
    assert_eq!(shop.codes("PF-1").await, [""; 0]);
    assert_eq!(held_calls(&shop), 5, "it is not tried a fourth time");
    assert_eq!(shop.robaws.stock_changes().len(), 1);
    shop.assert_no_violations();
}
