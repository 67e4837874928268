//! Both peers with a small tenant and company, and a client for each.

use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, Response};
use rust_decimal::Decimal;
use serde_json::Value;
use simulators::robaws::{Article, VatTariff};
use simulators::{Company, ManualClock, ProductFlowSim, RobawsSim, RobawsTenant, Server, spawn};

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
pub(crate) type Got = (u16, Value);

#[expect(clippy::disallowed_methods, reason = "a test's client, not the product's")]
pub(crate) fn client() -> Client {
    // An error says that one was chosen before.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

pub(crate) async fn bench() -> Bench {
    let clock = ManualClock::at("2026-11-23T08:00:00Z".parse().unwrap());
    let robaws = RobawsSim::new(Arc::new(clock.clone()));
    let tenant = robaws.tenant("acme");
    tenant.add_admin("key", "secret");
    // Most tests are about something else than the pace.
    tenant.set(|settings| settings.burst = 10_000);
    tenant
        .put_stock_location("3", "Depot")
        .put_stock_location("4", "Shop")
        .put_client("5", "Webshop");
    tenant
        .put_user("9", "Els Maes")
        .put_company("1", "Acme")
        .put_payment_condition("2", "Cash");
    tenant.put_vat_tariff(VatTariff::new("7", Decimal::from(21), true));
    tenant.put_vat_tariff(VatTariff::new("8", Decimal::from(21), false));
    tenant.put_vat_tariff(VatTariff::new("11", Decimal::new(255, 1), true));
    tenant
        .put_article(Article::new("12", "A-1").ticked(true).tariff("7"))
        .set_stock("12", "3", 25);
    tenant.put_article(Article::new("13", "XA-10"));
    tenant.put_article(Article::new("14", "SERVICE").without_stock());
    let productflow = ProductFlowSim::new(Arc::new(clock.clone()));
    let company = productflow.company(42);
    company.add_token("token");
    let robaws_server = spawn(robaws.router()).await.unwrap();
    let productflow_server = spawn(productflow.router()).await.unwrap();
    let http = client();
    Bench {
        clock,
        robaws,
        tenant,
        productflow,
        company,
        robaws_server,
        productflow_server,
        http,
    }
}

/// Status and body of a response.
pub(crate) async fn got(response: Response) -> Got {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

impl Bench {
    /// A Robaws call with the right credentials.
    pub(crate) fn r(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v2{path}", self.robaws_server.url());
        self.http.request(method, url).basic_auth("key", Some("secret"))
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        got(self.r(Method::GET, path).send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Got {
        got(self.r(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    /// A merge patch.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Got {
        let request = self
            .r(Method::PATCH, path)
            .header("content-type", "application/merge-patch+json");
        got(request.body(body.to_string()).send().await.unwrap()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Got {
        got(self.r(Method::DELETE, path).send().await.unwrap()).await
    }

    /// A ProductFlow call with everything that it must carry.
    pub(crate) fn p(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/api/v1/{path}", self.productflow_server.url());
        let request = self.http.request(method, url).bearer_auth("token");
        request
            .header("accept", "application/json")
            .header("x-company-id", "42")
    }

    pub(crate) async fn pget(&self, path: &str) -> Got {
        got(self.p(Method::GET, path).send().await.unwrap()).await
    }
}

/// A page as a browser gets it.
pub(crate) struct Page {
    pub(crate) status: u16,
    /// Where it leads.
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

impl Page {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let location = response.headers().get("location");
        Self {
            status: response.status().as_u16(),
            location: location.map(|value| value.to_str().unwrap().to_owned()),
            body: response.text().await.unwrap(),
        }
    }

    /// Demands a piece of HTML.
    pub(crate) fn shows(&self, html: &str) {
        assert!(self.body.contains(html), "no {html} in {}", self.body);
    }

    /// Name and value of every `input` that carries a text, entities as they are.
    fn inputs(&self) -> Vec<(&str, &str)> {
        let tags = self.body.split("<input ").skip(1);
        let tags = tags.map(|rest| rest.split('>').next().unwrap());
        let part = |tag: &'_ str, name: &str| -> Option<(usize, usize)> {
            let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
            Some((start, start + tag[start..].find('"')?))
        };
        tags.filter_map(|tag| {
            let (name, value) = (part(tag, " name").or(part(tag, "name"))?, part(tag, "value")?);
            Some((&tag[name.0..name.1], &tag[value.0..value.1]))
        })
        .collect()
    }

    /// What stands in a field; `None` when there is none.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let inputs = self.inputs();
        inputs
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// Every field as a browser would send it back; checkboxes are not ticked.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let inputs = self.inputs().into_iter();
        inputs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The labels of the fields that are refused.
    pub(crate) fn errors(&self) -> Vec<&str> {
        let items = self.body.split("<li><a href=\"#").skip(1);
        items.map(|rest| rest.split(['>', '<']).nth(1).unwrap()).collect()
    }
}

impl Bench {
    /// Opens a page.
    pub(crate) async fn page(&self, server: &Server, path: &str) -> Page {
        Page::of(self.http.get(format!("{}{path}", server.url()))).await
    }

    /// Sends a form.
    pub(crate) async fn send(&self, server: &Server, path: &str, fields: &[(&str, &str)]) -> Page {
        Page::of(self.http.post(format!("{}{path}", server.url())).form(fields)).await
    }
}

/// The `id` of every item of a page.
pub(crate) fn ids(page: &Value) -> Vec<&str> {
    page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect()
}
