//! A shop connected the way an operator does it, with its webhook, and what ProductFlow must have by the manual: a second reading
//! of the manual, independent of the rules.

use jiff::SignedDuration;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{Company, OrderBuilder, RobawsTenant, demo};
use std::collections::BTreeMap;

use crate::World;

/// Quantity, cost price and sale price of an offer.
type Shown = (i64, Option<Decimal>, Option<Decimal>);

impl World {
    /// Activated, and everything pushed.
    pub async fn new_activated() -> Self {
        Self::activated_with(json!({})).await
    }

    pub async fn activated_with(settings: Value) -> Self {
        let world = Self::without_connection().await;
        world.create_connection(settings).await;
        world.activate_connection().await;
        world.deliver_and_work().await;
        world
    }

    pub async fn create_connection(&self, settings: Value) {
        let mut all = json!({ "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION });
        if let (Value::Object(all), Value::Object(more)) = (&mut all, settings) {
            all.extend(more);
        }
        let create = json!({
            "id": "shop", "language": "en", "settings": all,
            "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
            "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
        });
        let (status, answer) =
            Box::pin(self.stack.call_api("POST", "/api/connections", &create)).await.unwrap();
        assert_eq!(status, 201, "{answer}");
    }

    pub async fn activate_connection(&self) -> Value {
        let (status, answer) = self.post_to_api("activate", json!({})).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub async fn post_to_api(&self, what: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/connections/shop/{what}");
        Box::pin(self.stack.call_api("POST", &path, &body)).await.unwrap()
    }

    pub async fn get_from_api(&self, what: &str) -> Value {
        let path = format!("/api/connections/shop{what}");
        let (status, answer) = Box::pin(self.stack.call_api("GET", &path, &Value::Null)).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Codes of the connection's own problems.
    pub async fn connection_problem_codes(&self) -> Vec<String> {
        let shown = self.get_from_api("").await;
        codes_of(&shown)
    }

    /// State and codes of an article, as the API shows them.
    pub async fn read_article(&self, id: &str) -> (String, Vec<String>) {
        let list = self.get_from_api("/articles?limit=100").await;
        let items = list["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["article_id"] == id);
        let item = item.unwrap_or_else(|| panic!("article {id} is not listed: {list}"));
        (item["state"].as_str().unwrap().to_owned(), codes_of(item))
    }

    /// Webhooks are delivered and the queues worked off, until nothing moves any more.
    pub async fn deliver_and_work(&self) {
        Box::pin(self.stack.run_until_quiet()).await.unwrap();
    }

    /// `hours` pass, and the nightly rule fires.
    pub async fn pass_hours_and_check(&self, hours: i64) {
        self.clock.advance_by(SignedDuration::from_hours(hours));
        Box::pin(self.stack.run_nightly_check()).await.unwrap();
        self.deliver_and_work().await;
    }

    /// An order of two pieces placed now.
    pub fn place_order_of_article(&self, identifier: &str, sku: &str) {
        let order = OrderBuilder::new(identifier).with_placed_at(&self.now().to_string());
        self.productflow.place_order(order.with_line(sku, 2, 5998, Some("7")));
    }

    /// Another merchant, activated: his tenant and his company. He has an article A-1 of his own, with the same id.
    pub async fn add_second_merchant(&self) -> (RobawsTenant, Company) {
        let tenant = self.stack.robaws.tenant_named("other");
        tenant.add_admin("other-key", "other-secret").put_client("5", "B2C").put_stock_location("3", "Depot");
        tenant.put_article(Article::new("12", "A-1").with_tick(true)).set_stock("12", "3", 1);
        let company = self.stack.productflow.company_numbered(77);
        company.add_token("other-token");
        let create = json!({
            "id": "other", "robaws": { "key": "other-key", "secret": "other-secret" },
            "productflow": { "access_token": "other-token", "company_id": 77 },
            "settings": { "b2c_client_id": "5", "stock_location_id": "3" },
        });
        assert_eq!(Box::pin(self.stack.call_api("POST", "/api/connections", &create)).await.unwrap().0, 201);
        let activate = "/api/connections/other/activate";
        assert_eq!(Box::pin(self.stack.call_api("POST", activate, &json!({}))).await.unwrap().0, 200);
        self.deliver_and_work().await;
        (tenant, company)
    }

    pub fn clear_calls(&self) {
        self.stack.robaws.clear_calls();
        self.stack.productflow.clear_calls();
    }

    /// Calls to Robaws and to ProductFlow since they were cleared.
    pub fn count_calls(&self) -> (usize, usize) {
        (self.stack.robaws.calls().len(), self.stack.productflow.calls().len())
    }

    /// Writes to ProductFlow since its calls were cleared.
    pub fn list_writes(&self) -> Vec<String> {
        let calls = self.stack.productflow.calls().into_iter();
        calls
            .filter(|call| call.method != "GET")
            .map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    /// ProductFlow has an offer of every live, ticked article with a number of its own, as it is in Robaws, and no other.
    pub fn assert_offers_equal(&self, sale_prices: bool) {
        let articles = self.robaws.articles();
        let mut expected: BTreeMap<String, Shown> = BTreeMap::new();
        for article in articles.iter().filter(|article| article.is_ticked() && !article.is_gone()) {
            let Some(number) = article.article_number.clone() else {
                continue;
            };
            let same = |other: &&Article| !other.is_gone() && other.article_number.as_ref() == Some(&number);
            if articles.iter().filter(same).count() == 1 && !number.contains('/') {
                expected.insert(number, self.expected_offer(article, sale_prices));
            }
        }
        let offers: BTreeMap<String, Shown> = self
            .productflow
            .products()
            .into_iter()
            .filter_map(|(sku, product)| {
                let offer = product.offer?;
                let price = |name| offer.euro_price(name).map(|price| price.parse().unwrap());
                Some((sku, (offer.qty_available, price("cost_price"), price("sell_price"))))
            })
            .collect();
        assert_eq!(offers, expected);
    }

    fn expected_offer(&self, article: &Article, sale_prices: bool) -> Shown {
        let stock: Decimal = self
            .robaws
            .all_stock()
            .into_iter()
            .filter(|(id, ..)| *id == article.id)
            .map(|(_, _, pieces)| pieces)
            .sum();
        let pieces = (stock - article.reserved_stock).floor().max(Decimal::ZERO);
        let above_zero = |price: Decimal| Some(price).filter(|price| *price > Decimal::ZERO);
        let tariffs = self.robaws.vat_tariffs();
        let tariff = tariffs.iter().find(|tariff| Some(&tariff.id) == article.vat_tariff_id.as_ref());
        let sale = tariff.filter(|_| sale_prices).and_then(|tariff| {
            let factor = if tariff.vat_inclusive {
                Decimal::ONE
            } else {
                Decimal::ONE + tariff.percentage / Decimal::from(100)
            };
            let price = article.sale_price * factor;
            above_zero(price.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
        });
        (i64::try_from(pieces).unwrap(), above_zero(article.cost_price), sale)
    }
}

fn codes_of(shown: &Value) -> Vec<String> {
    let problems = shown["problems"].as_array().unwrap();
    let code = |problem: &Value| problem["code"].as_str().unwrap().to_owned();
    problems.iter().map(code).collect()
}

pub fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}
