//! Both peers with a small tenant and company, and a client for each.

use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, Response};
use rust_decimal::Decimal;
use serde_json::Value;
use simulators::robaws::{Article, VatTariff};
use simulators::{Company, ManualClock, ProductFlowSim, RobawsSim, RobawsTenant, Server, spawn_server};

/// Both peers, served.
pub(crate) struct Bench {
    pub(crate) clock: ManualClock,
    pub(crate) robaws: RobawsSim,
    pub(crate) tenant: RobawsTenant,
    pub(crate) productflow: ProductFlowSim,
    pub(crate) company: Company,
    pub(crate) robaws_server: Server,
    pub(crate) productflow_server: Server,
    pub(crate) http: Client,
}

/// What came back: status, and the body as JSON or null.
pub(crate) type StatusAndBody = (u16, Value);

#[expect(clippy::disallowed_methods, reason = "a test's client, not the product's")]
pub(crate) fn build_client() -> Client {
    // An error says that one was chosen before.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) async fn start_bench() -> Bench {
    let clock = ManualClock::starting_at("2026-11-23T08:00:00Z".parse().unwrap());
    let robaws = RobawsSim::new(Arc::new(clock.clone()));
    let tenant = robaws.tenant_named("acme");
    tenant.add_admin("key", "secret");
    // Most tests are about something else than the pace.
    tenant.change_settings(|settings| settings.burst = 10_000);
    tenant.put_stock_location("3", "Depot").put_stock_location("4", "Shop").put_client("5", "Webshop");
    tenant.put_user("9", "Els Maes").put_company("1", "Acme").put_payment_condition("2", "Cash");
    tenant.put_vat_tariff(VatTariff::new("7", Decimal::from(21), true));
    tenant.put_vat_tariff(VatTariff::new("8", Decimal::from(21), false));
    tenant.put_vat_tariff(VatTariff::new("11", Decimal::new(255, 1), true));
    tenant.put_article(Article::new("12", "A-1").with_tick(true).with_tariff("7")).set_stock("12", "3", 25);
    tenant.put_article(Article::new("13", "XA-10"));
    tenant.put_article(Article::new("14", "SERVICE").without_stock());
    let productflow = ProductFlowSim::new(Arc::new(clock.clone()));
    let company = productflow.company_numbered(42);
    company.add_token("token");
    let robaws_server = spawn_server(robaws.build_router()).await.unwrap();
    let productflow_server = spawn_server(productflow.build_router()).await.unwrap();
    let http = build_client();
    Bench { clock, robaws, tenant, productflow, company, robaws_server, productflow_server, http }
}

/// Status and body of a response.
pub(crate) async fn read_answer(response: Response) -> StatusAndBody {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

impl Bench {
    /// A Robaws call with the right credentials.
    pub(crate) fn robaws_request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v2{path}", self.robaws_server.url());
        self.http.request(method, url).basic_auth("key", Some("secret"))
    }

    pub(crate) async fn get_robaws(&self, path: &str) -> StatusAndBody {
        read_answer(self.robaws_request(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post_robaws(&self, path: &str, body: Value) -> StatusAndBody {
        read_answer(self.robaws_request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    /// A merge patch.
    pub(crate) async fn patch_robaws(&self, path: &str, body: Value) -> StatusAndBody {
        let request =
            self.robaws_request(Method::PATCH, path).header("content-type", "application/merge-patch+json");
        read_answer(request.body(body.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn delete_robaws(&self, path: &str) -> StatusAndBody {
        read_answer(self.robaws_request(Method::DELETE, path).send().await.unwrap()).await
    }

    /// A ProductFlow call with everything that it must carry.
    pub(crate) fn productflow_request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1/{path}", self.productflow_server.url());
        let request = self.http.request(method, url).bearer_auth("token");
        request.header("accept", "application/json").header("x-company-id", "42")
    }

    pub(crate) async fn get_productflow(&self, path: &str) -> StatusAndBody {
        read_answer(self.productflow_request(Method::GET, path).send().await.unwrap()).await
    }
}

/// The `id` of every item of a page.
pub(crate) fn ids_of_items(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}
