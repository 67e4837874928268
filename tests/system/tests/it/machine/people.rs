//! What people do in the histories of the breaking machine: in ProductFlow, in Robaws, and on the merchant's page.

use super::judge::{Choice, Chosen, SPARE_ARTICLE, SPARE_TARIFF, documents};
use super::{Machine, NUMBERS};
use rand::Rng as _;
use serde_json::{Value, json};
use simulators::demo;
use simulators::robaws::Article;
use world::euros;

impl Machine {
    /// What becomes of an order in ProductFlow.
    pub(super) fn change_order(&mut self) {
        let Some(identifier) = self.any_order() else {
            return;
        };
        let productflow = self.world.productflow.clone();
        let Some(order) = productflow.find_order(&identifier) else {
            return;
        };
        let (quantity, cents) = (self.random.random_range(1..=4), self.random.random_range(1..=9_999));
        match self.random.random_range(0..16) {
            0..=3 if order["status"] != "cancelled" => {
                productflow.edit_order(&identifier, |order| {
                    order["lines"][0]["quantity"] = json!(quantity);
                    order["lines"][0]["price"] = json!(cents);
                });
            }
            0..=7 => {
                productflow.ship_order(&identifier);
            }
            8..=10 => {
                productflow.cancel_order(&identifier);
            }
            11..=13 => {
                productflow.set_status(&identifier, "open");
            }
            14 => {
                productflow.set_status(&identifier, "returned");
            }
            _ => {
                productflow.remove_order(&identifier);
                self.orders.get_mut(&identifier).unwrap().gone = true;
            }
        }
        self.note_order(&identifier);
    }

    pub(super) fn change_article(&mut self) {
        let (number, own, twin) = self.pick_one(&NUMBERS);
        let robaws = self.world.robaws.clone();
        let renumber = |id: &str, to: String| {
            robaws.edit_article(id, |article| article.article_number = Some(to));
        };
        match self.random.random_range(0..8) {
            0 => renumber(own, format!("{number}-OLD")),
            1 if robaws.find_article(twin).is_none() => {
                robaws.create_article(Article::new(twin, number).with_tariff("7"));
            }
            1 => renumber(twin, number.to_owned()),
            2 => {
                robaws.archive_article(own);
            }
            // Things are put right more often than wrong.
            3 | 4 => {
                robaws.archive_article(twin);
            }
            _ => {
                robaws.restore_article(own);
                renumber(own, number.to_owned());
            }
        }
    }

    /// What people do to what is offered in ProductFlow, announced or not.
    pub(super) fn change_offer(&mut self) {
        let (_, own, twin) = self.pick_one(&NUMBERS);
        let id = self.pick_one(&[own, own, twin]);
        let (cents, pieces) = (self.random.random_range(0..5_000), self.random.random_range(-2..30));
        let is_offered = self.random.random_bool(0.7);
        let robaws = &self.world.robaws;
        if robaws.find_article(id).is_none() {
            return;
        }
        match self.random.random_range(0..4) {
            0 => drop(robaws.edit_article(id, |article| article.cost_price = euros(cents))),
            1 => drop(robaws.set_stock(id, demo::STOCK_LOCATION, pieces)),
            2 => drop(robaws.edit_article(id, |article| article.set_tick(is_offered))),
            _ => drop(robaws.edit_article_silently(id, |article| {
                article.sale_price = euros(cents);
                article.set_tick(is_offered);
            })),
        }
    }

    async fn post_decision(&self, order: &str, what: &str, body: &Value) -> u16 {
        let path = format!("/api/connections/shop/orders/{order}/{what}");
        Box::pin(self.world.stack.call_api("POST", &path, body)).await.unwrap().0
    }

    pub(super) async fn change_settings(&mut self) {
        let (location, books) = (self.pick_one(&["3", "4"]), self.random.random_bool(0.5));
        let patch = if self.random.random_bool(0.3) {
            let key = format!("key-{}", self.random.random_range(0..3));
            self.world.robaws.add_admin(&key, "secret");
            json!({ "robaws": { "key": key, "secret": "secret" } })
        } else {
            json!({ "settings": { "stock_location_id": location, "book_invoices": books } })
        };
        let path = "/api/connections/shop";
        let changed = Box::pin(self.world.stack.call_api("PATCH", path, &patch)).await.unwrap();
        self.past.user_changed |= changed.0 == 200 && patch.get("robaws").is_some();
    }

    /// The merchant acts on what stands on the page.
    pub(super) async fn decide(&mut self) {
        let Some(identifier) = self.any_order() else {
            return;
        };
        let Ok(record) = self.world.stack.order_record(&self.world.connection, &identifier).await else {
            return;
        };
        let Some(now) = self.world.productflow.find_order(&identifier) else {
            return;
        };
        // What is decided is decided of the order as it was last looked at; here only when that is how it is.
        let is_known = record.facts.as_ref().is_some_and(|facts| {
            let lines = now["lines"].as_array().unwrap().iter();
            let shown: Vec<_> = lines.map(|l| (json!(l["quantity"]), json!(l["price"]))).collect();
            let kept = facts.lines.iter();
            let kept: Vec<_> = kept.map(|l| (json!(l.quantity), json!(l.price.0))).collect();
            let status = [("open", facts.open), ("cancelled", facts.cancelled)];
            shown == kept && status.iter().all(|(word, is)| (now["status"] == *word) == *is)
        });
        let is_open = ["open", "shipped", "cancelled"].iter().any(|word| now["status"] == *word);
        if !is_known || !is_open {
            return;
        }
        match record.state.as_str() {
            "conflict" if self.random.random_bool(0.7) => {
                let body = json!({ "as": "undo", "invoice": "keep", "stock": "keep" });
                if self.post_decision(&identifier, "settle", &body).await == 200 {
                    self.orders.get_mut(&identifier).unwrap().kept = Some(now);
                }
            }
            "blocked" if self.random.random_bool(0.7) && record.ledger.find_unresolved_row().is_none() => {
                self.choose_for_line(&identifier, &now).await;
            }
            "in_doubt" => {
                let row = record.ledger.find_row_in_doubt().unwrap();
                let (mark, reference) = (record.ledger.row_mark(row.no), row.reference.clone());
                let mut changes = self.world.robaws.stock_changes_of(&mark).into_iter().map(|c| c.id);
                let is_invoice = row.effect.document_kind().is_some();
                let mut invoices = self.world.robaws.invoices_of(&reference).into_iter().map(|i| i.id);
                let found: Option<String> =
                    if is_invoice { invoices.next_back() } else { changes.next_back() };
                let body = found.map_or_else(
                    || json!({ "as": "not_done" }),
                    |id| json!({ "as": "done", "robaws_id": id }),
                );
                self.post_decision(&identifier, "settle", &body).await;
            }
            "blocked" | "conflict" | "booked" if self.random.random_bool(0.3) => {
                let there = documents(&self.world, &identifier);
                if self.post_decision(&identifier, "settle", &json!({ "as": "handled" })).await == 200 {
                    self.orders.get_mut(&identifier).unwrap().handled = Some((now, there));
                }
            }
            _ => {
                self.post_decision(&identifier, "retry", &Value::Null).await;
            }
        }
    }

    async fn choose_for_line(&mut self, identifier: &str, now: &Value) {
        let lines: Vec<&str> =
            now["lines"].as_array().unwrap().iter().map(|l| l["id"].as_str().unwrap()).collect();
        let line = self.pick_one(&lines).to_owned();
        let choice = match self.random.random_range(0..3) {
            0 => Choice { article: Some(Chosen::Article(SPARE_ARTICLE.to_owned())), tariff: None },
            1 => Choice { article: Some(Chosen::Nothing), tariff: None },
            _ => Choice { article: None, tariff: Some(SPARE_TARIFF.to_owned()) },
        };
        let mut body = json!({ "line": line });
        if let Some(article) = &choice.article {
            body["article_id"] = match article {
                Chosen::Article(article) => json!(article),
                Chosen::Nothing => json!(null),
            };
        }
        if let Some(tariff) = &choice.tariff {
            body["vat_tariff_id"] = json!(tariff);
        }
        if self.post_decision(identifier, "choose", &json!({ "lines": [body] })).await == 200 {
            let told = self.orders.get_mut(identifier).unwrap();
            let made = told.choices.entry(line).or_default();
            made.article = choice.article.or(made.article.take());
            made.tariff = choice.tariff.or(made.tariff.take());
        }
    }
}
