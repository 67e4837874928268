//! Random histories of articles under random faults. After quiet ProductFlow must have exactly what Robaws says, by the second
//! reading in [`crate::catalogue`]; and then nothing is written any more.

use futures::future::join_all;
use jiff::SignedDuration;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng, SeedableRng};
use serde_json::json;
use simulators::robaws::Article;
use simulators::{Fault, Outage, demo};
use world::{World, euros};

/// Few numbers, so that they are shared and swapped.
const NUMBERS: [&str; 6] = ["A-1", "A-2", "B-1", "b-1", "A-1 x", "bad/1"];
const IDS: [&str; 7] = ["12", "13", "14", "20", "21", "22", "23"];

struct Chaos {
    world: World,
    random: StdRng,
}

impl Chaos {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        *of.choose(&mut self.random).unwrap()
    }

    /// What people do to articles, announced or not.
    fn change(&mut self) {
        let id = self.pick(&IDS);
        let number = self.pick(&NUMBERS).to_owned();
        let (cents, pieces) = (
            self.random.random_range(0..5_000),
            self.random.random_range(-2..30),
        );
        let robaws = self.world.robaws.clone();
        if robaws.article(id).is_none() {
            robaws.create_article(Article::new(id, &number).ticked(self.random.random()));
            return;
        }
        match self.random.random_range(0..11) {
            0 | 1 => {
                robaws.edit_article(id, |article| article.cost_price = euros(cents));
            }
            2 => {
                robaws.set_stock(id, demo::STOCK_LOCATION, pieces);
            }
            3 => {
                robaws.edit_article(id, |article| article.article_number = Some(number));
            }
            4 => {
                robaws.edit_article_silently(id, |article| article.article_number = Some(number));
            }
            5 | 6 => {
                robaws.edit_article(id, |article| article.tick(cents % 2 == 0));
            }
            7 => {
                robaws.edit_article_silently(id, |article| article.tick(cents % 2 == 0));
            }
            8 => {
                robaws.archive_article(id);
            }
            9 => {
                robaws.restore_article(id);
            }
            _ => {
                robaws.remove_article(id);
            }
        }
    }

    fn fault(&mut self) {
        let times = self.random.random_range(1..3);
        let writes = |method| Fault::on(method, "/product/**").times(times);
        let fault = match self.random.random_range(0..6) {
            0 => writes("POST").drop_before(),
            1 => writes("POST").drop_after(),
            2 => writes("POST").status(500),
            3 => writes("DELETE").drop_after(),
            4 => writes("POST").status_after(503),
            _ => {
                let reads = Fault::on("GET", "/articles").times(times);
                self.world.stack.robaws.fault(reads.status(503));
                return;
            }
        };
        self.world.stack.productflow.fault(fault);
    }

    async fn step(&mut self) {
        let what = self.random.random_range(0..14);
        let outage = self.pick(&[None, None, Some(Outage::Drop), Some(Outage::Unavailable)]);
        let stack = &self.world.stack;
        match what {
            0..=4 => {
                for _ in 0..self.random.random_range(1..5) {
                    self.change();
                }
            }
            5 => self.fault(),
            6 => drop(stack.robaws.deliver_due().await),
            7 => stack.aws.queues.lose_all("articles.fifo"),
            // As if messages came again while they are worked on.
            8 => {
                stack.aws.queues.release("articles.fifo");
                let works = join_all([stack.work_articles(), stack.work_articles()]).await;
                assert!(works.iter().all(Result::is_ok), "{works:?}");
            }
            9 => drop(stack.work_articles().await.unwrap()),
            10 => stack.productflow.outage(outage),
            11 => drop(stack.night().await.unwrap()),
            12 => {
                self.world.post_to_api("articles/push", json!({})).await;
            }
            _ => {
                self.world
                    .clock
                    .advance(SignedDuration::from_mins(self.random.random_range(1..40)));
                self.world.stack.poll().await.unwrap();
                self.world.deliver_and_work().await;
            }
        }
    }
}

async fn history(seed: u64) {
    let world = World::activated_with(json!({ "send_sale_price": seed.is_multiple_of(2) })).await;
    world.robaws.set(|settings| {
        settings.webhook_repeat = seed.is_multiple_of(3);
        settings.webhook_reorder = seed.is_multiple_of(2);
        settings.webhook_guid_keys = true;
        // The limits have tests of their own.
        settings.rate_per_second = 10_000;
        settings.burst = 10_000;
    });
    let mut chaos = Chaos {
        world,
        random: StdRng::seed_from_u64(seed),
    };
    for _ in 0..60 {
        chaos.step().await;
    }
    let world = chaos.world;
    world.stack.productflow.outage(None);
    world.stack.productflow.clear_faults();
    world.stack.robaws.clear_faults();
    world.deliver_and_work().await;
    // Until every back-off is over, and two nights have looked for what nobody announced.
    for _ in 0..2 {
        world.pass_hours_and_check(13).await;
        for _ in 0..3 {
            world.clock.advance(SignedDuration::from_hours(4));
            world.poll_and_work().await;
        }
    }
    world.assert_offers_equal(seed.is_multiple_of(2));
    world.clear_calls();
    world.pass_hours_and_check(12).await;
    world.poll_and_work().await;
    assert_eq!(world.list_writes(), [""; 0]);
}

macro_rules! histories {
    ($($name:ident = $seed:literal,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                history($seed).await;
            }
        )*
    };
}

histories! {
    history_1 = 1,
    history_2 = 2,
    history_3 = 3,
    history_4 = 4,
    history_5 = 5,
    history_6 = 6,
    history_7 = 7,
    history_8 = 8,
}
