//! A shop connected the way an operator does it, with its webhook, and what ProductFlow must have by the manual: a second reading
//! of it, independent of the rules.

use crate::shop::START;
use domain::ids::ConnectionId;
use jiff::SignedDuration;
use local::Stack;
use runtime::clock::{Clock as _, ManualClock};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use simulators::robaws::Article;
use simulators::{Company, OrderBuilder, RobawsTenant, demo};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) struct Catalogue {
    pub(crate) stack: Stack,
    pub(crate) clock: ManualClock,
    pub(crate) connection: ConnectionId,
    pub(crate) robaws: RobawsTenant,
    pub(crate) productflow: Company,
}

impl Drop for Catalogue {
    /// No function called what the template does not allow it, whatever the test was about.
    fn drop(&mut self) {
        let refused = self.stack.aws.iam.refused();
        assert!(std::thread::panicking() || refused.is_empty(), "{refused:#?}");
    }
}

/// Quantity, cost price and sale price of an offer.
type Shown = (i64, Option<Decimal>, Option<Decimal>);

impl Catalogue {
    /// Both peers, and no connection yet.
    pub(crate) async fn empty() -> Self {
        let clock = ManualClock::at(START.parse().unwrap());
        let stack = Stack::start(Arc::new(clock.clone())).await.unwrap();
        demo::seed(&stack.robaws, &stack.productflow);
        let robaws = stack.robaws.tenant(demo::TENANT);
        let productflow = stack.productflow.company(demo::COMPANY);
        Self {
            stack,
            clock,
            connection: ConnectionId::parse("shop").unwrap(),
            robaws,
            productflow,
        }
    }

    /// Activated, and everything pushed.
    pub(crate) async fn open() -> Self {
        Self::open_with(json!({})).await
    }

    pub(crate) async fn open_with(settings: Value) -> Self {
        let shop = Self::empty().await;
        shop.create(settings).await;
        shop.activate().await;
        shop.settle().await;
        shop
    }

    pub(crate) async fn create(&self, settings: Value) {
        let mut all = json!({ "b2c_client_id": demo::B2C_CLIENT, "stock_location_id": demo::STOCK_LOCATION });
        if let (Value::Object(all), Value::Object(more)) = (&mut all, settings) {
            all.extend(more);
        }
        let create = json!({
            "id": "shop", "language": "en", "settings": all,
            "robaws": { "key": demo::ROBAWS_KEY, "secret": demo::ROBAWS_SECRET },
            "productflow": { "access_token": demo::TOKEN, "company_id": demo::COMPANY },
        });
        let (status, answer) = self.stack.api("POST", "/api/connections", &create).await.unwrap();
        assert_eq!(status, 201, "{answer}");
    }

    pub(crate) async fn activate(&self) -> Value {
        let (status, answer) = self.post("activate", json!({})).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) async fn post(&self, what: &str, body: Value) -> (u16, Value) {
        let path = format!("/api/connections/shop/{what}");
        self.stack.api("POST", &path, &body).await.unwrap()
    }

    pub(crate) async fn get(&self, what: &str) -> Value {
        let path = format!("/api/connections/shop{what}");
        let (status, answer) = self.stack.api("GET", &path, &Value::Null).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Codes of the connection's own problems.
    pub(crate) async fn codes(&self) -> Vec<String> {
        let shown = self.get("").await;
        codes_of(&shown)
    }

    /// State and codes of an article, as the API shows them.
    pub(crate) async fn article(&self, id: &str) -> (String, Vec<String>) {
        let list = self.get("/articles?limit=100").await;
        let items = list["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["article_id"] == id);
        let item = item.unwrap_or_else(|| panic!("article {id} is not listed: {list}"));
        (item["state"].as_str().unwrap().to_owned(), codes_of(item))
    }

    /// Webhooks are delivered and the queues worked off, until nothing moves any more.
    pub(crate) async fn settle(&self) {
        self.stack.settle().await.unwrap();
    }

    /// Five minutes pass, a poll comes, and everything is worked off.
    pub(crate) async fn round(&self) {
        self.clock.advance(SignedDuration::from_mins(5));
        self.stack.poll().await.unwrap();
        self.settle().await;
    }

    /// `hours` pass, and the nightly rule fires.
    pub(crate) async fn night_after(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
        self.stack.night().await.unwrap();
        self.settle().await;
    }

    /// An order of two pieces placed now.
    pub(crate) fn place(&self, identifier: &str, sku: &str) {
        let order = OrderBuilder::new(identifier).placed_at(&self.now().to_string());
        self.productflow.place(order.line(sku, 2, 5998, Some("7")));
    }

    /// Another merchant, activated: his tenant and his company. He has an article A-1 of his own, with the same id.
    pub(crate) async fn second_merchant(&self) -> (RobawsTenant, Company) {
        let tenant = self.stack.robaws.tenant("other");
        tenant
            .add_admin("other-key", "other-secret")
            .put_client("5", "B2C")
            .put_stock_location("3", "Depot");
        tenant
            .put_article(Article::new("12", "A-1").ticked(true))
            .set_stock("12", "3", 1);
        let company = self.stack.productflow.company(77);
        company.add_token("other-token");
        let create = json!({
            "id": "other", "robaws": { "key": "other-key", "secret": "other-secret" },
            "productflow": { "access_token": "other-token", "company_id": 77 },
            "settings": { "b2c_client_id": "5", "stock_location_id": "3" },
        });
        assert_eq!(
            self.stack
                .api("POST", "/api/connections", &create)
                .await
                .unwrap()
                .0,
            201
        );
        let activate = "/api/connections/other/activate";
        assert_eq!(self.stack.api("POST", activate, &json!({})).await.unwrap().0, 200);
        self.settle().await;
        (tenant, company)
    }

    pub(crate) fn clear_calls(&self) {
        self.stack.robaws.clear_calls();
        self.stack.productflow.clear_calls();
    }

    /// Calls to Robaws and to ProductFlow since they were cleared.
    pub(crate) fn calls(&self) -> (usize, usize) {
        (
            self.stack.robaws.calls().len(),
            self.stack.productflow.calls().len(),
        )
    }

    /// Writes to ProductFlow since its calls were cleared.
    pub(crate) fn writes(&self) -> Vec<String> {
        let calls = self.stack.productflow.calls().into_iter();
        calls
            .filter(|call| call.method != "GET")
            .map(|call| format!("{} {}", call.method, call.path))
            .collect()
    }

    /// See [`assert_offers_equal`].
    pub(crate) fn assert_equal(&self, sale_prices: bool) {
        assert_offers_equal(&self.robaws, &self.productflow, sale_prices);
    }

    /// Neither peer saw anything that its contract forbids, and no message was given up.
    pub(crate) fn assert_clean(&self) {
        let robaws = self.stack.robaws.violations();
        assert!(robaws.is_empty(), "{robaws:#?}");
        let productflow = self.stack.productflow.violations();
        assert!(productflow.is_empty(), "{productflow:#?}");
        for queue in ["orders.fifo", "articles.fifo", "sweeps.fifo"] {
            assert!(self.stack.aws.queues.dead_letters(queue).is_empty(), "{queue}");
        }
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

/// ProductFlow has an offer of every live, ticked article with a number of its own, as it is in Robaws, and no other.
pub(crate) fn assert_offers_equal(robaws: &RobawsTenant, productflow: &Company, sale_prices: bool) {
    let articles = robaws.articles();
    let mut expected: BTreeMap<String, Shown> = BTreeMap::new();
    for article in articles
        .iter()
        .filter(|article| article.is_ticked() && !article.is_gone())
    {
        let Some(number) = article.article_number.clone() else {
            continue;
        };
        let same = |other: &&Article| !other.is_gone() && other.article_number.as_ref() == Some(&number);
        if articles.iter().filter(same).count() == 1 && !number.contains('/') {
            expected.insert(number, expected_offer(robaws, article, sale_prices));
        }
    }
    let offers: BTreeMap<String, Shown> = productflow
        .products()
        .into_iter()
        .filter_map(|(sku, product)| {
            let offer = product.offer?;
            let price = |name| offer.price(name).map(|price| price.parse().unwrap());
            Some((
                sku,
                (offer.qty_available, price("cost_price"), price("sell_price")),
            ))
        })
        .collect();
    assert_eq!(offers, expected);
}

fn expected_offer(robaws: &RobawsTenant, article: &Article, sale_prices: bool) -> Shown {
    let stock: Decimal = robaws
        .all_stock()
        .into_iter()
        .filter(|(id, ..)| *id == article.id)
        .map(|(_, _, pieces)| pieces)
        .sum();
    let pieces = (stock - article.reserved_stock).floor().max(Decimal::ZERO);
    let above_zero = |price: Decimal| Some(price).filter(|price| *price > Decimal::ZERO);
    let tariffs = robaws.vat_tariffs();
    let tariff = tariffs
        .iter()
        .find(|tariff| Some(&tariff.id) == article.vat_tariff_id.as_ref());
    let sale = tariff.filter(|_| sale_prices).and_then(|tariff| {
        let factor = if tariff.vat_inclusive {
            Decimal::ONE
        } else {
            Decimal::ONE + tariff.percentage / Decimal::from(100)
        };
        let price = article.sale_price * factor;
        above_zero(price.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
    });
    (
        i64::try_from(pieces).unwrap(),
        above_zero(article.cost_price),
        sale,
    )
}

fn codes_of(shown: &Value) -> Vec<String> {
    let problems = shown["problems"].as_array().unwrap();
    let code = |problem: &Value| problem["code"].as_str().unwrap().to_owned();
    problems.iter().map(code).collect()
}

pub(crate) fn euros(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}
