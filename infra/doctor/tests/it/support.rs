//! Both simulated peers, with a tenant and a company that hold everything that the doctor looks at.

use doctor::{Examination, Finding, KnownOffer, KnownOrder, Pace, ProductflowLogin, RobawsLogin, Verdict};
use domain::ids::ProductFlowCompanyId;
use domain::money::Cents;
use domain::settings::ConnectionSettings;
use rust_decimal::Decimal;
use serde_json::json;
use simulators::productflow::{Offer, Product};
use simulators::robaws::{Article, VatTariff};
use simulators::{
    Company, ManualClock, OrderBuilder, ProductFlowSim, RobawsSim, RobawsTenant, Server, spawn_server,
};
use std::sync::Arc;
use std::time::Duration;

/// Values in the peers that no finding may show.
pub(crate) const CANARIES: [&str; 14] = [
    "canary-key",
    "canary-secret",
    "canary-token",
    "Canarystreet",
    "Zzcanary",
    "canary@example.com",
    "BE0999999922",
    "CANARY-EXTERNAL",
    "Canary Boormachine",
    "Canarycity",
    "PF-CANARY",
    "hooks.canary.example",
    "Canary Webshop",
    "Canarynote",
];

pub(crate) struct Bench {
    pub(crate) robaws: RobawsSim,
    pub(crate) tenant: RobawsTenant,
    pub(crate) productflow: ProductFlowSim,
    pub(crate) company: Company,
    pub(crate) checks: Examination,
    pub(crate) now: jiff::Timestamp,
    _servers: [Server; 2],
}

impl Bench {
    pub(crate) async fn examine_peers(&self) -> Vec<Finding> {
        doctor::examine_peers(&self.checks, self.now).await.unwrap()
    }
}

pub(crate) fn finding_ids(findings: &[Finding], verdict: Verdict) -> Vec<&'static str> {
    let those = findings.iter().filter(|finding| finding.verdict == verdict);
    those.map(|finding| finding.id).collect()
}

pub(crate) fn find_finding<'a>(findings: &'a [Finding], id: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.id == id).unwrap()
}

/// A bench whose peers are filled and have no recorded calls yet.
pub(crate) async fn seeded_bench() -> Bench {
    let clock = ManualClock::starting_at("2026-11-23T12:00:00Z".parse().unwrap());
    let robaws = RobawsSim::new(Arc::new(clock.clone()));
    let tenant = robaws.tenant_named("acme");
    let productflow = ProductFlowSim::new(Arc::new(clock));
    let company = productflow.company_numbered(42);
    let servers = [
        spawn_server(robaws.build_router()).await.unwrap(),
        spawn_server(productflow.build_router()).await.unwrap(),
    ];
    let url = |server: &Server, base: &str| format!("{}{base}", server.url()).parse().unwrap();
    let checks = Examination {
        robaws_url: url(&servers[0], "/api/v2"),
        productflow_url: url(&servers[1], "/api/v1"),
        robaws: Some(RobawsLogin {
            key: "canary-key".to_owned().into(),
            secret: "canary-secret".to_owned().into(),
        }),
        productflow: Some((
            ProductflowLogin { access_token: "canary-token".to_owned().into() },
            ProductFlowCompanyId(42),
        )),
        settings: ConnectionSettings::default(),
        known_order: Some(KnownOrder {
            identifier: "PF-CANARY-2".to_owned(),
            total: Cents(8393),
            placed_at: Some("2026-11-21T08:14:05Z".parse().unwrap()),
        }),
        known_offer: Some(KnownOffer { sku: "A-100".to_owned(), sent: 23 }),
        pace: Pace { robaws: Duration::ZERO, productflow: Duration::ZERO },
    };
    let bench = Bench {
        robaws,
        tenant,
        productflow,
        company,
        checks,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
        _servers: servers,
    };
    seed_robaws(&bench).await;
    seed_productflow(&bench);
    bench.robaws.clear_calls();
    bench
}

async fn seed_robaws(bench: &Bench) {
    let tenant = &bench.tenant;
    tenant.add_admin("canary-key", "canary-secret");
    // The rate limit is not tested here and must not slow the tests down.
    tenant.change_settings(|settings| settings.burst = 10_000);
    tenant
        .put_stock_location("3", "Depot")
        .put_client("5", "Canary Webshop")
        .put_client("6", "Janssens")
        .put_user("9", "Els Zzcanary")
        .put_company("1", "Acme")
        .put_payment_condition("2", "Cash")
        .put_vat_tariff(VatTariff::new("7", Decimal::from(21), true))
        .put_vat_tariff(VatTariff::new("8", Decimal::from(21), false))
        .put_article(
            Article::new("12", "A-100")
                .with_tick(true)
                .with_tariff("7")
                .with_prices(Decimal::TEN, Decimal::from(30)),
        )
        .put_article(Article::new("13", "B-200").with_tariff("7"))
        .put_article(Article::new("14", "SERVICE").without_stock())
        .set_stock("12", "3", 25);
    let post = async |path: &str, body: serde_json::Value| {
        let base = bench.checks.robaws_url.as_str();
        let http = runtime::http::peer_client(&[&bench.checks.robaws_url]).unwrap();
        let request = http
            .post(format!("{base}/{path}"))
            .basic_auth("canary-key", Some("canary-secret"))
            .header("content-type", "application/json")
            .body(body.to_string());
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 201, "{path}");
        let body: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        body["id"].as_str().unwrap().to_owned()
    };
    post(
        "stock-changes",
        json!({"date": "2026-11-23", "description": "ProductFlow 1 (PF-CANARY-1) #1-0123456789ab",
            "fromStockLocationId": "3", "booked": true, "lineItems": [{"articleId": "12", "quantity": 2}]}),
    )
    .await;
    let header = |kind: &str, reference: &str| {
        json!({"type": kind, "clientId": "5", "date": "2026-11-23", "clientReference": reference, "remark": "Canarynote",
            "booked": false, "companyId": "1", "paymentConditionId": "2"})
    };
    let line = |quantity: i64| {
        json!({"type": "LINE", "description": "Canary Boormachine", "quantity": quantity, "price": 10, "vatTariffId": "7",
            "articleId": "12"})
    };
    let booked = post("sales-invoices", header("INVOICE", "CANARY-EXTERNAL-1")).await;
    post(&format!("sales-invoices/{booked}/line-items"), line(2)).await;
    assert!(tenant.book_invoice(&booked));
    post("sales-invoices", header("CREDIT_NOTE", "CANARY-EXTERNAL-2")).await;
    let draft = post("sales-invoices", header("INVOICE", "CANARY-EXTERNAL-3")).await;
    post(&format!("sales-invoices/{draft}/line-items"), line(2)).await;
    post(&format!("sales-invoices/{draft}/line-items"), line(-1)).await;
    let task = json!({"title": "Canarynote", "status": "Te doen", "assignedUserId": "9"});
    post("tasks", task).await;
    let hook = json!({"url": "https://hooks.canary.example/x", "events": ["article.updated"]});
    post("webhook-endpoints", hook).await;
}

fn seed_productflow(bench: &Bench) {
    let order = |identifier: &str, at: &str| {
        OrderBuilder::new(identifier)
            .with_external_number(&format!("CANARY-EXTERNAL-{identifier}"))
            .with_business_buyer("Zzcanary BV", "BE0999999922")
            .with_placed_at(at)
            .with_field("updated_at", at)
            .with_field("email", "canary@example.com")
            .with_field("canary@example.com", "Canarynote")
    };
    let line = |id: &str, sku: &str, quantity: u32, price: i64| {
        json!({"id": id, "sku": sku, "ean": null, "title": "Canary Boormachine", "quantity": quantity, "price": price,
            "vat_code": "7", "fbm": false})
    };
    bench.company.add_token("canary-token");
    let open = order("PF-CANARY-1", "2026-11-20T09:14:05+01:00")
        .with_line_value(line("1", "A-100", 2, 5998))
        .with_line_value(line("2", "B-200", 1, 1995))
        .with_field("total", 7993);
    bench.company.place_order(open);
    let shipped = order("PF-CANARY-2", "2026-11-21T09:14:05+01:00")
        .with_line_value(line("1", "A-100", 3, 8997))
        .with_line_value(line("2", "B-200", 1, 1))
        .with_shipping_cost(495)
        .with_discount(1100)
        .with_status("shipped")
        .with_field("shipped_at", "2026-11-22T10:00:00+01:00");
    bench.company.place_order(shipped);
    let cancelled =
        order("PF-CANARY-3", "2026-11-22T09:14:05+01:00").with_line_value(line("1", "B-200", 1, 1995));
    bench.company.place_order(cancelled.with_status("cancelled"));
    for identifier in bench.company.orders() {
        let identifier = identifier["identifier"].as_str().unwrap().to_owned();
        bench.company.edit_order(&identifier, |order| {
            for customer in ["billing_customer", "shipping_customer"] {
                order[customer]["last_name"] = json!("Zzcanary");
                order[customer]["street_name"] = json!("Canarystreet");
                order[customer]["city"] = json!("Canarycity");
            }
            // The simulator moves `updated_at` to now at an edit that does not set it.
            order["updated_at"] = json!(order["placed_at"].as_str().unwrap().replace("09:14:05", "10:00:00"));
        });
    }
    let mut product = Product::default();
    let texts = product.texts.entry("nl".to_owned()).or_default();
    texts.insert("title".to_owned(), "Canary Boormachine".to_owned());
    texts.insert("description".to_owned(), "Canarynote".to_owned());
    product.offer =
        Some(Offer { title: "Canary Boormachine".to_owned(), qty_available: 23, ..Offer::default() });
    bench.company.put_product("A-100", product);
}
